"""Fleets: ranking, what is kept, tables, pages and workbooks that are read again."""

import dataclasses
import json
import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from browser import check_page, compare_look
from contractor import pipe, table, workbook
from matplotlib.axes import Axes

import corrotwin as ct
from corrotwin.twin import store, twin_state
from corrotwin.twin.fleets import figures, making, outlook, pages, sheets_out
from corrotwin.twin.fleets.fleet import FleetMember, consequences, measure_next, ranked, twins_in, with_consequences
from corrotwin.twin.fleets.making import OutlookSettings
from corrotwin.twin.fleets.outlook import TwinOutlook
from corrotwin.twin.fleets.units import UNITS, Unit
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection import register as registers
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.inspection.register import Cml, Register
from corrotwin.twin.workbooks.columns import ColumnMap
from corrotwin.twin.workbooks.readings import Defaults, intake

Command = Callable[..., subprocess.CompletedProcess[str]]
ROWS = (("CML", "Zone", "Date", "Thickness (mm)", "Instrument"),
    ("TML-1", "body", "2012-05-31", 8.0, "UT-1"), ("TML-1", "body", "2022-05-31", 7.0, "UT-1"),
    ("=1+1", "body", "2012-05-31", 8.0, "UT-1"), ("=1+1", "body", "2022-05-31", 7.8, "UT-1"))  # fmt: skip
REQUIRED = ("--required", "body=5")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A folder with a learned twin of a hostile name, one without required thickness, and a damaged one."""
    home = tmp_path_factory.mktemp("plant")
    spool = pipe(home / "unit 1" / "P-1 <b>&")
    assert command("inspect", spool, "--readings", table(home / "r.csv", ROWS)).returncode == 0
    (home / "r.csv").unlink()
    (home / "broken").mkdir()
    (home / "broken" / "twin.json").write_text("{")
    done = command("fleet", home, *REQUIRED)
    assert done.returncode == 1
    return home


@pytest.fixture(scope="module")
def seen(plant: Path) -> TwinOutlook:
    found = making.outlook_of(plant / "unit 1" / "P-1 <b>&", OutlookSettings(required=(("body", 5.0),)))
    assert found.weakest == "body"
    return found


@pytest.mark.ci
def test_the_numbers_are_those_of_forecast(plant: Path, seen: TwinOutlook, command: Command, tmp_path: Path) -> None:
    folder = plant / "unit 1" / "P-1 <b>&"
    made = ct.Twin.load(folder).forecast(years=10, required={"body": 5.0})
    assert made.plan is not None
    assert seen.life_p5 == made.plan.life_years[0]  # type: ignore[index]
    last = next(row for row in made.rows if row.zone == "all" and row.years == made.years[-1])
    assert seen.chance(at_end=True) == last.chance_below_required
    assert seen.zone(at_end=True)["least_left_mm_p5"] == last.least_left_mm[0]
    assert seen.worst_cml is not None
    assert seen.worst_cml["place"] == "TML-1"


def test_what_was_found_is_kept_until_something_changes(
    plant: Path, seen: TwinOutlook, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, settings = plant / "unit 1" / "P-1 <b>&", OutlookSettings(required=(("body", 5.0),))
    monkeypatch.setattr(making, "open_session", None)  # it would fail if it were learned again
    assert making.outlook_of(folder, settings) == seen
    assert making.cached_outlook_of(folder, dataclasses.replace(settings, years=11.0)) is None
    path = folder / "outlook.json"
    whole = path.read_bytes()
    for damaged in (
        b"{",
        b"[]",
        whole.replace(b'"weakest"', b'"meekest"'),
        whole.replace(b'"rule"', b'"tool"'),
        b"",
        re.sub(rb'"chance_below_required": [0-9.]+', b'"chance_below_required": "certain"', whole),
        re.sub(rb'"chance_below_required": [0-9.]+', b'"chance_below_required": -5', whole),
        re.sub(rb'"rusted_percent_p50": [0-9.]+', b'"rusted_percent_p50": null', whole),
        b"[" * 100_000,
    ):
        assert damaged != whole
        path.write_bytes(damaged)
        assert making.cached_outlook_of(folder, settings) is None
    path.write_bytes(whole)
    records = (folder / log.RECORDS).read_bytes()
    (folder / log.RECORDS).write_bytes(records + b'{"withdraws": 1')  # a torn line: another file
    assert making.cached_outlook_of(folder, settings) is None
    (folder / log.RECORDS).write_bytes(records)
    assert making.cached_outlook_of(folder, settings) == seen
    monkeypatch.setattr(making, "source_digest", lambda folder: "another version of the program")
    assert making.cached_outlook_of(folder, settings) is None


@pytest.mark.parametrize("name", ["forecast/lives.py", "calibration/published.csv", "forecast/lives.pyc"])
def test_a_change_of_any_module_or_data_is_another_version(name: str, tmp_path: Path) -> None:
    module = tmp_path / name
    module.parent.mkdir()
    module.write_text("HALF = 2\n")
    cached = module.parent / "__pycache__" / "lives.cpython-311.pyc"  # written at the first import, and no change
    cached.parent.mkdir()
    before = making.source_digest(tmp_path)
    making.source_digest.cache_clear()
    cached.write_bytes(b"compiled")
    assert making.source_digest(tmp_path) == before
    module.write_text("HALF = 3\n")
    making.source_digest.cache_clear()
    assert making.source_digest(tmp_path) != before
    making.source_digest.cache_clear()


def test_a_misspelt_zone_is_refused(plant: Path, tmp_path: Path, command: Command) -> None:
    """`end` is a zone of the pipe, `boddy` of none of the twins; one that is damaged does not hinder."""
    twin, words = plant / "unit 1" / "P-1 <b>&", ("--required", "boddy=5", "end=5")
    report, shell = tmp_path / "a.html", tmp_path / "a.json"
    for done in (
        command("fleet", plant, *words), command("report", twin, "--out", report, *words),
        command("export", twin, "--out", shell, *words),
    ):  # fmt: skip
        assert done.returncode == 2
        assert "--required: no zone boddy; choose from all, body, bore, end" in done.stderr
        assert done.stderr.count("\n") == 1
    with pytest.raises(ct.InputError, match="`required`: no zone boddy"):
        ct.fleet(plant, required={"boddy": 5.0})
    assert not report.exists()
    assert not shell.exists()


def test_infinite_lives_are_kept(seen: TwinOutlook) -> None:
    endless = dataclasses.replace(seen, life_p5=math.inf)
    text = json.dumps(outlook.plain(endless), allow_nan=False)
    assert outlook.of_plain(json.loads(text)) == endless


@pytest.mark.parametrize("mm", [math.nan, math.inf, 0.0, -1.0])
def test_no_thickness_is_none_to_require(mm: float) -> None:
    with pytest.raises(ct.InputError, match="give a thickness in mm above 0"):
        OutlookSettings.of(1.0, {"all": mm}, "api510", category_measured=False, seed=0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"else": 1.0}, r"`consequences`: not in the fleet: else; its twins are"),
        *[({"spool": value}, rf"`consequences` of 'spool': {value:g}: give") for value in (math.nan, math.inf, -5.0)],
    ],
)
def test_impossible_consequences_are_refused_before_anything_is_forecast(
    given: dict[str, float], said: str, plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "open_session", None)  # it would fail if it forecast
    with pytest.raises(ct.InputError, match=said):
        ct.fleet(plant, years=7.0, consequences=given)


def member(name: str, seen: TwinOutlook | None, *, chance: float = 0.0, life: float | None = 5.0) -> FleetMember:
    if seen is not None:
        zones = tuple({**row, "chance_below_required": chance} for row in seen.zones)
        seen = dataclasses.replace(seen, zones=zones, life_p5=life)
    return FleetMember(name=name, folder=Path(name), outlook=seen, error="" if seen else "damaged")


def test_the_order_is_by_risk_then_life(seen: TwinOutlook) -> None:
    fleet = [
        member("safe", seen, chance=0.0), member("likely", seen, chance=0.5), member("lost", None),
        member("likely and sooner", seen, chance=0.5, life=2.0), member("rare and dear", seen, chance=0.1),
    ]  # fmt: skip
    names = [one.name for one in ranked(fleet)]
    assert names == ["lost", "likely and sooner", "likely", "rare and dear", "safe"]
    given = {"safe": 1.0, "likely": 1.0, "likely and sooner": 1.0, "rare and dear": 9.0}
    told = with_consequences(fleet, given)
    assert [one.name for one in ranked(told)] == ["lost", "rare and dear", "likely and sooner", "likely", "safe"]
    assert next(one for one in told if one.name == "lost").assumed  # the greatest stands for it


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["twin", "consequence"], ["a", "high"]], "line 2, column 'consequence': 'high' is not a number"),
        ([["twin", "consequence"], ["a", -1]], "line 2, column 'consequence': -1: give a number of at least 0"),
        ([["twin", "consequence"], ["a", "1,500"]], r"column 'consequence': '1,500' could be 1\.5000 or 1500; write"),
        ([["twin", "consequence"], ["a", "1.500"]], r"column 'consequence': '1\.500' could be 1\.5000 or 1500; write"),
        ([["twin", "consequence"], ["a", "1,500,000"]], "'1,500,000' is not a number"),
        ([["twin", "consequence"], ["a", 1], ["a", 2]], "'a' is in two rows"),
        ([["twin", "consequence"], ["a", ""]], "give both twin and consequence"),
        ([["twin", "colour"], ["a", 1]], "must have exactly one sheet with the columns twin and consequence"),
        ([["twin", "consequence"]], "lists no twin; add a row for each twin"),
    ],
)
def test_wrong_consequences_are_refused(rows: list[list[object]], message: str, tmp_path: Path) -> None:
    with pytest.raises(ct.InputError, match=message):
        consequences(table(tmp_path / "c.csv", rows))


@pytest.mark.parametrize(("text", "value"), [("1500", 1500.0), ("0,125", 0.125), ("12,5", 12.5), ("1.5000", 1.5)])
def test_consequences_may_have_decimals(text: str, value: float, tmp_path: Path) -> None:
    assert consequences(table(tmp_path / "c.csv", [["twin", "consequence"], ["a", text]])) == {"a": value}


@pytest.mark.ci
def test_a_fleet_as_tables_and_pages(plant: Path, tmp_path: Path, command: Command) -> None:
    given = table(tmp_path / "c.csv", [["twin", "consequence"], ["unit 1/P-1 <b>&", 3]])
    html, book, csv = tmp_path / "pages", tmp_path / "fleet.xlsx", tmp_path / "fleet.csv"
    done = command("fleet", plant, *REQUIRED, "--consequence", given, "--html", html, "--out", book, csv)
    assert done.returncode == 1, done.stderr
    assert "broken: no forecast: " in done.stdout
    index = (html / "index.html").read_text()
    assert "<b>&" not in index
    assert "P-1 &lt;b&gt;&amp;" in index
    page = html / "twins" / pages.page_name("unit 1/P-1 <b>&")
    assert page.name in index
    text = page.read_text()
    assert "<h2>What to do</h2>" in text
    assert "7.00" in text
    assert "=1+1" in text
    check_page(html / "index.html")
    whole = tmp_path / "whole"  # without the twin that cannot be read, whose page says where it lies
    assert command("fleet", plant / "unit 1", *REQUIRED, "--html", whole).returncode == 0
    compare_look(whole / "index.html", Path(__file__).with_name("fleet.png"))
    check_page(page, folder=html)
    lines = csv.read_text().splitlines()
    assert lines[1].startswith("1,broken,")
    assert lines[2].startswith("2,unit 1/P-1 <b>&,pipe,2005-06-01,")
    cells = openpyxl.load_workbook(book)
    assert cells.sheetnames == ["Fleet", "Measure next", "CML"]
    assert cells["CML"].max_row == 3
    assert all(cell.data_type != "f" for row in cells["CML"].iter_rows() for cell in row)
    inches = command("fleet", plant, *REQUIRED, "--units", "inch", "--out", csv)
    assert inches.returncode == 1
    assert '"least left P5 now, inch"' in csv.read_text()


def test_a_workbook_is_read_again(plant: Path, tmp_path: Path, command: Command) -> None:
    folder, out = plant / "unit 1" / "P-1 <b>&", tmp_path / "spool.xlsx"
    done = command("report", folder, "--out", out, "--units", "inch", *REQUIRED)
    assert done.returncode == 0, done.stderr
    other = pipe(tmp_path / "other")
    back = command("inspect", other, "--readings", out)
    assert back.returncode == 0, back.stderr

    def told(home: Path) -> list[tuple[str, str, str, float, str]]:
        return [(one.place, one.zone, one.date, round(one.value, 9), one.tool) for one in log.read(home)[0]]

    assert told(other) == told(folder)


@pytest.mark.ci
def test_a_place_of_two_zones_is_read_again(tmp_path: Path, command: Command) -> None:
    folder, out = pipe(tmp_path / "spool"), tmp_path / "spool.xlsx"
    rows = [["CML", "Zone", "Date", "Thickness (mm)"], *(["1", zone, "2015-05-31", 7.9] for zone in ("body", "end"))]
    assert command("inspect", folder, "--readings", table(tmp_path / "r.csv", rows)).returncode == 0
    done = command("report", folder, "--out", out, "--required", "body=3", "end=3")
    assert done.returncode == 0, done.stderr
    again = command("inspect", folder, "--readings", out, "--dry-run")
    assert "would store 0 of 2 readings" in again.stdout, again.stderr


@pytest.mark.parametrize("unit", ["mm", "inch"])
def test_readings_of_a_workbook_are_known_again(unit: Unit, tmp_path: Path, command: Command) -> None:
    """Unnamed ones, with errors and positions of more digits than a workbook keeps, and of a CML that was renamed."""
    folder, out = pipe(tmp_path / "spool"), tmp_path / "spool.xlsx"
    twin = ct.Twin.load(folder)
    for place, value, given in (
        ("", 7.9, {}), ("", 7.8, {"at": (0.1, 0.0, 0.219), "scatter": 0.012345678123}), ("A", 7.7, {"scatter": 0.05}),
        ("B", 7.6, {"at": (-0.1, 0.01, 0.218), "bias": 0.0}), ("C", 7.5, {"coated": True, "echo": "multiple"}),
        ("D", 7.4, {"coated": True}),
    ):  # fmt: skip
        twin.inspect(date="2015-05-31", kind="ultrasonic", zone="body", value=value, tool="UT", place=place, **given)  # type: ignore[arg-type]
    twin.save()
    registers.write(folder, Register(cmls={
        name: Cml(id=name, zone="body", formerly=old, uv=(1 / 3, 1 / 3) if old else None)
        for name, old in (("CML-A", ("A",)), ("B", ()), ("C", ()), ("D", ()))
    }))  # fmt: skip
    sheets_out.write(out, [sheets_out.readings_sheet(log.read(folder)[0], UNITS[unit])])
    again = command("inspect", folder, "--readings", out, "--dry-run")
    assert "would store 0 of 6 readings" in again.stdout, again.stderr
    other = pipe(tmp_path / "other")
    log.append(other, intake(out, ColumnMap(), Defaults(), twin_state.asset(store.read(other))).records)

    def told(home: Path) -> list[tuple[object, ...]]:
        return [
            (one.place, one.value, one.echo, one.coated,
             *(round(number, 9) for number in (one.scatter_sd, one.bias_sd, *(one.uv or ()))))
            for one in log.read(home)[0]
        ]  # fmt: skip

    assert told(other) == told(folder)


@pytest.mark.ci
def test_a_register_is_read_again(tmp_path: Path, command: Command) -> None:
    folder = pipe(tmp_path / "spool")
    rows = [
        ["CML", "Zone", "Nominal (mm)", "Required (mm)", "Kind", "Formerly"],
        ["A", "body", 8.18, 5, "bend", "B; C"],
    ]
    assert command("register", folder, workbook(tmp_path / "a.xlsx", CML=rows)).returncode == 0
    assert command("report", folder, "--out", tmp_path / "out.xlsx").returncode == 0
    other = pipe(tmp_path / "other")
    mapped = tmp_path / "map.json"
    mapped.write_text('{"sheet": "CML"}')
    done = command("register", other, tmp_path / "out.xlsx", "--map", mapped)
    assert done.returncode == 0, done.stderr
    assert registers.read(other) == registers.read(folder)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda plant: ct.fleet(plant, seed=-1), "`seed` -1: must be at least 0"),
        (lambda _: measure_next([], 0), "`count` 0: give at least 1"),
        (lambda _: measure_next([], -1), "`count` -1: give at least 1"),
        (lambda _: measure_next([], "2"), "`count` '2': give a whole number"),
        (lambda plant: measure_next(str(plant), 2), "give a sequence of FleetMembers, such as ct.fleet(folder)"),
    ],
)
def test_an_impossible_seed_count_or_fleet_is_named(
    call: Callable[[Path], object], said: str, plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "open_session", None)  # it would fail if it forecast
    with pytest.raises(ct.InputError) as refused:
        call(plant)
    assert said in str(refused.value)


def test_places_of_which_least_is_certain_are_measured_next(seen: TwinOutlook) -> None:
    places = measure_next([member("a", seen), member("lost", None)], 9)
    assert [place.cml for place in places] == ["TML-1", "=1+1"]
    chances = {"TML-1": 0.9, "=1+1": 0.5}
    rows = tuple({**row, "chance_below_required": chances.get(str(row["place"]))} for row in seen.cmls)
    told = dataclasses.replace(seen, cmls=rows)
    assert [place.cml for place in measure_next([member("a", told)], 9)] == ["=1+1", "TML-1"]
    thin = tuple({**row, "least_read_mm": 4.9 if row["place"] == "=1+1" else row["least_read_mm"]} for row in rows)
    told = dataclasses.replace(seen, cmls=thin)
    assert [place.cml for place in measure_next([member("a", told)], 9)] == ["TML-1"]  # the other needs a decision
    # By the codes: 7.0 mm left of 8.0 after ten years, 5 required: 2 mm at 0.1 mm a year, from 2022-05-31 to now.
    row = next(each for each in seen.cmls if each["place"] == "TML-1")
    assert row["api_life_years"] == pytest.approx(20 - float(row["read_years_ago"] or 0), abs=0.05)
    assert places[0].life_years == min(float(row["api_life_years"] or 0), float(row["twin_life_years_p5"] or 0))


@pytest.mark.ci
def test_a_twin_without_requirement_is_no_success(plant: Path, command: Command) -> None:
    done = command("fleet", plant / "unit 1", "--years", "10")
    assert done.returncode == 1
    assert "P-1 <b>&: no required thickness; give --required, or a register of CML that states it" in done.stdout


@pytest.mark.ci
def test_a_cml_that_was_never_read_is_a_task(tmp_path: Path, command: Command) -> None:
    folder = pipe(tmp_path / "spool")
    rows = [["CML", "Zone", "Required (mm)"], ["A-1", "body", 5]]
    assert command("register", folder, table(tmp_path / "a.csv", rows)).returncode == 0
    found = making.outlook_of(folder, OutlookSettings())
    assert "measure body A-1: never measured" in found.tasks
    row = next(each for each in found.cmls if each["place"] == "A-1")
    assert (row["readings"], row["least_read_mm"]) == (0, None)
    assert outlook.of_plain(json.loads(json.dumps(outlook.plain(found)))) == found
    assert measure_next([FleetMember(name="a", folder=folder, outlook=found)], 9) == []
    out = tmp_path / "spool.html"
    assert command("report", folder, "--out", out).returncode == 0
    assert "never measured" in out.read_text()
    check_page(out)


@pytest.mark.ci
def test_each_cml_shows_its_own_requirement_whether_read_or_not(tmp_path: Path) -> None:
    """T1 was read before the face was replaced alone, T2 to T4 never; of T3 and T4 the zone decides, and the user."""
    plate = ct.Asset("plate", length_m=0.4, width_m=0.4, thickness_mm=10)
    twin = ct.Twin(plate, built="2010-06-01", years=14, category="C3", bare=True)
    rows = [["CML", "Zone", "Required (mm)"], *([f"T{k}", "face", mm] for k, mm in enumerate((6, 9.5, 3, ""), 1))]
    twin.import_register(table(tmp_path / "cml.csv", rows))
    for day, value in (("2014-06-01", 9.9), ("2020-06-01", 9.7)):
        twin.inspect(date=day, kind="ultrasonic", zone="face", value=value, tool="UT", place="T1")
    twin.record_event(date="2022-05-31", kind="replacement", zone="face")
    found = outlook.of_forecast(twin.forecast(years=5, required={"all": 4.0}), {})
    face = {row["place"]: row for row in found.cmls if row["zone"] == "face" and row["place"]}
    assert {place: row["required_mm"] for place, row in face.items()} == {"T1": 6.0, "T2": 9.5, "T3": 4.0, "T4": 9.5}
    assert face["T1"]["chance_below_required"] == 0.0  # 10 mm in 2022 do not lose 4 mm to the air by 2029
    assert "measure face T1: no reading since the wall was renewed" in found.tasks
    assert not any("one survey gives no rate" in task for task in found.tasks)
    assert any(note.startswith("replacement of face on 2022-05-31: its metal is new") for note in found.notes)


def test_folders_that_are_no_fleet(tmp_path: Path) -> None:
    with pytest.raises(ct.InputError, match="folder not found"):
        twins_in(tmp_path / "none")
    with pytest.raises(ct.InputError, match="contains no twin"):
        twins_in(tmp_path)
    with pytest.raises(ct.InputError, match="is a single twin; give the folder that contains it"):
        twins_in(pipe(tmp_path / "spool"))


@pytest.mark.parametrize(("ahead", "said"), [(20.0, "beyond 20 years"), (60.0, "beyond 60 years")])
def test_pages_say_how_far_was_looked(seen: TwinOutlook, ahead: float, said: str, tmp_path: Path) -> None:
    endless = dataclasses.replace(seen, ahead_years=ahead, life_p5=math.inf)
    pages.write_twin(tmp_path / "a.html", endless, pages.TwinHistory(), UNITS["mm"], name="a")
    assert said in (tmp_path / "a.html").read_text()
    index = pages.write_fleet(tmp_path, [member("a", endless, life=math.inf)], UNITS["mm"], ahead, {})
    assert said.removesuffix(" years") in index.read_text()


def test_pages_name_the_zone_without_a_date_beside_the_date_of_the_others(seen: TwinOutlook, tmp_path: Path) -> None:
    without = dataclasses.replace(
        seen, measure_by="2031-05-31", because="so; no date can be given for end", undated="end", life_p5=None
    )
    pages.write_twin(tmp_path / "a.html", without, pages.TwinHistory(), UNITS["mm"], name="a")
    page = (tmp_path / "a.html").read_text()
    assert "by 2031-05-31: so; no date can be given for end." in page
    assert "No remaining life can be given, because of end." in page
    index = pages.write_fleet(tmp_path, [member("a", without, life=None)], UNITS["mm"], 20.0, {}).read_text()
    assert "2031-05-31; no date for end" in index


def test_readings_through_paint_are_shown_as_steel() -> None:
    """A single echo through 0.1 to 0.5 mm of paint, which reads as 2 to 2.5 times as much: 0.3 x 2.25 = 0.675 mm."""
    read = [
        Record(date="2019-05-31", zone="body", kind="ultrasonic", value=value, tool="UT", place=place, **through)
        for place, value, through in (
            ("bare", 8.2, {}), ("paint", 8.875, {"coated": True, "echo": "single"}),
            ("all paint", 0.5, {"coated": True, "echo": "single"}),
        )
    ]  # fmt: skip
    table = pages.survey_table(pages.TwinHistory(records=read), UNITS["mm"])
    assert table.rows == (("body", "bare", ("8.20",)), ("body", "paint", ("8.20",)), ("body", "all paint", ("0.00",)))
    assert not table.has_removed


def test_readings_of_steel_that_was_replaced_are_marked() -> None:
    read = [
        Record(date=day, zone="body", kind="ultrasonic", value=value, tool="UT", place="T1")
        for day, value in (("2014-05-31", 6.1), ("2019-05-31", 8.2))
    ]
    new = Event(date="2015-05-31", kind="replacement", zone="body")
    table = pages.survey_table(pages.TwinHistory(records=read, events=[new]), UNITS["mm"])
    assert table.rows == (("body", "T1", ("6.10*", "8.20")),)
    assert table.has_removed
    recoated = Event(date="2015-05-31", kind="recoating", zone="body")
    assert not pages.survey_table(pages.TwinHistory(records=read, events=[recoated]), UNITS["mm"]).has_removed


@pytest.mark.ci
def test_places_of_one_name_on_two_zones_are_both_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plot, too, shows steel: 9.875 mm through paint are 9.2 mm."""
    drawn: list[tuple[str, list[float]]] = []
    monkeypatch.setattr(Axes, "annotate", lambda _, name, *__, **___: drawn.append((name, [])))
    monkeypatch.setattr(Axes, "errorbar", lambda _, __, values, **___: drawn.append(("readings", values)))
    plate = ct.Asset("plate", length_m=0.4, width_m=0.4, thickness_mm=10)
    twin = ct.Twin(plate, built="2010-06-01", years=14, category="C3", bare=True)
    for zone, at in (("face", (0.1, 0.1, 0.01)), ("back", (0.1, 0.1, 0.0))):
        twin.inspect(
            date="2020-06-01", kind="ultrasonic", zone=zone, value=9.875, tool="UT", place="T1", at=at, coated=True,
            echo="single",
        )  # fmt: skip
    figures.both(twin.forecast(years=5, required={"face": 4.0}))
    assert [name for name, _ in drawn].count("T1") == 2 * 2  # in both views
    assert next(values for name, values in drawn if name == "readings") == pytest.approx([9.2])


def test_names_of_pages_are_all_different() -> None:
    names = ["a/b", "a+b", "a b", "a%20b", "a%2fb", "A/b", "../x", "a\\b", "é", "éa", "ບ", "管" * 80]
    found = {pages.page_name(name) for name in names}
    assert len(found) == len(names)
    assert all("/" not in name and "\\" not in name and len(name) < 90 for name in found)
