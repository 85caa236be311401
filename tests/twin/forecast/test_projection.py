import csv
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.bayes import cache, session
from corrotwin.twin.bayes.histories.ensemble import Bank, bank, piece_of
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.bayes.sightings import sighting
from corrotwin.twin.bayes.smc import learn
from corrotwin.twin.bayes.thickness.readings import arrange
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast import projection, tables
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.mechanisms.process import own
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

Command = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[3]
YEARS = [0.0, 5.0, 10.0, 20.0, 30.0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, spool: TwinState) -> Path:
    """A spool of ten years that was inspected once."""
    folder = tmp_path_factory.mktemp("forecast") / "spool"
    store.save(spool, folder)
    readings = [
        Record(date="2009-12-01", zone="body", kind="ultrasonic", value=value, tool="UT", place=f"P{value}")
        for value in (6.9, 6.5, 6.7)
    ]
    share = Record(date="2009-12-01", zone="body", kind="photo", value=0.4, tool="camera")
    log.append(folder, [*readings, share])
    return folder


def test_nothing_gets_better_and_shares_are_shares(particles: Particles) -> None:
    found = projection.forecast_zones(particles, YEARS)
    new_mm = 7.11 * particles.growth().new
    assert list(found) == ["body", "bore", "end", "all"]
    for zone in found.values():
        for values in (zone.rusted_share, zone.mean_loss_mm, zone.max_loss_mm, -zone.least_left_mm):
            assert values.shape == (200, 5)
            assert (np.diff(values, axis=1) >= -1e-9).all()
        assert ((zone.rusted_share >= 0) & (zone.rusted_share <= 1)).all()
        assert (zone.max_loss_mm <= 1.1 * new_mm).all()
        assert (zone.mean_loss_mm <= zone.max_loss_mm + 1e-4).all()
        assert (zone.least_left_mm <= zone.general_left_mm + 1e-6).all()

    assert (found["all"].mean_loss_mm <= found["all"].max_loss_mm + 1e-6).all()


def test_all_is_made_of_its_zones(particles: Particles) -> None:
    found = projection.forecast_zones(particles, YEARS)
    parts = [found[name] for name in ("body", "bore", "end")]
    area = [zone.area_mm2 for zone in particles.bank.zones]
    np.testing.assert_allclose(
        found["all"].rusted_share, np.average([each.rusted_share for each in parts], axis=0, weights=area)
    )
    np.testing.assert_array_equal(found["all"].max_loss_mm, np.max([each.max_loss_mm for each in parts], axis=0))


BRANCHED = {
    "nps": "8", "run_m": 1.5, "branch_nps": "4", "branch_at_m": 0.75, "branch_m": 0.2, "branch_degrees": 0.0,
    "branch_end": "cut",
}  # fmt: skip


@pytest.fixture(scope="module")
def branched(spool: TwinState) -> Bank:
    """A pipe whose body is a header of 8.18 mm and a branch of 6.02 mm."""
    twin = replace(
        spool, parameters={**spool.parameters, **BRANCHED}, exposure=at("C4"), coating=Paint(life_years=12.0)
    )
    asset = twin_state.asset(twin)
    return bank(twin, asset, assets.texels(asset), years=12, prior=Prior(), seed=0, draws=16, seeds=4)


def test_a_sound_reading_on_the_thinner_branch_is_no_loss(branched: Bank) -> None:
    record = Record(date="2010-01-01", zone="body", kind="ultrasonic", value=6.0, tool="UT", place="BRANCH-1")
    known = learn(branched, [record], {}, seed=0, particles=200)
    before, after = (projection.forecast_zones(each, [10.0])["body"].mean_loss_mm for each in known.particles)
    assert known.conflicts == ()
    assert np.median(after) < 1.2 * np.median(before)


def test_a_pipe_that_was_delivered_thin_has_lost_nothing(branched: Bank) -> None:
    """Six years apart the same readings, 8 % below nominal: within what a mill may deliver, and no loss."""
    records = [
        Record(date=date, zone="body", kind="ultrasonic", value=value, tool="UT", place=f"P{value}")
        for date in ("2000-01-02", "2006-01-01")
        for value in (7.49, 7.52, 7.55)
    ]
    known = learn(branched, records, {}, seed=0, particles=300)
    assert known.conflicts == ()
    found = projection.project(known.now, [0.0, 6.0], {"body": 6.5})
    for place in found.places:
        assert np.median(place.left_mm, axis=0) == pytest.approx([7.52, 7.5], abs=0.1)
    # Of the zone the thinnest of all places as a mill delivers them, some 4 % below the others.
    left = found.zones["body"].judged_left_mm
    assert np.median(left, axis=0) == pytest.approx([0.96 * 7.52, 0.955 * 7.5], abs=0.1)
    assert np.percentile(left[:, 1], 5) > 6.7


def test_what_never_had_the_required_thickness_is_not_judged(branched: Bank) -> None:
    known = learn(branched, [], {}, seed=0, particles=200).now
    required = projection.required_by_zone(branched, {"body": 6.5})
    found = projection.forecast_zones(known, [0.0, 12.0], required)
    branch, header = (known.growth().new[:, piece_of(branched.pieces_mm, new)] for new in (6.02, 8.18))
    for left, new in ((found["body"].least_left_mm, 6.02 * branch), (found["body"].judged_left_mm, 8.18 * header)):
        assert (left[:, 0] < new).all()  # places differ a little by delivery
        np.testing.assert_allclose(left[:, 0], 0.96 * new, rtol=0.05)
    header = found["body"].judged_left_mm[:, 1]
    chance = projection.chance_below(found, required)["body"]
    assert chance[0] == 0 < chance[1] == (header < 6.5).mean() < 0.5
    assert [projection.nominal_mm(branched, "body", least) for least in (0.0, 6.5)] == pytest.approx([6.02, 8.18])
    assert [projection.not_judged_mm(branched, "body", least) for least in (5.0, 6.5)] == pytest.approx([0, 6.02])
    for value in (8.18, 8.2):
        with pytest.raises(InputError, match=r"below its 8\.18 mm when new"):
            projection.required_by_zone(branched, {"body": value})


def test_the_chance_of_being_too_thin_is_a_share_of_histories(particles: Particles) -> None:
    found = projection.forecast_zones(particles, YEARS)
    chance = projection.chance_below(found, {"body": 6.0, "bore": 5.0})
    np.testing.assert_allclose(chance["body"], (found["body"].least_left_mm < 6.0).mean(axis=0))
    assert (chance["all"] >= np.maximum(chance["body"], chance["bore"])).all()
    assert chance["body"][0] < 0.02 < chance["body"][-1]
    assert projection.chance_below(found, {}) == {}


def test_required_thickness_by_zone(particles: Particles) -> None:
    assert projection.required_by_zone(particles.bank, {"all": 5.0, "bore": 4.0}) == {
        "body": 5.0,
        "bore": 4.0,
        "end": 5.0,
    }
    assert projection.required_by_zone(particles.bank, {}) == {}
    for wrong, message in (
        ({"flange": 3.0}, "no zone flange"),
        ({"body": 8.0}, "7.11 mm when new"),
        ({"body": 0.0}, "0 mm"),
    ):
        with pytest.raises(InputError, match=message):
            projection.required_by_zone(particles.bank, wrong)


def test_rows_and_csv_say_the_same(particles: Particles) -> None:
    found = projection.forecast_zones(particles, YEARS)
    dates = [f"{later(EPOCH, year):%Y-%m-%d}" for year in YEARS]
    table = tables.rows(found, YEARS, dates, {"body": 6.0})
    assert len(table) == 4 * 5
    for row in table:
        for low, middle, high in (row.rusted_percent, row.mean_loss_mm, row.max_loss_mm, row.least_left_mm):
            assert low <= middle <= high
    read = list(csv.DictReader(tables.to_csv(table, tables.ForecastRow).splitlines()))
    assert [row["zone"] for row in read] == [row.zone for row in table]
    last = read[4]
    assert (last["date"], last["required_mm"]) == (dates[-1], "6")
    assert float(last["max_loss_mm_p50"]) == pytest.approx(np.median(found["body"].max_loss_mm[:, 4]), rel=0.02)
    assert read[9]["required_mm"] == read[9]["chance_below_required"] == ""


@pytest.mark.ci
def test_the_number_of_threads_of_linear_algebra_changes_no_bit() -> None:
    """OpenBLAS inverts the covariance of eight readings to other bits with four threads than with one."""
    script = """
import hashlib, histories, threadpoolctl, corrotwin as ct
from corrotwin.twin.bayes import smc
for module, name, size in histories.PLACES:
    setattr(module, name, size)
learning, temper = set(), smc.temper
def watched(*arguments):
    learning.update(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas")
    return temper(*arguments)
smc.temper = watched
pipe = ct.Asset("pipe", nps=8, schedule=40, run_m=1, texel_mm=30)
twin = ct.Twin(pipe, built="2010-06-01", years=10, category="C3", bare=True, mechanisms=["process rate_mm_year=0.02"])
for n in range(8):
    twin.inspect(date=f"{2011 + n}-12-01", kind="ultrasonic", zone="body", value=8 - 0.02 * n, tool="UT", place="P1")
found = twin.forecast(years=10)
states = [array.tobytes() for run in found.known.now for array in (run.normal, run.spots)]
print(*(hashlib.sha256(part).hexdigest() for part in (*states, found.places[0].left_mm.tobytes())), learning)
"""

    def printed(threads: int) -> str:
        path = os.pathsep.join([*map(str, (ROOT, ROOT / "src", ROOT / "tests" / "helpers"))])
        env = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "PYTHONPATH": path}
        return subprocess.run(
            [sys.executable, "-c", script], env=env, check=True, capture_output=True, text=True
        ).stdout

    assert printed(1) == printed(4) != ""


def test_a_twin_is_forecast_and_drawn(folder: Path, tmp_path: Path, command: Command) -> None:
    pytest.importorskip("matplotlib")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with (folder / "inspections.jsonl").open("a") as stream:
        stream.write('{"date": "2009-1')
    done = command(
        "forecast", folder, "--required", "body=4", "--out", tmp_path / "f.csv", "--plot", tmp_path / "f.svg",
        "--smys-mpa", 241, "--length-mm", 100, "--years", 10,
        "--safety-factor", 2,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "line 5 is incomplete" in done.stderr
    assert "Monte Carlo error of" in done.stdout
    assert "next thickness measurement by 20" in done.stdout
    assert "external visual inspection by 20" in done.stdout
    assert "inf" not in done.stdout
    assert "failure pressure divided by 2, year 20, modified B31G: P5 " in done.stdout
    assert "body\nP6.5" in done.stdout or "body P6.5" in done.stdout
    assert (tmp_path / "f.csv").read_text().count("\n") == 1 + 4 * 21
    drawn = (tmp_path / "f.svg").read_text()
    assert "<svg" in drawn
    _, legend = drawn.split('<g id="legend_2">')
    for words in ("now", "measure by year"):
        assert f"<!-- {words}" in legend  # beside the panel, not on its lines, which may be near
    (folder / "inspections.jsonl").write_bytes(before["inspections.jsonl"])
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) <= {cache.NAME}
    again = session.open_session(folder, ahead_years=10, seed=0, particles=100)
    assert again.note == ""
    assert again.now_years == 10


@pytest.mark.ci
def test_when_to_look_again_does_not_follow_how_much_is_shown(
    spool: TwinState, tmp_path: Path, command: Command
) -> None:
    """Sound paint has lost nothing: what the next years bring decides, whether they are in the table or not."""
    store.save(replace(spool, clock=EPOCH), tmp_path / "spool")
    said = []
    for years in (0, 3, 20):
        done = command("forecast", tmp_path / "spool", "--required", "body=5", "--years", years)
        assert done.returncode == 0, done.stderr
        said.append([line for line in done.stdout.splitlines() if line.startswith(("remaining life", "next thick"))])
    assert said[0] == said[1] == said[2]
    assert "(10 years" not in said[0][1]


@pytest.mark.ci
def test_the_next_command_asks_what_was_asked(spool: TwinState, tmp_path: Path, command: Command) -> None:
    """5 MPa x 168.3 mm / (2 x 138 MPa) = 3.05 mm, above the structural minimum of 2.8 mm."""
    store.save(spool, tmp_path / "spool")
    asked = ("--years", 3, "--rule", "api570-class1", "--category-measured", "--seed", 2)
    done = command(
        "forecast", tmp_path / "spool", "--design", "pressure_mpa=5", "stress_mpa=138", "efficiency=1", *asked
    )
    words = done.stdout.splitlines()[-1].split()
    assert words[-5:] == ["--rule", "api570-class1", "--category-measured", "--seed", "2"]
    required = dict(word.split("=") for word in words[words.index("--required") + 1 : words.index("--rule")])
    assert {name: float(mm) for name, mm in required.items()} == dict.fromkeys(required, pytest.approx(3.05, abs=0.005))
    assert {"body", "bore"} <= set(required)
    assert words[words.index("--years") + 1] == "3"


@pytest.mark.ci
def test_of_a_measured_category_more_is_known(spool: TwinState, tmp_path: Path, command: Command) -> None:
    store.save(replace(spool, exposure=at("C5")), tmp_path / "spool")
    widths = []
    for measured in (["--category-measured"], []):
        done = command("forecast", tmp_path / "spool", "--years", 10, *measured, "--out", tmp_path / "f.csv")
        assert done.returncode == 0, done.stderr
        row = list(csv.DictReader((tmp_path / "f.csv").read_text().splitlines()))[-1]
        widths.append(float(row["mean_loss_mm_p95"]) - float(row["mean_loss_mm_p5"]))
    assert widths[0] < 0.8 * widths[1]


@pytest.mark.ci
def test_an_inspection_is_recorded_and_judged(
    folder: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for learning in (session.open_session, session.session_of):  # few particles have no small chances
        monkeypatch.setitem(learning.__kwdefaults__, "particles", 400)
    copy = tmp_path / "spool"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    done = command(
        "inspect", copy, "--date", "2010-01-01", "--kind", "ultrasonic", "--zone", "body", "--tool", "UT",
        "--place", "P6.9", "--value", "2.0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 of 1 record added" in done.stdout
    assert "CONFLICT on 2009-12-01 to 2010-01-01: ultrasonic on body at P6.9 by UT: 2 mm" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--years", "-1"), "--years -1"),
        (("--required", "body"), "zone=mm"),
        (("--required", "hull=3"), "no zone hull"),
        (("--required", "body=6", "bore=4", "body=5"), "--required body=5: body is given twice"),
        (("--plot", "f.pdf"), ".png or .svg"),
        (("--out", "f.txt"), ".csv"),
        (("--smys-mpa", "241"), "--smys-mpa: give --safety-factor as well"),
        (("--length-mm", "100"), "require --smys-mpa"),
        (("--cml", "f.csv"), "--cml: give the required thickness with --required or --design"),
        (("--design", "pressure_mpa=5"), "--design: stress_mpa is missing"),
        (("--design", "pressure=5"), "names are efficiency"),
        (("--design", "y=0", "y=0.4"), "--design y=0.4: y is given twice"),
        (("--design", "pressure_mpa=5", "stress_mpa=138", "efficiency=2"), "--design: `efficiency` 2: must be above 0"),
        (("--basis", "long-term", "--chosen-by", "A. Weld"), "--basis: a rate gives a life"),
        (("--design", "pressure_mpa=high"), "'high' is not a number"),
        (("--required", "body=6", "--basis", "long-term"), "chosen by a named person"),
        (("--seed", "-1"), "--seed -1"),
        (("--safety-factor", "1.4"), "require --smys-mpa"),
        (
            ("--safety-factor", "0.9", "--smys-mpa", "241", "--length-mm", "100"),
            "--safety-factor 0.9: must be at least 1",
        ),
    ],
)
def test_bad_input_is_one_line(folder: Path, arguments: tuple[str, ...], message: str, command: Command) -> None:
    """Nothing is printed but one line, and nothing is written."""
    done = command("forecast", folder, *arguments)
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, ""), done.stderr
    assert message in done.stderr


def test_a_place_without_coordinates_is_judged_as_the_thickest_metal_of_its_zone(particles: Particles) -> None:
    """Most of a zone may be a thinner branch than its header; a place of either is judged by what the header needs."""
    record = Record(date="2009-12-01", zone="body", kind="ultrasonic", value=6.5, tool="UT", place="P1")
    readings = arrange([sighting(record, particles.bank, 0)], (), particles.bank)
    usual = replace(readings, places=(replace(readings.places[0], nominal_mm=3.0),))
    state = replace(particles, readings=usual, spots=np.zeros((len(particles.number), 1), dtype=np.int64))
    found = projection.project(state, YEARS, {"body": 6.0})
    assert found.places[0].nominal_mm == pytest.approx(7.11)
    assert (found.zones["body"].judged_left_mm <= found.places[0].left_mm + 1e-9).all()


def test_no_reading_elsewhere_lowers_a_loss_of_single_places(spool: TwinState) -> None:
    """Sound at three spots after ten years: two tenths of a millimetre a year may still be lost where nobody looked."""
    law = own(("body",), rate_mm_year=0.2, localised=True)
    line = replace(spool, mechanisms=(law,), coating=Paint(life_years=60.0))
    asset = twin_state.asset(line)
    histories = bank(line, asset, assets.texels(asset), years=30, prior=Prior(), seed=0, draws=4, seeds=4)
    records = [
        Record(date="2009-12-01", zone="body", kind="ultrasonic", value=7.1, tool="UT", place=f"P{number}")
        for number in range(3)
    ]
    state = learn(histories, records, {}, seed=0, widenings=(1.0,)).now
    unseen, scanned = (
        projection.forecast_zones(replace(state, bank=replace(state.bank, pitted=zones)), [10.0])
        for zones in (frozenset(), frozenset({"body"}))
    )
    for zone in ("body", "bore"):  # the metal behind the bore is that of the body
        assert np.median(unseen[zone].least_left_mm) < 7.11 - 0.2 * 10
        assert np.median(scanned[zone].general_left_mm) > 6.5
