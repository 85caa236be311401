"""Readings in another unit, second values of a day, walls that are too thick or that grow."""

import json
import logging
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

import corrotwin as ct
from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.bayes.session import open_session
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import log, plausibility, repeats
from corrotwin.twin.inspection.records import Record, check, most_mm, wall_mm
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

Command = Callable[..., subprocess.CompletedProcess[str]]
SPOOL = {
    "nps": "8", "schedule": "40", "run_m": 1.0, "pieces": 1, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.0, "branch_nps": "none", "support": "saddle", "supports_at_m": [], "upright": False,
}  # fmt: skip


def spool() -> TwinState:
    """A painted pipe, NPS 8 schedule 40: 8.18 mm, built in 2000, now of 20 years."""
    drawn = twin_state.sample_twin("pipe", np.random.default_rng(1), texel_mm=30.0)
    return replace(
        drawn, parameters={**drawn.parameters, **SPOOL}, exposure=at("C4"), coating=Paint(life_years=8.0),
        clock=later(EPOCH, 20),
    )  # fmt: skip


ASSET = twin_state.asset(spool())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.save(spool(), tmp_path / "t")
    return tmp_path / "t"


def reading(value: float, date: str = "2010-05-31", place: str = "P1", tool: str = "UT-1", **other: object) -> Record:
    return Record(date=date, zone="body", kind="ultrasonic", value=value, tool=tool, place=place, **other)  # type: ignore[arg-type]


# --- known ones

ROW, COLUMN = np.argwhere(assets.texels(ASSET).zone == ASSET.zone_names.index("body"))[0]
UV = ((COLUMN + 0.5) / ASSET.atlas_shape[1], (ROW + 0.5) / ASSET.atlas_shape[0])


@pytest.mark.parametrize("more", [
    {"scatter_sd": 0.05}, {"bias_sd": 0.2}, {"uv": UV}, {"coated": True, "echo": "multiple"}, {"coated": True},
])  # fmt: skip
def test_a_reading_that_leaves_unstated_what_is_known_is_not_counted_twice(
    folder: Path, more: dict[str, object]
) -> None:
    """It may have come by hand, and again in a table; withdrawn, or the other way round, it is a correction."""
    full, bare = reading(7.9, **more), reading(7.9)
    log.append(folder, [full, reading(7.9, place="", **more)])
    assert log.append(folder, [bare]) == []
    unnamed = reading(7.9, place="")
    assert log.append(folder, [unnamed]) == [unnamed]  # another spot
    log.rule(folder, [1], "withdraws")
    assert log.append(folder, [bare]) == [bare]
    other = reading(7.9, place="P2")
    log.append(folder, [other])
    stated = reading(7.9, place="P2", **more)
    assert log.append(folder, [stated]) == [stated]
    listed = log.read_log(folder)
    [lesser], [fuller] = ([line for line, record in listed.records.items() if record == one] for one in (other, stated))
    assert repeats.repeated(listed, folder) == {lesser: fuller}
    log.rule(folder, [lesser], "withdraws")
    assert repeats.repeated(log.read_log(folder), folder) == {}


# --- units


@pytest.mark.parametrize(
    ("unit", "values", "message"),
    [
        (
            "",
            [0.318],
            "1 of 1 thickness reading by UT-1 looks like inch, not mm: 0.318 inch would be 8.077 mm of a nominal",
        ),
        ("mm", [0.318, 0.29, 0.12], "3 of 3 thickness readings by UT-1 look like inch, not mm"),
        ("", [318, 290], "look like mil, not mm: 318 mil would be 8.077 mm"),
        ("inch", [8.1, 7.9], "look like mm, not inch: 8.1 mm would be 8.1 mm"),
        ("inch", [318], "looks like mil, not inch"),
        ("mil", [8.1], "looks like mm, not mil"),
        ("mil", [0.318], "looks like inch, not mil"),
        ("", [0.318, 0.29, 7.9], "2 of 3 thickness readings"),
    ],
)
def test_readings_in_another_unit_are_refused_and_nothing_is_stored(
    folder: Path, unit: str, values: list[float], message: str
) -> None:
    records = [reading(value, place=f"P{number}", unit=unit) for number, value in enumerate(values)]
    with pytest.raises(InputError, match=message):
        log.append(folder, records)
    assert not (folder / "inspections.jsonl").exists()


def test_an_inch_as_mm_is_one_line_and_exit_2(folder: Path, command: Command) -> None:
    given = ("--date", "2010-05-31", "--kind", "ultrasonic", "--zone", "body", "--value", "0.318", "--tool", "UT-1")
    done = command("inspect", folder, *given)
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
    assert "give their --unit" in done.stderr
    assert not (folder / "inspections.jsonl").exists()
    done = command("inspect", folder, *given, "--unit", "inch", "--echo", "single", "--coated")
    assert done.returncode == 0, done.stderr
    (record,), _ = log.read(folder)
    assert (record.value, record.stated, record.echo, record.coated) == (8.0772, "0.318 inch", "single", True)


def test_a_badly_corroded_wall_is_taken_beside_sounder_ones(folder: Path) -> None:
    log.append(folder, [reading(0.3, place="P1"), reading(7.9, place="P2"), reading(5.0, place="P3")])
    assert [record.value for record in log.read(folder)[0]] == [0.3, 7.9, 5.0]


@given(st.floats(0.42, 16.3))
def test_no_wall_between_a_twentieth_and_twice_nominal_is_refused(value: float) -> None:
    plausibility.check_units([reading(value)], ASSET)
    texels = assets.texels(ASSET)
    check(reading(value), spool(), ASSET, texels)


@given(st.floats(0.3, 1.2), st.sampled_from([("mm", 1 / 25.4), ("mm", 1000 / 25.4), ("inch", 1.0), ("mil", 1.0)]))
def test_any_wall_in_another_unit_is_refused(share: float, wrong: tuple[str, float]) -> None:
    unit, times = wrong
    with pytest.raises(InputError, match=f"not {unit}"):
        plausibility.check_units([reading(8.18 * share * times, unit=unit)], ASSET)


# --- two values of one day


def test_two_values_of_one_place_and_day_are_refused(folder: Path, tmp_path: Path, command: Command) -> None:
    log.append(folder, [reading(7.9)])
    before = (folder / "inspections.jsonl").read_bytes()
    message = "7.4 mm at P1 on body by UT-1, but also 7.9 mm there on that day; correct the wrong one .if it"
    with pytest.raises(InputError, match=message):
        log.append(folder, [reading(7.8, place="P2"), reading(7.4)])
    (tmp_path / "r.csv").write_text(
        "date,zone,kind,value,tool,place\n2011-05-31,body,ultrasonic,7.8,UT-1,P1\n2011-05-31,body,ultrasonic,7.3,UT-1,P1\n"
    )
    done = command("inspect", folder, "--csv", tmp_path / "r.csv")
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
    assert "r.csv: line 3: ultrasonic of 2011-05-31: 7.3 mm at P1" in done.stderr
    assert (folder / "inspections.jsonl").read_bytes() == before
    others = [
        reading(7.4, place="P2"),
        reading(7.4, tool="UT-2"),
        reading(7.4, date="2011-05-31"),
        reading(7.4, place=""),
    ]
    assert log.append(folder, others)
    assert log.append(folder, [reading(7.9)]) == []  # the same value is the same reading


def test_a_correction_takes_the_place_of_what_was_withdrawn_and_both_cannot_count(folder: Path) -> None:
    log.append(folder, [reading(7.9)])
    log.rule(folder, [1], "withdraws", why="typed 7.9 for 7.4")
    log.append(folder, [reading(7.4)])
    with pytest.raises(InputError, match=r"but also 7\.4 mm there on that day"):
        log.rule(folder, [1], "restores")
    assert [record.value for record in log.read(folder)[0]] == [7.4]


# --- suspect readings


def suspects(*records: Record) -> dict[int, str]:
    return plausibility.suspects(dict(enumerate(records)), ASSET)


def test_thicker_than_tolerance_is_suspect() -> None:
    """By hand: 8.18 mm and 22.5 % are 10.0205 mm; three times 0.1 mm make 10.3205 mm."""
    assert most_mm(reading(9), ASSET) == pytest.approx(10.3205, abs=1e-4)
    found = suspects(reading(10.32), reading(10.33, place="P2"))
    assert list(found) == [1]
    assert found[1] == "10.33 mm is thicker than nominal, 8.18 mm, plus tolerance (10.32 mm)"
    through_paint = reading(10.9, coated=True, echo="single")
    assert most_mm(through_paint, ASSET) == pytest.approx(10.0205 + 0.675 + 3 * np.hypot(0.1, 0.26392), abs=1e-3)
    assert suspects(through_paint) == {}


def test_a_wall_that_grows_beyond_the_errors_is_suspect() -> None:
    """By hand: scatter and bias of both are 0.1 mm, together 0.2 mm; three times that are 0.6 mm."""
    first = reading(7.0)
    assert suspects(first, reading(7.6, date="2014-05-31")) == {}
    found = suspects(first, reading(7.61, date="2014-05-31"))
    assert found == {1: "0.61 mm thicker than 7 mm on 2010-05-31; the errors of both explain at most 0.6 mm"}
    for other in ({"place": "P2"}, {"date": "2010-05-31", "tool": "UT-2"}, {"date": "2009-05-31", "value": 7.6}):
        assert suspects(first, replace(reading(7.61, date="2014-05-31"), **other)) == {}
    assert suspects(reading(7.0, place=""), reading(7.9, place="", date="2014-05-31")) == {}  # of places without a name
    paint = reading(7.65, date="2014-05-31", coated=True, echo="single")  # 6.975 mm of steel
    assert suspects(first, paint) == {}
    # Allowed: 3 * sqrt(0.1^2 + 0.1^2 + 0.264^2 + 0.1^2 + 0.1^2) = 0.994 mm, so up to 7.969 mm.
    assert suspects(paint, reading(7.96, date="2016-05-31")) == {}
    assert list(suspects(paint, reading(7.98, date="2016-05-31"))) == [1]


def test_what_is_suspect_is_no_measure_for_what_follows() -> None:
    too_thick = reading(9.5, date="2012-05-31")
    series = (reading(8.0), too_thick, reading(7.9, date="2014-05-31"), reading(9.4, date="2016-05-31"))
    assert list(suspects(*series)) == [1, 3]
    accepted = replace(too_thick, accepted=True)  # the wall was renewed: readings before it say nothing of it
    assert list(suspects(series[0], accepted, *series[2:])) == [3]
    renewed = (accepted, reading(9.4, date="2014-05-31"))
    assert list(suspects(series[0], *renewed)) == []


def test_the_order_of_lines_changes_nothing() -> None:
    series = [reading(value, date=f"20{10 + 2 * year}-05-31") for year, value in enumerate((8.0, 9.5, 7.9, 9.4))]
    numbers = dict(enumerate(series))
    backwards = plausibility.suspects(dict(reversed(numbers.items())), ASSET)
    assert backwards == plausibility.suspects(numbers, ASSET)


@pytest.mark.ci
def test_suspect_readings_are_kept_and_left_out_until_accepted(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    thick, grown = reading(12.0, place="P2"), reading(9.0, date="2014-05-31")
    assert log.append(folder, [reading(8.0), thick, grown]) == [reading(8.0), thick, grown]
    written = (folder / "inspections.jsonl").read_bytes()
    assert [json.loads(line)["value"] for line in written.splitlines()] == [8.0, 12.0, 9.0]  # as read, never clipped
    said = f"{folder}: 2 suspect readings left out; to see why: corrotwin twin inspect {folder}"
    assert log.read(folder) == ([reading(8.0)], said)
    assert f"warning: {said}" in command("forecast", folder, "--years", 0).stderr
    assert open_session(folder, ahead_years=1, seed=0).records == (reading(8.0),)
    listed = command("inspect", folder).stdout
    assert ": 1 of 3 records in use" in " ".join(listed.split())
    assert "line 2 is suspect and left out: 12 mm is thicker than nominal, 8.18 mm, plus tolerance" in listed
    assert "line 3 is suspect and left out: 1 mm thicker than 8 mm on 2010-05-31" in listed
    for options, message in (
        (("--accept", 2), "--accept needs --why"),
        (("--accept", 2, "--why", "M\udcfcller"), "is not in UTF-8"),
        (("--accept", 9, "--why", "so"), "--accept: line 9 has no record"),
        (("--accept", 2, "--restore", 2, "--why", "so"), "give one of --withdraw, --restore and --accept"),
    ):
        done = command("inspect", folder, *options)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert message in done.stderr
    assert "none of them is suspect" in command("inspect", folder, "--accept", 1, "--why", "so").stdout
    assert (folder / "inspections.jsonl").read_bytes() == written
    done = command("inspect", folder, "--accept", 2, "--why", "schedule 80 here")
    assert done.stdout == "line 2, ultrasonic of 2010-05-31 on body, 12 mm: accepted\n"
    after = (folder / "inspections.jsonl").read_bytes()
    assert after.startswith(written)
    ruling = json.loads(after.splitlines()[-1])
    assert (ruling["accepts"], ruling["why"]) == (2, "schedule 80 here")
    assert log.read(folder)[0] == [reading(8.0), thick]
    assert "schedule 80 here" in " ".join(command("inspect", folder).stdout.split())
    log.rule(folder, [2], "withdraws")
    assert log.read(folder)[0] == [reading(8.0)]
    log.rule(folder, [2], "restores")
    assert log.read(folder)[0] == [reading(8.0), thick]  # still accepted


def test_the_command_says_what_it_leaves_out(folder: Path, command: Command) -> None:
    log.append(folder, [reading(8.0)])
    given = (
        "--kind",
        "ultrasonic",
        "--zone",
        "body",
        "--place",
        "P1",
        "--tool",
        "UT-1",
        "--value",
        9,
        "--date",
        "2014-05-31",
    )
    done = command("inspect", folder, *given)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 record added\nline 2 is suspect and left out: 1 mm thicker than 8 mm on 2010-05-31" in done.stdout


@pytest.mark.ci
def test_a_twin_in_memory_leaves_out_and_accepts_alike(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    twin = ct.Twin.load(folder)
    [first] = twin.inspect(date="2010-05-31", kind="ultrasonic", zone="body", place="P1", value=8.0, tool="UT-1")
    with caplog.at_level(logging.WARNING):
        [grown] = twin.inspect(date="2014-05-31", kind="ultrasonic", zone="body", place="P1", value=9.0, tool="UT-1")
    assert "ultrasonic of 2014-05-31: left out until accepted: 1 mm thicker" in caplog.text
    assert list(twin.suspects) == [grown]
    assert twin.records == (first, grown)
    twin.save()
    assert list(ct.Twin.load(folder).suspects) == [grown]
    assert log.read(folder)[0] == [first]
    with caplog.at_level(logging.WARNING):
        before = twin.forecast(years=0).to_csv()
    assert "1 suspect reading left out; Twin.suspects says why" in caplog.text
    for record, why in ((first, "so"), (grown, "")):
        with pytest.raises(ct.InputError, match=r"is not suspect|give `why`"):
            twin.accept(record, why=why)
    assert twin.accept(grown, why="weld overlay").suspects == {}
    assert twin.forecast(years=0).to_csv() != before
    twin.save()
    assert log.read(folder)[0] == [first, grown]
    assert log.read_log(folder).accepted[2].why == "weld overlay"
    assert ct.Twin.load(folder).suspects == {}


# --- the nominal wall


@pytest.mark.ci
@pytest.mark.parametrize("kind", assets.KINDS)
def test_the_nominal_wall_of_a_record_is_that_of_its_texels(kind: str) -> None:
    asset = twin_state.asset(twin_state.sample_twin(kind, np.random.default_rng(3), texel_mm=20.0))
    texels = assets.texels(asset)
    height, width = asset.atlas_shape
    rng = np.random.default_rng(1)
    for index in np.unique(texels.zone[texels.zone >= 0]):
        zone = asset.zone_names[index]
        record = Record(date="2010-05-31", zone=zone, kind="ultrasonic", value=1, tool="UT-1")
        assert wall_mm(record, asset) == texels.thickness_mm[texels.zone == index].max()
        for row, column in rng.permutation(np.argwhere(texels.zone == index))[:20]:
            there = replace(record, uv=((column + 0.5) / width, (row + 0.5) / height))
            assert wall_mm(there, asset) == texels.thickness_mm[row, column]


def test_the_nominal_wall_of_a_record_on_a_mesh_is_that_of_its_plate(tmp_path: Path) -> None:
    """At the edges of a chart, too, where the centre of a texel lies beside every face."""
    thick, thin = trimesh.creation.box((200, 100, 20)), trimesh.creation.box((200, 100, 5))
    trimesh.util.concatenate([thick, thin.apply_translation([0, 300, 0])]).export(tmp_path / "plates.stl")
    plates = ct.Asset.from_file(tmp_path / "plates.stl", units="mm", texel_mm=6)
    ct.Twin(plates, built="2000-06-01", years=1, category="C3", bare=True).save(tmp_path / "plates")
    asset = twin_state.asset(store.load(tmp_path / "plates")[0])
    texels = assets.texels(asset)
    height, width = asset.atlas_shape
    surface = np.random.default_rng(1).permutation(np.argwhere(texels.area_mm2 > 0))[:500]
    walls = []
    for row, column in surface:
        uv, zone = ((column + 0.5) / width, (row + 0.5) / height), asset.zone_names[texels.zone[row, column]]
        walls.append(wall_mm(Record(date="2010-05-31", zone=zone, kind="ultrasonic", value=1, tool="T", uv=uv), asset))
    on_texels = texels.thickness_mm[tuple(surface.T)]
    is_thin = texels.position_m[tuple(surface.T)][:, 1] > 0  # the thin plate lies apart from the other
    assert max(np.array(walls)[is_thin]) == on_texels[is_thin].max() < 7
    assert np.isclose(walls, on_texels).mean() > 0.95  # others are between two faces of one plate
