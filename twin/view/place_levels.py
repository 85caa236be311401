"""Remaining thickness at sample places all over an asset, as most of the metal there is: without pits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from corrotwin.twin.bayes.histories.ensemble import FACING_M
from corrotwin.twin.bayes.histories.zone_histories import ZoneHistories
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.sightings import zone_of
from corrotwin.twin.bayes.thickness.paths import JUST_BEFORE_YEARS, Paths, draw_paths, one_way
from corrotwin.twin.forecast.projection import LEVELS, growth_of
from corrotwin.twin.geometry.atlas import Floats, Integers, Texels
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.twin_state import TwinState

SAME_MM = 1e-3  # thicknesses when new that differ by less are one
NEIGHBOURS = 4  # places of each run that speak for one: a run has few seeds of the noise from place to place


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaceLevels:
    """P5, P50 and P95 of the remaining thickness at P sample places in T years.

    The levels are those of one place: of a zone's many places the thinnest is thinner (`projection`), by pits, too.
    """

    zones: tuple[str, ...]
    zone: Integers  # (P,) index into them
    texel: Integers  # (P,) flat index in the atlas
    nominal_mm: Floats  # (P,)
    left_mm: Floats  # (P, T, 3)


def with_renewals(years: Sequence[float], events: Sequence[Event], twin: TwinState) -> list[float]:
    """Return some years, and with them those of events that made metal new, each with the moment before it."""
    renewed = [event.years(twin) for event in events if event.renews_metal]
    return sorted({*years, *renewed, *(max(year - JUST_BEFORE_YEARS, 0.0) for year in renewed)})


def place_levels(states: Sequence[Particles], texels: Texels, years: Sequence[float]) -> PlaceLevels:
    """Return the remaining thickness at the sample places of the first run, by the histories of all runs.

    Parameters
    ----------
    states : of knowledge, by run.
    texels : surface of the asset.
    years : (T,) increasing.
    """
    paths = [draw_paths(run, max(years), np.random.default_rng([run.bank.seed, 20])) for run in states]
    zones = states[0].bank.zones
    left = [_zone_levels(states, paths, zone, texels, years) for zone in zones]
    return PlaceLevels(
        zones=tuple(zone.name for zone in zones),
        zone=np.repeat(np.arange(len(zones)), [len(zone.texel) for zone in zones]),
        texel=np.concatenate([zone.texel for zone in zones]),
        nominal_mm=np.concatenate([zone.thickness_mm[: len(zone.texel)] for zone in zones]).astype(float),
        left_mm=np.concatenate([_only_falling(own, zone, years) for own, zone in zip(left, zones, strict=True)]),
    )


def _only_falling(left_mm: Floats, zone: ZoneHistories, years: Sequence[float]) -> Floats:
    """Return the levels of a zone's places, (P, T, 3) mm, falling from one renewal of a place's metal to the next."""
    renewals = [renewal for renewal in zone.renewals if renewal.metal]
    here = np.array([renewal.own[: len(left_mm)] for renewal in renewals], dtype=bool).reshape(-1, len(left_mm))
    found = np.empty_like(left_mm)
    for alike in np.unique(here, axis=1).T:  # places renewed at the same times
        rows = (here == alike[:, None]).all(axis=0)
        since = [renewal.years for renewal, renewed in zip(renewals, alike, strict=True) if renewed]
        for level in range(left_mm.shape[2]):
            found[rows, :, level] = one_way(left_mm[rows, :, level], np.asarray(years), since, np.minimum)
    return found


def _zone_levels(
    states: Sequence[Particles], paths: Sequence[Paths], zone: ZoneHistories, texels: Texels, years: Sequence[float]
) -> Floats:
    """Return the levels at the sample places of a zone, (P, T, 3) mm."""
    near = [_nearest(zone, zone_of(run.bank, zone.name), texels) for run in states]
    trajectories = [replace(run.trajectory(zone.name), growth=growth_of(run, zone.name)) for run in states]
    levels = np.empty((len(zone.texel), len(years), len(LEVELS)))
    for index, year in enumerate(years):
        left = [own.left_mm(year, path.shared_at)[:, 0] for own, path in zip(trajectories, paths, strict=True)]
        pooled = [own.T[rows].reshape(len(rows), -1) for own, rows in zip(left, near, strict=True)]
        whole = np.concatenate(pooled, axis=1)
        levels[:, index] = np.percentile(whole, LEVELS, axis=1, method="closest_observation").T
    return levels


def _nearest(zone: ZoneHistories, other: ZoneHistories, texels: Texels) -> Integers:
    """Return the places of a zone in another run that are nearest to its own, of the same thickness, (P, k)."""
    found = np.zeros((len(zone.texel), NEIGHBOURS), dtype=np.int64)
    mine, theirs = (one.thickness_mm[: len(one.texel)] for one in (zone, other))
    at, there = (_points(texels, one.texel) for one in (zone, other))
    for thickness in np.unique(mine):
        rows = np.flatnonzero(mine == thickness)
        alike = np.flatnonzero(theirs == thickness)
        alike = alike if len(alike) else np.array([np.abs(theirs - thickness).argmin()])
        order = cKDTree(there[alike]).query(at[rows], k=np.arange(1, NEIGHBOURS + 1).clip(max=len(alike)))[1]
        found[rows] = alike[order]
    return found


def _points(texels: Texels, texel: Integers) -> Floats:
    """Return places with their facing, (n, 6): those of opposite normals lie apart."""
    position, normal = texels.position_m.reshape(-1, 3)[texel], texels.normal.reshape(-1, 3)[texel]
    return np.column_stack([position, FACING_M * normal]).astype(float)


def nearest_place(levels: PlaceLevels, sampled: Texels, texels: Texels, zone_names: Sequence[str]) -> Integers:
    """Return the sample place that stands for each texel of an atlas, (H, W); -1 where there is none.

    Parameters
    ----------
    levels : of the sample places.
    sampled : surface on whose atlas they lie.
    texels : the same surface on an atlas that may be coarser.
    zone_names : of the asset.
    """
    stands = np.full(texels.zone.shape, -1, dtype=np.int64)
    points = _points(sampled, levels.texel)
    for index, name in enumerate(levels.zones):
        here = texels.zone == zone_names.index(name)
        own = np.flatnonzero(levels.zone == index)
        for thickness in np.unique(levels.nominal_mm[own]):
            alike = own[levels.nominal_mm[own] == thickness]
            rows = here & (np.abs(texels.thickness_mm - thickness) <= SAME_MM)
            stands[rows] = alike[cKDTree(points[alike]).query(_points(texels, np.flatnonzero(rows)))[1]]
        rest = here & (stands < 0)
        if rest.any():
            stands[rest] = own[cKDTree(points[own]).query(_points(texels, np.flatnonzero(rest)))[1]]
    return stands
