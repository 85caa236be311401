"""The folder that a `Twin` is saved to: what others have written there meanwhile is never lost."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from corrotwin.twin import store
from corrotwin.twin.core import files, locks
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection import register as registers
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.log_lines import Log
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import NO_REGISTER, Register
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.twin_state import TwinState


@dataclass(frozen=True, kw_only=True)
class SavedTwin:
    """Content of a twin's folder beside its inspections: its state, as JSON holds it, and its register."""

    state: Mapping[str, Any]
    register: Register

    @staticmethod
    def of(twin: TwinState, register: Register) -> "SavedTwin":
        """Return what a folder holds of a twin, wherever the file of its mesh lies."""
        return SavedTwin(state=store.plain(twin), register=register)


NOTHING = SavedTwin(state={}, register=NO_REGISTER)


def write(
    folder: Path,
    twin: TwinState,
    register: Register,
    fields: Callable[[], Fields],
    kept: dict[Path, list[SavedTwin]],
    *,
    records: Sequence[Record],
    events: Sequence[Event],
    photos: Mapping[str, bytes],
) -> None:
    """Write what of a twin and its inspections is not yet in a folder.

    Where this breaks off midway, as on a full disk, the same call may be repeated, also after the twin has grown.

    Parameters
    ----------
    folder : absent, empty, or that of the twin.
    twin, register : to write.
    fields : of the twin.
    kept : what folders may hold of the twin: the one that it was last loaded from or saved to, and those in which
        saving broke off. It is changed with every step, so that it is true wherever this breaks off.
    records, events, photos : its inspections, and the content of the files that records of photographs name.

    Raises
    ------
    InputError
        The folder holds something else, another twin, or neither what was there before nor what is to be written; a
        record or an event is refused beside those there; or another process is writing there. Nothing has changed
        then. Or something cannot be written.
    """
    now, real, place = SavedTwin.of(twin, register), os.path.realpath(folder), folder.absolute()
    known = next((held for path, held in kept.items() if os.path.realpath(path) == real), [])

    def found() -> tuple[SavedTwin, Log]:
        with files.writing(folder):
            locks.check_claim(folder, "twin", {})
            return _held(folder, now, known), log.read_log(folder) if folder.is_dir() else Log()

    def admitted(listed: Log) -> tuple[list[Record], list[Event]]:
        return log.admitted(listed, records, events, twin, register, are_placed=True)

    _, before = found()  # before the work, and before the lock, which would create the folder
    new = admitted(before)
    made = fields()
    with locks.hold(folder, "twin", {}), files.writing(folder):
        held, listed = found()
        new = new if listed == before else admitted(listed)
        kept[place], known[:] = known, [held]
        for after, put in (
            (SavedTwin(state=now.state, register=held.register), partial(store.write, twin, made, folder)),
            (now, partial(registers.write, folder, register)),
        ):
            if after != held:
                known[:] = [held, after]  # until it is written, the folder may hold either
                put()
                known[:] = [held := after]
        log.write(folder, listed, *new, photos)
        for other in kept.keys() - {place}:
            del kept[other]


def _held(folder: Path, now: SavedTwin, known: Sequence[SavedTwin]) -> SavedTwin:
    """Return what a folder holds, if that may be replaced."""
    if not store.is_twin(folder):
        return NOTHING
    held, ours = SavedTwin.of(store.read(folder), registers.read(folder)), [*(known or [NOTHING]), now]
    if held.state in [saved.state for saved in ours] and held.register in [saved.register for saved in ours]:
        return held
    if not known:
        raise InputError(f"{folder}: holds another twin; choose another folder, or continue from Twin.load")
    raise InputError(
        f"{folder}: has changed since this twin was loaded or saved; load it again with Twin.load and repeat your "
        "changes"
    )


def accept(folder: Path, accepted: Mapping[Record, str]) -> None:
    """Accept records in the folder of their twin where they are suspect, in this order: one may explain another.

    Parameters
    ----------
    folder : of the twin.
    accepted : the records, with the reason of each.

    Raises
    ------
    InputError
        As of `log.rule`.
    """
    waiting: dict[Record, list[int]] = {}
    in_force = log.read_log(folder).in_force if accepted else {}
    for line, record in in_force.items():
        if record in accepted and not record.accepted:
            waiting.setdefault(record, []).append(line)
    for record in accepted:
        if record in waiting:
            log.rule(folder, waiting[record], "accepts", why=accepted[record])
