"""Remaining thickness at sample places all over an asset, without pits, as most of the surface has it."""

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

SAME_MM = 1e-3  # thicknesses when new that differ by less count as equal
NEIGHBOURS = 4  # places of each run that represent a place: a run has few seeds of the noise from place to place


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaceLevels:
    """P5, P50 and P95 of the remaining thickness at P sample places in T years.

    The levels are those of single places. The thinnest of a zone's many places is thinner (`projection`), also by pits.
    """

    zones: tuple[str, ...]
    zone: Integers  # (P,) index into `zones`
    texel: Integers  # (P,) flat index in the atlas
    nominal_mm: Floats  # (P,)
    left_mm: Floats  # (P, T, 3)


def with_renewals(years: Sequence[float], events: Sequence[Event], twin: TwinState) -> list[float]:
    """Return the years, together with those of events that renewed metal, each with the moment before it."""
    renewed = [event.years(twin) for event in events if event.renews_metal]
    return sorted({*years, *renewed, *(max(year - JUST_BEFORE_YEARS, 0.0) for year in renewed)})


def place_levels(states: Sequence[Particles], texels: Texels, years: Sequence[float]) -> PlaceLevels:
    """Return the remaining thickness at the sample places of the first run, by the histories of all runs.

    Parameters
    ----------
    states : weighted histories, by run.
    texels : surface of the asset.
    years : (T,) years of service, increasing.
    """
    paths = [draw_paths(run, max(years), np.random.default_rng([run.bank.seed, 20])) for run in states]
    zones = states[0].bank.zones
    left = [_zone_levels(states, paths, zone, texels, years) for zone in zones]
    return PlaceLevels(
        zones=tuple(zone.name for zone in zones),
        zone=np.repeat(np.arange(len(zones)), [len(zone.texel) for zone in zones]),
        texel=np.concatenate([zone.texel for zone in zones]),
        nominal_mm=np.concatenate([zone.thickness_mm[: len(zone.texel)] for zone in zones]).astype(float),
        left_mm=np.concatenate([_only_falling(levels, zone, years) for levels, zone in zip(left, zones, strict=True)]),
    )


def _only_falling(left_mm: Floats, zone: ZoneHistories, years: Sequence[float]) -> Floats:
    """Return the levels of a zone's places, (P, T, 3) mm, falling from one renewal of its metal to the next."""
    renewals = [renewal for renewal in zone.renewals if renewal.metal]
    renewed_here = np.array([renewal.own[: len(left_mm)] for renewal in renewals], dtype=bool).reshape(-1, len(left_mm))
    falling = np.empty_like(left_mm)
    for alike in np.unique(renewed_here, axis=1).T:  # places renewed at the same times
        rows = (renewed_here == alike[:, None]).all(axis=0)
        since = [renewal.years for renewal, renewed in zip(renewals, alike, strict=True) if renewed]
        for level in range(left_mm.shape[2]):
            falling[rows, :, level] = one_way(left_mm[rows, :, level], np.asarray(years), since, np.minimum)
    return falling


def _zone_levels(
    states: Sequence[Particles], paths: Sequence[Paths], zone: ZoneHistories, texels: Texels, years: Sequence[float]
) -> Floats:
    """Return the levels at the sample places of a zone, (P, T, 3) mm."""
    near = [_nearest(zone, zone_of(run.bank, zone.name), texels) for run in states]
    trajectories = [replace(run.trajectory(zone.name), growth=growth_of(run, zone.name)) for run in states]
    levels = np.empty((len(zone.texel), len(years), len(LEVELS)))
    for index, year in enumerate(years):
        left = [line.left_mm(year, path.shared_at)[:, 0] for line, path in zip(trajectories, paths, strict=True)]
        pooled = [run.T[rows].reshape(len(rows), -1) for run, rows in zip(left, near, strict=True)]
        values = np.concatenate(pooled, axis=1)
        levels[:, index] = np.percentile(values, LEVELS, axis=1, method="closest_observation").T
    return levels


def _nearest(zone: ZoneHistories, other: ZoneHistories, texels: Texels) -> Integers:
    """Return the places of a zone in another run that are nearest to its own and of the same thickness, (P, k)."""
    nearest = np.zeros((len(zone.texel), NEIGHBOURS), dtype=np.int64)
    own_mm, other_mm = (run.thickness_mm[: len(run.texel)] for run in (zone, other))
    own_points, other_points = (_points(texels, run.texel) for run in (zone, other))
    for thickness in np.unique(own_mm):
        rows = np.flatnonzero(own_mm == thickness)
        alike = np.flatnonzero(other_mm == thickness)
        alike = alike if len(alike) else np.array([np.abs(other_mm - thickness).argmin()])
        ranks = np.arange(1, NEIGHBOURS + 1).clip(max=len(alike))
        nearest[rows] = alike[cKDTree(other_points[alike]).query(own_points[rows], k=ranks)[1]]
    return nearest


def _points(texels: Texels, texel: Integers) -> Floats:
    """Return places with their normals, (n, 6), so that places with opposite normals lie apart."""
    position, normal = texels.position_m.reshape(-1, 3)[texel], texels.normal.reshape(-1, 3)[texel]
    return np.column_stack([position, FACING_M * normal]).astype(float)


def nearest_place(levels: PlaceLevels, sampled: Texels, texels: Texels, zone_names: Sequence[str]) -> Integers:
    """Return the sample place that represents each texel of an atlas, (H, W); -1 where there is none.

    Parameters
    ----------
    levels : levels of the sample places.
    sampled : surface on whose atlas they lie.
    texels : the same surface on an atlas that may be coarser.
    zone_names : zones of the asset.
    """
    nearest = np.full(texels.zone.shape, -1, dtype=np.int64)
    points = _points(sampled, levels.texel)
    for index, name in enumerate(levels.zones):
        in_zone = texels.zone == zone_names.index(name)
        places = np.flatnonzero(levels.zone == index)
        for thickness in np.unique(levels.nominal_mm[places]):
            alike = places[levels.nominal_mm[places] == thickness]
            rows = in_zone & (np.abs(texels.thickness_mm - thickness) <= SAME_MM)
            nearest[rows] = alike[cKDTree(points[alike]).query(_points(texels, np.flatnonzero(rows)))[1]]
        unassigned = in_zone & (nearest < 0)
        if unassigned.any():
            nearest[unassigned] = places[cKDTree(points[places]).query(_points(texels, np.flatnonzero(unassigned)))[1]]
    return nearest
