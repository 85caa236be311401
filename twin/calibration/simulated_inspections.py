"""Inspectors with errors, who visit an asset whose truth is known."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin import twin_state
from corrotwin.twin.bayes.histories.trajectories import LOCAL_NEW
from corrotwin.twin.bayes.histories.zone_histories import CELL_MM2
from corrotwin.twin.bayes.likelihood import GRADE_EDGES
from corrotwin.twin.bayes.particles import MOST_CHANGE
from corrotwin.twin.bayes.prior import EXPONENTS, Prior
from corrotwin.twin.calibration.arms import JUMP_YEARS, Arm
from corrotwin.twin.calibration.simulated_assets import Truth, true_paint_and_pits, truth
from corrotwin.twin.export import SEEN
from corrotwin.twin.forecast.projection import ALL
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Texels
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection.readers import photo_records
from corrotwin.twin.inspection.records import KINDS, Record
from corrotwin.twin.mechanisms.mechanism import BORE, Mechanism, acts_on, loss_mm
from corrotwin.twin.model.corrosion import AS_STANDARD, Growth
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import TwinState

VISITS = (5.0, 10.0)  # years of the inspections
READINGS = 6  # thickness readings at each visit, at the same places
ATTACK_M = 0.03  # radius of a spot of local attack
LAST_YEARS, STEP_YEARS = 30.0, 0.25  # end and step of the path of a wandering rate


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulated:
    """An asset with a known future, and what inspectors recorded of it.

    Parameters
    ----------
    at_year : its truth in any year.
    records : of all visits.
    seen : what each photograph saw, by its name.
    """

    at_year: Callable[[float], Truth]
    records: list[Record]
    seen: dict[str, NDArray[np.bool_]]


def simulate(
    arm: Arm, twin: TwinState, asset: AssetGeometry, texels: Texels, prior: Prior, rng: np.random.Generator
) -> Simulated:
    """Draw the truth of an asset and let inspectors visit it.

    Parameters
    ----------
    arm : how the truth differs from what the owner believes.
    twin : as its owner knows it.
    asset, texels : its surface.
    prior : prior of its growth.
    rng : random numbers.
    """
    delay, rate, front, defects, pits = np.exp(
        np.array([prior.delay, arm.rate_sd, arm.front_sd, prior.defects, prior.pits]) * rng.standard_normal(5)
    )
    growth = Growth(
        rate=float(rate),
        exponent=float(
            np.clip(AS_STANDARD.exponent + prior.exponent * rng.standard_normal() + arm.exponent, *EXPONENTS)
        ),
        front=float(front / delay),
    )
    coating, true_pits = true_paint_and_pits(float(delay), float(defects), float(pits))
    settings: dict[str, Any] = {
        "exposure": at(arm.category), "coating": coating, "seed": int(rng.integers(2**31)), "growth": growth,
    }  # fmt: skip
    errors = rng.standard_normal(3)
    new, others, visits = rng.spawn(3)
    pieces, piece = np.unique(texels.thickness_mm, return_inverse=True)
    new_mm = (pieces * np.exp(prior.new * new.standard_normal(len(pieces))))[piece.reshape(-1)].astype(float)
    cells, cell = np.unique(
        np.floor(texels.position_m.reshape(-1, 3) * 1000 / np.sqrt(CELL_MM2)), axis=0, return_inverse=True
    )
    cell = cell.reshape(-1)
    new_mm *= (1 + LOCAL_NEW * new.standard_normal(len(cells)))[cell]
    names = largest_first(asset, texels)
    lost = [_lost_mm(mechanism, prior, arm.jump, len(cells), others) for mechanism in twin.mechanisms]
    attacked = _spot(asset, texels, names[0], others)

    @cache
    def grown(years: float) -> Truth:
        more = np.zeros(texels.zone.shape)
        for mechanism, cell_loss_mm in zip(twin.mechanisms, lost, strict=True):
            here = acts_on(mechanism, asset.zone_names, texels.zone, texels.position_m[..., 2])
            more[here] += cell_loss_mm(years)[cell.reshape(here.shape)[here]]
        more = more.reshape(-1)
        more[attacked] += arm.attack_mm_year * years
        return truth(asset, texels, pits=true_pits, years=years, new_mm=new_mm, more_mm=more, **settings)

    chosen = _places(asset, texels, names, attacked if arm.attack_mm_year else None, rng)
    records: list[Record] = []
    seen: dict[str, NDArray[np.bool_]] = {}
    for years in VISITS:
        new_records, saw = _visit(arm, twin, grown(years), years, chosen, names, errors[:2], rng, visits)
        records += new_records
        seen |= saw
    error = KINDS["pit"]
    there = grown(VISITS[-1])
    deepest = float(there.pit_depth_mm[there.pits_in(names[0])].max(initial=0))
    value = deepest + error.bias_sd * errors[2] + error.scatter_sd * rng.standard_normal()
    date = f"{twin_state.later(twin.built, VISITS[-1]):%Y-%m-%d}"
    records.append(Record(date=date, zone=names[0], kind="pit", value=max(float(value), 0.0), tool="gauge"))
    return Simulated(at_year=grown, records=records, seen=seen)


def _lost_mm(
    mechanism: Mechanism, prior: Prior, jump: float, cells: int, rng: np.random.Generator
) -> Callable[[float], Floats]:
    """Draw how much each cell of the metal loses to a mechanism: a function of the year, (cells,) mm.

    The rate differs from cell to cell and wanders in time, everywhere alike and in each cell by itself, as in the
    prior; after `JUMP_YEARS` it is `jump` times as high.
    """
    rate = mechanism.rate_mm_year * np.exp(mechanism.spread * rng.standard_normal())
    place, shared, local = (
        min(median * np.exp(spread * rng.standard_normal()), MOST_CHANGE)
        for median, spread in (prior.place_spread, prior.rate_drift, prior.rate_drift)
    )
    severity = np.exp(place * rng.standard_normal(cells))
    years = np.arange(0, LAST_YEARS + STEP_YEARS, STEP_YEARS)
    walk = np.cumsum(rng.standard_normal((cells + 1, len(years))) * np.sqrt(STEP_YEARS), axis=1)
    wandering = np.cumsum(walk, axis=1) * STEP_YEARS
    steady = loss_mm(mechanism, years, 1.0) + (jump - 1) * np.maximum(years - JUMP_YEARS, 0)
    total = rate * (severity[:, None] * steady + shared * wandering[0] + local * wandering[1:])
    total = np.maximum.accumulate(np.maximum(total, 0), axis=1)
    return lambda when: np.asarray([np.interp(when, years, losses) for losses in total])


def largest_first(asset: AssetGeometry, texels: Texels) -> list[str]:
    """Return the names of the zones that can be reached from outside, the one with the largest area first."""
    area = {
        name: float(texels.area_mm2[texels.zone == index].sum())
        for index, name in enumerate(asset.zone_names)
        if name not in (COVERED, BORE)
    }
    return sorted(area, key=lambda name: -area[name])


def _places(
    asset: AssetGeometry, texels: Texels, names: list[str], spot: Integers | None, rng: np.random.Generator
) -> list[tuple[int, str]]:
    """Return texel and zone of each place where thickness is measured, alternating between the two largest zones."""
    air = (texels.area_mm2 > 0).reshape(-1)
    if spot is not None:
        air[spot] = False
    chosen = []
    for index in range(READINGS):
        name = names[index % 2]
        candidates = np.flatnonzero(air & (texels.zone.reshape(-1) == asset.zone_names.index(name)))
        chosen.append((int(rng.choice(candidates)), name))
    return chosen


def _spot(asset: AssetGeometry, texels: Texels, zone: str, rng: np.random.Generator) -> Integers:
    """Return the texels of a round spot somewhere on a zone, on one face, (n,)."""
    here = (texels.area_mm2 > 0).reshape(-1) & (texels.zone.reshape(-1) == asset.zone_names.index(zone))
    middle = int(rng.choice(np.flatnonzero(here)))
    place, normal = texels.position_m.reshape(-1, 3), texels.normal.reshape(-1, 3)
    near = np.linalg.norm(place - place[middle], axis=1) < ATTACK_M
    return np.flatnonzero(here & near & (normal @ normal[middle] > 0))


def _visit(
    arm: Arm, twin: TwinState, there: Truth, years: float, chosen: list[tuple[int, str]], names: list[str],
    errors: Floats, rng: np.random.Generator, visits: np.random.Generator,
) -> tuple[list[Record], dict[str, NDArray[np.bool_]]]:  # fmt: skip
    """Return the records of a visit, and what its photograph of half of the surface saw."""
    camera, eye = errors
    asset, texels, left = there.asset, there.texels, there.left_mm
    date = f"{twin_state.later(twin.built, years):%Y-%m-%d}"
    height, width = asset.atlas_shape
    bias = arm.bias_mm + arm.visit_bias_mm * visits.standard_normal()
    records = []
    for index, (texel, zone) in enumerate(chosen):
        value = left[texel] + bias + KINDS["ultrasonic"].scatter_sd * rng.standard_normal()
        uv = ((texel % width + 0.5) / width, (texel // width + 0.5) / height)
        records.append(
            Record(
                date=date, zone=zone, kind="ultrasonic", value=max(float(value), 0.0), tool="UT", place=f"P{index}",
                uv=uv,
            )
        )  # fmt: skip
    looking = rng.standard_normal(3)
    view = (texels.normal @ looking > 0) & (texels.area_mm2 > 0)
    photo = Record(date=date, zone=ALL, kind="photo", value=0.0, tool="camera")
    detection = photo.detection + arm.detection + photo.bias_sd * camera
    detection = np.clip(detection * (1 + photo.scatter_sd * rng.standard_normal()), 0.02, 1)
    called = rng.random(view.shape) < np.where(there.fields.rust_cover > SEEN, detection, photo.false_calls)
    photos, _ = photo_records(photo, asset, texels, view, called)
    graded = names[min(2, len(names) - 1)]
    share = there.measured(graded)[0]
    error = KINDS["grade"]
    judged = np.log(max(share, 1e-9)) + error.bias_sd * eye + error.scatter_sd * rng.standard_normal()
    grade = float(np.searchsorted(GRADE_EDGES, judged))
    records += [*photos, Record(date=date, zone=graded, kind="grade", value=grade, tool="eye")]
    return records, {photos[0].seen: view}
