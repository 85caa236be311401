"""Likelihood of pits, grades and photographs under a history, and replicates of them drawn from one.

Given the parameters that all zones share, zones are independent: a likelihood is computed zone by zone, for every seed
of the bank. Thickness readings have a model of their own (`twin.bayes.thickness.model`).
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import log_ndtr, ndtr

from corrotwin.twin.bayes.histories.trajectories import Trajectory
from corrotwin.twin.bayes.histories.zone_histories import SPOTS
from corrotwin.twin.bayes.sightings import Sighting
from corrotwin.twin.core.rust_grade import RUST_GRADES
from corrotwin.twin.geometry.atlas import Floats, Singles

SHARE_SD = 0.001  # least error of a share from a photograph
HALF_PLACE = 0.5  # half a sample place: how finely a history's share is known
FALSE_CALLS_SPREAD = 0.5  # relative spread of the share of false calls between photographs
LEAST_SHARE = 5e-5  # rusted share below which nobody sees rust
# Logarithms of the shares at which one degree of ISO 4628-3 passes into the next.
GRADE_EDGES = np.log([LEAST_SHARE, *(percent / 100 for percent, _ in RUST_GRADES[1:])])


def log_likelihood(trajectory: Trajectory, sightings: Sequence[Sighting], bias: Singles, power: float = 1.0) -> Floats:
    """Return the log-likelihood of the sightings in one zone, (n, s).

    Parameters
    ----------
    trajectory : the zone under n draws, s seeds each.
    sightings : records of that zone, of other kinds than thickness.
    bias : (n, tools), bias of each tool in standard deviations.
    power : exponent of the likelihoods of rusted shares, those of photographs and grades.
    """
    seeds = trajectory.bank.seeds if trajectory.seed is None else trajectory.seed.shape[1]
    total = np.zeros((len(bias), seeds))
    for item in sightings:
        record, off = item.record, bias[:, item.tool, None]
        if record.kind == "pit":
            miss = record.value - trajectory.pits_mm(item.years).max(axis=2) - record.bias_sd * off
            total += -0.5 * (miss / record.scatter_sd) ** 2
        elif record.kind == "photo":
            mean, spread = _called(item, _share(trajectory, item), off)
            total += power * (-0.5 * ((record.value - mean) / spread) ** 2 - np.log(spread))
        else:
            mean, spread = _judged(item, _share(trajectory, item), off)
            total += power * _grade_log_chance(round(record.value), mean, spread)
    return total


def replicate(trajectory: Trajectory, sightings: Sequence[Sighting], bias: Singles, rng: np.random.Generator) -> Floats:
    """Draw replicates of k sightings in one zone, (n, k), from n draws of one seed each.

    Parameters
    ----------
    trajectory : the zone; s is 1.
    sightings : records to replicate, of other kinds than thickness.
    bias : (n, tools), in standard deviations.
    """
    count = len(trajectory.growth.rate)
    drawn = np.zeros((count, len(sightings)))
    for index, item in enumerate(sightings):
        record, off = item.record, bias[:, item.tool, None]
        noise = rng.standard_normal(count)
        if record.kind == "pit":
            depth = trajectory.pits_mm(item.years).max(axis=2) + record.bias_sd * off
            drawn[:, index] = depth[:, 0] + record.scatter_sd * noise
        elif record.kind == "photo":
            mean, spread = _called(item, _share(trajectory, item), off)
            drawn[:, index] = (mean + spread * noise[:, None])[:, 0]
        else:
            mean, spread = _judged(item, _share(trajectory, item), off)
            drawn[:, index] = np.searchsorted(GRADE_EDGES, (mean + spread * noise[:, None])[:, 0])
    return drawn


def _share(trajectory: Trajectory, item: Sighting) -> Singles:
    """Return the rusted share in view, (n, s); spots that open before any sample place rusts count a little."""

    def compute() -> Singles:
        rusted = trajectory.rusted(item.years)
        spotted = rusted[..., -SPOTS:].mean(axis=-1) / np.float32(2 * len(trajectory.zone.texel))
        return np.asarray(np.maximum(rusted @ item.weight, spotted), dtype=np.float32)

    return trajectory.remembered(("share", item), compute)


def _called(item: Sighting, share: Singles, off: Singles) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the share that a photograph calls rusted, (n, s) each.

    Rust is called rust with the probability of detection, sound surface with that of a false call. A history's share
    is that of its sample places, known to half a place. Their sampling error is not an error of the photograph;
    treating it as one would pull the estimate towards the many histories with less rust.
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
    """Return mean and standard deviation of the log share that an inspector judges, (n, s) each."""
    record = item.record
    share = np.maximum(share, np.float32(LEAST_SHARE / 10))
    half = HALF_PLACE / item.places
    spread = np.sqrt(record.scatter_sd**2 + (half / np.maximum(share, half)) ** 2)
    return np.log(share) + record.bias_sd * off, spread


def _grade_log_chance(grade: int, mean: Floats, spread: Floats) -> Floats:
    """Return the log probability that a log share of this mean and spread is judged to be of this degree."""
    if grade == len(GRADE_EDGES):
        return np.asarray(log_ndtr((mean - GRADE_EDGES[-1]) / spread))
    above = (GRADE_EDGES[grade] - mean) / spread
    if grade == 0:
        return np.asarray(log_ndtr(above))
    below = (GRADE_EDGES[grade - 1] - mean) / spread
    return np.asarray(np.log(np.maximum(ndtr(above) - ndtr(below), 1e-30)))
