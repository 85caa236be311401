"""A twin's folder together with the knowledge from its inspections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.bayes import cache
from corrotwin.twin.bayes.agreement import Agreement, conflicts, pooled
from corrotwin.twin.bayes.histories.ensemble import bank
from corrotwin.twin.bayes.particles import Knowledge, Particles
from corrotwin.twin.bayes.prior import Prior, prior_of
from corrotwin.twin.bayes.resumption import resumable, snapshots
from corrotwin.twin.bayes.smc import PARTICLES, LearningRun, learn_in_runs
from corrotwin.twin.core.files import digest
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.inspection import register as registers
from corrotwin.twin.inspection.events import Event, check_event
from corrotwin.twin.inspection.log import read, read_log
from corrotwin.twin.inspection.log_lines import plain as plain_line
from corrotwin.twin.inspection.readers import seen_texels
from corrotwin.twin.inspection.records import Record, check
from corrotwin.twin.inspection.register import NO_REGISTER, Register
from corrotwin.twin.twin_state import TwinState

RUNS, MOST_RUNS = 4, 8  # independent runs, each with its own histories and particles; their spread gives the error
DRAWS, DRAWS_SEEN = 16, 64  # of a run's bank; the latter where rusted shares are known, which few histories fit
SEEDS = 8  # per draw
LEAST_AHEAD_YEARS = 20.0  # least years ahead of histories, so that inspections and forecasts share one cache
LEARNING = 4  # version of what is learned, part of the cache key: increase it when a change alters the result


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """A twin, its records and events, and what was learned; `note` reports an incomplete last record, or is empty."""

    twin: TwinState
    asset: AssetGeometry
    texels: Texels
    records: tuple[Record, ...]
    events: tuple[Event, ...]  # oldest first
    note: str
    now_years: float  # the twin's clock, or the last inspection or event if that is later
    ahead_years: float
    prior: Prior
    seen: dict[str, NDArray[np.bool_]]  # texels that each photograph saw, (H, W), by its name
    seed: int
    size: int  # particles per run
    runs: tuple[Knowledge, ...]
    cache_file: Path | None = None  # holds what was learned, for later commands
    cache_key: str = ""  # digest of everything that determines what is learned, except the records
    register: Register = NO_REGISTER  # of its CML

    @property
    def now(self) -> tuple[Particles, ...]:
        """States of knowledge after the last inspection, by run."""
        return tuple(run.now for run in self.runs)

    @property
    def agreement(self) -> tuple[Agreement, ...]:
        """Agreement of each inspection with earlier knowledge, under the prior as given, over all runs."""
        return pooled([run.agreement for run in self.runs])

    @property
    def conflicts(self) -> tuple[Agreement, ...]:
        """Inspections that disagree with earlier knowledge."""
        return conflicts(self.agreement)

    @property
    def widening(self) -> float:
        """Greatest factor over all runs by which conflicts have widened the prior."""
        return max(particles.widening for particles in self.now)

    @property
    def power(self) -> float:
        """Smallest exponent over all runs of the likelihood of rusted shares; 1 is full weight."""
        return min(run.power for run in self.runs)

    @property
    def power_note(self) -> str:
        """Sentence that reports the weight of photographs and grades, for a `power` below 1."""
        weight = f"{100 * self.power:.2g} %"
        return f"photographs and grades have a weight of {weight}: few histories would fit them at a higher one"


def open_session(
    folder: Path, *, ahead_years: float, seed: int, category_measured: bool = False, particles: int = PARTICLES
) -> Session:
    """Read a twin with its records and update the prior by them.

    What was learned is kept in the folder (`cache`), so that the next command need not learn it again.

    Parameters
    ----------
    folder : folder of the twin.
    ahead_years : years beyond now for which forecasts will be made.
    seed : random seed of histories and particles; one seed gives one result.
    category_measured : as `measured` of `twin.bayes.prior.prior_of`.
    particles : number of particles of a run.

    Raises
    ------
    InputError
        The folder holds no twin, or the twin or its records are damaged.
    """
    twin = store.read(folder)
    listed, register = read_log(folder), registers.read(folder)
    records, note = read(folder, listed=listed)
    return session_of(
        twin, records, lambda record, shape: seen_texels(folder, record, shape), note=note, ahead_years=ahead_years,
        seed=seed, category_measured=category_measured, particles=particles, cache_file=folder / cache.NAME,
        register=register, events=register.named(listed.events_in_force.values()),
    )  # fmt: skip


def session_of(
    twin: TwinState,
    records: Sequence[Record],
    seen_by: Callable[[Record, tuple[int, int]], NDArray[np.bool_]],
    *,
    note: str = "",
    ahead_years: float,
    seed: int,
    category_measured: bool = False,
    particles: int = PARTICLES,
    cache_file: Path | None = None,
    register: Register = NO_REGISTER,
    events: Sequence[Event] = (),
) -> Session:
    """Learn from the records of a twin, wherever they are kept.

    Parameters
    ----------
    twin, records : the twin and its records in force, oldest first.
    seen_by : function of a record and an atlas shape, (H, W): returns the texels that its photograph saw, (H, W).
    note : report of a torn end of the records, or empty.
    ahead_years, seed, category_measured, particles : as for `open_session`.
    cache_file : file in which what is learned is cached; None for none.
    register : of the twin's CML.
    events : the twin's events in force, in the order in which they happened.

    Raises
    ------
    InputError
        A record or an event does not fit this twin.
    """
    asset = twin_state.asset(twin)
    texels = assets.texels(asset)
    for record in records:
        check(record, twin, asset, texels)
    for event in events:
        check_event(event, twin, asset)
    known = Session(
        twin=twin,
        asset=asset,
        texels=texels,
        records=tuple(records),
        events=tuple(events),
        note=note,
        now_years=max(
            [twin.years, *(record.years(twin) for record in records), *(event.years(twin) for event in events)]
        ),
        ahead_years=ahead_years,
        prior=prior_of(twin, measured=category_measured),
        seen={record.seen: seen_by(record, asset.atlas_shape) for record in records if record.seen},
        seed=seed,
        size=particles,
        runs=(),
        register=register,
    )
    draws = _draws(records)
    inputs = [LEARNING, store.plain(replace(twin, clock=twin.built)), repr(known.prior), seed, particles, draws]
    key = digest([*inputs, *([[plain_line(event) for event in events]] if events else [])])
    return _with_runs(replace(known, cache_file=cache_file, cache_key=key), RUNS)


def _draws(records: Sequence[Record]) -> int:
    return DRAWS_SEEN if any(record.kind in ("photo", "grade") for record in records) else DRAWS


def _learned(known: Session, seeds: Sequence[int], kept: Sequence[tuple[cache.Snapshot, ...]]) -> tuple[Knowledge, ...]:
    """Learn in one run per seed, each from its kept snapshots or from the prior."""
    years = known.now_years + max(known.ahead_years, LEAST_AHEAD_YEARS)
    pitted = frozenset(record.zone for record in known.records if record.kind == "pit")
    runs = []
    for seed, usable in zip(seeds, kept, strict=True):
        histories = bank(
            known.twin, known.asset, known.texels, years=years, prior=known.prior, seed=seed,
            draws=_draws(known.records), seeds=SEEDS, events=known.events,
        )  # fmt: skip
        runs.append(LearningRun(histories=replace(histories, pitted=pitted), seed=seed, kept=usable))
    return learn_in_runs(runs, known.records, known.seen, particles=known.size)


def with_more_runs(known: Session) -> Session:
    """Return a session with twice as many runs, for when the Monte Carlo error is too large; they are cached, too."""
    return _with_runs(known, 2 * len(known.runs))


def _with_runs(known: Session, total: int) -> Session:
    """Return a session with `total` runs, including the earlier ones, and cache all runs if the file lacks any."""
    before = len(known.runs)
    keys = [digest(plain_line(record)) for record in known.records]
    saved = None if known.cache_file is None else cache.load(known.cache_file, known.cache_key)
    seeds = [int(word) for word in np.random.SeedSequence(known.seed).generate_state(MOST_RUNS)[before:total]]
    begin = [resumable(saved, keys, number) for number in range(before, total)]
    runs = (*known.runs, *_learned(known, seeds, begin))
    is_kept = saved is not None and list(saved.records) == keys and len(saved.runs) >= total
    if known.cache_file is not None and known.records and not is_kept:
        cache.save(known.cache_file, known.cache_key, [snapshots(run) for run in runs], keys)
    return replace(known, runs=runs)
