"""Process files and messages as they arrive: each is stored, or quarantined with the reason."""

import logging
import math
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable
from corrotwin.twin.incoming.bursts import Burst, Tally
from corrotwin.twin.incoming.inbox import Inbox
from corrotwin.twin.incoming.mqtt import Broker
from corrotwin.twin.incoming.storing import FLAWS, Intent, TwinReader, is_passing, remarks_on, said_of, stored

LOOK_SECONDS = 1.0  # between two looks into the folder
QUIET_SECONDS = 1.0  # without a message, and a burst is over
SUMMARY_SECONDS = 10.0  # between two lines, while messages pour in
_LONGEST_WAIT_SECONDS = 60.0  # before what could not be stored is tried again
_logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Patience:
    """When something that failed for a passing reason is tried again: after twice as long each time."""

    reason: str = ""
    delay: float = LOOK_SECONDS
    until: float = 0.0

    def fail(self, what: str, error: Exception, *, speaks: bool = True) -> None:
        """Say once what is wrong, and wait."""
        if speaks and str(error) != self.reason:
            _logger.warning("%s: waits, and is tried again: %s", what, printable(str(error)))
        self.reason = str(error)
        self.until = time.monotonic() + self.delay
        self.delay = min(2 * self.delay, _LONGEST_WAIT_SECONDS)


class Watch:
    """A watched folder and, if wanted, a broker.

    Parameters
    ----------
    intent : the twins, and what the user says of all files and messages.
    inbox : the folder.
    broker : None for none.
    """

    def __init__(self, intent: Intent, inbox: Inbox, broker: Broker | None = None) -> None:
        self.intent, self.inbox, self.broker = intent, inbox, broker
        self.refused = 0
        self.failed: Exception | None = None  # the first for a passing reason
        self._files: dict[Path, _Patience] = {}
        self._written: Counter[Path] = Counter()  # records of twins that were not remarked on yet
        self._folders: frozenset[Path] = frozenset()  # in the inbox, that we spoke of
        self._folder, self._messages = _Patience(), _Patience()
        self._tally = Tally()
        self._speaks = False  # of troubles that pass; where we end, the first of them is how
        self._connection = ""

    def once(self) -> None:
        """Take in what is there: files that do not change while we wait, and messages that the broker has for us.

        Raises
        ------
        InputError
            Something was refused, or could not be stored for now; all else was taken in.
        """
        self._look()
        watched = set(self.inbox.left)
        if watched:
            time.sleep(self.inbox.settle_seconds)
            self._take_files()
        left = [path for path in self.inbox.left if path in watched]  # what came later is for the next time
        if self.failed is None and left:
            self.failed = InputError(f"{left[0]}: changed while it was watched, and is left there; run it again")
        if self.broker is not None:
            self._empty(self.broker)
        if self.failed is not None:
            raise InputError(str(self.failed)) from self.failed
        if self.refused:
            raise InputError(f"{self.inbox.quarantine}: {self.refused} refused; the text beside each says why")

    def _empty(self, broker: Broker) -> None:
        """Take in what a broker has for us, until for a second nothing comes."""
        quiet = time.monotonic()
        while time.monotonic() - quiet < QUIET_SECONDS and not self._messages.reason:
            broker.receive(QUIET_SECONDS / 4)
            if broker.trouble:
                raise InputError(f"broker {broker.address}: not reached ({broker.trouble}); try again once it is there")
            is_quiet = broker.is_ready and not broker.pending
            if broker.pending:
                self._take_messages(broker)
            if not is_quiet:
                quiet = time.monotonic()
        self._summarise(force=True)

    def forever(self) -> None:
        """Take in what comes, until the process is ended."""
        self._speaks = True
        while True:
            try:
                if time.monotonic() >= self._folder.until:
                    self._take_files(within=SUMMARY_SECONDS)  # then messages have their turn
                    self._folder = _Patience()
            except OSError as error:
                self._folder.fail(str(self.inbox.folder), error)
            until = time.monotonic() + LOOK_SECONDS
            while (left := until - time.monotonic()) > 0:
                if self.broker is None:
                    time.sleep(left)
                    continue
                self.broker.receive(left)
                self._say_connection(self.broker)
                if self.broker.pending and time.monotonic() >= self._messages.until:
                    self._take_messages(self.broker)
                self._summarise()

    def _take_files(self, within: float = math.inf) -> None:
        """Take in the files that are whole; after so many seconds the others wait for the next look."""
        whole, began = self._look(), time.monotonic()
        self._files = {path: patience for path, patience in self._files.items() if path in whole}
        for path in whole:
            now = time.monotonic()
            if now - began < within and (path not in self._files or now >= self._files[path].until):
                self._take_file(path)
        self._say_remarks(self._written)
        self._written.clear()

    def _look(self) -> list[Path]:
        """Return the files that are whole, and say once of each folder among them that it is not read."""
        whole = self.inbox.look()
        for folder in sorted(self.inbox.folders - self._folders):
            _logger.warning("%s: a folder, which is not read; put its files beside it", printable(str(folder)))
        self._folders = self.inbox.folders
        return whole

    def _take_file(self, path: Path) -> None:
        try:
            self._store_file(path)
        except (OSError, *FLAWS) as error:
            if is_passing(error):
                gone = InputError(f"{path}: was taken away while it was read; what it held may be stored or not")
                self._wait_for(self._files.setdefault(path, _Patience()), path.name, error if path.exists() else gone)
                return
            try:
                if self._is_changed(path):
                    return
                self.inbox.refuse(path, said_of(error))
            except (InputError, OSError) as full:  # or the file was taken away
                self._wait_for(self._files.setdefault(path, _Patience()), path.name, full)
                return
            self.refused += 1
            reason = said_of(error).removeprefix(f"{path.parent}/")
            _logger.warning("refused to quarantine: %s", printable(reason))

    def _store_file(self, path: Path) -> None:
        self.inbox.check(path)
        checked = TwinReader(self.intent).of_file(path)
        said: list[str] = []
        try:
            for each in stored(checked):
                said.append(str(each))
                self._written[each.folder] += each.new
        except InputError as error:
            if said and not is_passing(error):  # another process changed a twin after the check
                raise InputError(f"{error}; before that: {'; '.join(said)}") from error
            raise
        if self._is_changed(path):  # what is stored is not stored twice
            return
        self.inbox.finish(path)
        _logger.info("%s: %s", printable(path.name), printable("; ".join((*said, *checked.notes))))

    def _is_changed(self, path: Path) -> bool:
        """Return whether a file is no longer the one that was read, and say so."""
        if self.inbox.is_as_seen(path):
            return False
        _logger.info("%s: changed while it was read, and is taken again", printable(path.name))
        return True

    def _wait_for(self, patience: _Patience, what: str, error: Exception) -> None:
        self.failed = self.failed or error
        patience.fail(what, error, speaks=self._speaks)

    def _take_messages(self, broker: Broker) -> None:
        """Take in all messages that are pending, and acknowledge those that are stored or in quarantine."""
        now = time.monotonic()
        self._tally.begun = self._tally.begun or now
        waiting = [message for message in broker.pending if not message.is_done]
        refused = self._tally.refused
        try:
            Burst(self.intent, self.inbox, self._tally).store(waiting)
            self._messages = _Patience()
        except (InputError, OSError) as error:
            if not is_passing(error):
                raise
            self._wait_for(self._messages, "messages", error)
        finally:
            self._tally.last = time.monotonic()
            self._tally.messages += sum(message.is_done for message in waiting)
            self.refused += self._tally.refused - refused
            broker.acknowledge()

    def _say_remarks(self, written: Mapping[Path, int]) -> None:
        """Say what is to be known of twins, by the number of their new records."""
        for folder, new in sorted(written.items()):
            with suppress(InputError):  # it was stored; what befell the twin since is for the next reading to say
                for said in remarks_on(folder, new):
                    _logger.warning("%s", printable(said))

    def _say_connection(self, broker: Broker) -> None:
        """Say once that the broker is not reached, and once that it is again."""
        if broker.trouble and self._connection != "lost":
            self._connection = "lost"
            _logger.warning("broker %s: not reached (%s); trying again until it is", broker.address, broker.trouble)
        elif broker.is_ready and self._connection != "ready":
            self._connection = "ready"
            _logger.info("broker %s: listening to %s", broker.address, printable(", ".join(broker.address.topics)))

    def _summarise(self, *, force: bool = False) -> None:
        """Say what became of messages once no more come, or some time has passed."""
        now = time.monotonic()
        is_due = force or now - self._tally.last > QUIET_SECONDS / 2 or now - self._tally.begun > SUMMARY_SECONDS
        if self._tally.messages and is_due:
            _logger.info("%s", printable(str(self._tally)))
            self._say_remarks(self._tally.stored)
            self._tally = Tally()
