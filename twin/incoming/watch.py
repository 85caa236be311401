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

LOOK_SECONDS = 1.0  # between two looks at the folder
QUIET_SECONDS = 1.0  # without a message before a burst counts as complete
SUMMARY_SECONDS = 10.0  # between two summary lines while messages arrive
_LONGEST_WAIT_SECONDS = 60.0  # before another attempt to store
_logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Patience:
    """When to retry after a temporary error: the delay doubles each time."""

    reason: str = ""
    delay: float = LOOK_SECONDS
    until: float = 0.0

    def fail(self, what: str, error: Exception, *, speaks: bool = True) -> None:
        """Log a new error once, and postpone the next attempt."""
        if speaks and str(error) != self.reason:
            _logger.warning("%s: will be tried again: %s", what, printable(str(error)))
        self.reason = str(error)
        self.until = time.monotonic() + self.delay
        self.delay = min(2 * self.delay, _LONGEST_WAIT_SECONDS)


class Watch:
    """A watched folder and, optionally, a broker.

    Parameters
    ----------
    intent : the twins, and what the user states about all files and messages.
    inbox : watched folder.
    broker : connected broker; None to watch only the folder.
    """

    def __init__(self, intent: Intent, inbox: Inbox, broker: Broker | None = None) -> None:
        self.intent, self.inbox, self.broker = intent, inbox, broker
        self.refused = 0
        self.failed: Exception | None = None  # the first temporary error
        self._files: dict[Path, _Patience] = {}
        self._written: Counter[Path] = Counter()  # new records by twin, before remarks on them are logged
        self._folders: frozenset[Path] = frozenset()  # folders in the inbox that were already reported
        self._folder, self._messages = _Patience(), _Patience()
        self._tally = Tally()
        self._speaks = False  # whether temporary errors are logged; `once` raises the first instead
        self._connection = ""

    def once(self) -> None:
        """Process the existing files, if they are stable, and the messages that wait at the broker, and return.

        Raises
        ------
        InputError
            Something was refused, or could not be stored for now; everything else was processed.
        """
        self._look()
        watched = set(self.inbox.left)
        if watched:
            time.sleep(self.inbox.settle_seconds)
            self._take_files()
        remaining = [path for path in self.inbox.left if path in watched]  # later files wait for the next call
        if self.failed is None and remaining:
            self.failed = InputError(
                f"{remaining[0]}: changed during the run and was left there; run the command again"
            )
        if self.broker is not None:
            self._empty(self.broker)
        if self.failed is not None:
            raise InputError(str(self.failed)) from self.failed
        if self.refused:
            raise InputError(f"{self.inbox.quarantine}: {self.refused} refused; the text file beside each says why")

    def _empty(self, broker: Broker) -> None:
        """Process the messages that wait at a broker, until none arrives for a second."""
        last_activity = time.monotonic()
        while time.monotonic() - last_activity < QUIET_SECONDS and not self._messages.reason:
            broker.receive(QUIET_SECONDS / 4)
            if broker.trouble:
                raise InputError(f"broker {broker.address}: cannot be reached ({broker.trouble}); try again later")
            is_quiet = broker.is_ready and not broker.pending
            if broker.pending:
                self._take_messages(broker)
            if not is_quiet:
                last_activity = time.monotonic()
        self._summarise(force=True)

    def forever(self) -> None:
        """Process files and messages as they arrive, until the process ends."""
        self._speaks = True
        while True:
            try:
                if time.monotonic() >= self._folder.until:
                    self._take_files(within=SUMMARY_SECONDS)  # then messages are processed
                    self._folder = _Patience()
            except OSError as error:
                self._folder.fail(str(self.inbox.folder), error)
            until = time.monotonic() + LOOK_SECONDS
            while (remaining := until - time.monotonic()) > 0:
                if self.broker is None:
                    time.sleep(remaining)
                    continue
                self.broker.receive(remaining)
                self._say_connection(self.broker)
                if self.broker.pending and time.monotonic() >= self._messages.until:
                    self._take_messages(self.broker)
                self._summarise()

    def _take_files(self, within: float = math.inf) -> None:
        """Process complete files; those not begun within some seconds wait for the next look."""
        complete, began = self._look(), time.monotonic()
        self._files = {path: patience for path, patience in self._files.items() if path in complete}
        for path in complete:
            now = time.monotonic()
            if now - began < within and (path not in self._files or now >= self._files[path].until):
                self._take_file(path)
        self._say_remarks(self._written)
        self._written.clear()

    def _look(self) -> list[Path]:
        """Return the complete files, and log once for each folder beside them that it is not read."""
        complete = self.inbox.look()
        for folder in sorted(self.inbox.folders - self._folders):
            _logger.warning("%s: folders are not read; put the files beside it", printable(str(folder)))
        self._folders = self.inbox.folders
        return complete

    def _take_file(self, path: Path) -> None:
        try:
            self._store_file(path)
        except (OSError, *FLAWS) as error:
            if is_passing(error):
                gone = InputError(f"{path}: was removed while it was being read; its readings may or may not be stored")
                self._wait_for(self._files.setdefault(path, _Patience()), path.name, error if path.exists() else gone)
                return
            try:
                if self._is_changed(path):
                    return
                self.inbox.refuse(path, said_of(error))
            except (InputError, OSError) as refusal_error:  # the disk is full, or the file was removed
                self._wait_for(self._files.setdefault(path, _Patience()), path.name, refusal_error)
                return
            self.refused += 1
            reason = said_of(error).removeprefix(f"{path.parent}/")
            _logger.warning("moved to quarantine: %s", printable(reason))

    def _store_file(self, path: Path) -> None:
        self.inbox.check(path)
        checked = TwinReader(self.intent).of_file(path)
        results: list[str] = []
        try:
            for result in stored(checked):
                results.append(str(result))
                self._written[result.folder] += result.new
        except InputError as error:
            if results and not is_passing(error):  # another process changed a twin after the check
                raise InputError(f"{error}; before that: {'; '.join(results)}") from error
            raise
        if self._is_changed(path):  # it is read again, which skips the stored readings
            return
        self.inbox.finish(path)
        _logger.info("%s: %s", printable(path.name), printable("; ".join((*results, *checked.notes))))

    def _is_changed(self, path: Path) -> bool:
        """Return whether a file has changed since it was read, and log it if so."""
        if self.inbox.is_as_seen(path):
            return False
        _logger.info("%s: changed while it was being read; it will be read again", printable(path.name))
        return True

    def _wait_for(self, patience: _Patience, what: str, error: Exception) -> None:
        self.failed = self.failed or error
        patience.fail(what, error, speaks=self._speaks)

    def _take_messages(self, broker: Broker) -> None:
        """Process all pending messages, and acknowledge those that are stored or in quarantine."""
        now = time.monotonic()
        self._tally.begun = self._tally.begun or now
        waiting = [message for message in broker.pending if not message.is_done]
        refused_before = self._tally.refused
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
            self.refused += self._tally.refused - refused_before
            broker.acknowledge()

    def _say_remarks(self, written: Mapping[Path, int]) -> None:
        """Log remarks on twins, given the number of their new records."""
        for folder, new in sorted(written.items()):
            with suppress(InputError):  # the records are stored; the next reading reports later problems
                for remark in remarks_on(folder, new):
                    _logger.warning("%s", printable(remark))

    def _say_connection(self, broker: Broker) -> None:
        """Log once that the broker cannot be reached, and once that it is connected again."""
        if broker.trouble and self._connection != "lost":
            self._connection = "lost"
            _logger.warning("broker %s: cannot be reached (%s); trying again", broker.address, broker.trouble)
        elif broker.is_ready and self._connection != "ready":
            self._connection = "ready"
            _logger.info("broker %s: listening to %s", broker.address, printable(", ".join(broker.address.topics)))

    def _summarise(self, *, force: bool = False) -> None:
        """Log the outcome of messages once no more arrive, or some time has passed."""
        now = time.monotonic()
        is_due = force or now - self._tally.last > QUIET_SECONDS / 2 or now - self._tally.begun > SUMMARY_SECONDS
        if self._tally.messages and is_due:
            _logger.info("%s", printable(str(self._tally)))
            self._say_remarks(self._tally.stored)
            self._tally = Tally()
