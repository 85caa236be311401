"""Bursts of messages: each message is stored in its twin, or kept in quarantine with the reason."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted
from corrotwin.twin.incoming.inbox import Inbox
from corrotwin.twin.incoming.mqtt import BrokerMessage
from corrotwin.twin.incoming.storing import FLAWS, Intent, TwinReader, is_passing, said_of, store_in
from corrotwin.twin.inspection.records import Record


@dataclass(kw_only=True)
class Tally:
    """Counts of messages and of their readings since they were last reported."""

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
        parts += [f"{self.there} already stored"] if self.there else []
        parts += [f"{self.unmeasured} without a reading"] if self.unmeasured else []
        parts += [f"{self.refused} moved to quarantine, the last: {self.reason}"] if self.refused else []
        return f"{counted(self.messages, 'message')}: {', '.join(parts)}"


class Burst:
    """Messages that arrived together; each twin is read once for all of them.

    Parameters
    ----------
    intent : the twins, and what the user states about all messages.
    inbox : watched folder with the quarantine for refused messages.
    tally : counts to update with the outcome of each message.
    """

    def __init__(self, intent: Intent, inbox: Inbox, tally: Tally) -> None:
        self._reader, self._inbox, self._tally = TwinReader(intent), inbox, tally
        self._passing: list[Exception] = []

    def store(self, messages: Sequence[BrokerMessage]) -> None:
        """Store messages or quarantine them, and mark them as done; a twin that cannot be written delays no other.

        Raises
        ------
        InputError, OSError
            The first temporary error; messages without one are done.
        """
        by_twin: dict[Path, dict[BrokerMessage, Sequence[Record]]] = {}
        for message in messages:
            with self._others_go_on():
                for folder, records in self._read(message).items():  # a single item: a message names one asset
                    by_twin.setdefault(folder, {})[message] = records
        for folder, by_message in by_twin.items():
            with self._others_go_on():
                self._store_together(folder, by_message)
        if self._passing:
            raise self._passing[0]

    @contextmanager
    def _others_go_on(self) -> Iterator[None]:
        """Record a temporary error, so that the other messages are still processed."""
        try:
            yield
        except (InputError, OSError) as error:
            if not is_passing(error):
                raise
            self._passing.append(error)

    def _read(self, message: BrokerMessage) -> Mapping[Path, Sequence[Record]]:
        """Return the records of a message by twin; none if it is done, because it has no reading or is refused."""
        by_twin: Mapping[Path, Sequence[Record]] = {}
        try:
            if message.payload:  # an empty payload clears a retained message
                by_twin = self._reader.of_message(f"message on {message.topic}", message.payload).by_twin
        except FLAWS as error:
            self._refuse(message, error)
            return {}
        if not any(by_twin.values()):
            message.is_done = True
            self._tally.unmeasured += 1
            return {}
        return by_twin

    def _store_together(self, folder: Path, given: Mapping[BrokerMessage, Sequence[Record]]) -> None:
        """Store the records of several messages at once; if any is refused, store each message separately."""
        records = [record for of_message in given.values() for record in of_message]
        try:
            added = store_in(folder, list(dict.fromkeys(records)))  # a broker may deliver a message twice
        except InputError as error:
            if len(given) > 1 and not is_passing(error):
                for message, of_message in given.items():
                    self._store_together(folder, {message: of_message})
            else:
                self._refuse(next(iter(given)), error)
            return
        for message in given:
            message.is_done = True
        if added.new:
            self._tally.stored[folder] += added.new
        self._tally.there += len(records) - added.new

    def _refuse(self, message: BrokerMessage, error: Exception) -> None:
        """Quarantine a message; a temporary error is raised instead."""
        if is_passing(error):
            raise error
        self._inbox.refuse_message(message.topic, message.payload, said_of(error))
        message.is_done = True
        self._tally.refused += 1
        self._tally.reason = said_of(error)
