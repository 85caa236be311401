"""Records of inspections: what they state, what is refused, and how they are kept."""

import json
import os
import resource
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import drill
import numpy as np
import pytest
from small_plate import READING, plate

from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.bayes.agreement import Agreement, conflicts
from corrotwin.twin.commands import inspections
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import log, readers
from corrotwin.twin.inspection.records import Record, check
from corrotwin.twin.twin_state import EPOCH, later


def test_records_survive_the_round_trip(folder: Path) -> None:
    asset = twin_state.asset(plate())
    texels = assets.texels(asset)
    row, column = np.argwhere((texels.zone == asset.zone_names.index("face")) & (texels.area_mm2 > 0))[7]
    uv = ((column + 0.5) / asset.atlas_shape[1], (row + 0.5) / asset.atlas_shape[0])
    records = [
        READING,
        replace(READING, place="", uv=uv, scatter_sd=0.2),
        Record(date="2006-06-01", zone="edge", kind="grade", value=3, tool="eye"),
        Record(date="2007-01-02", zone="back", kind="photo", value=0.25, tool="camera", detection=0.8, false_calls=0.0),
        Record(date="2007-01-02", zone="face", kind="pit", value=0.4, tool="gauge", bias_sd=0.0),
    ]
    assert log.append(folder, records[:2]) == records[:2]
    assert log.append(folder, records[2:]) == records[2:]
    assert log.read(folder) == (records, "")
    line = json.loads((folder / "inspections.jsonl").read_text().splitlines()[0])
    assert {"date", "zone", "value", "unit", "tool"} <= set(line)


def test_usual_errors_are_filled_in() -> None:
    assert (READING.unit, READING.scatter_sd, READING.bias_sd) == ("mm", 0.1, 0.1)
    assert replace(READING, bias_sd=0.0).bias_sd == 0
    photo = Record(date="2006-05-31", zone="face", kind="photo", value=0.1, tool="phone", detection=0.7)
    assert (photo.scatter_sd, photo.detection, photo.false_calls) == (0.1, 0.7, 0.01)


def test_inches_and_mils_become_mm_and_are_kept_as_stated(folder: Path) -> None:
    inch, mil = (
        Record(date="2006-05-31", zone="face", kind="ultrasonic", value=value, unit=unit, tool="UT-1", place=unit)
        for value, unit in ((0.322, "inch"), (322, "mil"))
    )
    assert (inch.value, inch.unit, inch.stated) == (8.1788, "mm", "0.322 inch")
    assert (mil.value, mil.unit, mil.stated) == (8.1788, "mm", "322 mil")
    assert (inch.scatter_sd, inch.bias_sd) == (READING.scatter_sd, READING.bias_sd)
    exact = Record(
        date="2006-05-31", zone="face", kind="pit", value=0.02, unit="in", tool="G", scatter_sd=0.004, bias_sd=0.002
    )
    assert (exact.value, exact.scatter_sd, exact.bias_sd) == (0.508, 0.1016, 0.0508)
    log.append(folder, [inch, mil])
    assert log.read(folder) == ([inch, mil], "")
    assert [record.stated for record in log.read(folder)[0]] == ["0.322 inch", "322 mil"]
    assert log.append(folder, [inch]) == []


def test_a_single_echo_through_paint_reads_too_thick() -> None:
    """Independent check: paint and what it reads as, drawn; and by hand 0.3 mm times 2.25."""
    rng = np.random.default_rng(1)
    extra = rng.uniform(0.1, 0.5, 400_000) * rng.uniform(2.0, 2.5, 400_000)
    single, unknown = (replace(READING, coated=True, echo=echo, bias_sd=None) for echo in ("single", ""))
    assert single.thick_bias_mm == pytest.approx(0.3 * 2.25)
    assert (extra.mean(), extra.std()) == pytest.approx((single.thick_bias_mm, single.paint_sd_mm), rel=5e-3)
    either = extra * (rng.random(len(extra)) < 0.5)
    assert (either.mean(), either.std()) == pytest.approx((unknown.thick_bias_mm, unknown.paint_sd_mm), rel=5e-3)
    assert single.bias_sd == pytest.approx(np.hypot(0.1, single.paint_sd_mm))
    for clear in (READING, replace(READING, echo="single"), replace(READING, coated=True, echo="multiple")):
        assert (clear.thick_bias_mm, clear.bias_sd) == (0, 0.1)
    assert replace(READING, coated=True, echo="single", bias_sd=0.2).bias_sd == 0.2


def test_older_lines_still_read(folder: Path) -> None:
    older = (
        '{"date": "2006-05-31", "zone": "face", "kind": "ultrasonic", "value": 9.8, "tool": "UT-1", "unit": "mm", '
        '"place": "P1", "scatter_sd": 0.1, "bias_sd": 0.1}\n'
    )
    (folder / "inspections.jsonl").write_text(older)
    assert log.read(folder) == ([READING], "")
    log.append(folder, [READING, replace(READING, place="P2", coated=True)])
    first, second = (folder / "inspections.jsonl").read_text().splitlines()
    assert first + "\n" == older
    assert json.loads(second)["coated"] is True


def test_inspections_need_no_fields(folder: Path) -> None:
    next(folder.glob("fields-*.npz")).unlink()
    log.append(folder, [READING])
    assert log.read(folder) == ([READING], "")


def test_a_twin_without_inspections_has_none(folder: Path) -> None:
    assert log.read(folder) == ([], "")


@pytest.mark.parametrize("cut", [1, 2, 40, 90])
def test_a_torn_last_line_is_left_out_reported_and_removed(folder: Path, cut: int) -> None:
    other = replace(READING, date="2007-05-31")
    log.append(folder, [READING, other])
    path = folder / "inspections.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    records, note = log.read(folder)
    if cut == 1:  # only the line's end is missing: the record is whole
        assert (records, note) == ([READING, other], "")
    else:
        assert records == [READING]
        assert "line 2 is incomplete" in note
    log.append(folder, [other])
    assert path.read_bytes().rstrip(b"\n") == whole.rstrip(b"\n")
    third = replace(READING, date="2008-01-01")
    log.append(folder, [third])
    assert log.read(folder) == ([READING, other, third], "")


def test_an_old_report_that_turns_up_is_read_as_if_entered_in_time(folder: Path) -> None:
    early, same_day = replace(READING, date="2003-05-31", value=9.9), replace(READING, place="P2")
    log.append(folder, [READING])
    assert log.append(folder, [same_day, early]) == [early, same_day]
    assert log.read(folder) == ([early, READING, same_day], "")
    assert list(log.read_log(folder).in_force) == [2, 1, 3]
    assert log.append(folder, [early, READING, same_day]) == []
    assert log.rule(folder, [2], "withdraws") == {2: early}
    assert log.rule(folder, [2], "restores") == {2: early}
    assert log.read(folder) == ([early, READING, same_day], "")


def test_a_day_before_the_last_is_told_with_all_that_it_brings_into_conflict(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    later_ones = [replace(READING, date=f"20{year:02d}-05-31") for year in (9, 12)]
    log.append(folder, [READING, *later_ones])
    days = {"2005-12-31": 0.5, "2006-05-31": 0.2, "2009-05-31": 0.001, "2012-05-31": 0.3}
    agreement = tuple(
        Agreement(date=day, until=day, chance=chance, record="face by UT-1") for day, chance in days.items()
    )
    known = SimpleNamespace(agreement=agreement, conflicts=conflicts(agreement), widening=1.0)
    monkeypatch.setattr(inspections, "load_session", lambda *rest: known)
    given = {"kind": "ultrasonic", "zone": "face", "value": 9.9, "tool": "UT-1"}
    inspections.inspect(folder, date="2005-12-31", **given)
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        "1 of 1 record added",
        "2005-12-31: earlier than the last inspection, 2012-05-31; --withdraw 4 if that is wrong",
    ]
    assert [line.split()[0] for line in said[2:]] == ["2005-12-31", "CONFLICT", "next:"]
    assert "CONFLICT on 2009-05-31" in said[3]
    inspections.inspect(folder, date="2012-05-31", **given)
    assert "before the last" not in capsys.readouterr().out


def test_damage_before_the_end_is_refused(folder: Path) -> None:
    log.append(folder, [READING, replace(READING, date="2007-05-31")])
    path = folder / "inspections.jsonl"
    first, second = path.read_text().splitlines()
    for bad, message in (
        ("{}", "line 1"),
        ("[1]", "not an object"),
        (first[:30], "line 1"),
        (first.replace("9.8", "-3"), "-3"),
    ):
        path.write_text(f"{bad}\n{second}\n")
        with pytest.raises(InputError, match=message):
            log.read(folder)


def test_a_twin_is_inspected_on_the_day_it_is_built() -> None:
    evening = EPOCH + timedelta(hours=20)
    twin = replace(plate(), built=evening)
    record = replace(READING, date="2000-01-01")
    assert record.years(twin) == 0
    assert record.years(replace(twin, built=EPOCH)) == pytest.approx(0.5 / 365.25)
    asset = twin_state.asset(twin)
    texels = assets.texels(asset)
    check(record, twin, asset, texels)
    with pytest.raises(InputError, match="built on 2000-01-01; give that day or a later one"):
        check(replace(READING, date="1999-12-31"), twin, asset, texels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"value": 20.5},
            "20.5 mm on face is impossible, more than 2 times nominal, 10 mm; check value, unit and zone",
        ),
        ({"zone": "bore"}, "no zone 'bore'; this plate has back, face, edge"),
        ({"zone": "covered"}, "no zone 'covered'"),
        ({"date": "1999-12-30"}, "built on 2000-01-01"),
        (
            {"date": "2106-05-31"},
            "2106-05-31: is in the future .* the twin's clock stands at 2004-12-31.; correct the date",
        ),
        ({"kind": "pit", "value": 10.4, "unit": "mm"}, "a pit of 10.4 mm is deeper than the metal, 10 mm"),
        ({"uv": (0.0, 0.0)}, "is not a surface|is on face, not|is on .*, not on face"),
    ],
)
def test_records_that_cannot_be_change_nothing(folder: Path, change: dict[str, object], message: str) -> None:
    log.append(folder, [READING])
    before = drill.hashes(folder)
    with pytest.raises(InputError, match=message):
        log.append(folder, [replace(READING, value=9.7), replace(READING, **change)])
    assert drill.hashes(folder) == before


def test_a_twin_grown_beyond_today_is_inspected_at_its_own_time(tmp_path: Path) -> None:
    store.save(replace(plate(), clock=later(EPOCH, 200)), tmp_path / "t")
    assert len(log.append(tmp_path / "t", [replace(READING, date="2199-12-01", value=9.0)])) == 1
    with pytest.raises(InputError, match="in the future"):
        log.append(tmp_path / "t", [replace(READING, date="2201-01-01", value=9.0)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "x-ray"}, "ultrasonic, pit, grade, photo"),
        ({"unit": "cm"}, "`unit` 'cm': give mm, inch or mil"),
        ({"kind": "grade", "value": 3, "unit": "mm"}, "`unit` 'mm': give Ri, or leave it out"),
        ({"echo": "double"}, "`echo` 'double': choose single or multiple"),
        ({"coated": "yes"}, "`coated` 'yes': give True or False"),
        ({"kind": "pit", "coated": True}, "`echo` and `coated` apply only to an ultrasonic reading"),
        ({"date": "yesterday"}, "`date` yesterday"),
        ({"date": "2006-5-31"}, "`date` 2006-5-31"),
        ({"date": "2006-02-30"}, "2006-02-30"),
        ({"tool": ""}, "name of the `tool`"),
        ({"tool": "M\udcfcller"}, "`tool` .*: is not in UTF-8"),  # as Python has a word of a terminal in Latin-1
        ({"place": "\udcff"}, "`place` .*: is not in UTF-8"),
        ({"value": float("nan")}, "nan"),
        ({"value": -1.0}, "-1"),
        ({"scatter_sd": 0.0}, "`scatter` 0"),
        ({"scatter_sd": -1.0}, "`scatter` -1"),
        ({"bias_sd": -1.0}, "`bias` -1"),
        ({"detection": 0.6}, "`detection` and `false_calls` apply only to a photo"),
        ({"false_calls": 0.0}, "`detection` and `false_calls` apply only to a photo"),
        ({"uv": (0.5, 1.2)}, "1.2"),
        ({"kind": "grade", "unit": "Ri", "value": 2.5}, "0 to 5"),
        ({"kind": "photo", "unit": "share", "value": 1.01}, "from 0 to 1"),
        ({"kind": "photo", "unit": "share", "value": 0.5, "detection": 0.01}, "`detection` 0.01"),
        ({"seen": "../photo-1.npz"}, "not the file of a photograph"),
    ],
)
def test_impossible_records_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(READING, **change)


TABLE = """date,zone,kind,value,tool,place,scatter_sd
2006-05-31,face,ultrasonic,9.8,UT-1,P1,
2006-05-31,back,photo,0.02,camera,,0.2
2004-05-31,face,ultrasonic,9.9,UT-1,P1,
"""


def test_a_history_is_imported_in_order_and_only_once(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("\ufeff" + TABLE, encoding="utf-8")
    records = readers.from_csv(path)
    assert records[0] == READING
    assert records[1].scatter_sd == 0.2
    assert len(log.append(folder, records)) == 3
    assert [record.date for record in log.read(folder)[0]] == ["2004-05-31", "2006-05-31", "2006-05-31"]
    before = drill.hashes(folder)
    assert log.append(folder, records) == []
    assert drill.hashes(folder) == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (TABLE, "", "no column 'date'; it has no header"),
        (TABLE, TABLE.splitlines()[0], "no readings"),
        ("tool,", "colour,", "no column 'tool'; it has date, zone, kind, value, colour, place"),
        ("place,", "colour,", "unknown column 'colour'; the known columns are date, zone, kind, value, tool, unit"),
        ("place,", "value,", "columns that appear twice: value"),
        ("9.9", "thin", "line 4, column 'value': 'thin' is not a number"),
        ("9.9", "inf", "line 4, column 'value': 'inf' is not a number"),
        ("9.9", "9.9 mm", "line 4, column 'value': '9.9 mm' is not a number; write it as 7.9 or 7,9, without a unit"),
        ("9.9", "", "line 4: no value"),
        ("9.9,", "9.9,UT-2,P7,0.1,", "line 4: more cells than columns"),
        ("photo", "foto", "line 3, column 'kind': 'foto' is not a kind of inspection"),
        (",P1,\n", ",P1,-1\n", "line 2: .*scatter -1"),
        (TABLE, "date,zone,kind,value,tool,detection\n2006-05-31,face,grade,2,eye,0.6", "line 2: .*only to a photo"),
        ("2004-05-31", "5/6/2004", "line 4, column 'date': '5/6/2004' could be .*; write 2004-06-05 or 2004-05-06"),
        ("2004-05-31", "2004-02-30", "line 4, column 'date': '2004-02-30' is not a day; give a day such as 2016-05-31"),
    ],
)
def test_a_wrong_table_is_refused_by_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(TABLE.replace(old, new))
    with pytest.raises(InputError, match=message):
        readers.from_csv(path)


def test_units_echo_and_paint_are_columns_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    head = "date;zone;kind;value;tool;unit;echo;coated"
    path.write_text(
        f"{head}\n2006-05-31;face;ultrasonic;0,322;UT-1;Inch;Single;Yes\n2006-05-31;face;grade;3;eye;;;no\n"
    )
    reading, grade = readers.from_csv(path)
    assert (reading.value, reading.echo, reading.coated) == (8.1788, "single", True)
    assert grade.coated is False
    path.write_text(f"{head}\n2006-05-31;face;ultrasonic;0,322;UT-1;inch;;perhaps\n")
    with pytest.raises(InputError, match="line 2, column 'coated': 'perhaps' is neither yes nor no"):
        readers.from_csv(path)


def test_no_table_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        readers.from_csv(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(TABLE.replace("UT-1", "Prüfer").encode("latin-1"))
    with pytest.raises(InputError, match="not a CSV file in UTF-8"):
        readers.from_csv(tmp_path / "latin.csv")


@pytest.mark.parametrize("room", [-10, 70])
def test_a_command_killed_in_its_write_leaves_what_was_there_and_can_be_given_again(folder: Path, room: int) -> None:
    """By the system, at the first byte that would lie more than `room` behind the end: before its write, or amid it."""
    log.append(folder, [replace(READING, date="2003-05-31")])
    path = folder / "inspections.jsonl"
    before, there = path.read_bytes(), log.read(folder)
    records = [READING, replace(READING, date="2007-05-31")]
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, len(before) + room))
            log.append(folder, records)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGXFSZ
    assert path.read_bytes().startswith(before)
    assert path.stat().st_size == len(before) + max(0, room)
    found, note = log.read(folder)
    assert (found, bool(note)) == (there[0], room > 0)
    assert log.append(folder, records) == records
    assert log.read(folder) == (there[0] + records, "")


def test_of_equal_readings_none_is_lost_when_an_import_was_cut_off_between_them(folder: Path) -> None:
    log.append(folder, [READING])  # the first row of two
    assert log.append(folder, [READING, READING]) == [READING]
    assert log.append(folder, [READING, READING]) == []
    assert log.read(folder)[0] == [READING, READING]


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_and_ctrl_c_leave_the_records_as_they_were(
    folder: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    log.append(folder, [READING])
    before = drill.hashes(folder)

    def fails(descriptor: int) -> None:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(InputError if isinstance(trouble, OSError) else KeyboardInterrupt):
            log.append(folder, [replace(READING, date="2007-05-31")])
    assert drill.hashes(folder) == before
