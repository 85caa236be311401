"""Thickness readings of an asset, arranged by place and by visit with one instrument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.bayes.histories.ensemble import Bank, piece_of
from corrotwin.twin.bayes.histories.renewals import latest_metal, renews
from corrotwin.twin.bayes.histories.zone_histories import ZoneHistories
from corrotwin.twin.bayes.sightings import Sighting, zone_of
from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.geometry.opposite import opposite_surface
from corrotwin.twin.inspection.records import texel_of
from corrotwin.twin.mechanisms.mechanism import acts_on
from corrotwin.twin.model import zones

# Most visits before the latest inspection and in it; more are merged. Twice as many where metal was renewed.
MOST_EARLIER, MOST_LATEST = 8, 3
UNREAD = 1e8  # mm²: variance of a reading that was not taken


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredPlace:
    """A place with thickness readings; more is known about it if its coordinates are known.

    Parameters
    ----------
    zone, name : its zone, and its name or an empty one.
    nominal_mm : nominal thickness; the median of its zone if its position is unknown.
    piece : index of the bank's piece; None if its position is unknown.
    factor, behind_factor : on the loss in air of its face and the one behind it; None if its position is unknown.
    acts : (M,) number of its two faces on which each mechanism acts.
    renewed : years and numbers of new metal at the place, oldest first.
    recoated : by index of each renewal of its zone that renewed only coating: whether it recoated the place's own face
        and the one behind; None for a face where that depends on the place's position in its zone.
    """

    zone: str
    name: str
    nominal_mm: float
    piece: int | None
    factor: float | None
    behind_factor: float | None
    acts: Floats
    renewed: tuple[tuple[float, int], ...] = ()
    recoated: Mapping[int, tuple[bool | None, bool | None]] = field(default_factory=dict)

    @property
    def renewed_years(self) -> tuple[float, ...]:
        """Years in which its metal was renewed."""
        return tuple(at for at, _ in self.renewed)


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """Thickness readings of J places in V slots: a visit, or several, with one instrument, echo mode and coating.

    Parameters
    ----------
    places : J.
    years : (V,) of each slot.
    at_years : (J, V) mean time of the readings of a place in a slot.
    value_mm : (J, V) their mean, less what their instrument is known to read too thick.
    variance : (J, V) mm², of their scatter and of any bias that the rest of the slot does not share; `UNREAD` without
        a reading.
    bias_variance : (V,) of the bias that all readings of a slot share, mm².
    latest : (V,) whether a slot is of the latest inspection.
    last_years : (J,) year of the last reading of a place.
    since_years, metal : (J, V) installation year and number of the metal that was read; 0 for the first.
    """

    places: tuple[MeasuredPlace, ...]
    years: Floats
    at_years: Floats
    value_mm: Floats
    variance: Floats
    bias_variance: Floats
    latest: NDArray[np.bool_]
    last_years: Floats
    since_years: Floats
    metal: Integers

    @property
    def read(self) -> NDArray[np.bool_]:
        """True where a place was read in a slot, (J, V)."""
        return np.asarray(self.variance < UNREAD)

    def without_latest(self) -> "Readings":
        """Return the readings as if those of the latest inspection had not been taken."""
        return replace(self, variance=np.where(self.latest, UNREAD, self.variance))

    def weakened(self, power: float) -> "Readings":
        """Return the readings with the scatter of the latest inspection raised: at power 1 as they are, at 0 unread."""
        variance = np.where(self.latest, np.minimum(self.variance / max(power, 1e-12), UNREAD), self.variance)
        return replace(self, variance=variance)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layout:
    """N thickness readings, oldest first, with the row and the slot of each."""

    items: list[Sighting]
    rows: Integers  # (N,)
    slots: Integers  # (N,)
    years: Floats  # (N,)
    latest: NDArray[np.bool_]  # (V,) of each slot


def _laid_out(earlier: Sequence[Sighting], latest: Sequence[Sighting], renewed: Sequence[float]) -> _Layout:
    """Arrange readings in rows and slots; no slot spans a year in which metal was renewed."""
    before = [item for item in earlier if item.record.kind == "ultrasonic"]
    items = [*before, *(item for item in latest if item.record.kind == "ultrasonic")]
    row_of: dict[object, int] = {}
    tool_of: dict[tuple[str, str, bool], int] = {}  # with echo and coating: paint disturbs some of its readings
    rows, tools = np.zeros((2, len(items)), dtype=np.int64)
    years = np.zeros(len(items))
    for number, item in enumerate(items):
        record = item.record
        key = (record.zone, record.place or record.uv or number)
        rows[number] = row_of.setdefault(key, len(row_of))
        tools[number] = tool_of.setdefault((record.tool, record.echo, record.coated), len(tool_of))
        years[number] = item.years
    late = np.arange(len(items)) >= len(before)
    window = np.zeros(len(items), dtype=np.int64)
    for mask, most in ((~late, MOST_EARLIER), (late, MOST_LATEST)):
        days, day = np.unique(years[mask], return_inverse=True)
        part = np.searchsorted(np.unique(np.asarray(renewed, dtype=float)), days, side="right")
        parts = np.unique(part)
        limit = most if len(parts) < 3 else max(2 * most // len(parts), 2)  # twice as many in all
        for number in parts:
            begin = window[mask].max(initial=-1) + 1 if number else 0
            here = (part == number)[day]
            among = np.flatnonzero(mask)[here]
            window[among] = begin + _windows(days[part == number], limit)[day[here] - np.flatnonzero(part == number)[0]]
    keys, slots = np.unique(np.column_stack([late, window, tools]), axis=0, return_inverse=True)
    return _Layout(items=items, rows=rows, slots=slots.reshape(-1), years=years, latest=keys[:, 0].astype(bool))


def rows_and_slots(earlier: Sequence[Sighting], latest: Sequence[Sighting], bank: Bank) -> list[tuple[int, int]]:
    """Return the place and the slot that `arrange` gives each thickness reading of the latest inspection."""
    layout = _laid_out(earlier, latest, bank.renewed_years)
    pairs = zip(layout.rows.tolist(), layout.slots.tolist(), strict=True)
    return [pair for pair in pairs if layout.latest[pair[1]]]


def arrange(earlier: Sequence[Sighting], latest: Sequence[Sighting], bank: Bank) -> Readings:
    """Arrange the thickness readings among sightings, oldest first.

    Places are in the order of their first reading, so that more readings add places at the end only.

    Parameters
    ----------
    earlier, latest : sightings before the latest inspection, and of it; those of other kinds are ignored.
    bank : of the asset.
    """
    layout = _laid_out(earlier, latest, bank.renewed_years)
    first = [layout.items[number].record for number in np.unique(layout.rows, return_index=True)[1]]
    at = layout.rows, layout.slots
    numbers = np.array([(item.record.read_mm, item.record.scatter_sd, item.record.bias_sd) for item in layout.items])
    read_mm, scatter, bias = numbers.reshape(-1, 3).T
    weight, value, time = np.zeros((3, len(first), len(layout.latest)))
    np.add.at(weight, at, scatter**-2)
    np.add.at(value, at, read_mm * scatter**-2)
    np.add.at(time, at, layout.years * scatter**-2)
    last = np.zeros(len(first))
    np.maximum.at(last, layout.rows, layout.years)
    read = weight > 0
    safe = np.where(read, weight, 1)
    years = time.sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-12)
    shared, excess = _bias_variances(layout, bias, weight.shape)
    places = tuple(_measured_place(record.zone, record.place, texel_of(record, bank.asset), bank) for record in first)
    since, metal = since_of(places, years)
    return Readings(
        places=places,
        years=years,
        at_years=np.where(read, time / safe, years),
        value_mm=value / safe,
        variance=np.where(read, 1 / safe + excess, UNREAD),
        bias_variance=shared,
        latest=layout.latest,
        last_years=last,
        since_years=since,
        metal=metal,
    )


def since_of(places: Sequence[MeasuredPlace], years: Floats) -> tuple[Floats, Integers]:
    """Return installation year and number of the metal at J places in each of T years, (J, T) each."""
    latest = [latest_metal(years, place.renewed) for place in places]
    shape = (len(places), len(years))
    return (
        np.array([since for since, _ in latest]).reshape(shape),
        np.array([metal for _, metal in latest], dtype=np.int64).reshape(shape),
    )


def _bias_variances(layout: _Layout, bias_sd: Floats, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return the bias variances in mm²: of the mean of each slot, (V,), and the excess of each place, (J, V).

    Each day has a bias of its own, so the mean of a place that was read on several days of a slot has less than that of
    a place that was read once.
    """
    days, day = np.unique(layout.years, return_inverse=True)
    greatest, count = np.zeros((2, shape[1], len(days)))
    np.maximum.at(greatest, (layout.slots, day), bias_sd**2)
    np.add.at(count, (layout.slots, day), 1.0)
    shared = (greatest * count**2).sum(axis=1) / np.maximum(count.sum(axis=1), 1) ** 2
    rows, slots, on = np.unique(np.column_stack([layout.rows, layout.slots, day]), axis=0).T
    total, visits = np.zeros((2, *shape))
    np.add.at(total, (rows, slots), greatest[slots, on])
    np.add.at(visits, (rows, slots), 1.0)
    excess = np.where(visits > 0, total / np.maximum(visits, 1) ** 2 - shared, 0)
    return np.asarray(shared), np.asarray(np.maximum(excess, 0))


def _windows(days: Floats, most: int) -> Integers:
    """Return the window of each day, sorted: neighbours nearest in time are joined until `most` windows are left."""
    begins = np.arange(len(days))
    while len(begins) > most:
        ends = np.append(begins[2:], len(days)) - 1
        begins = np.delete(begins, int(np.argmin(days[ends] - days[begins[:-1]])) + 1)
    return np.searchsorted(begins, np.arange(len(days)), side="right") - 1


@lru_cache(maxsize=4096)
def _measured_place(name_of_zone: str, name: str, at: tuple[int, int] | None, bank: Bank) -> MeasuredPlace:
    mechanisms, zone = bank.twin.mechanisms, zone_of(bank, name_of_zone)
    if at is None:
        acts = np.rint(zone.own.acts.mean(axis=0)) + np.rint(zone.behind.acts.mean(axis=0))
        return MeasuredPlace(
            zone=name_of_zone, name=name, nominal_mm=float(np.median(zone.thickness_mm)), piece=None, factor=None,
            behind_factor=None, acts=acts.astype(float), renewed=_renewed(zone, name, None),
            recoated=_recoated(zone, None),
        )  # fmt: skip
    asset, texels = bank.asset, bank.texels
    names, here = asset.zone_names, texels.zone[at][None].astype(np.int64)
    thickness, position, normal = texels.thickness_mm[at], texels.position_m[at][None], texels.normal[at][None]
    opposite = opposite_surface(asset, position, normal, thickness[None])
    behind = np.where(opposite.found, asset.face_zone[opposite.face], -1)
    faces = ((here, position[:, 2]), (behind, opposite.position_m[:, 2]))
    acts = np.array([sum(float(acts_on(mechanism, names, *face)[0]) for face in faces) for mechanism in mechanisms])
    factor = zones.loss_factors(asset.zone_kinds, behind.clip(0), opposite.normal.astype(np.float32))
    return MeasuredPlace(
        zone=name_of_zone, name=name, nominal_mm=float(thickness),
        piece=int(piece_of(bank.pieces_mm, thickness)),
        factor=float(zones.loss_factors(asset.zone_kinds, here, normal)[0]),
        behind_factor=float(factor[0]) if opposite.found[0] else 0.0,
        acts=acts.reshape(len(mechanisms)), renewed=_renewed(zone, name, names[behind[0]] if opposite.found[0] else ""),
        recoated=_recoated(zone, names[behind[0]] if opposite.found[0] else ""),
    )  # fmt: skip


def _renewed(zone: ZoneHistories, name: str, behind: str | None) -> tuple[tuple[float, int], ...]:
    """Return years and numbers of the new metal of a place.

    Parameters
    ----------
    zone, name : its zone, and its name or an empty one.
    behind : zone behind it, empty without one; None if its position is unknown. Then an event of another zone renews
        its metal only if it renews all of its own zone.
    """
    new_metals = []
    for renewal in zone.renewals:
        event = renewal.event
        if event.kind == "repair":
            new = (event.zone, event.place) == (zone.name, name)
        elif behind is None:
            new = bool(renewal.own.all())
        else:
            new = renews(event, zone.name) or (behind != "" and renews(event, behind))
        if renewal.metal and new:
            new_metals.append((renewal.years, renewal.metal))
    return tuple(new_metals)


def _recoated(zone: ZoneHistories, behind: str | None) -> dict[int, tuple[bool | None, bool | None]]:
    """Return which renewals of a zone gave a place a new coating, on its own face and on the one behind."""
    return {
        index: (
            renews(renewal.event, zone.name),
            None if behind is None else behind != "" and renews(renewal.event, behind),
        )
        for index, renewal in enumerate(zone.renewals) if not renewal.metal
    }  # fmt: skip


def draw_spots(bank: Bank, places: tuple[MeasuredPlace, ...], count: int, rng: np.random.Generator) -> Integers:
    """Draw prior positions of measured places, (count, J): anywhere in their zones."""
    return rng.integers(spot_counts(bank, places), size=(count, len(places)))


def spot_counts(bank: Bank, places: tuple[MeasuredPlace, ...]) -> Integers:
    """Return how many spots each measured place may lie at, (J,): seeds times the sample places of its zone."""
    return np.array([bank.seeds * len(zone_of(bank, place.zone).texel) for place in places], dtype=np.int64)
