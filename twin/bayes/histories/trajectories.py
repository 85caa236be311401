"""State of a zone in a year, from a bank of histories and samples of the growth parameters."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.histories import renewals
from corrotwin.twin.bayes.histories.air import air_loss_mm, counted_between
from corrotwin.twin.bayes.histories.ensemble import Bank
from corrotwin.twin.bayes.histories.renewals import Stage, has_happened, law_mm, loss_in_stages
from corrotwin.twin.bayes.histories.zone_histories import Face, ZoneHistories
from corrotwin.twin.geometry.atlas import Floats, Integers, Singles
from corrotwin.twin.model.corrosion import AS_STANDARD
from corrotwin.twin.model.pits import mean_pit_mm

Kept = TypeVar("Kept", np.float32, np.int64)
# Function of years of service: loss to each mechanism due to what all places share, (n, M) mm.
SharedLoss = Callable[[float], Floats]
LOCAL_NEW = 0.015  # standard deviation of a place's thickness when new over its piece's; seamless pipe is eccentric


@dataclass(frozen=True, kw_only=True, eq=False)
class GrowthSamples:
    """n samples of the parameters that stretch or scale a history, and the draw of the bank that each goes with."""

    delay: Singles  # (n,) factor on every start of corrosion
    rate: Singles  # (n,) factor on every loss in air
    exponent: Singles  # (n,) of time, in air
    pits: Singles  # (n,) factor on the depth of pits
    new: Singles  # (n, K) thickness when new over nominal: each piece of the bank, then again for each new metal
    mechanism_rate: Singles  # (n, M) mm in the first year
    mechanism_spread: Singles  # (n, M) standard deviation of the logarithm of the rate from place to place
    shared_drift: Singles  # (n, M) standard deviation of the change of the rate everywhere, over the rate, in a year
    local_drift: Singles  # (n, M) the same for each place by itself
    number: Integers  # (n,) draw of the bank
    pit_number: Integers  # (n,) draw of the bank for the pits and the worst cells


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """A zone in a year, (n, s) each."""

    rusted_share: Singles
    mean_loss_mm: Singles
    max_loss_mm: Singles  # of its own face
    least_left_mm: Singles  # through the wall
    judged_left_mm: Singles  # the same, over places thicker when new than required
    general_left_mm: Singles  # median through the wall, without pits


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory:
    """A zone under n draws, in s of its seeds: `seed` is (n, s), or None for all seeds of the bank in turn."""

    bank: Bank
    zone: ZoneHistories
    growth: GrowthSamples
    seed: Integers | None = None
    _known: dict[Hashable, NDArray[Any]] = field(default_factory=dict, repr=False)

    def _chosen(self, values: NDArray[Kept], number: Integers) -> NDArray[Kept]:
        """Select draws `number` and this trajectory's seeds from values, (B, S, ...): (n, s, ...)."""
        return np.asarray(values[number] if self.seed is None else values[number[:, None], self.seed])

    def _of_pits(self, values: NDArray[Kept]) -> NDArray[Kept]:
        """Select this trajectory's draws and seeds from values of pits, (D, S, J): (n, s, J)."""
        return self._chosen(values, self.growth.pit_number)

    def _of_seed(self, values: Singles) -> Singles:
        """Select this trajectory's seeds from values by seed, (S, ...): (1 or n, s, ...)."""
        return values[None] if self.seed is None else values[self.seed]

    @cached_property
    def _own_starts(self) -> Singles:
        return self.start_years(self.zone.own)

    def start_years(self, face: Face) -> Singles:
        """Return the start of corrosion in air at each place of a face, (n, s, Q) years; first spots come last."""
        return np.asarray(_up(self.growth.delay) * self._chosen(face.start_years, self.growth.number))

    @cached_property
    def _stages(self) -> tuple[list[Stage], list[Stage]]:
        """Renewals of the zone's own face and of the one behind."""
        delay, number = _up(self.growth.delay), self.growth.number
        own, behind = list[Stage](), list[Stage]()
        for renewal in self.zone.renewals:
            for stages, here, start in (
                (own, renewal.own, renewal.own_start_years), (behind, renewal.behind, renewal.behind_start_years)
            ):  # fmt: skip
                if here.any():
                    at = np.float32(renewal.years) + delay * self._chosen(start, number)
                    stages.append(Stage(years=renewal.years, metal=renewal.metal > 0, here=here, start_years=at))
        return own, behind

    def metal_since(self, years: float) -> tuple[Floats, Integers]:
        """Return installation year and number of the metal in a year, (Q,) each; (1,) without renewals."""
        since, number = np.zeros(1), np.zeros(1, dtype=np.int64)
        for renewal in self.zone.renewals:
            if renewal.metal and has_happened(renewal.years, years):
                since = np.where(renewal.own, renewal.years, since)
                number = np.where(renewal.own, renewal.metal, number)
        return since, number

    def new_mm(self, years: float = 0.0) -> Singles:
        """Return the thickness when new of the metal in place in a year, (n, s, Q) mm."""
        piece = self.zone.piece + len(self.bank.pieces_mm) * self.metal_since(years)[1]
        piece = self.zone.thickness_mm * self.growth.new[:, None, piece]
        return np.asarray(piece * (1 + np.float32(LOCAL_NEW) * self._of_seed(self.zone.new)))

    def remembered(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the result of `make`, computed once for each key. Read-only."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def air_mm(self, years: float, face: Face) -> Singles:
        """Return the loss in air at each place of a face, without pits, (n, s, Q) mm; it may pass the thickness."""
        if not face.factor.any():
            return np.zeros((1, 1, len(face.factor)), dtype=np.float32)
        is_own = face is self.zone.own
        rate, exponent = _up(self.growth.rate), _up(self.growth.exponent)

        def loss_mm(start: Singles, until: float) -> Singles:
            loss = air_loss_mm(self.bank.twin, start, face.wet, until, rate, exponent)
            loss *= self._of_seed(face.local)
            loss *= face.factor
            return loss

        start = self._own_starts if is_own else self.start_years(face)
        return loss_in_stages(start, self._stages[0 if is_own else 1], years, loss_mm)

    def mechanism_mm(self, years: float, face: Face, shared: SharedLoss | None) -> Singles:
        """Return the loss to mechanisms at each place of a face, (n, s, Q) mm.

        Parameters
        ----------
        years : of service.
        face : of the zone.
        shared : loss by the change of rates that all places share, as a function of years; None to leave it out.
        """
        total = np.zeros((1, 1, len(face.factor)), dtype=np.float32)
        spread, drift, since = self._of_seed(face.spread), self._of_seed(face.drift), self.metal_since(years)[0]
        for index in range(len(self.bank.twin.mechanisms)):
            if face.acts[:, index].any():
                loss = self._one_mechanism_mm(years, since, index, spread[..., index], drift[..., index], shared)
                total = total + loss * face.acts[:, index]
        return np.asarray(total, dtype=np.float32)

    def _one_mechanism_mm(
        self, years: float, since: Floats, index: int, spread: Singles, drift: Singles | float,
        shared: SharedLoss | None,
    ) -> Singles:  # fmt: skip
        growth, mechanism = self.growth, self.bank.twin.mechanisms[index]
        steady = np.asarray(law_mm(mechanism, years, since), dtype=np.float32)
        scale = np.asarray(renewals.drift_scale(mechanism, years, since), dtype=np.float32)
        severity = np.exp(_up(growth.mechanism_spread[:, index]) * spread)
        changed = _up(growth.local_drift[:, index]) * scale * drift
        loss = _up(growth.mechanism_rate[:, index]) * (severity * steady + changed)
        if shared is not None:
            loss = loss + shared(years)[:, index, None, None]
            for begin in np.unique(since[since > 0]):
                loss = loss - np.where(since == begin, shared(float(begin))[:, index, None, None], 0)
        return np.asarray(np.maximum(loss, 0), dtype=np.float32)

    def _lost_mm(self, years: float, face: Face, shared: SharedLoss | None) -> Singles:
        return self.air_mm(years, face) + self.mechanism_mm(years, face, shared)

    def left_mm(self, years: float, shared: SharedLoss | None = None) -> Singles:
        """Return the remaining thickness of the wall at each place, without pits, (n, s, Q) mm."""
        own, behind = (self._lost_mm(years, face, shared) for face in (self.zone.own, self.zone.behind))
        return np.asarray(np.maximum(self.new_mm(years) - own - behind, 0))

    def pits_mm(self, years: float) -> Singles:
        """Return the depth of each pit below its surroundings, (n, s, J) mm."""
        depth, _ = self._since_birth_mm(years)
        return np.asarray(depth * self._of_pits(self.zone.pit_factor))

    def _since_birth_mm(self, years: float) -> tuple[Singles, Integers]:
        """Return the loss in air since birth at each pit, times the factor on pits, (n, s, J) mm, and its place.

        Under attack by a mechanism, pits are known only where some were measured; they deepen with its loss, too.
        """
        place = self._of_pits(self.zone.pit_place)
        delay, usual = self._of_pits(self.zone.pit_delay_years), np.array(AS_STANDARD.exponent, dtype=np.float32)

        def loss_mm(start: Singles, until: float) -> Singles:  # `twin.model.pits` says why with the usual exponent
            rate, wet = _up(self.growth.rate), self.zone.own.wet[place]
            return air_loss_mm(self.bank.twin, start + delay, wet, until, rate, usual) * self.zone.own.factor[place]

        def at_pits(start: Singles) -> Singles:
            return np.take_along_axis(start, place, axis=2)

        stages = [
            replace(stage, here=stage.here[place], start_years=at_pits(stage.start_years)) for stage in self._stages[0]
        ]
        depth = loss_in_stages(at_pits(self._own_starts), stages, years, loss_mm)
        if self.zone.name in self.bank.pitted:
            new = np.broadcast_to(self.metal_since(years)[0], self.zone.thickness_mm.shape)[place]
            since = np.maximum(years - new - delay, 0)
            for index, mechanism in enumerate(self.bank.twin.mechanisms):
                uniform = law_mm(mechanism, years, new) - law_mm(mechanism, years - since, new)
                here = self.zone.own.acts[place, index]
                depth = depth + _up(self.growth.mechanism_rate[:, index]) * uniform.astype(np.float32) * here
        return np.asarray(_up(self.growth.pits) * depth, dtype=np.float32), place

    def levels(
        self, years: float, *, above_mm: float = 0.0, shared: SharedLoss | None = None,
        among: NDArray[np.bool_] | None = None,
    ) -> Levels:  # fmt: skip
        """Return the state of the zone in a year.

        The remaining thickness of a place is its thickness when new, less the loss of both faces and of a pit.

        Parameters
        ----------
        years : after the asset was built.
        above_mm : places no thicker than this when new are not judged.
        shared : as for `mechanism_mm`.
        among : (Q,) places that count for the remaining thickness; None for all.
        """
        zone = self.zone
        new, pits, place = self.new_mm(years), self.pits_mm(years), self._of_pits(zone.pit_place)
        lost = self._lost_mm(years, zone.own, shared)
        own = np.broadcast_to(lost, np.broadcast_shapes(new.shape, lost.shape))
        left = np.maximum(new - own - self._lost_mm(years, zone.behind, shared), 0)
        at_pit = np.take_along_axis(left, place, axis=2)
        left_at_pit = np.maximum(at_pit - pits, 0)
        cell_at = self._chosen(zone.cell_place, self.growth.pit_number)[..., None]
        more, more_behind = (self._worst_cell_mm(years, face, cell_at, shared) for face in (zone.own, zone.behind))
        left_in_cell = np.maximum(np.take_along_axis(left, cell_at, axis=2) - more - more_behind, 0)[..., 0]

        def least(of: NDArray[np.bool_]) -> Singles:
            at_places = np.where(of, left, np.inf).min(axis=2)
            at_pits = np.where(of[place], left_at_pit, np.inf).min(axis=2)
            return np.minimum(np.minimum(at_places, at_pits), np.where(of[cell_at[..., 0]], left_in_cell, np.inf))

        def lost_at(at: Integers, deeper: Singles) -> Singles:
            return np.minimum(np.take_along_axis(own, at, axis=2) + deeper, np.take_along_axis(new, at, axis=2))

        counted = np.ones(len(zone.thickness_mm), dtype=bool) if among is None else among
        own = np.minimum(own, new)
        return Levels(
            rusted_share=np.minimum(self.rusted(years) @ zone.weight, 1),  # weights add up to 1 but for rounding
            mean_loss_mm=self._mean_mm(own, new, years),
            max_loss_mm=np.maximum(
                np.maximum(own.max(axis=2), lost_at(place, pits).max(axis=2)), lost_at(cell_at, more)[..., 0]
            ),
            least_left_mm=least(counted),
            judged_left_mm=least(counted & (zone.thickness_mm > above_mm)),
            general_left_mm=np.median(left[..., : len(zone.texel)], axis=2),
        )

    def _worst_cell_mm(self, years: float, face: Face, at: Integers, shared: SharedLoss | None) -> Singles:
        """Return the loss to mechanisms on a face of the worst unseen cell beyond that of the place it resembles.

        Parameters
        ----------
        years, shared : as for `mechanism_mm`.
        face : of the zone.
        at : (n, s, 1) the place that the cell resembles.

        Returns
        -------
        (n, s, 1) mm, at least 0.
        """
        acting = np.flatnonzero(face.acts.any(axis=0))
        if not len(acting):
            return np.zeros(at.shape, dtype=np.float32)
        worst = self._chosen(self.zone.cell_spread, self.growth.pit_number)
        usual = np.broadcast_to(self.mechanism_mm(years, face, shared), (*at.shape[:2], len(face.factor)))
        cell = np.zeros(at.shape, dtype=np.float32)
        since = np.broadcast_to(self.metal_since(years)[0], face.factor.shape)[at]
        for index in acting:
            severity = worst[..., index, None]
            cell += self._one_mechanism_mm(years, since, index, severity, 0.0, shared) * face.acts[at, index]
        return np.asarray(np.maximum(cell - np.take_along_axis(usual, at, axis=2), 0), dtype=np.float32)

    def rusted(self, years: float) -> NDArray[np.bool_]:
        """Return which places count as rusted, (n, s, Q)."""

        def compute() -> NDArray[np.bool_]:
            starts = renewals.start_in_stage(self._own_starts, self._stages[0], years)
            return np.asarray(counted_between(self.bank.cover, starts, years) > self._of_seed(self.zone.lag))

        return self.remembered(("rusted", years), compute)

    def _mean_mm(self, own: Singles, new: Singles, years: float) -> Singles:
        """Return the zone's mean loss by area, (n, s) mm, with pits on average (`twin.model.pits.mean_pit_mm`)."""
        mean = own @ self.zone.weight
        pits = self.bank.twin.pits
        if pits is not None and self.zone.own.factor.any():
            depth, place = self._since_birth_mm(years)
            more = mean_pit_mm(pits, pits.factor * depth)
            new_at_pit = np.take_along_axis(new, place, axis=2)
            before = np.take_along_axis(own, place, axis=2)
            after = np.minimum(before + more, new_at_pit)
            # On average, pits take the same share of the remaining thickness as at their own places.
            left = np.maximum((new_at_pit - before).mean(axis=2), np.float32(1e-6))
            mean = mean + (new @ self.zone.weight - mean) * (after - before).mean(axis=2) / left
        return np.asarray(mean, dtype=np.float32)


def _up(values: Singles | Floats) -> Singles:
    return np.asarray(values, dtype=np.float32)[:, None, None]
