import csv
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import check_page

import corrotwin as ct
from corrotwin.twin.bayes import session
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast import result
from corrotwin.twin.forecast.projection import levels, project
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.view import comparison

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: Command) -> Path:
    """A coarse plate, whose forecast is two small runs."""
    for name in ("RUNS", "MOST_RUNS", "DRAWS"):
        monkeypatch.setattr(session, name, 2)
    monkeypatch.setattr(result, "MOST_RUNS", 2)
    words = "plate --random --seed 1 --texel-mm 20 --category C4 --coating-life 6 --built 2000-01-01 --years 10"
    assert command("new", *words.split(), "--out", tmp_path / "plate").returncode == 0
    return tmp_path / "plate"


@pytest.mark.slow
def test_view_writes_a_page_and_a_glb(small: Path, tmp_path: Path, command: Command) -> None:
    page, glb = tmp_path / "spool.html", tmp_path / "spool.glb"
    done = command("view", small, "--out", page, "--years", 5, "--required", "face=3", "--units", "inch", "--glb", glb)
    assert done.returncode == 0, done.stderr
    assert f"written to {page} (" in " ".join(done.stdout.split())
    assert "16 variants by date" in done.stdout
    assert page.stat().st_size < 3e6
    assert '"units":"inch"' in page.read_text()
    assert glb.read_bytes().startswith(b"glTF")


def test_the_first_variant_is_of_the_last_event(small: Path, tmp_path: Path, command: Command) -> None:
    """The plate's clock is in 2010, its coating was renewed in 2012: so many years later is 2013."""
    done = command("inspect", small, "--event", "recoating", "--date", "2012-01-01", "--zone", "face")
    assert done.returncode == 0, done.stderr
    assert command("view", small, "--glb", tmp_path / "a.glb", "--years", 1).returncode == 0
    names = re.findall(rb'"name":"(\d{4}-\d\d-\d\d)"', (tmp_path / "a.glb").read_bytes())
    assert max(names)[:7] in (b"2012-12", b"2013-01")


@pytest.mark.slow
def test_compare_prints_writes_and_shows_two_dates(small: Path, tmp_path: Path, command: Command) -> None:
    page, table = tmp_path / "change.html", tmp_path / "change.csv"
    done = command("compare", small, "2004-06-01", "2019-12-31", "--page", page, "--out", table)
    assert done.returncode == 0, done.stderr
    assert "2004-06-01" in done.stdout
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert rows[-1]["zone"] == "all"
    for row in rows:
        assert (row["from_date"], row["to_date"]) == ("2004-06-01", "2019-12-31")
        assert float(row["least_left_mm_lost_p5"]) >= 0
        assert float(row["rusted_percent_more_p50"]) >= 0
    check_page(page)
    text = page.read_text()
    assert '"compared":[4.4' in text


@pytest.mark.ci
def test_differences_are_of_each_history_and_dates_are_those_of_the_forecast(made: Forecast) -> None:
    known, years = made.known, (made.years[4], made.years[-1])
    rows = {row.zone: row for row in comparison.compare(known, *years, {"body": 5.0})}
    zones = project(known.now, years, {"body": 5.0}).zones
    for name, row in rows.items():
        left = zones[name].least_left_mm
        assert row.least_left_mm_lost == levels(left[:, 0] - left[:, 1])
        told = next(own for own in made.rows if own.zone == name and own.years == years[1])
        np.testing.assert_allclose(row.least_left_mm_to, told.least_left_mm, atol=1e-6)
        np.testing.assert_allclose(row.rusted_percent_to, told.rusted_percent, atol=1e-6)
        assert row.chance_below_required_to == (told.chance_below_required)
    with pytest.raises(InputError, match="give two different dates, the earlier one first"):
        comparison.compare(known, years[1], years[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("view {}", "view: give --out, an .html page, or --glb"),
        ("view {} --out spool.pdf", r"spool\.pdf: the page is HTML; end its name in \.html"),
        ("view {} --glb spool.gltf", r"spool\.gltf: .*end its name in \.glb"),
        ("view {} --out spool.html --required body", "--required body: give zone=mm"),
        ("view nothing --out spool.html", "nothing: "),
        ("compare {} 2004-13-01 2010-01-01", "'2004-13-01': give a day such as 2030-05-31"),
        ("compare {} 1999-01-01 2010-01-01", "1999-01-01: the twin was built on 2000-01-01"),
        ("compare {} 2010-01-01 2010-01-01", "give two different dates, the earlier one first"),
        ("compare {} 2010-01-01 2400-01-01", "2400-01-01: is more than 200 years ahead"),
        ("compare {} 2001-01-01 2002-01-01 --out change.txt", r"change\.txt: .*\.csv"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    words: str, said: str, folder: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*words.format(folder).split())
    assert done.returncode == 2
    assert re.search(said, done.stderr), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.ci
def test_the_api_writes_the_same_page_and_refuses_the_forecast_of_another(
    tmp_path: Path, folder: Path, made: Forecast, written: Path
) -> None:
    twin = ct.Twin.load(folder)
    twin.view(tmp_path / "spool.html", made)
    assert (tmp_path / "spool.html").read_text() == written.read_text()
    twin.grow(1.0)
    with pytest.raises(InputError, match="older than a change of its clock"):
        twin.view(tmp_path / "later.html", made)
    assert not (tmp_path / "later.html").exists()
