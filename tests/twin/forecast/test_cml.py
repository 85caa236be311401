"""Measured places by the codes beside the twin: what is printed of them, and the MAWP."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import corrotwin as ct
from corrotwin.twin.commands.outlook import lines, mawp_lines
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.fleets.outlook import of_forecast, of_plain, plain
from corrotwin.twin.forecast import cml, tables
from corrotwin.twin.forecast.cml import CmlRow
from corrotwin.twin.forecast.failure import outside_mm
from corrotwin.twin.forecast.lives import Due
from corrotwin.twin.forecast.pipe_design import mawp
from corrotwin.twin.forecast.pressure_design import pipe_mawp_mpa
from corrotwin.twin.forecast.remaining_life import Rule
from corrotwin.twin.forecast.result import Forecast, make
from corrotwin.twin.inspection.register import INJECTION, Cml, Register

DESIGN = ct.PipeDesign(pressure_mpa=2.0, stress_mpa=138.0, efficiency=1.0)
READ = [("2012-06-01", "TML-1", 8.18), ("2016-06-01", "TML-1", 7.70), ("2016-06-01", "TML-2", 8.10)]


def forecast(readings: list[tuple[str, str, float]], *, wall_mm: float = 0.0, **tool: object) -> Forecast:
    """A forecast of a bare pipe from 2010 to 2024 with readings of its body."""
    pipe = ct.Asset("pipe", nps=8, schedule=40, wall_mm=wall_mm, run_m=1, texel_mm=30)
    twin = ct.Twin(pipe, built="2010-06-01", years=14, category="C3", bare=True, mechanisms=[])
    for date, place, value in readings:
        twin.inspect(date=date, kind="ultrasonic", zone="body", value=value, tool="UT", place=place, **tool)  # type: ignore[arg-type]
    return twin.forecast(years=10, design=DESIGN)


def with_life(made: Forecast) -> Forecast:
    """The forecast as if eight years of life were left, without which there is no MAWP."""
    assert made.plan is not None
    return replace(made, plan=replace(made.plan, life_years=(8.0, 9.0, 10.0)))


@pytest.fixture(scope="module")
def made() -> Forecast:
    return forecast(READ)


@pytest.mark.ci
def test_mawp_of_an_old_reading_is_less_the_loss_since_then(made: Forecast) -> None:
    """0.48 mm in 4 years: 0.12 mm a year. Read 8 years ago, so twice the loss of 8 years and of the interval."""
    found = mawp(made, DESIGN)
    assert found is not None
    assert found.code_mpa is not None
    wall = 7.70 - 2 * (8.18 - 7.70) / 4 * (8 + found.interval_years)
    by_hand = 2 * 138.0 * wall / outside_mm(made.known.asset)  # Barlow
    assert found.code_mpa == pytest.approx(by_hand, rel=1e-3)
    assert found.code_mpa < 0.8 * float(
        pipe_mawp_mpa(7.70, outside_mm=outside_mm(made.known.asset), stress_mpa=138.0, efficiency=1.0)
    )


def test_mawp_by_the_codes_does_not_pass_over_a_thin_place_without_a_rate() -> None:
    """TML-3 was read once, at 4.00 mm: 2 x 138 x 4 / 219.1 MPa at most, far less than at TML-1."""
    made = with_life(forecast([*READ, ("2016-06-01", "TML-3", 4.00)]))
    found = mawp(made, DESIGN)
    assert found is not None
    assert found.code_mpa == pytest.approx(2 * 138.0 * 4.0 / outside_mm(made.known.asset))
    assert found.code_note == "at most: one survey gives no rate for body TML-2, body TML-3"
    assert any(" MPa (at most: one survey gives no rate for body TML-2" in line for line in mawp_lines(made, DESIGN))


def test_mawp_is_an_upper_limit_wherever_a_place_has_no_rate(made: Forecast) -> None:
    """TML-2 was read once: thicker than TML-1 as read, but nobody knows what it has lost since."""
    found = mawp(made, DESIGN)
    assert found is not None
    assert found.code_note == "at most: one survey gives no rate for body TML-2"


def test_an_overdue_measurement_does_not_raise_the_mawp(made: Forecast) -> None:
    assert made.plan is not None
    late = {"body": Due(-1.0, "late")}
    overdue = replace(made, plan=replace(made.plan, dues=late))
    assert mawp(overdue, DESIGN) == mawp(made, DESIGN)
    sound = replace(made.plan, life_years=(8.0, 9.0, 10.0))
    found = mawp(replace(made, plan=replace(sound, dues=late)), DESIGN)
    assert found is not None
    assert found.interval_years == 4  # half of the life, by API 510
    spent = replace(made, plan=replace(made.plan, dues=late, life_years=(0.0, 9.0, 10.0)))
    assert mawp(spent, DESIGN) is None
    assert any(line.startswith("no MAWP is given: the remaining life (P5)") for line in mawp_lines(spent, DESIGN))


def test_a_thin_reading_without_a_place_limits_the_mawp_and_is_a_task() -> None:
    """2 x 138 x 2.5 / 219.1 MPa at most; 2.80 mm are required by API 574."""
    made = with_life(forecast([*READ, ("2016-06-01", "", 2.5)]))
    found = mawp(made, DESIGN)
    assert found is not None
    assert found.code_mpa == pytest.approx(2 * 138.0 * 2.5 / outside_mm(made.known.asset))
    assert found.code_note.endswith("; no loss is subtracted from the readings of body without a place")
    first = of_forecast(made, {}).tasks[0]
    assert first.startswith("body, a reading without a listed place: 2.50 mm"), first
    assert first.endswith("assess its fitness for service now")


def test_readings_without_a_place_alone_give_no_mawp_by_the_codes() -> None:
    """Their loss is not known, so a MAWP of the wall as read would be too high."""
    made = with_life(forecast([(f"{year}-06-01", "", wall) for year, wall in ((2012, 8.1), (2016, 7.8), (2023, 7.0))]))
    found = mawp(made, DESIGN)
    assert found is not None
    assert (found.code_mpa, found.code_note) == (None, "")


def test_one_survey_in_an_unknown_fluid_is_dated_three_months_on_everywhere() -> None:
    pipe = ct.Asset("pipe", nps=8, schedule=40, run_m=1, texel_mm=30)
    twin = ct.Twin(pipe, built="2010-06-01", years=13, category="C3", bare=True)
    for date in ("2022-06-01", "2022-06-30"):  # a repeat puts nothing off
        twin.inspect(date=date, kind="ultrasonic", zone="body", value=8.0, tool="UT", place="TML-1")
    made = twin.forecast(years=10, required={"body": 2.0}, rule="api570-class3")
    row = next(row for row in made.cmls if row.place == "TML-1")
    assert row.api_measure_by == "2022-08-31"
    assert "measurement overdue" in row.remarks
    assert made.plan is not None
    assert made.plan.because == "only one survey, with an unknown fluid, at body TML-1"
    assert made.plan.due_years == row.api_measure_years
    whole = next(row for row in made.cmls if not row.place)
    assert (whole.api_measure_by, whole.api_measure_years) == ("2022-08-31", row.api_measure_years)


def test_a_wall_below_what_is_required_is_dated_by_its_life() -> None:
    """Not by the three months after a single survey, which end later."""
    pipe = ct.Asset("pipe", nps=8, schedule=40, run_m=1, texel_mm=30)
    twin = ct.Twin(pipe, built="2010-06-01", years=13, category="C3", bare=True)
    twin.inspect(date="2023-05-01", kind="ultrasonic", zone="body", value=1.9, tool="UT", place="TML-1")
    plan = twin.forecast(years=10, required={"body": 2.0}, rule="api570-class3").plan
    assert plan is not None
    assert plan.because == "the codes at body TML-1"


def branched(
    walls: tuple[float, ...], rule: Rule = "api510", cml: Cml | None = None, mechanisms: Sequence[str] = ()
) -> Forecast:
    """A branch of 6.02 mm on a header of which 6.5 mm are required; both are called body. Read 16 and 8 years ago."""
    pipe = ct.Asset(
        "pipe", nps=8, schedule=40, run_m=1, branch_nps=4, branch_degrees=90, branch_m=0.4, branch_at_m=0.5, texel_mm=30
    )
    twin = ct.Twin(pipe, built="2000-06-01", years=24, category="C3", bare=True, mechanisms=list(mechanisms))
    for date, wall in zip(("2008-06-01", "2016-06-01"), walls, strict=False):
        twin.inspect(
            date=date, kind="ultrasonic", zone="body", value=wall, tool="UT", place="BR-1", at=(0.0, -0.25, 0.1667)
        )
    made = twin.forecast(years=10, required={"body": 6.5}, rule=rule)
    if cml is None:
        return made
    return make(replace(made.known, register=Register(cmls={cml.id: cml})), years=10, required=made.given, rule=rule)


def row_of(made: Forecast, place: str) -> CmlRow:
    return next(row for row in made.cmls if row.place == place)


@pytest.mark.parametrize(
    ("walls", "years", "task"),
    [
        # 4.02 mm are lost in 8 years, and what is left is below half of 6.02 mm: due when it was read.
        pytest.param((6.02, 2.0), -8.0, "2.00 mm (0.079 inch)", marks=pytest.mark.ci),
        # 2.02 mm are lost in 8 years: 0.99 mm last 3.92 years, half of which is over 1.96 years after the reading.
        pytest.param((6.02, 4.0), 8 * 0.99 / 2.02 / 2 - 8, "4.00 mm (0.157 inch)", marks=pytest.mark.ci),
        ((6.02, 6.0), 2.0, "6.00 mm (0.236 inch)"),  # by the bound of API 510, ten years
        ((6.02,), -6.0, "6.02 mm (0.237 inch)"),
    ],
)
def test_half_of_its_wall_is_assumed_to_be_required_of_a_branch_thinner_than_its_zone_requires(
    walls: tuple[float, ...], years: float, task: str
) -> None:
    made = branched(walls)
    row = row_of(made, "BR-1")
    assert row.required_mm == pytest.approx(3.01)
    assert row.api_measure_years == pytest.approx(years, abs=0.01)
    whole = row_of(made, "")
    assert (whole.required_mm, whole.api_life_years) == (6.5, None)  # a life down to 3.01 mm is not that of the zone
    assert whole.api_measure_years == row.api_measure_years
    why = "the 6.50 mm required of body are not less than its 6.02 mm when new, so half of the latter is assumed: state"
    assert why in row.remarks
    assert made.plan is not None
    assert made.plan.due_years is not None
    assert made.plan.due_years <= row.api_measure_years
    found = of_forecast(made, {})
    assert any(line.startswith("state the required thickness of body BR-1: the 6.50 mm") for line in found.tasks)
    fitness = f"body BR-1: read {task}, required 3.01 mm (0.119 inch) (assumed): assess its fitness for service now"
    assert (fitness in found.tasks) == (walls[-1] == 2.0)
    assert ("measure body BR-1: overdue by the codes" in found.tasks) == (years < 0 and walls[-1] != 2.0)
    assert of_plain(json.loads(json.dumps(plain(found)))) == found


def header_with_a_thin_branch(readings: Sequence[tuple[str, float, float | None]], fluid: Sequence[str]) -> Forecast:
    """A header of 30.96 mm, of which 8 are required, and a branch of 5.54 mm, read so far up the branch if so far."""
    pipe = ct.Asset(
        "pipe", nps=24, schedule=80, run_m=2, branch_nps=2, branch_degrees=90, branch_m=0.4, branch_at_m=1, texel_mm=40
    )
    twin = ct.Twin(pipe, built="2000-06-01", years=24, category="C3", bare=True, mechanisms=list(fluid))
    for date, value, up in readings:
        at = None if up is None else (0.0, -0.304 - up, 0.3352)
        twin.inspect(date=date, kind="ultrasonic", zone="body", value=value, tool="UT", at=at)
    return twin.forecast(years=10, required={"body": 8.0}, rule="api510")


HEADER, BRANCH = ("2004-06-01", 30.9, None), ("2023-06-01", 5.50, 0.0)  # 20 years ago and one
KNOWN_FLUID, UNKNOWN_FLUID = ["process rate_mm_year=0.01"], ["process"]


@pytest.mark.parametrize(
    ("fluid", "more", "days", "due"),
    [
        (KNOWN_FLUID, (), [4.0, 23.0], 9.0),  # the bound of API 510, ten years
        (UNKNOWN_FLUID, (), [4.0, 23.0], 23.25 - 24),  # three months after its one survey
        (KNOWN_FLUID, (("2010-06-01", 5.52, 0.1),), [4.0, 23.0, 10.0], -4.0),  # a reading beside it renews nothing
    ],
)
def test_readings_without_a_name_on_a_branch_are_dated_each_by_its_own_day(
    fluid: Sequence[str], more: Sequence[tuple[str, float, float]], days: list[float], due: float
) -> None:
    made = header_with_a_thin_branch((HEADER, *more, BRANCH), fluid)
    assert made.plan is not None
    assert sorted(place.known_years for place in made.places) == pytest.approx(sorted(days), abs=0.01)
    assert made.plan.due_years == pytest.approx(due, abs=0.01)
    if fluid is UNKNOWN_FLUID:
        assert made.plan.because == (
            "the unknown fluid and the missing rate of an unnamed place on body, last read or renewed on 2023-06-01"
        )
    tasks = of_forecast(made, {}).tasks
    assert not any("assess its fitness" in task for task in tasks)  # 2.77 mm are assumed of it
    for day in ("2023-06-01", *(date for date, _, _ in more)):
        assert (
            f"name the unnamed place of body (last read or renewed on {day}): withdraw its "
            "reading and enter it again with a place; state the required thickness of this place: the 8.00 mm required "
            "of body are not less than its 5.54 mm when new, so half of the latter is assumed"
        ) in tasks


def test_the_worst_reading_without_a_name_of_the_header_and_of_the_branch_are_both_to_be_assessed() -> None:
    """The header lacks more millimetres, the branch is nearly holed."""
    branch = (("2024-05-01", 0.4, 0.0), ("2024-05-01", 2.7, 0.1))
    made = header_with_a_thin_branch((("2024-05-01", 5.0, None), *branch), KNOWN_FLUID)
    assert of_forecast(made, {}).tasks[:2] == (
        "body, a reading without a listed place: 5.00 mm (0.197 inch), required 8.00 mm (0.315 inch): assess its "
        "fitness for service now",
        "body, the worst of 2 too-thin readings without a listed place: 0.40 mm (0.016 inch), required 2.77 mm (0.109 "
        "inch) (assumed): assess its fitness for service now",
    )


@pytest.mark.ci
def test_a_branch_that_was_never_read_is_to_be_given_its_requirement() -> None:
    made = branched((), cml=Cml(id="BR-9", zone="body", uv=branched((6.02,)).known.records[0].uv))
    why = "the 6.50 mm required of body are not less than its 6.02 mm when new, so half of the latter is assumed"
    assert f"state the required thickness of body BR-9: {why}" in of_forecast(made, {}).tasks


def test_a_branch_that_its_zone_does_not_judge_is_dated_by_its_own_life() -> None:
    """A branch of 5.54 mm, 3.6 of which were left four years ago, on a sound header of 30.96 mm."""
    pipe = ct.Asset(
        "pipe", nps=24, schedule=80, run_m=2, branch_nps=2, branch_degrees=90, branch_m=0.4, branch_at_m=1, texel_mm=40
    )
    process = ["process rate_mm_year=0.11"]
    twin = ct.Twin(pipe, built="2000-06-01", years=24, category="C3", bare=True, mechanisms=process)
    read = {"date": "2020-06-01", "kind": "ultrasonic", "zone": "body", "tool": "UT"}
    twin.inspect(**read, value=3.6, place="BR-1", at=(0.0, -0.304, 0.3352))
    twin.inspect(**read, value=29.0, place="TML-1")
    made = twin.forecast(years=10, required={"body": 8.0}, rule="api570-class2")
    assert made.plan is not None
    assert made.planned is not None
    now = made.planned.years.index(made.known.now_years)
    left = next(place for place in made.planned.places if place.name == "BR-1").left_mm
    year_ago = made.planned.years.index(made.known.now_years - 1)
    rate = np.maximum((left[:, 0] - left[:, now]) / 24, left[:, year_ago] - left[:, now])  # of all years, of the last
    life = np.percentile(np.maximum(left[:, now] - 2.77, 0) / rate, 5, method="closest_observation")
    assert 0 < life < 5
    assert made.plan.due_years == pytest.approx((4 + life) / 2 - 4, abs=0.05)
    assert made.plan.because == "half of the P5 remaining life of body BR-1"
    assert row_of(made, "BR-1").api_measure_years == pytest.approx(6.0, abs=0.01)  # the codes have no rate


def test_a_branch_keeps_a_requirement_of_its_own_that_is_more_than_its_wall() -> None:
    """Either is wrong, and the safe side is the requirement."""
    made = branched((6.02, 5.0), cml=Cml(id="BR-1", zone="body", required_mm=6.1))
    row = row_of(made, "BR-1")
    assert (row.required_mm, row.api_life_years) == (6.1, 0.0)
    assert (
        of_forecast(made, {})
        .tasks[0]
        .startswith("body BR-1: read 5.00 mm (0.197 inch), required 6.10 mm (0.240 inch):")
    )


@pytest.mark.parametrize(("rule", "years"), [("api570-class3", -5.0), ("api510", 2.0)])
def test_an_injection_point_thinner_than_its_zone_requires_has_three_years_by_api_570(rule: Rule, years: float) -> None:
    """A vessel, by API 510, has no injection points."""
    made = branched((6.02, 6.0), rule, cml=Cml(id="BR-1", zone="body", kind=INJECTION))
    assert row_of(made, "BR-1").api_measure_years == pytest.approx(years, abs=0.01)


@pytest.mark.ci
def test_a_zone_without_a_date_takes_none_from_the_others() -> None:
    """Single places of the end are attacked where nobody looked; the body was read once, 16 years ago."""
    made = branched((6.02,), mechanisms=["own zone=end rate_mm_year=0.1 localised=true"])
    made = make(made.known, years=10, required={"body": 5.0, "end": 5.0}, rule="api510")
    assert made.plan is not None
    assert (made.plan.due_years, set(made.plan.undated), set(made.plan.dues)) == (None, {"end"}, {"body"})
    found = of_forecast(made, {})
    assert (found.measure_by, found.life_p5) == ("2024-06-01", None)
    assert found.because == f"{made.plan.because}; no date can be given for end"
    assert any(line.startswith("measure thickness now, first on body (") for line in found.tasks)
    assert "measure body BR-1 again: one survey gives no rate" in found.tasks
    assert found.undated == "end"
    first, look = list(lines(made))[-2:]
    assert first.startswith("for the other zones, next thickness measurement by 2024-06-01 (now; ")
    assert look.startswith("external visual inspection by 2024-06-01 (now; ")
    drawn = {}
    for zone in ("body", "end"):
        made.draw(stream := io.BytesIO(), zone=zone)
        drawn[zone] = b"measure by year" in stream.getvalue()
    assert drawn == {"body": True, "end": False}


def test_a_place_that_loses_next_to_nothing_is_dated_by_the_bound_alone() -> None:
    """0.365 inch, 9.27 mm ten years later and 2.8 required: the life of 64,700 years ends in no calendar."""
    readings = [("2012-06-01", "TML-1", 0.365 * 25.4), ("2022-06-01", "TML-1", 9.27)]
    row = next(row for row in forecast(readings, wall_mm=9.3).cmls if row.place == "TML-1")
    assert row.api_life_years == pytest.approx((9.27 - 2.8) / 0.0001, rel=0.001)
    assert (row.api_half_life_date, row.api_measure_by) == (None, "2032-06-01")


def test_mawp_of_the_twin_is_that_of_each_history_s_wall_less_twice_its_loss(made: Forecast) -> None:
    found, ahead = mawp(made, DESIGN), made.planned
    assert found is not None
    assert ahead is not None
    of_zones = []
    for zone in ("body", "bore"):
        ends = [14.0, 14.0 + found.interval_years]
        now, then = np.transpose([np.interp(ends, ahead.years, left) for left in ahead.zones[zone].least_left_mm])
        of_zones.append(now - 2 * (now - then))
    walls = np.min(of_zones, axis=0)
    by_hand = np.percentile(2 * 138.0 * walls / outside_mm(made.known.asset), [5, 50, 95], method="closest_observation")
    assert found.twin_mpa == pytest.approx(tuple(by_hand), rel=1e-3)  # Barlow
    assert by_hand.min() > 0


@pytest.mark.ci
def test_a_renewed_wall_that_was_not_read_since_has_no_readings() -> None:
    twin = ct.Twin(
        ct.Asset("pipe", nps=8, schedule=40, run_m=1, texel_mm=30),
        built="2010-06-01",
        years=14,
        category="C3",
        bare=True,
    )
    for date, place, value in READ:
        twin.inspect(date=date, kind="ultrasonic", zone="body", value=value, tool="UT", place=place)
    twin.record_event(date="2018-06-01", kind="repair", zone="body", place="TML-1", why="sleeve")
    row = next(row for row in twin.forecast(years=10, design=DESIGN).cmls if row.place == "TML-1")
    assert (row.readings, row.api_life_years) == (0, None)
    assert row.remarks == "its wall was new on 2018-06-01 and has not been read since, so the codes give no life"


@pytest.mark.parametrize(("value", "tool"), [(0.0, {}), (0.5, {"coated": True, "echo": "single"})])
def test_a_place_without_any_wall_left_has_no_life(value: float, tool: dict[str, object]) -> None:
    """A hole, and a reading that is all paint, are taken by `inspect`; no forecast may be refused because of them."""
    row = next(row for row in forecast([("2016-06-01", "TML-1", value)], **tool).cmls if row.place == "TML-1")
    assert (row.least_read_mm, row.api_life_years) == (0.0, 0.0)
    assert "at or below the required thickness" in row.remarks


def test_a_design_of_words_is_refused() -> None:
    for name in ("pressure_mpa", "y", "structural_mm"):
        with pytest.raises(InputError, match=f"`{name}` '5': give a number"):
            replace(DESIGN, **{name: "5"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codes", "twin", "said"),
    [
        (35.0, (float("inf"),) * 3, ""),  # neither ends within the 20 years that the twin looks at
        (float("inf"), (float("inf"),) * 3, ""),
        (15.0, (float("inf"),) * 3, "the codes' life is shorter"),
        (4.0, (5.0, 9.0, float("inf")), "the codes' life is shorter"),
        (6.0, (5.0, 9.0, 19.0), ""),
        (35.0, (5.0, 9.0, 19.0), "the codes' life is longer"),
    ],
)
def test_disagreement_is_of_lives_that_were_looked_at(
    codes: float, twin: tuple[float, float, float], said: str
) -> None:
    found = cml._compared(codes, twin, 20.0)
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_a_narrow_terminal_shows_dates_and_numbers_whole(made: Forecast) -> None:
    """In 80 columns, with a long name, too."""
    rows = [replace(row, place="CML 12, elbow at the pump, extrados" if row.place == "TML-1" else row.place)
            for row in made.cmls]  # fmt: skip
    ends = [
        replace(
            row, rusted_percent=(100.0, 100.0, 100.0), least_left_mm=(10.25, 11.25, 12.25), chance_below_required=1.0
        )
        for row in made.rows[-2:]
    ]
    text = io.StringIO()
    console = Console(file=text, width=80)
    console.print(cml.shown(rows, 20.0))
    console.print(tables.shown(ends, "pipe"))
    assert "…" not in text.getvalue()
    for row in made.cmls:
        assert row.last_date is None or row.last_date in text.getvalue()
        assert row.api_measure_by is None or row.api_measure_by in text.getvalue()
    assert all(f" {cell} │" in text.getvalue() for cell in ("100.0–100.0", "10.25–12.25", "100.0"))
    for line in text.getvalue().splitlines():
        assert len(line) <= 80
        assert line.startswith(" ") or line[-1] in "┓┃┩│┘"  # not cut off; but for titles
