"""Loss to mechanisms over the years, drawn from the thickness readings: what all places share, and measured places."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from corrotwin.twin.bayes.histories.renewals import exposed_years
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.sightings import Sighting
from corrotwin.twin.bayes.thickness.model import (
    JITTER,
    ThicknessModel,
    brownian_integral,
    brownian_root,
    laws,
    local_covariance,
    steady_loss_mm,
    thickness_in_air_mm,
)
from corrotwin.twin.bayes.thickness.readings import arrange, draw_spots, rows_and_slots, since_of
from corrotwin.twin.core.machine import one_blas_thread
from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.mechanisms.mechanism import loss_mm

MOST_STEPS = 120  # of a year or more; paths are smooth between them
JUST_BEFORE_YEARS = 1e-3  # before a renewal: until then paths are of the old metal
JITTER_MM2 = 1e-8  # on the diagonal of covariances, which may be singular; and a share of each variance


@dataclass(frozen=True, kw_only=True, eq=False)
class Paths:
    """Draws of n particles on a grid of T years.

    Parameters
    ----------
    years : (T,) the grid.
    shared_mm : (n, M, T) loss by the part of each mechanism's changing rate that all places share.
    left_mm : (n, J, T) thickness of the measured places through the wall.
    """

    years: Floats
    shared_mm: Floats
    left_mm: Floats

    def shared_at(self, years: float) -> Floats:
        """Return the loss that all places share in a year, (n, M) mm."""
        return _between(self.years, self.shared_mm, years)

    def left_at(self, years: float) -> Floats:
        """Return the remaining thickness at the measured places in a year, (n, J) mm."""
        return _between(self.years, self.left_mm, years)


@one_blas_thread()
def draw_paths(particles: Particles, until_years: float, rng: np.random.Generator) -> Paths:
    """Draw one path for each particle; paths to a later year begin with the same values.

    Parameters
    ----------
    particles : states of knowledge, n of them.
    until_years : end of the grid, after the asset was built.
    rng : source of randomness.
    """
    step = max(1.0, np.ceil(until_years / MOST_STEPS))
    years = np.arange(np.ceil(until_years / step) + 1) * step
    renewed = np.unique(particles.bank.renewed_years)
    years = np.unique(np.concatenate([years, renewed, np.maximum(renewed - JUST_BEFORE_YEARS, 0)]))
    model = particles.thickness_model()
    streams = rng.spawn(3)
    standard = None if model is None else model.draw_shared(streams[0])
    shared = _shared_mm(particles, model, standard, years, streams[1])
    if model is None:
        return Paths(years=years, shared_mm=shared, left_mm=np.zeros((len(particles.number), 0, len(years))))
    assert standard is not None  # noqa: S101  drawn wherever there is a model
    left = np.maximum(_left_mm(model, standard, shared, np.searchsorted(years, renewed), years, streams[2]), 0)
    for row, place in enumerate(model.readings.places):
        left[:, row] = one_way(left[:, row], years, place.renewed_years, np.minimum)
    return Paths(years=years, shared_mm=shared, left_mm=left)


def one_way(values: Floats, years: Floats, renewed_years: Iterable[float], way: np.ufunc) -> Floats:
    """Make values, (n, T), only fall (`np.minimum`) or rise (`np.maximum`) from one renewal to the next."""
    parts = np.split(values, np.searchsorted(years, sorted(set(renewed_years))), axis=1)
    return np.concatenate([way.accumulate(part, axis=1) for part in parts], axis=1)


def _shared_mm(
    particles: Particles, model: ThicknessModel | None, standard: Floats | None, years: Floats, rng: np.random.Generator
) -> Floats:
    """Return the shared loss by changing rates, (n, M, T) mm, added to the law; the total never falls."""
    growth, mechanisms = particles.growth(), particles.bank.twin.mechanisms
    count, slots = len(particles.number), np.zeros(0) if model is None else model.shared_years
    noise = rng.standard_normal((len(years), len(mechanisms), count))  # year by year: longer grids begin with the same
    shared = np.zeros((count, len(mechanisms), len(years)))
    for index, mechanism in enumerate(mechanisms):
        at = exposed_years(mechanism, years)
        path, covariance = np.zeros((count, len(years))), brownian_integral(at, at)
        if standard is not None:
            seen = exposed_years(mechanism, slots)
            gain = np.linalg.solve(brownian_root(seen), brownian_integral(seen, at))
            path = standard[:, index * len(slots) : (index + 1) * len(slots)] @ gain
            covariance = covariance - gain.T @ gain
        path = path + (_root(covariance) @ noise[:, index]).T
        rate = growth.mechanism_rate[:, index, None].astype(float)
        steady = rate * loss_mm(mechanism, years, 1.0)
        wandering = rate * growth.shared_drift[:, index, None] * path
        shared[:, index] = np.maximum.accumulate(np.maximum(steady + wandering, 0), axis=1) - steady
    return shared


def _left_mm(
    model: ThicknessModel, standard: Floats, shared_mm: Floats, renewed: Integers, years: Floats,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """Return the remaining thickness at the measured places, (n, J, T) mm.

    Parameters
    ----------
    model : of the readings.
    standard : (n, R) what all places share, standardised, from `ThicknessModel.draw_shared`.
    shared_mm : (n, M, T) the resulting loss to each mechanism.
    renewed : (E,) indices of the years with new metal.
    years : (T,).
    rng : source of each place's own values: drawn as if unread, then corrected by the readings (Matheron's rule).
    """
    growth, readings, bank = model.growth, model.readings, model.bank
    left = thickness_in_air_mm(bank, readings, growth, model.spots, years)
    since, _ = since_of(readings.places, years)
    left -= steady_loss_mm(readings, growth, laws(bank, np.broadcast_to(years, since.shape), since))
    acts = np.stack([place.acts for place in readings.places])
    left -= np.einsum("jm,nmt->njt", acts, shared_mm)
    for begin in renewed:
        left += np.where(since == years[begin], np.einsum("jm,nm->nj", acts, shared_mm[..., begin])[..., None], 0)
    for (rows, group), stream in zip(model.groups, rng.spawn(len(model.groups)), strict=True):
        slots, size = readings.years, (len(model.spots), len(rows))
        whole = np.concatenate([slots, years])
        covariance = local_covariance(bank, growth, readings.places[rows[0]], whole, whole)
        variance = covariance.diagonal(axis1=1, axis2=2)
        root = np.linalg.cholesky(covariance + (JITTER_MM2 + JITTER * variance)[:, None] * np.eye(len(whole)))
        noise = stream.standard_normal((2 * len(slots) + len(years), *size))  # longer grids begin with the same
        scatter = np.moveaxis(noise[: len(slots)], 0, -1) * np.sqrt(readings.variance[rows])
        drawn = np.einsum("nab,bnj->nja", root, noise[len(slots) :])
        seen, ahead = drawn[..., : len(slots)], drawn[..., len(slots) :]
        off = model.residual_mm[:, rows] - (group.design @ standard[..., None]).transpose(0, 2, 1) - seen - scatter
        off = np.where(readings.read[rows], off, 0)
        left[:, rows] -= ahead + off @ group.inverse @ covariance[:, : len(slots), len(slots) :]
    return left


def replicate_thickness(
    state: Particles, before: Sequence[Sighting], new: Sequence[Sighting], rng: np.random.Generator
) -> Floats:
    """Draw the thickness readings of an inspection from earlier knowledge, (n, k) mm.

    Parameters
    ----------
    state : earlier knowledge.
    before, new : sightings of earlier inspections, and k thickness readings of this one.
    rng : source of randomness.
    """
    readings = arrange(before, new, state.bank)
    count, slots = len(state.number), len(readings.years)
    spots = draw_spots(state.bank, readings.places[state.spots.shape[1] :], count, rng)
    model = ThicknessModel(
        bank=state.bank, readings=readings.without_latest(), growth=state.growth(),
        spots=np.concatenate([state.spots, spots], axis=1),
    )  # fmt: skip
    standard = model.draw_shared(rng)
    years = model.shared_years
    shared = np.zeros((count, len(state.bank.twin.mechanisms), len(years)))
    for index, mechanism in enumerate(state.bank.twin.mechanisms):
        wander = standard[:, index * len(years) : (index + 1) * len(years)]
        scale = model.growth.mechanism_rate[:, index] * model.growth.shared_drift[:, index]
        shared[:, index] = scale[:, None] * (wander @ brownian_root(exposed_years(mechanism, years)).T)
    left = _left_mm(model, standard, shared, np.arange(slots, len(years)), years, rng)
    bias = standard[:, -slots:] * np.sqrt(readings.bias_variance)
    drawn = np.zeros((count, len(new)))
    for number, (item, (row, slot)) in enumerate(zip(new, rows_and_slots(before, new, state.bank), strict=True)):
        drawn[:, number] = left[:, row, slot] - bias[:, slot] + item.record.thick_bias_mm
        drawn[:, number] += item.record.scatter_sd * rng.standard_normal(count)
    return drawn


def _root(covariance: Floats) -> Floats:
    """Return a lower triangular root of a covariance that may be singular, (a, a)."""
    return np.linalg.cholesky(covariance + 1e-7 * np.eye(len(covariance)))


def _between(grid: Floats, values: Floats, years: float) -> Floats:
    """Interpolate values on a grid, (..., T), linearly."""
    after = int(np.clip(np.searchsorted(grid, years), 1, len(grid) - 1)) if len(grid) > 1 else 0
    if after == 0:
        return values[..., 0]
    share = float(np.clip((years - grid[after - 1]) / (grid[after] - grid[after - 1]), 0, 1))
    return np.asarray((1 - share) * values[..., after - 1] + share * values[..., after])
