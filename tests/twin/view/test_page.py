import base64
import csv
import hashlib
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrotwin.twin import twin_state
from corrotwin.twin.bayes.thickness.paths import draw_paths
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.lives import Due
from corrotwin.twin.forecast.projection import growth_of, project
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.inspection.register import Requirement
from corrotwin.twin.view import page
from corrotwin.twin.view.library import three_js
from corrotwin.twin.view.markers import markers
from corrotwin.twin.view.place_levels import place_levels
from corrotwin.twin.view.surface import SurfaceHistory


@pytest.fixture(scope="module")
def text(written: Path) -> str:
    return written.read_text()


@pytest.fixture(scope="module")
def data(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def unpacked(item: dict[str, Any]) -> np.ndarray:
    kind = {"Uint8Array": "u1", "Uint16Array": "<u2", "Uint32Array": "<u4"}[item["type"]]
    return np.frombuffer(zlib.decompress(base64.b64decode(item["data"])), dtype=kind)


@pytest.mark.ci
def test_numbers_of_zones_are_those_of_the_forecasts_table(data: dict[str, Any], made: Forecast) -> None:
    rows = list(csv.DictReader(made.to_csv().splitlines()))
    assert {zone["name"] for zone in data["zones"]} == {row["zone"] for row in rows}
    compared = 0
    for zone in data["zones"]:
        own = [row for row in rows if row["zone"] == zone["name"]]
        assert data["dates"] == [row["date"] for row in own]
        for column in set(own[0]) - {"zone", "date", "years", "required_mm"}:
            for value, row in zip(zone[column], own, strict=True):
                assert ("" if value is None else f"{value:.6g}") == row[column]
                compared += 1
    assert compared > 500


def test_named_places_and_dates_are_those_of_the_forecast(data: dict[str, Any], made: Forecast) -> None:
    now = data["years"].index(data["now"])
    rows = {(row.zone, row.place): row for row in made.cmls if row.place}
    marked = [marker for marker in data["markers"] if marker["left"]]
    assert len(marked) == len(rows) == 2
    for marker in marked:
        row = rows[marker["zone"], marker["name"]]
        np.testing.assert_allclose(marker["left"][now], row.left_mm, rtol=1e-6)
        assert len(marker["readings"]) == row.readings
    needed = Requirement(4.5), Requirement(5.0)  # the first, as of a CML with a requirement of its own
    plan = replace(made.plan, required_by_place=needed)
    own = {marker["name"]: marker["required"] for marker in markers(replace(made, plan=plan)) if marker["left"]}
    assert own == {made.places[0].name: 4.5, made.places[1].name: 5.0}
    assert data["plan"]["life"][0] == pytest.approx(made.plan.life_years[0])
    assert (
        f"{twin_state.later(made.known.twin.built, data['now'] + made.plan.interval_years):%Y-%m-%d}"
        == (data["plan"]["measure"])
    )


def test_beside_a_zone_without_a_date_the_page_has_that_of_the_others(made: Forecast, surface: SurfaceHistory) -> None:
    dues = {"body": Due(3.0, "so")}
    plan = replace(made.plan, life_years=None, undated={"bore": "its pits were never measured"}, dues=dues)
    said = page.content(replace(made, plan=plan), surface)["plan"]
    assert said["measure"] == f"{twin_state.later(made.known.twin.built, made.known.now_years + 3):%Y-%m-%d}"
    assert (said["life"], said["because"], said["undated"]) == (None, "so", ["bore"])


def test_markers_stand_where_inspections_were_made(data: dict[str, Any], made: Forecast) -> None:
    kinds = [marker["kind"] for marker in data["markers"]]
    assert sorted(kinds) == ["photo", "pit", "ultrasonic", "ultrasonic"]
    asset, texels = made.known.asset, made.known.texels
    for marker in data["markers"]:
        if marker["kind"] == "pit":
            assert marker["position"] is None
            continue
        away = np.linalg.norm(texels.position_m - np.array(marker["position"]), axis=2)
        row, column = np.unravel_index(away.argmin(), away.shape)
        assert asset.zone_names[texels.zone[row, column]] == marker["zone"]
        assert away.min() < 1e-6
    photo = data["markers"][kinds.index("photo")]
    assert photo["normal"][2] > 0.5


@pytest.mark.parametrize("years", [0.0, 3.7, 10.0, 14.2, 20.0])
def test_the_surface_is_the_twins_between_key_years_too(surface: SurfaceHistory, made: Forecast, years: float) -> None:
    twin = made.known.twin
    real = twin_state.fields(replace(twin, clock=twin_state.later(twin.built, years)), surface.asset, surface.texels)
    shown = surface.fields(years)
    np.testing.assert_allclose(shown.rust_cover, real.rust_cover, atol=2e-3)
    assert np.abs(shown.wall_loss_mm - real.wall_loss_mm).max() < 0.05
    if years == 10.0:
        np.testing.assert_allclose(shown.wall_loss_mm, real.wall_loss_mm, atol=1e-5)
        assert (real.rust_cover > 0.5).any()


def test_what_is_packed_is_what_was_meant(data: dict[str, Any], surface: SurfaceHistory, made: Forecast) -> None:
    fields, geometry = data["fields"], data["geometry"]
    loss = unpacked(fields["loss"]).reshape(surface.loss_mm.shape).astype(float) / 255
    np.testing.assert_allclose(loss**2 * fields["loss"]["most"], surface.loss_mm, atol=fields["loss"]["most"] / 255)
    begins = unpacked(fields["begins"]).reshape(surface.cover_begins.shape)
    reachable = np.isfinite(surface.cover_begins)
    assert (begins[~reachable] == 65535).all()
    within = reachable & (surface.cover_begins < fields["begins"]["most"])
    scale = fields["begins"]["most"] / 65534
    np.testing.assert_allclose(begins[within] * scale, surface.cover_begins[within], atol=scale)
    points = unpacked(geometry["position"]).reshape(-1, 3) / 65535 * geometry["size"] + geometry["low"]
    faces = unpacked(geometry["index"]).reshape(-1, 3)
    np.testing.assert_allclose(points[faces], surface.asset.vertices[surface.asset.faces], atol=2e-5)
    at, zone = unpacked(data["places"]["at"]).reshape(begins.shape), unpacked(data["places"]["zone"])
    names = [own["name"] for own in data["zones"]]
    shown = surface.texels.area_mm2 > 0
    open_air = shown & (at < 65535)
    assert open_air.sum() > 0.9 * shown.sum()
    assert [names[zone[place]] for place in at[open_air][::97]] == [
        surface.asset.zone_names[index] for index in surface.texels.zone[open_air][::97]
    ]


def test_a_place_has_the_histories_of_the_forecast(made: Forecast) -> None:
    """The median of a zone's places is what the forecast calls its general thickness, history by history."""
    runs, years = made.known.now, [0.0, 10.0, 20.0]
    run, general = runs[0], project(runs[0], years).zones
    paths = draw_paths(run, years[-1], np.random.default_rng([run.bank.seed, 20]))
    found = place_levels(runs, made.known.texels, years)
    for index, name in enumerate(found.zones):
        own = replace(run.trajectory(name), growth=growth_of(run, name))
        left = np.stack([own.left_mm(year, paths.shared_at)[:, 0] for year in years], axis=-1)
        middle = np.median(left[:, : len(own.zone.texel)], axis=1)
        np.testing.assert_allclose(middle, general[name].general_left_mm, rtol=1e-6)
        whole = np.median(found.left_mm[found.zone == index, :, 1], axis=0)
        np.testing.assert_allclose(whole, np.median(middle, axis=0), rtol=0.05)
    assert (np.diff(found.left_mm, axis=1) <= 1e-9).all()
    assert (np.diff(found.left_mm, axis=2) >= 0).all()


def test_nothing_of_it_leaves_the_page_or_runs_from_data(text: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    assert scripts[0] == three_js()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline'" not in policy.split("style-src")[0]
    assert "owned" in text
    assert "<script>document" not in text
    assert not re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", text)
    assert not re.findall(r"fetch\(|XMLHttpRequest|https?://(?!www\.w3\.org/2000/svg)", scripts[1])


def test_a_page_of_another_name_or_unit_is_refused(tmp_path: Path, made: Forecast, surface: SurfaceHistory) -> None:
    with pytest.raises(InputError, match=r"spool\.pdf: the page is HTML; end its name in \.html"):
        page.write(tmp_path / "spool.pdf", made, surface)
    with pytest.raises(InputError, match="`units` 'feet': choose mm or inch"):
        page.write(tmp_path / "spool.html", made, surface, units="feet")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        page.write(tmp_path / "file" / "spool.html", made, surface)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.ci
def test_new_steel_is_shown_as_new_and_events_are_named(replaced: Forecast, surface: SurfaceHistory) -> None:
    data = page.content(replaced, surface)
    (event,) = data["events"]
    at = event["years"]
    assert (event["date"], event["kind"], event["zone"], event["why"]) == ("2006-06-01", "replacement", "body", "leak")
    grid, zones = data["places"]["keyYears"], data["zones"]
    assert set(surface.key_years) < set(grid)
    (after,) = np.flatnonzero(np.isclose(grid, at, atol=1e-9))
    assert 0 < at - grid[after - 1] < 0.01
    assert all(at in zone["renewed"] for zone in zones if zone["name"] in ("body", "bore", "all"))
    left = unpacked(data["places"]["left"]).reshape(-1, len(grid), 3) * data["places"]["left"]["most"] / 65535
    body = unpacked(data["places"]["zone"]) == [zone["name"] for zone in zones].index("body")
    assert np.median(left[body, after, 0] - left[body, after - 1, 0]) > 0.02
    assert (np.diff(left[body, after:], axis=1) <= 1e-3).all()
    thick = [marker for marker in data["markers"] if marker["kind"] == "ultrasonic"]
    assert {one["date"]: one["removed"] for marker in thick for one in marker["readings"]} == {
        "2004-06-01": True, "2009-06-01": False
    }  # fmt: skip


def test_what_is_below_now_is_told_by_zone(data: dict[str, Any], made: Forecast) -> None:
    now = data["years"].index(data["now"])
    rows = {row.zone: row for row in made.rows if row.years == data["now"]}
    assert set(data["plan"]["below"]) == {"body", "all"}
    for zone in data["zones"]:
        assert data["plan"]["below"].get(zone["name"]) == zone["chance_below_required"][now]
        assert zone["chance_below_required"][now] == rows[zone["name"]].chance_below_required
