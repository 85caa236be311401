"""Process files and messages as they arrive: each is stored, or quarantined with the reason."""

import logging
import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.text import counted, printable
from corrotwin.twin.incoming.inbox import Inbox
from corrotwin.twin.incoming.mqtt import Broker, BrokerMessage
from corrotwin.twin.incoming.storing import Intent, TwinReader, is_passing, store_in, stored, suspects_in
from corrotwin.twin.inspection.records import Record

LOOK_SECONDS = 1.0  # between two looks into the folder
QUIET_SECONDS = 1.0  # without a message, and a burst is over
SUMMARY_SECONDS = 10.0  # between two lines, while messages pour in
_LONGEST_WAIT_SECONDS = 60.0  # before what could not be stored is tried again
# What a reader may raise over content that nobody foresaw; the next file shall be read all the same.
_FLAWS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
_logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Patience:
    """When something that failed for a passing reason is tried again: after twice as long each time."""

    reason: str = ""
    delay: float = LOOK_SECONDS
    until: float = 0.0

    def fail(self, what: str, error: Exception) -> None:
        """Say once what is wrong, and wait."""
        if str(error) != self.reason:
            _logger.warning("%s: waits, and is tried again: %s", what, printable(str(error)))
        self.reason = str(error)
        self.until = time.monotonic() + self.delay
        self.delay = min(2 * self.delay, _LONGEST_WAIT_SECONDS)


@dataclass(kw_only=True)
class _Tally:
    """Counts of messages since the last line that reported them."""

    begun: float = 0.0
    last: float = 0.0
    messages: int = 0
    stored: Counter[Path] = field(default_factory=Counter)
    there: int = 0
    unmeasured: int = 0
    refused: int = 0
    reason: str = ""

    def __str__(self) -> str:
        parts = [f"{count} stored in {folder.resolve().name}" for folder, count in sorted(self.stored.items())]
        parts += [f"{self.there} there already"] if self.there else []
        parts += [f"{self.unmeasured} without a reading"] if self.unmeasured else []
        parts += [f"{self.refused} refused to quarantine, the last: {self.reason}"] if self.refused else []
        return f"{counted(self.messages, 'message')}: {', '.join(parts)}"


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
        self._written: set[Path] = set()  # twins, since their suspects were counted
        self._folder, self._messages = _Patience(), _Patience()
        self._tally = _Tally()
        self._speaks = False  # of troubles that pass; where we end, the first of them is how
        self._connection = ""

    def once(self) -> None:
        """Take in what is there: files that do not change while we wait, and messages that the broker has for us.

        Raises
        ------
        InputError
            Something was refused, or could not be stored for now; all else was taken in.
        """
        self.inbox.look()
        if self.inbox.waits:
            time.sleep(self.inbox.settle_seconds)
            self._take_files()
        if self.broker is not None:
            self._empty(self.broker)
        if self.failed is not None:
            raise InputError(str(self.failed)) from self.failed
        if self.refused:
            raise InputError(f"{self.inbox.quarantine}: {self.refused} refused; the text beside each says why")

    def _empty(self, broker: Broker) -> None:
        """Take in what a broker has for us, until for a second nothing comes."""
        quiet = time.monotonic()
        while time.monotonic() - quiet < QUIET_SECONDS and self.failed is None:
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
        whole, began = self.inbox.look(), time.monotonic()
        self._files = {path: patience for path, patience in self._files.items() if path in whole}
        for path in whole:
            now = time.monotonic()
            if now - began < within and (path not in self._files or now >= self._files[path].until):
                self._take_file(path)
        self._say_suspects(sorted(self._written))
        self._written.clear()

    def _take_file(self, path: Path) -> None:
        try:
            self._store_file(path)
        except (OSError, *_FLAWS) as error:
            if is_passing(error):
                gone = InputError(f"{path}: was taken away while it was read; what it held may be stored or not")
                self._wait_for(self._files.setdefault(path, _Patience()), path.name, error if path.exists() else gone)
                return
            try:
                self.inbox.refuse(path, _said(error))
            except InputError as full:
                self._wait_for(self._files.setdefault(path, _Patience()), path.name, full)
                return
            self.refused += 1
            reason = _said(error).removeprefix(f"{path.parent}/")
            _logger.warning("refused to quarantine: %s", printable(reason))

    def _store_file(self, path: Path) -> None:
        self.inbox.check(path)
        checked = TwinReader(self.intent).of_file(path)
        said: list[str] = []
        try:
            said.extend(str(each) for each in stored(checked))
        except InputError as error:
            if said and not is_passing(error):  # another process changed a twin after the check
                raise InputError(f"{error}; before that: {'; '.join(said)}") from error
            raise
        if not self.inbox.is_as_seen(path):
            _logger.info("%s: changed while it was read, and is taken again", printable(path.name))
            return  # what is stored is not stored twice
        self.inbox.finish(path)
        _logger.info("%s: %s", printable(path.name), printable("; ".join((*said, *checked.notes))))
        self._written |= set(checked.by_twin)

    def _wait_for(self, patience: _Patience, what: str, error: Exception) -> None:
        self.failed = self.failed or error
        if self._speaks:
            patience.fail(what, error)

    def _take_messages(self, broker: Broker) -> None:
        """Take in all messages that are pending, and acknowledge those that are stored or in quarantine."""
        now = time.monotonic()
        self._tally.begun = self._tally.begun or now
        waiting = [message for message in broker.pending if not message.is_done]
        try:
            self._store_messages(waiting)
            self._messages = _Patience()
        except (InputError, OSError) as error:
            if not is_passing(error):
                raise
            self._wait_for(self._messages, "messages", error)
        finally:
            self._tally.last = time.monotonic()
            self._tally.messages += sum(message.is_done for message in waiting)
            broker.acknowledge()

    def _store_messages(self, messages: Sequence[BrokerMessage]) -> None:
        reader = TwinReader(self.intent)
        by_twin: dict[Path, dict[BrokerMessage, tuple[Record, ...]]] = {}
        for message in messages:
            if not message.payload:  # it clears a retained message
                message.is_done = True
                self._tally.unmeasured += 1
                continue
            try:
                checked = reader.of_message(f"message on {message.topic}", message.payload)
            except _FLAWS as error:
                self._refuse_message(message, error)
                continue
            if not any(checked.by_twin.values()):
                message.is_done = True
                self._tally.unmeasured += 1
                continue
            for folder, records in checked.by_twin.items():  # one: a message names one asset
                by_twin.setdefault(folder, {})[message] = records
        for folder, given in by_twin.items():
            self._store_together(folder, given)

    def _store_together(self, folder: Path, given: Mapping[BrokerMessage, Sequence[Record]]) -> None:
        """Store the records of messages at once; where one is refused, one after the other."""
        records = [record for of_message in given.values() for record in of_message]
        try:
            added = store_in(folder, list(dict.fromkeys(records)))  # a broker may deliver a message twice
        except InputError as error:
            if is_passing(error):
                raise
            if len(given) == 1:
                self._refuse_message(next(iter(given)), error)
                return
            for message, of_message in given.items():
                self._store_together(folder, {message: of_message})
            return
        for message in given:
            message.is_done = True
        if added.new:
            self._tally.stored[folder] += added.new
        self._tally.there += len(records) - added.new

    def _say_suspects(self, folders: Iterable[Path]) -> None:
        for folder in folders:
            with suppress(InputError):  # it was stored; what befell the twin since is for the next reading to say
                if said := suspects_in(folder):
                    _logger.warning("%s", printable(said))

    def _say_connection(self, broker: Broker) -> None:
        """Say once that the broker is not reached, and once that it is again."""
        if broker.trouble and self._connection != "lost":
            self._connection = "lost"
            _logger.warning("broker %s: not reached (%s); trying again until it is", broker.address, broker.trouble)
        elif broker.is_ready and self._connection != "ready":
            self._connection = "ready"
            _logger.info("broker %s: listening to %s", broker.address, printable(", ".join(broker.address.topics)))

    def _refuse_message(self, message: BrokerMessage, error: Exception) -> None:
        if is_passing(error):
            raise error
        self.inbox.refuse_message(message.topic, message.payload, _said(error))
        message.is_done = True
        self.refused += 1
        self._tally.refused += 1
        self._tally.reason = _said(error)

    def _summarise(self, *, force: bool = False) -> None:
        """Say what became of messages once no more come, or some time has passed."""
        now = time.monotonic()
        is_due = force or now - self._tally.last > QUIET_SECONDS / 2 or now - self._tally.begun > SUMMARY_SECONDS
        if self._tally.messages and is_due:
            _logger.info("%s", printable(str(self._tally)))
            self._say_suspects(self._tally.stored)
            self._tally = _Tally()


def _said(error: Exception) -> str:
    """Return what an error says; of one that nobody foresaw its kind, too."""
    return as_read(error) if isinstance(error, InputError) else f"cannot be read ({type(error).__name__}: {error})"
