"""A twin's folder together with the knowledge from its inspections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.bayes.ensemble import bank
from corrotwin.twin.bayes.particles import Knowledge
from corrotwin.twin.bayes.prior import prior_of
from corrotwin.twin.bayes.smc import PARTICLES, learn
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.inspection.log import read
from corrotwin.twin.inspection.readers import seen_texels
from corrotwin.twin.inspection.records import Record, check
from corrotwin.twin.twin_state import TwinState

DRAWS, DRAWS_SEEN = 64, 256  # of the bank; the latter where rusted shares are known, which few histories fit


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """A twin, its records and the knowledge from them; `note` reports a torn end of the records, or is empty."""

    twin: TwinState
    asset: AssetGeometry
    texels: Texels
    records: tuple[Record, ...]
    note: str
    now_years: float  # the twin's clock, or the last inspection if that is later
    knowledge: Knowledge


def open_session(
    folder: Path, *, ahead_years: float, seed: int, category_measured: bool = False, particles: int = PARTICLES
) -> Session:
    """Read a twin with its records and update the prior by them.

    Parameters
    ----------
    folder : folder of the twin.
    ahead_years : years beyond now for which forecasts will be made.
    seed : random seed of histories and particles; one seed gives one result.
    category_measured : as `measured` of `twin.bayes.prior.prior_of`.
    particles : number of particles.

    Raises
    ------
    InputError
        The folder holds no twin, or the twin or its records are damaged.
    """
    twin = store.read(folder)
    records, note = read(folder)
    return session_of(
        twin, records, lambda record, shape: seen_texels(folder, record, shape),
        note=note, ahead_years=ahead_years, seed=seed, category_measured=category_measured, particles=particles,
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
) -> Session:
    """Learn from the records of a twin, wherever they are kept.

    Parameters
    ----------
    twin, records : the twin and its records that count, oldest first.
    seen_by : which texels the photograph of a record saw, (H, W) on the atlas of the shape given.
    note : on a torn end of the records.
    ahead_years, seed, category_measured, particles : as for `open_session`.

    Raises
    ------
    InputError
        A record cannot be of this twin.
    """
    asset = twin_state.asset(twin)
    texels = assets.texels(asset)
    for record in records:
        check(record, twin, asset, texels)
    seen = {record.seen: seen_by(record, asset.atlas_shape) for record in records if record.seen}
    now = max([twin.years, *(record.years(twin) for record in records)])
    draws = DRAWS_SEEN if any(record.kind in ("photo", "grade") for record in records) else DRAWS
    prior = prior_of(twin, measured=category_measured)
    histories = bank(twin, asset, texels, years=max(now + ahead_years, 1.0), prior=prior, seed=seed, draws=draws)
    return Session(
        twin=twin,
        asset=asset,
        texels=texels,
        records=tuple(records),
        note=note,
        now_years=now,
        knowledge=learn(histories, asset, texels, records, seen, seed=seed, particles=particles),
    )
