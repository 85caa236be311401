"""Check readings of files and messages as ``corrotwin twin inspect --readings`` does, and store them in their twins."""

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from corrotwin.twin import store, twin_state
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.files import read_bytes, reading
from corrotwin.twin.core.locks import HeldError
from corrotwin.twin.core.text import counted, quoted
from corrotwin.twin.geometry.atlas import AssetGeometry
from corrotwin.twin.incoming import messages
from corrotwin.twin.incoming.known_twins import AwayError, KnownTwins, of_twin
from corrotwin.twin.inspection import log, register
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.repeats import said_of_repeated
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.columns import ColumnMap
from corrotwin.twin.workbooks.found import NO_READINGS, FoundReadings, find
from corrotwin.twin.workbooks.readings import Defaults, records_in

MESSAGE_SUFFIX = ".json"  # of a file with one message, for example a corrected one from quarantine
# Errors that unforeseen content may raise in a reader. They must not prevent the next file from being read.
FLAWS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
_OF_THE_FILE = (errno.EFBIG, errno.EINVAL, errno.EISDIR, errno.ELOOP)  # as raised by `core.opening`


@dataclass(frozen=True, kw_only=True)
class Intent:
    """The twins to which readings may belong, and what the user states about all files and messages."""

    twins: KnownTwins
    given: ColumnMap = field(default_factory=ColumnMap)
    unit: str = ""
    zone: str = ""
    tool: str = ""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Checked records by the folder of their twin, and notes on what was left out."""

    by_twin: Mapping[Path, tuple[Record, ...]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StoredRecords:
    """Number of records for a twin, and number of new ones among them."""

    folder: Path
    given: int
    new: int

    def __str__(self) -> str:
        text = f"{self.new} stored in {self.folder.resolve().name}"
        return text + (f", {self.given - self.new} already stored" if self.given > self.new else "")


class TwinReader:
    """Reader of the records in files and messages; it reads each twin only once, so use it for one file or burst."""

    def __init__(self, intent: Intent) -> None:
        self.intent = intent
        self._called: dict[str, Path] = {}
        self._read: dict[Path, tuple[AssetGeometry, Defaults]] = {}

    def of_file(self, path: Path) -> Checked:
        """Return the records of a workbook, a CSV file, or a JSON file of one reading.

        Raises
        ------
        InputError
            The file cannot be read, a reading is wrong, or no twin has the name of an asset.
        """
        column_map = self.intent.given
        if path.suffix.lower() == MESSAGE_SUFFIX:
            with reading(path):
                return self.of_message(str(path), read_bytes(path, inside=path.parent, most_bytes=messages.MOST_BYTES))
        return self._checked(find(path, sheets.read(path), column_map), column_map)

    def of_message(self, name: str, payload: bytes) -> Checked:
        """Return the records of a message, one per day; none if the message says that nothing was measured.

        Raises
        ------
        InputError
            The message is no reading, the reading is wrong, or no twin has the name of its asset.
        """
        return self._checked(messages.reading_in(name, payload, self.intent.given), self.intent.given)

    def _checked(self, found: FoundReadings, given: ColumnMap) -> Checked:
        if not found.readings and not self.intent.twins.single:
            raise InputError(f"{found.path}: {NO_READINGS}")
        by_twin: dict[Path, tuple[Record, ...]] = {}
        notes: dict[str, None] = {}
        for asset in found.assets or ("",):
            try:
                folder = self._called[asset] = self._called.get(asset) or self.intent.twins.folder_of(asset)
            except InputError as error:
                raise InputError(f"{found.path}: {error}") from error
            geometry, defaults = self._twin(folder)
            intake = records_in(found.of(asset), given, replace(defaults, asset=asset), geometry)
            by_twin[folder] = (*by_twin.get(folder, ()), *intake.records)
            notes |= dict.fromkeys(intake.notes)
        return Checked(by_twin=by_twin, notes=tuple(notes))

    def _twin(self, folder: Path) -> tuple[AssetGeometry, Defaults]:
        """Return the geometry of a twin, and the defaults for what readings do not state."""
        if folder not in self._read:
            intent = self.intent
            with of_twin(folder):
                geometry = twin_state.asset(store.read(folder))
                records, cmls = log.read_log(folder).in_force.values(), register.read(folder)
            defaults = Defaults.of(records, cmls, unit=intent.unit, zone=intent.zone, tool=intent.tool)
            self._read[folder] = geometry, defaults
        return self._read[folder]


def stored(checked: Checked) -> Iterator[StoredRecords]:
    """Store records in one twin after the other, after checking the records of all twins; yield each result.

    Existing records are skipped, so that an interrupted call can be repeated.

    Raises
    ------
    InputError
        A record is refused, in which case nothing is stored; or a twin cannot be written.
    """
    if len(checked.by_twin) > 1:  # for a single twin, `append` checks all records before it writes
        for folder, records in checked.by_twin.items():
            with of_twin(folder):
                log.would_add(folder, records)
    for folder, records in checked.by_twin.items():
        yield store_in(folder, records)


def store_in(folder: Path, records: Sequence[Record]) -> StoredRecords:
    """Store records in one twin.

    Raises
    ------
    InputError
        As for `inspection.log.append`; or the twin is missing (`AwayError`).
    """
    with of_twin(folder):
        new = log.append(folder, records)
    return StoredRecords(folder=folder, given=len(records), new=len(new))


def remarks_on(folder: Path, new: int) -> list[str]:
    """Return lines on a twin's suspect readings that nobody has accepted, and on new readings that repeat others.

    Parameters
    ----------
    folder : folder of the twin.
    new : number of records that were just stored, which are the last of its log.

    Raises
    ------
    InputError
        The twin cannot be read.
    """
    listed = log.read_log(folder)
    count = len(log.suspects(listed, folder))
    name = folder.resolve().name
    suspect = (
        f"{name} has {counted(count, 'suspect reading')}; to list: corrotwin twin inspect {quoted(folder)}"
        if count
        else ""
    )
    lines = [*listed.records]
    return [*filter(None, (suspect, said_of_repeated(listed, folder, lines[len(lines) - new :])))]


def said_of(error: Exception) -> str:
    """Return the message of an error; for an unexpected error, also its type."""
    return as_read(error) if isinstance(error, InputError) else f"cannot be read ({type(error).__name__}: {error})"


def is_passing(error: Exception) -> bool:
    """Return whether an error is temporary, such as a full disk, or a folder that is missing or in use.

    The reading is not at fault then: it is kept and tried again.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, HeldError | AwayError) or (isinstance(cause, OSError) and cause.errno not in _OF_THE_FILE):
            return True
        cause = cause.__cause__
    return False
