"""State of a zone in a year, by a bank of histories and given delay, rate, exponent and pits."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.ensemble import Bank, ZoneHistories
from corrotwin.twin.geometry.atlas import Integers, Singles
from corrotwin.twin.model.loss import PiecewiseClock, loss_um
from corrotwin.twin.model.pits import mean_pit_mm

Kept = TypeVar("Kept", np.float32, np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class GrowthSamples:
    """n samples of the parameters that stretch or scale a history, and the draw of the bank that each goes with."""

    delay: Singles  # (n,) factor on every start of corrosion
    rate: Singles  # (n,) factor on every loss
    exponent: Singles  # (n,) of time
    pits: Singles  # (n,) factor on the depth of pits
    new: Singles  # (n, K) thickness when new over nominal, of each piece of the bank
    number: Integers  # (n,) draw of the bank
    pit_number: Integers  # (n,) draw of the bank that the pits are of


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory:
    """A zone under n draws, in s of its seeds: `seed` is (n, s), or None for all seeds of the bank in turn."""

    bank: Bank
    zone: ZoneHistories
    growth: GrowthSamples
    seed: Integers | None = None
    _known: dict[Hashable, NDArray[Any]] = field(default_factory=dict, repr=False)

    def _chosen(self, values: NDArray[Kept], number: Integers) -> NDArray[Kept]:
        """Select from values by draw and seed, (B, S, ...), those of draws `number` and our seeds, (n, s, ...)."""
        return np.asarray(values[number] if self.seed is None else values[number[:, None], self.seed])

    def _of_pits(self, values: NDArray[Kept]) -> NDArray[Kept]:
        """Select from values of pits, (D, S, J), ours: (n, s, J)."""
        return self._chosen(values, self.growth.pit_number)

    def _of_seed(self, values: Singles, places: slice) -> Singles:
        """Select from values by seed, (S, Q): (1 or n, s, Q)."""
        return values[None, :, places] if self.seed is None else values[self.seed][..., places]

    @cached_property
    def _all_starts(self) -> Singles:
        return _up(self.growth.delay) * self._chosen(self.zone.start_years, self.growth.number)

    def start_years(self, places: slice = slice(None)) -> Singles:
        """Return the start of corrosion at each place, (n, s, q) years; first spots come last."""
        if places == slice(None):
            return self._all_starts
        return np.asarray(_up(self.growth.delay) * self._chosen(self.zone.start_years[..., places], self.growth.number))

    def new_mm(self, places: slice = slice(None)) -> Singles:
        """Return the thickness of each place when new, (n, 1, q) mm."""
        return np.asarray(self.zone.thickness_mm[places] * self.growth.new[:, None, self.zone.piece[places]])

    @cached_property
    def _splash_patterns(self) -> NDArray[np.bool_]:
        """Distinct patterns of the periods in which places are splashed, (k, T), without the empty one."""
        patterns = np.unique(self.zone.wet, axis=0)
        return np.asarray(patterns[patterns.any(axis=1)])

    def _uniform_mm(self, start: Singles, years: float, places: slice | Integers) -> Singles:
        """Return the uniform loss of steel at `places` since `start`, (n, s, q) mm: no noise, zone or facing."""
        exposure, exponent = self.bank.twin.exposure, _up(self.growth.exponent)
        rate = _up(self.growth.rate) / np.float32(1000)
        loss = loss_um(start, years, exposure.starts(), exposure.first_year_um(), exponent)
        for splashed in self._splash_patterns:
            here = (self.zone.wet == splashed).all(axis=1)[places]
            more = loss_um(start, years, exposure.starts(), exposure.first_year_um(splashed=splashed), exponent)
            loss = np.where(here, more, loss)
        return np.asarray(rate * loss, dtype=np.float32)

    def remembered(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the result of `make`, computed once for each key. Read-only."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def surface_mm(self, years: float, places: slice = slice(None)) -> Singles:
        """Return the loss at each place without pits, (n, s, q) mm; it may pass the thickness. Read-only."""

        def worked_out() -> Singles:
            uniform = self._uniform_mm(self.start_years(places), years, places)
            uniform *= self._of_seed(self.zone.local, places)
            uniform *= self.zone.factor[places]
            return uniform

        return self.remembered(("surface", years, places.step), worked_out)

    def _since_birth_mm(self, years: float) -> tuple[Singles, Integers]:
        """Return the loss since birth at each pit, times the factor on pits, (n, s, J) mm, and its place."""
        place = self._of_pits(self.zone.pit_place)
        birth = np.take_along_axis(self.start_years(), place, axis=2) + self._of_pits(self.zone.pit_delay_years)
        depth = self._uniform_mm(birth, years, place)
        depth *= _up(self.growth.pits)
        return depth, place

    def pits_mm(self, years: float) -> Singles:
        """Return the depth of each pit below its surroundings, (n, s, J) mm."""
        depth, place = self._since_birth_mm(years)
        depth *= self._of_pits(self.zone.pit_factor)
        depth *= self.zone.factor[place]
        return depth

    def worst_mm(self, years: float, above_mm: float = 0.0) -> tuple[Singles, Singles]:
        """Return greatest loss and least thickness left of places nominally above `above_mm`, (n, s) mm each."""
        surface, pits = self.surface_mm(years), self.pits_mm(years)
        place = self._of_pits(self.zone.pit_place)
        at_pit = np.take_along_axis(surface, place, axis=2) + pits
        new = self.new_mm()
        new_at_pit = np.take_along_axis(new, place, axis=2)
        surface = np.minimum(surface, new)
        np.minimum(at_pit, new_at_pit, out=at_pit)
        worst = np.maximum(surface.max(axis=2), at_pit.max(axis=2))
        judged = self.zone.thickness_mm > above_mm
        left = np.where(judged, new - surface, np.inf).min(axis=2)
        left_at_pit = np.where(judged[place], new_at_pit - at_pit, np.inf).min(axis=2)
        return worst, np.minimum(left, left_at_pit)

    def rusted(self, years: float) -> NDArray[np.bool_]:
        """Return which places count as rusted, (n, s, Q)."""
        return self.remembered(
            ("rusted", years),
            lambda: _between(self.bank.cover, self.start_years(), years) > self._of_seed(self.zone.lag, slice(None)),
        )

    def mean_mm(self, years: float) -> Singles:
        """Return the zone's mean loss by area, (n, s) mm, with pits on average (`twin.model.pits.mean_pit_mm`)."""
        surface, new = self.surface_mm(years), self.new_mm()
        mean = np.minimum(surface, new) @ self.zone.weight
        pits = self.bank.twin.pits
        if pits is not None:
            depth, place = self._since_birth_mm(years)
            more = mean_pit_mm(pits, pits.factor * depth) * self.zone.factor[place]
            new_at_pit = np.take_along_axis(new, place, axis=2)
            before = np.minimum(np.take_along_axis(surface, place, axis=2), new_at_pit)
            after = np.minimum(before + more, new_at_pit)
            # Pits take the same share of what is left on average as where they are.
            left = np.maximum((new_at_pit - before).mean(axis=2), np.float32(1e-6))
            mean += (new @ self.zone.weight - mean) * (after - before).mean(axis=2) / left
        return np.asarray(mean, dtype=np.float32)


def _up(values: Singles) -> Singles:
    return values[:, None, None]


def _between(clock: PiecewiseClock, start: Singles, until: float) -> Singles:
    """Return what a clock counts from `start`, any shape, to `until`; at most 0 if `until` is earlier."""
    if len(clock.starts) == 1:
        return np.asarray((np.float32(until) - start) * np.float32(clock.paces[0]))
    total = np.zeros_like(start)
    for begin, end, pace in zip(clock.starts, [*clock.starts[1:], np.inf], clock.paces, strict=True):
        stay = np.maximum(np.float32(min(end, until)) - np.maximum(start, np.float32(begin)), 0)
        total += np.float32(pace) * stay
    return total
