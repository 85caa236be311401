"""Likelihood of inspections under a history, and replicates of the inspections that a history would give.

Given the parameters that all zones share, zones are independent: a likelihood is computed zone by zone, for every seed
of the bank. Within a zone, places without a name and coordinates are interchangeable: the likelihood of a reading is
its mean over the sample places, and readings of one named place share one sample place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from corrotwin.twin.bayes.ensemble import SPOTS, Bank, ZoneHistories, piece_of
from corrotwin.twin.bayes.trajectories import Trajectory
from corrotwin.twin.export import RUST_GRADES
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Singles, Texels
from corrotwin.twin.inspection.records import Record, texel_of
from corrotwin.twin.model import zones

SPOT_PLACES = 64  # sample places among which the place of a thickness reading is sought
SHARE_SD = 0.001  # least error of a share from a photograph
HALF_PLACE = 0.5  # of the sample places: how finely a history's share is known
FALSE_CALLS_SPREAD = 0.5  # of the share of false calls, from photograph to photograph
FEWEST_PLACES = 12  # sample places that a photograph must have seen for its own view of the zone to count
LEAST_SHARE = 5e-5  # rusted share below which nobody sees any
# Shares at which one degree of ISO 4628-3 passes into the next.
GRADE_EDGES = np.log([LEAST_SHARE, *(percent / 100 for percent, _ in RUST_GRADES[1:])])


@dataclass(frozen=True, kw_only=True, eq=False)
class Sighting:
    """A record prepared for one zone of a bank.

    Parameters
    ----------
    record, years : the observation, and its years after the asset was built.
    tool : number of the tool whose bias it shares.
    thickness_mm : nominal, at its place; None where the place is unknown: then that of each sample place.
    piece : index of the bank's piece at its place; None where the place is unknown.
    factor : on loss at its place, by zone and facing; None where the place is unknown.
    weight : (P + spots,) share of each place in the area in view, summing to 1.
    places : number of sample places that carry weight.
    """

    record: Record
    years: float
    tool: int
    thickness_mm: float | None
    piece: int | None
    factor: float | None
    weight: Singles
    places: int


def sighting(
    record: Record, bank: Bank, asset: AssetGeometry, texels: Texels, tool: int, seen: NDArray[np.bool_] | None = None
) -> Sighting:
    """Prepare a record; `seen` is (H, W), the texels that a photograph saw, or None for all of its zone."""
    zone = zone_of(bank, record.zone)
    at = texel_of(record, asset)
    weight = zone.weight
    count = len(zone.texel)
    if seen is not None:
        inside = seen.reshape(-1)[zone.texel]
        count = max(int(inside.sum()), 1)
        if count >= FEWEST_PLACES:  # else, the zone as a whole stands for the little that was seen
            weight = np.zeros_like(zone.weight)
            weight[:-SPOTS][inside] = 1 / count
    factor = None
    if at is not None:
        factor = float(zones.loss_factors(asset.zone_names, texels.zone[at][None], texels.normal[at][None])[0])
    return Sighting(
        record=record,
        years=record.years(bank.twin),
        tool=tool,
        thickness_mm=None if at is None else float(texels.thickness_mm[at]),
        piece=None if at is None else int(piece_of(bank.pieces_mm, texels.thickness_mm[at])),
        factor=factor,
        weight=weight,
        places=count,
    )


def zone_of(bank: Bank, name: str) -> ZoneHistories:
    """Return the zone of this name."""
    return next(zone for zone in bank.zones if zone.name == name)


def log_likelihood(trajectory: Trajectory, sightings: Sequence[Sighting], bias: Singles, power: float = 1.0) -> Floats:
    """Return the log-likelihood of the sightings in one zone, (n, s).

    Parameters
    ----------
    trajectory : the zone under n draws, s seeds each.
    sightings : records of that zone.
    bias : (n, tools), bias of each tool in standard deviations.
    power : exponent of the likelihoods of rusted shares, those of photographs and grades.
    """
    total = np.zeros(trajectory.start_years(slice(0, 1)).shape[:2])
    for readings in by_place(sightings):
        total += _log_mean_exp(_place_log_likelihood(trajectory, readings, bias))
    for item in sightings:
        record, off = item.record, bias[:, item.tool, None]
        if record.kind == "pit":
            miss = record.value - trajectory.pits_mm(item.years).max(axis=2) - record.bias_sd * off
            total += -0.5 * (miss / record.scatter_sd) ** 2
        elif record.kind == "photo":
            mean, spread = _called(item, _share(trajectory, item), off)
            total += power * (-0.5 * ((record.value - mean) / spread) ** 2 - np.log(spread))
        elif record.kind == "grade":
            mean, spread = _judged(item, _share(trajectory, item), off)
            total += power * _grade_log_chance(round(record.value), mean, spread)
    return total


def replicate(
    trajectory: Trajectory, before: Sequence[Sighting], now: Sequence[Sighting], bias: Singles, rng: np.random.Generator
) -> Floats:
    """Draw the inspections of one zone, (n, k): for each of n draws of one seed each, each of k sightings.

    Parameters
    ----------
    trajectory : the zone; s is 1.
    before : earlier sightings in the zone: a place of the same name is the same place.
    now : sightings whose values are drawn.
    bias : (n, tools), in standard deviations.
    """
    count = len(trajectory.growth.rate)
    drawn = np.zeros((count, len(now)))
    number = {item: index for index, item in enumerate(now)}
    for readings in by_place(now):
        key = _place_of(readings[0])
        known = [item for item in before if item.record.kind == "ultrasonic" and key and _place_of(item) == key]
        weight = _place_log_likelihood(trajectory, known, bias)[:, 0]
        place = np.argmax(weight + rng.gumbel(size=weight.shape), axis=1)  # chances go with exp(weight)
        for item in readings:
            left = _left_mm(trajectory, item)[np.arange(count), 0, place]
            drawn[:, number[item]] = left + item.record.bias_sd * bias[:, item.tool]
    for index, item in enumerate(now):
        record, off = item.record, bias[:, item.tool, None]
        noise = rng.standard_normal(count)
        if record.kind == "ultrasonic":
            drawn[:, index] += record.scatter_sd * noise
        elif record.kind == "pit":
            depth = trajectory.pits_mm(item.years).max(axis=2) + record.bias_sd * off
            drawn[:, index] = depth[:, 0] + record.scatter_sd * noise
        elif record.kind == "photo":
            mean, spread = _called(item, _share(trajectory, item), off)
            drawn[:, index] = (mean + spread * noise[:, None])[:, 0]
        else:
            mean, spread = _judged(item, _share(trajectory, item), off)
            drawn[:, index] = np.searchsorted(GRADE_EDGES, (mean + spread * noise[:, None])[:, 0])
    return drawn


def by_zone(sightings: Sequence[Sighting]) -> dict[str, list[Sighting]]:
    """Group sightings by the name of their zone."""
    zones: dict[str, list[Sighting]] = {}
    for item in sightings:
        zones.setdefault(item.record.zone, []).append(item)
    return zones


def by_place(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    """Group thickness readings by place."""
    groups: dict[object, list[Sighting]] = {}
    for item in sightings:
        if item.record.kind == "ultrasonic":
            groups.setdefault(_place_of(item) or item, []).append(item)
    return list(groups.values())


def _place_of(item: Sighting) -> object:
    """Return the key of a place within its zone: its name, else its coordinates, else None or an empty name."""
    return item.record.place or item.record.uv


def _spots(trajectory: Trajectory) -> slice:
    count = len(trajectory.zone.texel)
    return slice(0, count, max(1, count // SPOT_PLACES))


def _left_mm(trajectory: Trajectory, item: Sighting) -> Singles:
    """Return the remaining thickness at a reading, were it taken at each of some sample places, (n, s, q) mm."""
    places = _spots(trajectory)
    loss = trajectory.surface_mm(item.years, places)
    if item.factor is not None:
        loss = loss * (np.float32(item.factor) / np.maximum(trajectory.zone.factor[places], np.float32(1e-6)))
    if item.thickness_mm is None:
        new = trajectory.new_mm(places)
    else:
        new = np.float32(item.thickness_mm) * trajectory.growth.new[:, item.piece, None, None]
    return np.asarray(np.maximum(new - loss, 0))


def _place_log_likelihood(trajectory: Trajectory, readings: Sequence[Sighting], bias: Singles) -> Singles:
    """Return the log-likelihood of readings of one place, were it each of some sample places, (n, s, q)."""
    total = np.zeros(trajectory.start_years(_spots(trajectory)).shape, dtype=np.float32)
    for item in readings:
        total += trajectory.remembered(("reading", item), partial(_reading, trajectory, item, bias))
    return total


def _reading(trajectory: Trajectory, item: Sighting, bias: Singles) -> Singles:
    """Return the log-likelihood of one reading, were its place each of some sample places, (n, s, q)."""
    record = item.record
    off = np.float32(record.bias_sd) * bias[:, item.tool, None, None]
    miss = (np.float32(record.value) - off) - _left_mm(trajectory, item)
    miss *= np.float32(1 / record.scatter_sd)
    miss *= miss
    miss *= np.float32(-0.5)
    return np.asarray(miss)


def _log_mean_exp(values: Singles) -> Floats:
    """Return the logarithm of the mean of exp(values) over the last axis."""
    most = values.max(axis=-1, keepdims=True)
    return np.asarray(most[..., 0] + np.log(np.exp(values - most).mean(axis=-1)), dtype=float)


def _share(trajectory: Trajectory, item: Sighting) -> Singles:
    """Return the rusted share in view, (n, s); spots that open before any sample place rusts count a little."""

    def worked_out() -> Singles:
        rusted = trajectory.rusted(item.years)
        spotted = rusted[..., -SPOTS:].mean(axis=-1) / np.float32(2 * len(trajectory.zone.texel))
        return np.asarray(np.maximum(rusted @ item.weight, spotted), dtype=np.float32)

    return trajectory.remembered(("share", item), worked_out)


def _called(item: Sighting, share: Singles, off: Singles) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the share that a photograph calls rusted, (n, s) each.

    Rust is called rust with the probability of detection, sound surface with that of a false call. The share of a
    history is that of its sample places, known to half a place. That the places only sample the surface is no error of
    the photograph; treating it as one would pull the estimate towards the many histories with less rust.
    """
    record = item.record
    detection = np.clip(record.detection + record.bias_sd * off, record.false_calls + 0.02, 1)
    mean = detection * share + record.false_calls * (1 - share)
    spread = np.sqrt(
        (record.scatter_sd * mean) ** 2
        + SHARE_SD**2
        + (FALSE_CALLS_SPREAD * record.false_calls * (1 - share)) ** 2
        + ((detection - record.false_calls) * HALF_PLACE / item.places) ** 2
    )
    return mean, spread


def _judged(item: Sighting, share: Singles, off: Singles) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the log share by which an inspector judges, (n, s) each."""
    record = item.record
    share = np.maximum(share, np.float32(LEAST_SHARE / 10))
    half = HALF_PLACE / item.places
    spread = np.sqrt(record.scatter_sd**2 + (half / np.maximum(share, half)) ** 2)
    return np.log(share) + record.bias_sd * off, spread


def _grade_log_chance(grade: int, mean: Floats, spread: Floats) -> Floats:
    """Return the log probability that a share of this logarithm is judged to be of this degree."""
    if grade == len(GRADE_EDGES):
        return np.asarray(log_ndtr((mean - GRADE_EDGES[-1]) / spread))
    above = (GRADE_EDGES[grade] - mean) / spread
    if grade == 0:
        return np.asarray(log_ndtr(above))
    below = (GRADE_EDGES[grade - 1] - mean) / spread
    return np.asarray(np.log(np.maximum(ndtr(above) - ndtr(below), 1e-30)))
