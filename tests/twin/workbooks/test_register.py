"""Registers of CML: what they say of readings and forecasts, and every way in which a row may be wrong."""

import dataclasses
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from contractor import Rows, pipe, table, workbook

import corrotwin as ct
from corrotwin.twin.fleets.outlook import of_forecast
from corrotwin.twin.forecast.lives import InspectionPlan
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection import register as registers
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import Cml, Register
from corrotwin.twin.view import comparison

Command = Callable[..., subprocess.CompletedProcess[str]]
TOP_M = 0.219  # of a pipe of NPS 8 that lies on the ground
HEADINGS = ["CML", "Component", "Type", "T nominal (in)", "T min (in)", "Circuit", "x", "y", "z"]
ROWS: Rows = [
    HEADINGS,
    ["TML-1", "Body", "Straight", 0.322, 0.2, "C-1", 0.1, 0, TOP_M],
    ["TML-2", "Body", "Elbow 90", 0.322, 0.25, "C-1", -0.1, 0, TOP_M],
]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A pipe of 8.18 mm with zone body, in service since 2005."""
    return pipe(tmp_path / "spool")


def test_a_register_says_where_readings_are_and_what_must_be_left(
    spool: Path, tmp_path: Path, command: Command
) -> None:
    path = workbook(tmp_path / "cml.xlsx", CML=ROWS)
    dry = command("register", spool, path, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "2 new CMLs, 0 changed, 2 in all; nothing was stored" in dry.stdout
    assert not registers.read(spool)
    done = command("register", spool, path)
    assert done.returncode == 0, done.stderr
    kept = registers.read(spool)
    first, second = kept.cmls["TML-1"], kept.cmls["TML-2"]
    assert (first.zone, first.circuit, first.kind, second.kind) == ("body", "C-1", "straight", "bend")
    assert first.nominal_mm == pytest.approx(0.322 * 25.4)
    assert kept.required_by_zone() == {"body": pytest.approx(0.25 * 25.4)}  # the greater of both
    assert first.uv is not None
    assert first.uv != second.uv
    readings = table(tmp_path / "r.csv", [["CML", "Date", "Thickness (mm)"], ["TML-1", "2015-05-31", 7.9]])
    assert command("inspect", spool, "--readings", readings).returncode == 0
    assert log.read(spool)[0][0].uv == first.uv
    unknown = table(tmp_path / "r2.csv", [["CML", "Date", "Thickness (mm)"], ["TML-21", "2015-05-31", 7.9]])
    refused = command("inspect", spool, "--readings", unknown)
    assert refused.returncode == 2
    assert "'TML-21' is not in the twin's register of CML (did you mean TML-2 or TML-1?)" in refused.stderr
    again = command("register", spool, path)
    assert "0 new CMLs, 0 changed, 2 in all" in again.stdout


def test_a_renamed_cml_keeps_its_readings(spool: Path, tmp_path: Path, command: Command) -> None:
    assert command("register", spool, table(tmp_path / "a.csv", ROWS)).returncode == 0
    readings = table(tmp_path / "r.csv", [["CML", "Date", "Thickness (mm)"], ["TML-1", "2015-05-31", 7.9]])
    assert command("inspect", spool, "--readings", readings).returncode == 0
    silent = [HEADINGS, ["E-17", *ROWS[1][1:]], ROWS[2]]
    refused = command("register", spool, table(tmp_path / "b.csv", silent))
    assert refused.returncode == 2
    assert "'E-17' is at the position of 'TML-1', which the file lacks" in refused.stderr
    told = [[*HEADINGS, "Former ID"], ["E-17", *ROWS[1][1:], "TML-1"], [*ROWS[2], None]]
    assert command("register", spool, table(tmp_path / "c.csv", told)).returncode == 0
    assert list(registers.read(spool).cmls) == ["TML-2", "E-17"]
    assert [record.place for record in log.read(spool)[0]] == ["E-17"]
    assert [record.place for record in log.read_log(spool).in_force.values()] == ["TML-1"]  # as it was written


def test_a_register_cannot_make_one_place_of_two_that_were_read_on_one_day(
    spool: Path, tmp_path: Path, command: Command
) -> None:
    readings = [["CML", "Zone", "Date", "Thickness (mm)"]]
    readings += [[name, "body", "2015-05-31", value] for name, value in (("TML-1", 7.9), ("P7", 7.1))]
    assert command("inspect", spool, "--readings", table(tmp_path / "r.csv", readings)).returncode == 0
    rows = table(tmp_path / "a.csv", [[*HEADINGS, "Former ID"], [*ROWS[1], "P7"], [*ROWS[2], None]])
    for given in ((), ("--dry-run",)):
        refused = command("register", spool, rows, *given)
        assert refused.returncode == 2
        assert f"{rows}: makes TML-1 and P7 one place, but their readings of 2015-05-31 by " in refused.stderr
        assert "are 7.9 and 7.1 mm; correct the row" in refused.stderr
    assert not registers.read(spool)
    assert command("inspect", spool, "--withdraw", "2").returncode == 0
    assert command("register", spool, rows).returncode == 0


def changed(row: int, column: int, value: object) -> Rows:
    rows = [list(each) for each in ROWS]
    rows[row][column] = value
    return rows


def of_assets(*assets: str) -> Rows:
    return [["Line", *HEADINGS]] + [[asset, *row] for asset, row in zip(assets, ROWS[1:], strict=True)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(1, 8, 0.9), "line 2, column 'x': at 0.1 0 0.9: is 0.681 m from the surface of body"),
        (changed(1, 3, 8.18), "line 2, column 'T nominal (in)': nominal thickness 207.8 mm, but the twin has 8.18 mm"),
        (changed(1, 4, 0.4), "TML-1: required_mm 10.16 is not below nominal_mm 8.1788"),
        (changed(1, 2, "widget"), "line 2, column 'Type': 'widget' is not a kind of CML; write one of straight, bend"),
        (changed(1, 1, "Nozzle"), "line 2, column 'Component': 'Nozzle' is not a zone of this pipe"),
        (changed(2, 0, "TML-1"), "line 3, column 'CML': 'TML-1' is in two rows; keep one"),
        (changed(1, 0, ""), "line 2: names no CML; fill it in, or remove the row"),
        (changed(1, 6, ""), "has y without x; give all or none"),
        (changed(0, 3, "T nominal"), "line 2, column 'T nominal': no unit is stated"),
        ([["CML", "Zone", *map(str, range(16_384))], ["A", "body"]], "16386 columns, over 16384; remove"),
        ([["a", "b"], [1, 2]], "must have exactly one sheet with a column of CML"),
        ([HEADINGS], "lists no CML; add a row for each CML"),
        (
            of_assets("C-1", "C-2"),
            "cml.csv: has rows of several assets, 'C-1', 'C-2'; give the one that is this twin as --asset",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_stored(
    rows: Rows, message: str, spool: Path, tmp_path: Path, command: Command
) -> None:
    refused = command("register", spool, table(tmp_path / "cml.csv", rows))
    assert refused.returncode == 2
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (spool / "register.json").exists()


def test_a_zone_other_than_that_of_its_readings_is_refused(spool: Path, tmp_path: Path, command: Command) -> None:
    rows = [["CML", "Zone", "Date", "Thickness (mm)"], ["TML-1", "end", "2015-05-31", 7.9]]
    assert command("inspect", spool, "--readings", table(tmp_path / "r.csv", rows)).returncode == 0
    refused = command("register", spool, table(tmp_path / "a.csv", ROWS))
    assert refused.returncode == 2
    assert "TML-1 is on body, but its reading of 2015-05-31 is on end" in refused.stderr


def test_the_unit_and_the_sheet_that_a_caller_states(tmp_path: Path) -> None:
    path = table(tmp_path / "cml.csv", [["CML", "Zone", "Nominal"], ["TML-1", "body", 0.322]])
    twin = ct.Twin.load(pipe(tmp_path / "spool"))
    for read in (twin.import_register, twin.import_readings):
        with pytest.raises(ct.InputError, match="`unit` furlong: give mm, inch or mil"):
            read(path, unit="furlong")
    (tmp_path / "map.json").write_text('{"sheet": "CML"}')
    register = twin.import_register(path, unit="Inches", column_map=tmp_path / "map.json")
    assert register.cmls["TML-1"].nominal_mm == pytest.approx(0.322 * 25.4)


@pytest.mark.ci
def test_each_cml_is_held_to_its_own_requirement_and_injection_points_to_three_years(tmp_path: Path) -> None:
    folder = pipe(tmp_path / "spool")
    twin = ct.Twin.load(folder)
    rows = changed(2, 2, "Injection point")
    twin.import_register(table(tmp_path / "cml.csv", rows))
    for name in ("TML-1", "TML-2"):
        for day, value in (("2012-06-01", 8.1), ("2022-06-01", 8.0)):
            twin.inspect(date=day, kind="ultrasonic", zone="body", value=value, tool="UT", place=name)
    twin.save()
    made = ct.Twin.load(folder).forecast(years=1, rule="api570-class3")
    by_place = {row.place: row for row in made.cmls if row.place}
    assert by_place["TML-1"].required_mm == pytest.approx(0.2 * 25.4)
    assert by_place["TML-2"].required_mm == pytest.approx(0.25 * 25.4)
    assert by_place["TML-1"].api_measure_by == "2032-06-01"  # 10 years, by API 570 of class 3
    assert by_place["TML-2"].api_measure_by == "2025-06-01"  # 3 years
    changes = {row.zone: row for row in comparison.compare(made.known, 17.0, 18.0)}
    assert changes["body"].chance_below_required_to is not None  # the register requires it here, too
    assert changes["bore"].chance_below_required_to is None


def test_an_injection_point_that_nobody_measured_was_due_three_years_after_service_began(tmp_path: Path) -> None:
    twin = ct.Twin.load(pipe(tmp_path / "spool"))
    twin.import_register(table(tmp_path / "cml.csv", changed(2, 2, "Injection point")))
    twin.inspect(date="2022-06-01", kind="ultrasonic", zone="body", value=8.0, tool="UT", place="TML-1")
    plan = twin.forecast(years=1, rule="api570-class3").plan
    assert plan is not None
    assert (plan.interval_years, plan.because) == (0.0, "the injection point TML-2 on body was never measured")
    assert plan.due_zone == "body"
    assert "TML-2" not in twin.forecast(years=1).plan.because  # API 510 knows none
    for point in "NS":
        twin.inspect(date="2023-06-01", kind="ultrasonic", zone="body", value=8.0, tool="UT", place=f"TML-2/{point}")
    assert "never measured" not in twin.forecast(years=1, rule="api570-class3").plan.because


@pytest.mark.ci
def test_an_injection_point_that_nobody_measured_keeps_its_date_beside_a_zone_without_one(tmp_path: Path) -> None:
    twin = ct.Twin.load(pipe(tmp_path / "spool"))
    twin.import_register(table(tmp_path / "cml.csv", changed(2, 2, "Injection point")))
    required = {"body": 2.0, "end": 2.0}
    made = twin.forecast(years=1, rule="api570-class3", required=required)
    assert made.plan is not None

    def due(plan: InspectionPlan) -> object:
        rows = of_forecast(dataclasses.replace(made, plan=plan), {}).cmls
        return next(row["api_measure_by"] for row in rows if row["place"] == "TML-2")

    dated = due(made.plan)
    assert str(dated).startswith("20")
    assert due(dataclasses.replace(made.plan, undated={"end": "single places"})) == dated
    assert due(dataclasses.replace(made.plan, undated={"body": "single places"})) is None


def test_an_injection_point_counts_from_the_day_when_its_zone_was_replaced(tmp_path: Path) -> None:
    twin = ct.Twin.load(pipe(tmp_path / "spool"))
    twin.import_register(table(tmp_path / "cml.csv", changed(2, 2, "Injection point")))
    twin.record_event(date="2023-06-01", kind="replacement", zone="body", why="thin")
    plan = twin.forecast(years=1, rule="api570-class3").plan
    assert plan is not None
    assert plan.interval_years > 0
    assert plan.because == "half of the P5 remaining life since body was made new"  # before the three years are over


@pytest.mark.ci
def test_what_the_user_requires_reaches_a_cml_of_which_the_register_requires_less(tmp_path: Path) -> None:
    """Read 6.4 and 6.8 mm: above the 3 and 6 mm of the register, and both spent by the 7 mm asked."""
    twin = ct.Twin.load(pipe(tmp_path / "spool"))
    rows = [["CML", "Zone", "Required (mm)"], ["TML-1", "body", 3], ["TML-2", "body", 6]]
    twin.import_register(table(tmp_path / "cml.csv", rows))
    for day, first, second in (("2012-06-01", 8.0, 8.0), ("2018-06-01", 6.4, 6.8)):
        twin.inspect(date=day, kind="ultrasonic", zone="body", value=first, tool="UT", place="TML-1")
        twin.inspect(date=day, kind="ultrasonic", zone="body", value=second, tool="UT", place="TML-2")
    more = {row.place: row for row in twin.forecast(years=1, required={"body": 7.0}, rule="api570-class2").cmls}
    assert {place: (row.required_mm, row.api_life_years) for place, row in more.items()} == dict.fromkeys(
        ("", "TML-1", "TML-2"), (7.0, 0.0)
    )
    between = {row.place: row for row in twin.forecast(years=1, required={"all": 5.0}, rule="api570-class2").cmls
               if row.zone == "body"}  # fmt: skip
    assert {place: row.required_mm for place, row in between.items()} == {"": 6.0, "TML-1": 5.0, "TML-2": 6.0}


@pytest.mark.parametrize(
    ("given", "required"),
    [(0.0, 3.0), (5.0, 5.0), (5.9, 5.9), (6.5, 3.0)],  # 6.5 mm is meant for the header of 8.18 mm, as everywhere
)
def test_a_branch_keeps_its_own_requirement_where_it_was_thinner_when_new(given: float, required: float) -> None:
    register = Register(cmls={"A": Cml(id="A", zone="body", required_mm=3.0)})
    assert register.requirement("A", 6.02, of_zone=7.0, given={"all": 1.0, "body": given}) == (required, False)
    assert register.requirement("B", 6.02, of_zone=7.0, given={"body": given}) == (3.01, True)
    thicker = Register(cmls={"C": Cml(id="C", zone="body", nominal_mm=7.1)})  # by the register alone: the safe side
    assert thicker.requirement("C", 6.02, of_zone=7.0, given={"body": given}) == (7.0, False)
    assert register.requirement("B", 8.18, of_zone=7.0, given={"body": given}) == (7.0, False)


def test_names_now_and_before_are_of_one_cml_alone() -> None:
    one, other = Cml(id="A", zone="body", formerly=("Z",)), Cml(id="B", zone="body", formerly=("Z",))
    with pytest.raises(ct.InputError, match="'Z' is or was also the name of A"):
        Register(cmls={"A": one, "B": other})
    register = Register(cmls={"A": Cml(id="A", zone="body", formerly=("Z",), uv=(0.5, 0.5))})
    at_point = Record(date="2015-01-01", zone="body", kind="ultrasonic", value=7.0, tool="UT", place="Z/N")
    whole = Record(date="2015-01-01", zone="body", kind="ultrasonic", value=7.0, tool="UT", place="Z")
    assert [(one.place, one.uv) for one in register.applied([at_point, whole])] == [("A/N", None), ("A", (0.5, 0.5))]


@pytest.mark.parametrize("content", ["{}", '{"kind": "register"}', '{"kind": "register", "format_version": 1}',
    '{"kind": "register", "format_version": 1, "cmls": [{"id": 1}]}',
    '{"kind": "register", "format_version": 1, "cmls": [{"id": "a", "zone": "b", "c": "d"}]}', "["])  # fmt: skip
def test_a_damaged_register_is_refused(content: str, spool: Path, command: Command) -> None:
    (spool / "register.json").write_text(content)
    refused = command("forecast", spool)
    assert refused.returncode == 2
    assert "register.json: " in refused.stderr


def test_what_a_list_has_no_column_for_is_kept(spool: Path, tmp_path: Path, command: Command) -> None:
    assert command("register", spool, table(tmp_path / "a.csv", ROWS)).returncode == 0
    before = registers.read(spool)
    bare = [["CML", "Component", "Circuit"], ["TML-1", "Body", "C-9"]]
    assert command("register", spool, table(tmp_path / "b.csv", bare)).returncode == 0
    after = registers.read(spool)
    assert after.cmls["TML-1"] == dataclasses.replace(before.cmls["TML-1"], circuit="C-9")
    bare = [["CML", "Required (mm)", "Formerly"], ["TML-1", 5, ""], ["E-2", 5, "TML-2"]]  # not even where they are
    assert command("register", spool, table(tmp_path / "c.csv", bare)).returncode == 0
    last = registers.read(spool)
    assert last.cmls["TML-1"] == dataclasses.replace(after.cmls["TML-1"], required_mm=5.0)
    assert (last.cmls["E-2"].zone, last.cmls["E-2"].uv) == ("body", before.cmls["TML-2"].uv)
    new = command("register", spool, table(tmp_path / "d.csv", [*bare, ["TML-3", 5, ""]]))
    assert "d.csv: line 4, column 'CML': no zone and no coordinates" in new.stderr
    mapped = tmp_path / "map.json"
    mapped.write_text('{"required": "T-ret"}')
    refused = command("register", spool, tmp_path / "b.csv", "--map", mapped)
    assert refused.returncode == 2
    assert "no column 'T-ret', which the column map gives for required" in refused.stderr


def test_a_register_and_the_user_require_together(spool: Path, tmp_path: Path, command: Command) -> None:
    assert command("register", spool, table(tmp_path / "a.csv", ROWS)).returncode == 0
    register = registers.read(spool)
    of_body = 0.25 * 25.4
    assert register.required_with({"end": 5.0}) == {"body": pytest.approx(of_body), "end": 5.0}
    assert register.required_with({"body": 7.0, "all": 3.0}) == {"body": 7.0, "all": 3.0}
    assert register.required_with({"body": 1.0}) == {"body": pytest.approx(of_body)}
    assert register.required_with({"all": 7.0}) == {"body": 7.0, "all": 7.0}  # "all" reaches zones of the register, too
    assert register.required_with({"all": 3.0}) == {"body": pytest.approx(of_body), "all": 3.0}
    chosen = command("forecast", spool, "--basis", "long-term", "--chosen-by", "A. Weld")
    assert chosen.returncode == 0, chosen.stderr  # the register requires something


def test_no_reading_passes_the_register_by_another_way(spool: Path, tmp_path: Path, command: Command) -> None:
    assert command("register", spool, table(tmp_path / "a.csv", ROWS)).returncode == 0
    words = ("--date", "2015-05-31", "--kind", "ultrasonic", "--value", "7.9", "--tool", "UT")
    unknown = command("inspect", spool, *words, "--zone", "body", "--place", "NOPE")
    assert unknown.returncode == 2
    assert "'NOPE' is not in the twin's register of CML" in unknown.stderr
    elsewhere = command("inspect", spool, *words, "--zone", "end", "--place", "TML-1")
    assert elsewhere.returncode == 2
    assert "the register has TML-1 on body, not on end" in elsewhere.stderr
    assert log.read_log(spool).records == {}


def test_a_renamed_cml_is_held_against_its_earlier_readings(spool: Path, tmp_path: Path, command: Command) -> None:
    assert command("register", spool, table(tmp_path / "a.csv", ROWS)).returncode == 0
    rows: list[list[object]] = [["CML", "Date", "Thickness (mm)"], ["TML-1", "2012-05-31", 6.0]]
    assert command("inspect", spool, "--readings", table(tmp_path / "r.csv", rows)).returncode == 0
    told = [[*HEADINGS, "Former ID"], ["E-17", *ROWS[1][1:], "TML-1"]]
    assert command("register", spool, table(tmp_path / "c.csv", told)).returncode == 0
    rows = [["CML", "Date", "Thickness (mm)"], ["E-17", "2022-05-31", 7.9]]
    assert command("inspect", spool, "--readings", table(tmp_path / "r2.csv", rows)).returncode == 0
    assert list(log.suspects(log.read_log(spool), spool)) == [2]
    rows = [["CML", "Date", "Thickness (mm)"], ["E-17", "2012-05-31", 7.0]]
    twice = command("inspect", spool, "--readings", table(tmp_path / "r3.csv", rows))
    assert twice.returncode == 2
    assert "7 mm at E-17 on body" in twice.stderr


@pytest.mark.parametrize("name", ["CML-A", "A"])
def test_a_renamed_cml_is_repaired_under_either_name(name: str, spool: Path, tmp_path: Path, command: Command) -> None:
    log.append(spool, [Record(date="2012-05-31", zone="body", kind="ultrasonic", value=6.0, tool="UT", place="A")])
    registers.write(spool, Register(cmls={"CML-A": Cml(id="CML-A", zone="body", formerly=("A",))}))
    twin = ct.Twin.load(spool)
    words = ("--event", "repair", "--date", "2019-05-31", "--zone", "body", "--place")
    done = command("inspect", spool, *words, name)
    assert "1 of 1 event added" in done.stdout, done.stderr
    for again in ("A", "CML-A"):  # it is one place
        assert "0 of 1 event added" in command("inspect", spool, *words, again).stdout
    assert twin.record_event("repair", date="2019-05-31", zone="body", place=name) in ct.Twin.load(spool).events
    log.append(spool, [Record(date="2020-05-31", zone="body", kind="ultrasonic", value=8.0, tool="UT", place="CML-A")])
    assert log.suspects(log.read_log(spool), spool) == {}  # thicker, since it was repaired
