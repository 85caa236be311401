"""Gaussian model of thickness readings, given growth and where in its zone each measured place lies.

A reading is the thickness of its place when new, less the loss of both faces there, plus the bias of its visit and
instrument, plus scatter. Conflicts do not widen that bias: otherwise a wall that loses faster than ever would pass for
a gauge that reads too thin. Loss to a mechanism is its rate times a sum: the mechanism's law of time, severer or milder
at each place, plus the integral of a wandering rate (integrated Brownian motion), in part alike everywhere, in part
particular to each place. Given rates, spreads and drifts all of that is Gaussian, so severities, wandering rates and
biases are integrated exactly: the precision matrix of what all places share has one row per slot, and given it places
are independent (Woodbury).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from corrotwin.twin.bayes.histories.air import air_loss_mm
from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.histories.renewals import Stage, exposed_years, latest_metal, law_mm, loss_in_stages
from corrotwin.twin.bayes.histories.trajectories import LOCAL_NEW, GrowthSamples
from corrotwin.twin.bayes.histories.zone_histories import ZoneHistories
from corrotwin.twin.bayes.thickness.readings import MeasuredPlace, Readings, since_of
from corrotwin.twin.geometry.atlas import Floats, Integers, Singles

JITTER = 1e-9  # keeps covariances of integrated Brownian motion positive definite


def brownian_root(years: Floats) -> Floats:
    """Return a lower triangular root of `brownian_integral` between years, (a, a)."""
    return np.linalg.cholesky(brownian_integral(years, years) + JITTER * np.eye(len(years)))


def brownian_integral(first: Floats, second: Floats) -> Floats:
    """Return the covariance of integrated Brownian motion between years (a,) and (b,), (a, b): s² (3 t - s) / 6."""
    low, high = np.minimum.outer(first, second), np.maximum.outer(first, second)
    return np.asarray(low**2 * (3 * high - low) / 6)


@dataclass(frozen=True, kw_only=True, eq=False)
class ThicknessModel:
    """Thickness readings under n samples of growth, each measured place at a given sample place.

    Parameters
    ----------
    bank, readings : J places, V slots, M mechanisms.
    growth : n samples.
    spots : (n, J) which start of corrosion each place has: seed times P plus sample place of its zone.
    """

    bank: Bank
    readings: Readings
    growth: GrowthSamples
    spots: Integers

    def weakened(self, power: float) -> "ThicknessModel":
        """Return the model with the latest inspection at this share of its weight."""
        if power == 1:
            return self
        return replace(self, readings=self.readings.weakened(power)).knowing(self.without_mechanisms_mm)

    def knowing(self, without_mechanisms_mm: Floats) -> "ThicknessModel":
        """Return the model with `without_mechanisms_mm`, (n, J, V), known; computing it takes most of the time."""
        self.__dict__["without_mechanisms_mm"] = without_mechanisms_mm
        return self

    @cached_property
    def without_mechanisms_mm(self) -> Floats:
        """Thickness when new of the piece, less the loss of both faces in air, (n, J, V) mm."""
        return thickness_in_air_mm(self.bank, self.readings, self.growth, self.spots, self.readings.years)

    @cached_property
    def shared_years(self) -> Floats:
        """Years at which what all places share is drawn, (G,): those of the slots, then those of new metal."""
        return np.concatenate([self.readings.years, np.unique(self.bank.renewed_years)])

    @cached_property
    def _steady(self) -> Floats:
        """Loss by each mechanism's law at rate 1, at each reading, (J, V, M)."""
        return laws(self.bank, self.readings.at_years, self.readings.since_years)

    @cached_property
    def residual_mm(self) -> Floats:
        """Loss beyond the mean, (n, J, V) mm; 0 where there is no reading."""
        mean = steady_loss_mm(self.readings, self.growth, self._steady)
        off = self.without_mechanisms_mm - mean - self.readings.value_mm
        return np.asarray(np.where(self.readings.read, off, 0))

    @cached_property
    def groups(self) -> list[tuple[Integers, "_Group"]]:
        """Places grouped by covariance: same readings, thickness, mechanisms and renewals."""
        keys: dict[bytes, list[int]] = {}
        for row, place in enumerate(self.readings.places):
            key = self.readings.variance[row].tobytes() + place.acts.tobytes() + np.float64(place.nominal_mm).tobytes()
            key += np.array(place.renewed).tobytes()
            keys.setdefault(key, []).append(row)
        return [(np.array(rows), self._group(rows[0])) for rows in keys.values()]

    def _group(self, row: int) -> "_Group":
        place, years = self.readings.places[row], self.readings.years
        local = local_covariance(self.bank, self.growth, place, years, years)
        whole = local + np.diag(self.readings.variance[row])
        scale = place.acts * self.growth.mechanism_rate * self.growth.shared_drift
        bias = np.sqrt(self.readings.bias_variance)
        since = self.readings.since_years[row]
        begin = np.searchsorted(self.shared_years[len(years) :], since)
        design = []
        for index, mechanism in enumerate(self.bank.twin.mechanisms):
            root = brownian_root(exposed_years(mechanism, self.shared_years))
            before = np.concatenate([root[len(years) :], np.zeros((1, len(root)))])[begin]
            lost = root[: len(years)] - np.where(since[:, None] > 0, before, 0)
            design.append(scale[:, index, None, None] * lost)
        design.append(np.broadcast_to(np.diag(bias), (len(scale), len(years), len(years))))
        return _Group(
            inverse=np.linalg.inv(whole), log_determinant=np.linalg.slogdet(whole)[1],
            design=np.concatenate(design, axis=2),
        )  # fmt: skip

    @cached_property
    def _shared(self) -> tuple[Floats, Floats, Floats]:
        """Precision of what is shared, (n, R, R), precision times mean, (n, R), and log-likelihood without it, (n,)."""
        count, size = len(self.spots), self.groups[0][1].design.shape[2]
        precision = np.broadcast_to(np.eye(size), (count, size, size)).copy()
        pull, likelihood = np.zeros((count, size)), np.zeros(count)
        for rows, group in self.groups:
            residual = self.residual_mm[:, rows]
            weighted = residual @ group.inverse
            turned = group.design.transpose(0, 2, 1)
            precision += len(rows) * (turned @ group.inverse @ group.design)
            pull += (turned @ weighted.sum(axis=1)[..., None])[..., 0]
            likelihood -= 0.5 * ((weighted * residual).sum(axis=(1, 2)) + len(rows) * group.log_determinant)
        return precision, pull, likelihood

    def log_likelihood(self) -> Floats:
        """Return the log-likelihood of all readings, (n,)."""
        precision, pull, likelihood = self._shared
        mean = np.linalg.solve(precision, pull[..., None])[..., 0]
        return np.asarray(likelihood + 0.5 * (pull * mean).sum(axis=1) - 0.5 * np.linalg.slogdet(precision)[1])

    def draw_shared(self, rng: np.random.Generator) -> Floats:
        """Draw what all places share, (n, R), standardised: wandering rates of each mechanism, and biases."""
        precision, pull, _ = self._shared
        mean = np.linalg.solve(precision, pull[..., None])[..., 0]
        root = np.linalg.cholesky(precision)
        noise = np.linalg.solve(root.transpose(0, 2, 1), rng.standard_normal(pull.shape)[..., None])[..., 0]
        return np.asarray(mean + noise)

    def log_likelihood_of_places(self, shared: Floats) -> Floats:
        """Return the log-likelihood of each place's readings given what is shared, (n, J), up to a constant."""
        total = np.zeros(self.spots.shape)
        for rows, group in self.groups:
            off = self.residual_mm[:, rows] - (group.design @ shared[..., None]).transpose(0, 2, 1)
            off = np.where(self.readings.read[rows], off, 0)
            total[:, rows] = -0.5 * ((off @ group.inverse) * off).sum(axis=2)
        return total


def steady_loss_mm(readings: Readings, growth: GrowthSamples, steady: Floats) -> Floats:
    """Return the mean loss of both faces to mechanisms at measured places, (n, J, T) mm.

    Parameters
    ----------
    readings, growth : J places, n samples.
    steady : (J or 1, T, M) loss by each mechanism's law at rate 1.
    """
    acts = np.stack([place.acts for place in readings.places])
    by_place = np.broadcast_to(steady, (len(acts), *steady.shape[1:]))
    return np.asarray(np.einsum("jm,nm,jtm->njt", acts, growth.mechanism_rate.astype(float), by_place))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Group:
    inverse: Floats  # (n, V, V) inverse covariance of what is particular to a place, scatter included
    log_determinant: Floats  # (n,)
    design: Floats  # (n, V, R) effect of what is shared on loss


def local_covariance(bank: Bank, growth: GrowthSamples, place: MeasuredPlace, first: Floats, second: Floats) -> Floats:
    """Return the covariance of the loss particular to a place between years (a,) and (b,), (n, a, b) mm².

    It comes from thickness when new relative to the piece, from severity, and from the wandering of rates there.
    """
    (since, metal), (later, later_metal) = latest_metal(first, place.renewed), latest_metal(second, place.renewed)
    growth_rate = growth.mechanism_rate.astype(float)
    new = (LOCAL_NEW * place.nominal_mm) ** 2 * (metal[:, None] == later_metal)
    total = np.broadcast_to(new, (len(growth_rate), *new.shape)).copy()
    early, late = laws(bank, first, since), laws(bank, second, later)
    for index, mechanism in enumerate(bank.twin.mechanisms):
        begun, ended = exposed_years(mechanism, first), exposed_years(mechanism, second)
        fresh, last = exposed_years(mechanism, since), exposed_years(mechanism, later)
        wander = brownian_integral(begun, ended) - brownian_integral(begun, last)
        wander += brownian_integral(fresh, last) - brownian_integral(fresh, ended)
        square = place.acts[index] * growth_rate[:, index, None, None] ** 2
        severity = growth.mechanism_spread[:, index, None, None].astype(float) ** 2
        drift = growth.local_drift[:, index, None, None].astype(float) ** 2
        total += square * (severity * np.outer(early[:, index], late[:, index]) + drift * wander)
    return np.asarray(total)


def laws(bank: Bank, years: Floats, since_years: ArrayLike = 0.0) -> Floats:
    """Return the loss by each mechanism's law at rate 1, in the shape of `years` and one more axis, (..., M).

    Parameters
    ----------
    bank, years : bank of the asset, and years of service.
    since_years : installation year of the metal, in a shape that broadcasts with `years`.
    """
    laws = [law_mm(mechanism, years, since_years) for mechanism in bank.twin.mechanisms]
    return np.stack(laws, axis=-1) if laws else np.zeros((*years.shape, 0))


def thickness_in_air_mm(
    bank: Bank, readings: Readings, growth: GrowthSamples, spots: Integers, years: Floats
) -> Floats:
    """Return the thickness of measured places with the loss of both faces in air alone, (n, J, T) mm.

    Parameters
    ----------
    bank, readings, growth, spots : as for `ThicknessModel`.
    years : (T,).
    """
    left = np.zeros((len(spots), len(readings.places), len(years)))
    for zone in bank.zones:
        rows = np.flatnonzero([place.zone == zone.name for place in readings.places])
        if not len(rows):
            continue
        places = [readings.places[row] for row in rows]
        seed, place = np.divmod(spots[:, rows], len(zone.texel))
        known = np.array([item.piece is not None for item in places])
        nominal = np.where(known, [item.nominal_mm for item in places], zone.thickness_mm[place])
        piece = np.where(known, [item.piece or 0 for item in places], zone.piece[place])
        for number, face, factors in (
            (0, zone.own, [item.factor for item in places]), (1, zone.behind, [item.behind_factor for item in places])
        ):  # fmt: skip
            factor = np.where(known, [item or 0.0 for item in factors], face.factor[place])
            if not factor.any():
                continue
            lost = _air_mm(bank, zone, number, places, growth, seed, place, years)
            left[:, rows] -= factor[..., None] * lost
        metal = since_of(places, years)[1]
        for metal_number in np.unique(metal):
            new = nominal * np.take_along_axis(growth.new, piece + len(bank.pieces_mm) * metal_number, axis=1)
            left[:, rows] += np.where(metal == metal_number, new[..., None], 0)
    return left


def _air_mm(
    bank: Bank,
    zone: ZoneHistories,
    side: int,
    places: Sequence[MeasuredPlace],
    growth: GrowthSamples,
    seed: Integers,
    place: Integers,
    years: Floats,
) -> Singles:
    """Return the loss in air of a face at places, (n, j, T) mm, before its factor; side 0 is its own, 1 that behind."""
    face = (zone.own, zone.behind)[side]
    number, delay = growth.number[:, None], growth.delay[:, None]
    start: Singles = delay * face.start_years[number, seed, place]
    stages = []
    for index, renewal in enumerate(zone.renewals):
        fresh, renewed = ((renewal.own_start_years, renewal.own), (renewal.behind_start_years, renewal.behind))[side]
        if renewal.metal:
            here = np.array([(renewal.years, renewal.metal) in item.renewed for item in places])
        else:
            recoated = [item.recoated[index][side] for item in places]
            here = np.where([flag is None for flag in recoated], renewed[place], np.array(recoated, dtype=bool))
        if here.any():
            at = np.float32(renewal.years) + delay * fresh[number, seed, place]
            stages.append(Stage(years=renewal.years, metal=renewal.metal > 0, here=here, start_years=at))
    wet, local = face.wet[place], face.local[seed, place]
    rate, exponent = growth.rate[:, None], growth.exponent[:, None]

    def loss_mm(start: Singles, until: float) -> Singles:
        return local * air_loss_mm(bank.twin, start, wet, until, rate, exponent)

    return np.stack([loss_in_stages(start, stages, float(year), loss_mm) for year in years], axis=-1)
