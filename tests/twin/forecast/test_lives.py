"""Remaining life in each history: of places, of zones, and of the asset as its weakest zone; error of all that."""

from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from corrotwin.twin import assets, twin_state
from corrotwin.twin.bayes.histories.ensemble import bank
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.bayes.smc import learn
from corrotwin.twin.forecast import lives, precision, projection
from corrotwin.twin.forecast.lives import (
    InspectionPlan,
    LastKnown,
    last_known,
    last_looked_years,
    life_years,
    plan_inspection,
    plan_years,
)
from corrotwin.twin.forecast.projection import Projection, ZoneForecast
from corrotwin.twin.forecast.remaining_life import Rule
from corrotwin.twin.forecast.renewals import ZoneRenewal
from corrotwin.twin.mechanisms.process import process
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import TwinState

FIELDS = ("rusted_share", "mean_loss_mm", "max_loss_mm", "least_left_mm", "judged_left_mm", "general_left_mm")


def planned(particles: Particles, required: dict[str, float], now: float, until: float) -> InspectionPlan:
    found = projection.project(particles, plan_years(now, until), required)
    return plan_inspection(found, required, now, "api510", {}, known=measured(required, now), looked_years=now)


def measured(zones: Iterable[str], years: float) -> dict[str, LastKnown]:
    """All zones were measured in a year of service, or never, in year 0."""
    return {name: LastKnown(years=years, what="the last reading" if years else "service began") for name in zones}


def outlook(years: list[float], **left: np.ndarray) -> Projection:
    """A projection of zones whose least thickness is given, (n, T)."""
    zones = {name: ZoneForecast(**dict.fromkeys(FIELDS, values)) for name, values in left.items()}
    return Projection(years=tuple(years), zones=zones, places=())


def test_the_plan_follows_the_weakest_zone(particles: Particles) -> None:
    found = planned(particles, {"body": 6.0, "end": 2.0}, 10.0, 30.0)
    assert found.zone == "body"
    low, middle, high = found.life_years
    assert low <= middle <= high
    assert found.interval_years == min(low / 2, 10)
    assert planned(particles, {"body": 6.9}, 10.0, 30.0).life_years[0] <= low
    new = planned(particles, {"body": 6.0}, 0.0, 0.0)
    assert new.life_years == (np.inf, np.inf, np.inf)


def test_the_asset_lives_as_long_as_its_weakest_zone_in_each_history() -> None:
    """Two zones that fail in different histories: each has a P5 of 10 years, the asset fails sooner as a whole."""
    years, rng = plan_years(10.0, 40.0), np.random.default_rng(0)
    when = np.asarray(years)
    rate = np.exp(rng.normal(np.log(0.05), 0.5, (2, 4000)))
    left = 8.0 - rate[..., None] * when
    found = plan(outlook(years, body=left[0], weld=left[1]), {"body": 6.0, "weld": 6.0})
    each = [np.percentile(np.minimum(life, 1e3), 5) for life in found.by_zone.values()]
    by_hand = np.percentile((2.0 - 10 * rate.max(axis=0)) / rate.max(axis=0), 5)
    assert found.life_years[0] == pytest.approx(max(by_hand, 0), abs=0.1)
    assert found.life_years[0] < min(each)
    assert 0.4 < found.weakest_share < 0.7


def test_life_goes_by_the_greater_of_both_rates() -> None:
    """Paint that held for nine of ten years: the long-term rate would promise ten times the life that is left."""

    def life(lost_a_year_ago: list[float]) -> list[float]:
        left = np.stack([np.full(4, 7.0), 7.0 - np.array(lost_a_year_ago), np.full(4, 6.0)], axis=1)
        return life_years(left, 5.0, [0.0, 9.0, 10.0], 10.0).tolist()

    assert life([0.0] * 4) == pytest.approx([1, 1, 1, 1])  # 1 mm above what is required, 1 mm in the past year
    assert life([0.95] * 4) == pytest.approx([10] * 4)  # 0.05 mm in the past year, 0.1 mm a year since new
    assert life([0.875, 0.5, 0.75, 0.0]) == pytest.approx([8, 2, 4, 1])


def test_life_ends_when_a_history_falls_below() -> None:
    """Paint that is still whole loses nothing now, and is not a promise of ever."""
    years = plan_years(10.0, 48.0)
    assert years == pytest.approx([0.0, 9.0, *np.linspace(10, 48, lives.AHEAD)])  # a step of two years
    opens = np.array([[11.0], [20.0], [47.5], [100.0]])
    left = 6 - 0.5 * np.maximum(np.asarray(years) - opens, 0)
    assert life_years(left, 5.0, years, 10.0) == pytest.approx([3, 12, np.inf, np.inf])


def test_the_plan_agrees_with_the_chance_that_is_printed(particles: Particles) -> None:
    """New, with nothing lost: the P5 of life is when 5 % of the histories are below 6 mm."""
    years = np.linspace(0, 30, 31).tolist()
    chance = projection.chance_below(projection.forecast_zones(particles, years, {"body": 6.0}), {"body": 6.0})["body"]
    assert chance[-1] > 0.05
    soon = float(np.interp(0.05, chance, years))
    assert planned(particles, {"body": 6.0}, 0.0, 30.0).life_years[0] == pytest.approx(soon, abs=1.0)


def test_a_zone_that_readings_do_not_show_gets_no_date() -> None:
    years = plan_years(10.0, 30.0)
    left = 8.0 - 0.1 * np.tile(years, (50, 1))
    why = {"body": "insulation attacks single places"}
    found = plan(outlook(years, body=left), {"body": 6.0}, undated=why)
    assert found.interval_years is None
    assert found.life_years is None
    assert found.undated == why
    assert plan(outlook(years, body=left, weld=left), {"weld": 6.0}, undated=why).interval_years


def test_a_zone_without_a_date_does_not_put_off_the_others() -> None:
    """Each of two zones outlives half of the histories in which the other fails: only the two together have P5 0."""
    years = plan_years(10.0, 40.0)
    one, other, worst = (np.full((100, len(years)), 8.0) for _ in range(3))
    one[:3], other[3:6], worst[:50] = 5.0, 5.0, 5.0
    alone = plan(outlook(years, body=one, weld=other), {"body": 6.0, "weld": 6.0})
    assert alone.due_years == 0.0
    zones = outlook(years, body=one, weld=other, bore=worst)
    found = plan(zones, {"body": 6.0, "weld": 6.0, "bore": 6.0}, undated={"bore": "nobody looked"})
    assert found.due_years is None
    assert min(due.years for due in found.dues.values()) == alone.due_years


def test_the_rules_bound_counts_from_the_last_measurement() -> None:
    """Nothing lost, measured in year 4 of ten: by API 510 again after ten years, in four from now; never: at once."""
    years = plan_years(10.0, 40.0)
    sound = outlook(years, body=np.full((50, len(years)), 8.0))
    assert plan(sound, {"body": 6.0}, measured_years=4.0).interval_years == 4
    assert plan(sound, {"body": 6.0}, measured_years=10.0).interval_years == 10
    never = plan(sound, {"body": 6.0}, measured_years=0.0)
    assert never.interval_years == 0
    assert never.because == "the bound of api510, 10 years after service began"
    codes = plan(sound, {"body": 6.0}).no_later_than(1.5, "body", "the codes at body CML-1")
    assert (codes.interval_years, codes.because) == (1.5, "the codes at body CML-1")
    assert codes.no_later_than(3.0, "weld", "later").because == "the codes at body CML-1"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_places_that_are_overdue_the_one_that_is_more_so_is_named(order: tuple[int, int]) -> None:
    years = plan_years(10.0, 40.0)
    late = [(-9.0, "body", "the codes at body A"), (-0.1, "weld", "the codes at weld B")]
    found = plan(outlook(years, body=np.full((50, len(years)), 8.0)), {"body": 6.0})
    for which in order:
        found = found.no_later_than(*late[which])
    assert (found.interval_years, found.due_zone, found.because) == (0.0, "body", "the codes at body A")


@pytest.mark.parametrize("now", [10.0, 12.0, 14.0, 16.0, 17.9])
def test_half_of_the_life_counts_from_the_last_measurement(now: float) -> None:
    """8 mm less 0.1 mm a year leave 8 years in year 10, when they were read: due in year 14, whenever one asks."""
    years = plan_years(now, now + 30.0)
    wall = np.tile(8.0 - 0.1 * np.array(years), (50, 1))
    known = measured(["body"], 10.0)
    found = plan_inspection(outlook(years, body=wall), {"body": 6.2}, now, "api510", {}, known=known, looked_years=now)
    assert found.interval_years == pytest.approx(max(14.0 - now, 0.0))
    assert found.because == "half of the P5 remaining life since the last reading"


def test_a_reading_of_one_zone_is_none_of_another() -> None:
    """By API 510 the weld, never measured, was due in year 10, whatever was read of the body."""
    years = plan_years(10.0, 40.0)
    sound = outlook(years, **dict.fromkeys(("body", "weld"), np.full((50, len(years)), 8.0)))
    required = {"body": 6.0, "weld": 6.0}
    body = LastKnown(years=9.0, what="the last measurement of body")
    found = plan(sound, required, known={"body": body}, measured_years=0.0)
    assert (found.interval_years, found.because) == (0.0, "the bound of api510, 10 years after service began")
    assert found.due_zone == "weld"
    weld = LastKnown(years=8.0, what="weld was made new")
    found = plan(sound, required, known={"body": body, "weld": weld})
    assert (found.interval_years, found.because) == (8.0, "the bound of api510, 10 years after weld was made new")


def test_what_a_reading_tells_of_other_zones() -> None:
    """A reading of the bore is one of the body, most of the wall before it, and none of the elbow or the weld."""
    zones = [
        SimpleNamespace(name=name, mostly_before=behind)
        for name, behind in (("body", "bore"), ("bore", "body"), ("elbow", "bore"), ("weld", "bore"))
    ]
    required = ("body", "bore", "elbow", "weld")

    def found(
        *read: tuple[str, float], renewals: dict[str, Any] | None = None, kind: str = "ultrasonic"
    ) -> dict[str, Any]:
        records = [SimpleNamespace(kind=kind, zone=zone, years=lambda twin, at=at: at) for zone, at in read]
        known = last_known(required, cast("Any", zones), cast("Any", records), cast("TwinState", None), renewals or {})
        return {name: (each.years, each.what) for name, each in known.items()}

    def never(zone: str) -> tuple[float, str]:
        return (0.0, f"service began; {zone} was never measured")

    assert found() == {name: never(name) for name in required}
    assert found(("bore", 5.0), kind="pit") == found()
    bore = found(("bore", 5.0), ("bore", 3.0))
    assert bore["body"] == (5.0, "the last measurement of body")
    assert [bore[name] for name in ("elbow", "weld")] == [never("elbow"), never("weld")]
    weld = found(("weld", 5.0))
    assert [weld[name] for name in ("body", "bore", "elbow")] == [never(name) for name in ("body", "bore", "elbow")]
    whole = {"body": (ZoneRenewal(years=7.0, metal=True, whole=True), ZoneRenewal(years=9.0, metal=True, whole=False))}
    assert found(("body", 5.0), renewals=whole)["body"] == (7.0, "body was made new")
    assert found(("body", 8.0), renewals=whole)["body"] == (8.0, "the last measurement of body")


def test_a_thickness_reading_is_no_visual_inspection() -> None:
    def looked(*seen: tuple[str, float]) -> float:
        records = [SimpleNamespace(kind=kind, years=lambda twin, at=at: at) for kind, at in seen]
        return last_looked_years(cast("Any", records), cast("TwinState", None))

    assert looked() == looked(("ultrasonic", 9.0)) == 0
    assert looked(("photo", 4.0), ("grade", 6.0), ("pit", 5.0), ("ultrasonic", 9.0)) == 6


@pytest.mark.parametrize(
    ("rule", "by_the_codes", "measured_six_years_ago"),
    [("api510", 1.5, 4.0), ("api570-class2", 5.0, 5.0), ("api570-class3", 10.0, 10.0)],
)
def test_a_vessel_is_looked_at_no_later_than_it_is_measured(
    rule: Rule, by_the_codes: float, measured_six_years_ago: float
) -> None:
    """Nothing lost and looked at today: by API 510 the earlier of five years and the measurement."""
    years = plan_years(10.0, 40.0)
    sound = outlook(years, body=np.full((50, len(years)), 8.0))
    assert plan(sound, {"body": 6.0}, rule=rule).no_later_than(1.5, "body", "the codes").visual_years == by_the_codes
    assert plan(sound, {"body": 6.0}, rule=rule, measured_years=4.0).visual_years == measured_six_years_ago


def plan(found: Projection, required: dict[str, float], **other: Any) -> InspectionPlan:
    given = {"undated": {}, "looked_years": 10.0, "rule": "api510"} | other
    known = measured(required, given.pop("measured_years", 10.0)) | given.pop("known", {})
    return plan_inspection(found, required, 10.0, given.pop("rule"), given.pop("undated"), known=known, **given)


def test_the_monte_carlo_error_is_that_of_runs() -> None:
    """Four runs of independent numbers: their P5 scatters as sampling theory says."""
    rng = np.random.default_rng(1)
    errors = [precision.standard_error(rng.standard_normal(4 * 200), 4, precision.p5) for _ in range(200)]
    density = np.exp(-(1.645**2) / 2) / np.sqrt(2 * np.pi)
    expected = np.sqrt(0.05 * 0.95 / 800) / density  # of a quantile of 800 numbers
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(expected, rel=0.15)
    sure = precision.judge(4, np.full((800, 2), 5.0), 8.0, np.zeros(800), np.full(800, np.inf), 20.0)
    assert (sure.left_mm, sure.chance, sure.life_years, sure.within) == (0, 0, 0, True)
    apart = np.column_stack([np.repeat([3.0, 4.0, 5.0, 6.0], 200), np.zeros(800)])  # now; at the end all is gone
    assert not precision.judge(4, apart, 8.0, None, None, 20.0).within


@pytest.mark.parametrize(
    ("change", "within"),
    [  # docs/learning.md: 0.1 mm or 2 % of nominal; 2 percentage points; 1 year or a tenth
        ({"left": 0.09}, True), ({"left": 0.12}, False), ({"left": 0.38, "nominal": 20.0}, True),
        ({"left": 0.42, "nominal": 20.0}, False), ({"chance": 0.019}, True), ({"chance": 0.021}, False),
        ({"life": 0.9}, True), ({"life": 1.1}, False), ({"life": 1.9, "years": 25.0}, True),
        ({"life": 2.9, "years": 25.0}, False),
    ],
)  # fmt: skip
def test_errors_pass_their_bounds_where_the_page_says(change: dict[str, float], within: bool) -> None:
    """Two runs that differ by twice the error: it is the standard deviation of two numbers over the root of two."""
    given = {"left": 0.0, "nominal": 4.0, "chance": 0.0, "life": 0.0, "years": 5.0} | change

    def runs(middle: float, error: float) -> np.ndarray:
        return np.repeat([middle - error, middle + error], 100)

    found = precision.judge(
        2, np.column_stack([runs(3.0, given["left"])] * 2), given["nominal"], runs(0.5, given["chance"]),
        runs(given["years"], given["life"]), 40.0,
    )  # fmt: skip
    assert found.left_mm == pytest.approx(given["left"])
    assert found.within is within


@pytest.mark.ci
def test_a_hundred_equal_sections_do_not_drive_life_to_nothing(spool: TwinState) -> None:
    """What all sections share, such as the fluid, is not drawn again for each, but the spread from place to place."""
    lives = []
    for run_m, texel_mm in ((1.0, 12.0), (100.0, 100.0)):
        line = replace(
            spool, parameters={**spool.parameters, "run_m": run_m}, texel_mm=texel_mm, coating=None, pits=None,
            exposure=at("C1"), mechanisms=(process(rate_mm_year=0.04),),
        )  # fmt: skip
        asset = twin_state.asset(line)
        found = bank(line, asset, assets.texels(asset), years=90, prior=Prior(), seed=0)
        state = learn(found, [], {}, seed=0, particles=1000).now
        lives.append(np.minimum(planned(state, {"body": 3.5}, 10.0, 90.0).asset, 80.0))
    short, long = (np.percentile(life, (5, 50)) for life in lives)
    assert (long < short).all()  # there are more places that may be the worst
    assert (long > 0.6 * short).all()
