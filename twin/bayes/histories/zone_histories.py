"""A zone in all histories: sample places with both faces of the metal, first spots, pits, and unseen cells."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from corrotwin.twin.bayes.histories.renewals import Renewal, renews
from corrotwin.twin.geometry.atlas import Floats, Integers, Singles
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.mechanisms.mechanism import Mechanism, acts_on
from corrotwin.twin.model.corrosion import LOCAL
from corrotwin.twin.model.pits import Pits
from corrotwin.twin.twin_state import TwinState

SPOTS = 6  # first spots of a zone
SPOT_NOISE = 1.2  # noise of the loss at them, in standard deviations: the worst of a young spot's few places
LEAST_PITS, MOST_PITS = 64, 1024  # pits kept per zone and history: those with the largest factors
PITS_PER_M2 = 16  # the same in a zone over 4 m²: where little is rusted, few lie on rust, and those may be young
PIT_DRAWS = 64  # sets of pits per seed
SEVEREST = 3.0  # standard deviations by which a place may be worse than usual, however many places there are
CELL_MM2 = 1e4  # metal within 100 mm is lost alike; every cell is a chance of a worse place


@dataclass(frozen=True, kw_only=True, eq=False)
class Sites:
    """m places at which histories are run: n sample places, then the surfaces behind them on which air acts.

    `behind` is (n,): the row of the surface behind each sample place, -1 without one.
    """

    position_m: Singles  # (m, 3)
    normal: Singles  # (m, 3)
    factor: Singles  # (m,) on loss in air, by zone and facing
    behind: Integers  # (n,)
    zone_names: tuple[str, ...]
    zone: Integers  # (n,) of each sample place, index into them
    behind_zone: Integers  # (n,) of the surface behind it, -1 without one
    behind_height_m: Singles  # (n,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Face:
    """One face of the metal at Q places, in B draws and S seeds, with M mechanisms.

    Places without an open surface there have the factor 0 and no mechanism.
    """

    factor: Singles  # (Q,) on loss in air, by zone and facing
    wet: NDArray[np.bool_]  # (Q, T) whether in the splash zone, for each of the T places where the asset stood
    start_years: Singles  # (B, S, Q) start of corrosion in air, before any delay
    local: Singles  # (S, Q) factor on loss in air from noise
    acts: Singles  # (Q, M) whether each mechanism acts there, 0 or 1
    spread: Singles  # (S, Q, M) standard normal: severity of each mechanism there
    drift: Singles  # (S, Q, M) standard normal: how its rate has changed there


@dataclass(frozen=True, kw_only=True, eq=False)
class ZoneHistories:
    """A zone in all histories: B draws, S seeds, P sample places, then `SPOTS` without weight, Q places in all.

    Pits are drawn separately, D times S, J in each: their depth is independent of where rust starts, so any set of pits
    may go with any history. The same holds for the worst cell without a sample place.
    """

    name: str
    area_mm2: float
    texel: Integers  # (P,) flat index in the atlas
    weight: Singles  # (Q,) share of the zone's area
    thickness_mm: Singles  # (Q,) nominal
    piece: Integers  # (Q,) index into the pieces of the bank
    own: Face
    behind: Face
    behind_zones: frozenset[str]  # zones that lie behind it
    mostly_before: str  # zone that lies behind most of its places, or ""
    lag: Singles  # (S, Q) times to full cover until the place counts as rusted
    new: Singles  # (S, Q) standard normal: thickness when new beside that of the piece
    pit_place: Integers  # (D, S, J) place of each pit
    pit_delay_years: Singles  # (D, S, J)
    pit_factor: Singles  # (D, S, J) depth over uniform loss since birth, before the factor on pits
    cell_place: Integers  # (D, S) sample place that the worst cell resembles, except in its mechanisms
    cell_spread: Singles  # (D, S, M) standard normal: greatest severity of each mechanism among the cells
    renewals: tuple[Renewal, ...] = ()  # events by which some of its metal or coating is new, oldest first


def zone_histories(
    twin: TwinState, name: str, sites: Sites, rows: Integers, *, texel: Integers, thickness_mm: Singles,
    piece: Integers, area_mm2: float, start_years: Singles, spots: Singles, local: Floats, lag: Floats,
    rng: np.random.Generator, spot_lag: float,
) -> ZoneHistories:  # fmt: skip
    """Assemble a zone of the bank: its first spots follow its sample places, and its pits are drawn.

    Parameters
    ----------
    twin, name : the twin, and the zone.
    sites, rows : all places, and which of them are the zone's sample places, (P,).
    texel, thickness_mm, piece : of the sample places, (P,).
    area_mm2 : of the zone.
    start_years, local : (B, S, m) and (S, m) at all places.
    spots : (B, S, `SPOTS`) starts of the first spots.
    lag : (S, n) at all sample places.
    rng : source of pits, cells and severities.
    spot_lag : lag of the first spots.
    """
    seeds, count = start_years.shape[1], len(rows)
    like = _like(count)
    standard = rng.standard_normal((2, 2, seeds, count + SPOTS, len(twin.mechanisms))).astype(np.float32)
    standard = np.minimum(standard, SEVEREST)
    factor = sites.factor[rows]
    own_starts, behind_starts = starts_of_faces(sites, rows, start_years, spots)
    own = Face(
        factor=_behind(factor, np.full(SPOTS, factor.mean())),
        wet=_wet(twin, sites.position_m[rows, 2]),
        start_years=own_starts,
        local=_behind(local[:, rows], np.full((seeds, SPOTS), 1 + LOCAL * SPOT_NOISE)),
        acts=_acts(twin.mechanisms, sites.zone_names, sites.zone[rows], sites.position_m[rows, 2], like),
        spread=standard[0, 0],
        drift=standard[1, 0],
    )
    back_rows = sites.behind[rows]
    open_air = back_rows >= 0
    factor = np.where(open_air, sites.factor[back_rows], 0)
    noise = np.where(open_air, local[:, back_rows], 1)
    behind = Face(
        factor=_behind(factor, factor[like]),
        wet=_wet(twin, sites.behind_height_m[rows], like),
        start_years=behind_starts,
        local=_behind(noise, noise[:, like]),
        acts=_acts(twin.mechanisms, sites.zone_names, sites.behind_zone[rows], sites.behind_height_m[rows], like),
        spread=standard[0, 1],
        drift=standard[1, 1],
    )
    place, delay, pit_factor = _pits(twin.pits or Pits(per_m2=0.0), area_mm2, count, seeds, rng)
    cells = max(area_mm2 / CELL_MM2 - count, 1.0)
    worst = ndtri(rng.random((PIT_DRAWS, seeds, len(twin.mechanisms))) ** (1 / cells))
    return ZoneHistories(
        name=name,
        area_mm2=area_mm2,
        texel=texel,
        weight=_behind(np.full(count, 1 / count), np.zeros(SPOTS)),
        thickness_mm=_behind(thickness_mm, np.full(SPOTS, np.median(thickness_mm))),
        piece=np.concatenate([piece, np.full(SPOTS, piece[np.argsort(thickness_mm)[count // 2]])]),
        own=own,
        behind=behind,
        behind_zones=frozenset(sites.zone_names[index] for index in sites.behind_zone[rows] if index >= 0),
        mostly_before=_most([sites.zone_names[index] if index >= 0 else "" for index in sites.behind_zone[rows]]),
        lag=_behind(lag[:, rows], np.full((seeds, SPOTS), spot_lag)),
        new=rng.standard_normal((seeds, count + SPOTS)).astype(np.float32),
        pit_place=place,
        pit_delay_years=delay,
        pit_factor=pit_factor,
        cell_place=rng.integers(count, size=(PIT_DRAWS, seeds)),
        cell_spread=np.minimum(worst, SEVEREST).astype(np.float32),
    )


def starts_of_faces(sites: Sites, rows: Integers, start_years: Singles, spots: Singles) -> tuple[Singles, Singles]:
    """Return the start of corrosion at a zone's own face and at the one behind, (B, S, Q) each.

    Parameters
    ----------
    sites, rows : all places, and which of them are the zone's sample places, (P,).
    start_years : (B, S, m) at all places.
    spots : (B, S, `SPOTS`) of the first spots.
    """
    back_rows, like = sites.behind[rows], _like(len(rows))
    started = np.where(back_rows >= 0, start_years[..., back_rows], np.inf)
    return np.concatenate([start_years[..., rows], spots], axis=2), _behind(started, started[..., like])


def renewed_faces(event: Event, name: str, sites: Sites, rows: Integers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where an event renews a zone's own face and the one behind, (Q,) each.

    New metal is new on both faces. The first spots are spared unless all of the zone is new: the safe side.

    Parameters
    ----------
    event : what happened.
    name, sites, rows : the zone, all places, and which of them are its sample places, (P,).
    """
    own = np.full(len(rows), renews(event, name))
    behind = np.array([index >= 0 and renews(event, sites.zone_names[index]) for index in sites.behind_zone[rows]])
    if event.renews_metal:
        new = own | behind
        new = np.concatenate([new, np.full(SPOTS, new.all())])
        return new, new
    return np.concatenate([own, own[:SPOTS]]), np.concatenate([behind, behind[_like(len(rows))]])


def with_renewals(zone: ZoneHistories, renewals: tuple[Renewal, ...]) -> ZoneHistories:
    """Return a zone with its renewals; its worst cell lies on old metal, if any is left: the safe side."""
    new = np.zeros(len(zone.texel), dtype=bool)
    for renewal in renewals:
        new |= (renewal.metal > 0) & renewal.own[: len(new)]
    old = np.flatnonzero(~new)
    spared = new.any() and len(old)
    return replace(zone, renewals=renewals, cell_place=old[zone.cell_place % len(old)] if spared else zone.cell_place)


def _like(count: int) -> Integers:
    """Return the sample places, of `count`, from which the first spots take the surface behind them."""
    return np.linspace(0, count - 1, SPOTS).astype(np.int64)


def _most(names: list[str]) -> str:
    """Return the name that more than half of the entries have, or an empty one."""
    name, count = Counter(names).most_common(1)[0]
    return name if count > len(names) / 2 else ""


def _behind(values: NDArray[Any], spots: NDArray[Any]) -> Singles:
    """Append the values of the first spots to those of sample places, along the last axis."""
    return np.asarray(np.concatenate([values, spots], axis=-1), dtype=np.float32)


def _wet(twin: TwinState, height_m: Singles, like: Integers | None = None) -> NDArray[np.bool_]:
    """Return which places the sea splashes, (Q, T); first spots follow most places, or the places `like`."""
    wet = twin.exposure.splashed(height_m)
    return np.concatenate([wet, np.tile(wet.mean(axis=0) > 0.5, (SPOTS, 1)) if like is None else wet[like]])


def _acts(
    mechanisms: tuple[Mechanism, ...], zone_names: tuple[str, ...], zone: Integers, height_m: Singles, like: Integers
) -> Singles:
    """Return whether each mechanism acts on surfaces of these zones and heights, (Q, M)."""
    acts = np.zeros((len(zone) + SPOTS, len(mechanisms)), dtype=np.float32)
    for index, mechanism in enumerate(mechanisms):
        here = acts_on(mechanism, zone_names, zone, height_m)
        acts[:, index] = np.concatenate([here, here[like]])
    return acts


def _pits(
    pits: Pits, area_mm2: float, places: int, seeds: int, rng: np.random.Generator
) -> tuple[Integers, Singles, Singles]:
    """Draw the pits of a zone: place, delay in years and factor, (D, S, J) each."""
    kept = int(np.clip(PITS_PER_M2 * area_mm2 / 1e6, LEAST_PITS, MOST_PITS))
    # The largest of M exponential factors: -log of the least of M uniform numbers, ratios of sums of exponentials.
    count = rng.poisson(pits.per_m2 * area_mm2 / 1e6, (PIT_DRAWS, seeds, 1))
    sums = np.cumsum(rng.exponential(size=(PIT_DRAWS, seeds, kept)), axis=2)
    remainder = rng.gamma(np.maximum(count + 1 - kept, 1e-9))
    drawn = np.arange(kept) < count
    few = rng.exponential(size=drawn.shape)  # no more pits than we keep
    factors = np.where(count > kept, -np.log(sums / (sums[..., -1:] + remainder)), few)
    return (
        rng.integers(places, size=drawn.shape),
        rng.exponential(pits.delay_years, drawn.shape).astype(np.float32),
        (np.where(drawn, factors, 0) * pits.factor).astype(np.float32),
    )
