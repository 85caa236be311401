"""Snapshots of particles, from which learning continues when records are added."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.cache import ARRAYS, Saved, Snapshot
from corrotwin.twin.bayes.particles import Knowledge, Particles, first_tool_column
from corrotwin.twin.bayes.sightings import Sighting
from corrotwin.twin.bayes.thickness.readings import arrange, spot_counts
from corrotwin.twin.geometry.atlas import Integers


def snapshots(known: Knowledge) -> tuple[Snapshot, ...]:
    """Return snapshots after the last inspection but one, if any, and after the last."""
    last = len(known.particles) - 1
    return tuple(_snapshot(known, number) for number in range(max(last - 1, 1), last + 1))


def _snapshot(known: Knowledge, number: int) -> Snapshot:
    state = known.particles[number]
    seeds = np.stack([state.seeds[zone.name] for zone in state.bank.zones])
    return Snapshot(
        arrays={name: seeds if name == "seeds" else getattr(state, name) for name in ARRAYS},
        inspections=number,
        records=known.records[number],
        tools=known.tools,
        agreement=known.widened[:number],
        as_given=known.agreement[:number],
        widening=state.widening,
        widened=tuple(sorted(state.widened)),
        power=known.power,
    )


def resumable(saved: Saved | None, records: Sequence[str], run: int) -> tuple[Snapshot, ...]:
    """Return the snapshots of a run from which learning may resume with these records, latest first.

    Parameters
    ----------
    saved : content of the cache file, or None.
    records : digest of each record, oldest first.
    run : number of the run.
    """
    if saved is None or run >= len(saved.runs):
        return ()
    usable = []
    for snapshot in reversed(saved.runs[run]):
        whole = snapshot.records == len(records) and list(saved.records) == list(records)
        # A conflict widens the prior from the beginning; then all is learned again.
        undisturbed = snapshot.widening == 1 and snapshot.power == 1 and snapshot.agreement == snapshot.as_given
        if whole or (undisturbed and list(saved.records[: snapshot.records]) == list(records[: snapshot.records])):
            usable.append(snapshot)
    return tuple(usable)


def fitting(
    kept: Sequence[Snapshot], inspections: Sequence[Sequence[Sighting]], tools: Sequence[str]
) -> Snapshot | None:
    """Return the first snapshot that has taken in whole inspections, with the same tools, or None."""
    for snapshot in kept:
        taken = sum(len(inspection) for inspection in inspections[: snapshot.inspections])
        if taken == snapshot.records and tuple(tools) == snapshot.tools and snapshot.inspections:
            return snapshot
    return None


def restored(
    snapshot: Snapshot, prior: Particles, inspections: Sequence[Sequence[Sighting]], tools: Sequence[str]
) -> Particles | None:
    """Return the particles of a snapshot; None if it belongs to other histories.

    Parameters
    ----------
    snapshot : from `fitting`; its content may come from another program, or be forged.
    prior : particles before any inspection, of the same bank.
    inspections : all, oldest first.
    tools : names of the tools with a bias column in `Particles.normal`.
    """
    taken = [item for inspection in inspections[: snapshot.inspections] for item in inspection]
    bank, arrays = prior.bank, snapshot.arrays
    latest = inspections[snapshot.inspections - 1]
    readings = arrange(taken[: len(taken) - len(latest)], latest, bank)
    count = len(prior.number)
    indices: dict[str, tuple[tuple[int, ...], Integers | int]] = {
        "spots": ((count, len(readings.places)), spot_counts(bank, readings.places)),
        "seeds": ((len(bank.zones), count), bank.seeds), "number": ((count,), bank.draws),
        "pit_number": ((count,), len(bank.zones[0].pit_factor)), "lineage": ((count,), count),
    }  # fmt: skip
    if not _are_normal(arrays["normal"], (count, first_tool_column(bank) + len(tools))):
        return None
    if not all(_are_indices(arrays[name], shape, end) for name, (shape, end) in indices.items()):
        return None
    seeds = {zone.name: numbers for zone, numbers in zip(bank.zones, arrays["seeds"], strict=True)}
    fields: dict[str, Any] = {name: arrays[name] for name in ARRAYS if name != "seeds"}
    return replace(
        prior, widening=snapshot.widening, widened=frozenset(snapshot.widened), seeds=seeds, readings=readings, **fields
    )


def _are_normal(values: NDArray[Any], shape: tuple[int, ...]) -> bool:
    return values.shape == shape and values.dtype == np.float32 and bool(np.isfinite(values).all())


def _are_indices(values: NDArray[Any], shape: tuple[int, ...], end: Integers | int) -> bool:
    """Return whether values are integers from 0 to below `end`, which may differ along the last axis."""
    return values.shape == shape and values.dtype.kind == "i" and bool(((values >= 0) & (values < end)).all())
