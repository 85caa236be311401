"""Cache of what was learned from a twin's records, kept beside them.

The file is used only if it matches the twin, the records and the program and is undamaged; otherwise learning starts
over. It holds plain arrays and is safe to remove.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin import npz
from corrotwin.twin.bayes.agreement import Agreement
from corrotwin.twin.core import files
from corrotwin.twin.core.arguments import check, check_fields
from corrotwin.twin.core.errors import InputError

NAME = "learned.npz"
MOST_BYTES = 256 * 2**20  # per array
ARRAYS = ("normal", "number", "pit_number", "spots", "lineage", "seeds")


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """Particles of one run after an inspection, and what belongs to them."""

    arrays: Mapping[str, NDArray[Any]]  # by the names in `ARRAYS`; seeds is (zones, n)
    inspections: int  # taken in so far
    records: int  # number of records in those inspections
    tools: tuple[str, ...]  # tools with a bias column in `normal`
    agreement: tuple[Agreement, ...]  # of each inspection so far, under the prior in use
    as_given: tuple[Agreement, ...]  # the same under the prior as given
    widening: float
    widened: tuple[str, ...]
    power: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Saved:
    """Content of a cache file: the keys of the records, and the last snapshots of each run, oldest first."""

    records: tuple[str, ...]
    runs: tuple[tuple[Snapshot, ...], ...]


def save(path: Path, key: str, saved: Sequence[tuple[Snapshot, ...]], records: Sequence[str]) -> None:
    """Write snapshots of runs to a file atomically; if that fails, keep nothing.

    Parameters
    ----------
    path : path of the cache file.
    key : digest of everything that the snapshots follow from, except the records.
    saved : snapshots by run.
    records : digest of each record, oldest first.
    """
    arrays: dict[str, NDArray[Any]] = {}
    runs = []
    for run, snapshots in enumerate(saved):
        runs.append([_plain(snapshot) for snapshot in snapshots])
        for number, snapshot in enumerate(snapshots):
            arrays |= {f"{name}-{run}-{number}": snapshot.arrays[name] for name in ARRAYS}
    header = {"key": key, "records": list(records), "runs": runs}
    meta = json.dumps({**header, "digest": _digest(header, arrays)})
    stream = io.BytesIO()
    np.savez_compressed(stream, meta=np.frombuffer(meta.encode(), dtype=np.uint8), **arrays)
    with suppress(OSError, InputError), files.atomic_file(path) as target:
        target.write(stream.getvalue())


def load(path: Path, key: str) -> Saved | None:
    """Return the content of a cache file; None if it is missing, damaged or has another key."""
    try:
        content = files.read_bytes(path, inside=path.parent)
        meta = json.loads(npz.read(io.BytesIO(content), {"meta": MOST_BYTES})["meta"].tobytes())
        if meta["key"] != key:
            return None
        names = [
            f"{name}-{run}-{number}"
            for run, snapshots in enumerate(meta["runs"])
            for number in range(len(snapshots))
            for name in ARRAYS
        ]
        arrays = npz.read(io.BytesIO(content), dict.fromkeys(names, MOST_BYTES))
        if meta.pop("digest") != _digest(meta, arrays):
            return None
        runs = tuple(
            tuple(
                _snapshot(values, {name: arrays[f"{name}-{run}-{number}"] for name in ARRAYS})
                for number, values in enumerate(snapshots)
            )
            for run, snapshots in enumerate(meta["runs"])
        )
        return Saved(records=tuple(meta["records"]), runs=runs)
    except (OSError, npz.DamagedError, ValueError, TypeError, LookupError, InputError):
        return None


def _digest(told: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return a digest of a file's content: the description of the runs and their arrays."""
    total = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        total.update(np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    days = {name: [_plain_day(day) for day in getattr(snapshot, name)] for name in ("agreement", "as_given")}
    names = ("inspections", "records", "tools", "widening", "widened", "power")
    return {**days, **{name: getattr(snapshot, name) for name in names}}


def _plain_day(day: Agreement) -> dict[str, Any]:
    return {**asdict(day), "odd": sorted(day.odd)}


def _snapshot(values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Snapshot:
    days = {
        name: tuple(
            Agreement(**check_fields(Agreement, {**day, "odd": frozenset(check("odd", day["odd"], Sequence[str]))}))
            for day in values[name]
        )
        for name in ("agreement", "as_given")
    }
    snapshot = Snapshot(**check_fields(Snapshot, {**values, **days, "arrays": arrays}))
    whole = snapshot.inspections == len(snapshot.agreement) == len(snapshot.as_given)
    if not (whole and 1 <= snapshot.widening < np.inf and 0 < snapshot.power <= 1):
        raise ValueError("no snapshot of ours")
    return snapshot
