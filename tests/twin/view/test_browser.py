"""The page in a real browser, which draws in software: what a user does with mouse and keyboard, and what is heard."""

import struct
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from browser import chromium, listen

from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.view import page as pages
from corrotwin.twin.view.surface import SurfaceHistory

pytestmark = pytest.mark.ci


class Opened:
    """The page, and what went wrong on it."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page, self.wrong = page, listen(page, path)
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=yes]")

    def row(self, y: float) -> list[list[int]]:
        """Colours of the picture at twenty places from left to right, at a share of its height."""
        return self.page.evaluate(
            """async (y) => {
              const picture = await createImageBitmap(await View.scene.screenshot());
              const canvas = new OffscreenCanvas(picture.width, picture.height);
              const pen = canvas.getContext("2d", { willReadFrequently: true });
              pen.drawImage(picture, 0, 0);
              const at = (k) => pen.getImageData(((k + 0.5) / 20) * picture.width, y * picture.height, 1, 1).data;
              return [...Array(20).keys()].map((k) => [...at(k)]);
            }""",
            y,
        )


@pytest.fixture(scope="module")
def opened(written: Path) -> Iterator[Opened]:
    with chromium() as browser:
        yield Opened(browser.new_page(viewport={"width": 1200, "height": 900}), written)


@pytest.fixture(autouse=True)
def nothing_goes_wrong(opened: Opened) -> Iterator[None]:
    yield
    assert opened.wrong == []


def test_it_opens_by_itself_and_hostile_names_are_text(opened: Opened) -> None:
    assert opened.page.title().startswith("</script><script>")
    assert "TML-1" in opened.page.inner_text("#markers")
    assert "</script>" in opened.page.inner_text("#markers")
    assert opened.row(0.5)[9] != opened.row(0.02)[0]


def test_years_zones_and_units_show_the_forecast(opened: Opened, made: Forecast) -> None:
    page = opened.page
    page.focus("#year")
    page.keyboard.press("End")
    last = [row for row in made.rows if row.years == made.years[-1]]
    assert page.inner_text("#date").startswith(last[0].date)
    names = page.locator("#zones tr").all()
    assert names[0].inner_text().split()[0] == "body"
    for line in names:
        cells = line.locator("th, td").all_inner_texts()
        row = next(row for row in last if row.zone == cells[0])
        low, middle, high = row.least_left_mm
        assert cells[1] == f"{middle:.2f} ({low:.2f} to {high:.2f})"
        chance = row.chance_below_required
        assert cells[2] == ("–" if chance is None else f"{100 * chance:.1f} %")
    page.select_option("#units", "inch")
    assert (
        page.locator("#zones tr")
        .first.locator("td")
        .first.inner_text()
        .startswith(f"{next(row for row in last if row.zone == 'body').least_left_mm[1] / 25.4:.3f}")
    )
    page.select_option("#units", "mm")
    page.click("#now")
    assert page.inner_text("#date").endswith("now")


def test_a_click_chooses_a_place_and_a_list_flies_there(opened: Opened) -> None:
    page = opened.page
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="body", exact=True).click()
    box = page.locator("#canvas").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_function("document.querySelector('#told h3').textContent.startsWith('A place on')")
    assert "when new" in page.inner_text("#told")
    assert page.locator("#told figure").count() == 2
    before = page.evaluate("View.scene.eye.target.toArray()")
    page.get_by_role("button", name="Thickness TML-1").click()
    assert page.evaluate("View.scene.eye.target.toArray()") != before
    assert page.locator("#told tbody").last.inner_text().count("UT") == 0
    assert page.locator("#told tbody").last.locator("tr").count() == 2
    assert "6.60 mm" in page.inner_text("#told")
    page.evaluate(
        "View.choose({ marker: { ...View.data.markers.find((one) => one.name === 'TML-1'), required: 4.5 } })"
    )
    assert "required 4.50 mm" in page.locator("#told").text_content()  # its own, not that of its zone
    page.focus("#canvas")
    turned = page.evaluate("View.scene.eye.azimuth")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("View.scene.eye.azimuth") != turned
    assert page.inner_text("#status").startswith("seen from ")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.locator("#status", has_text="A place on").wait_for()
    page.keyboard.press("Home")
    page.evaluate("View.scene.pan(5000, 0); View.scene.render()")
    page.focus("#canvas")
    page.keyboard.press("Enter")
    assert page.inner_text("#status") == "nothing there"
    page.keyboard.press("Home")


def test_a_zone_inside_is_outlined_and_the_wheel_scrolls_the_page(opened: Opened) -> None:
    page = opened.page
    for name, inside in (("bore", 1), ("body", 0)):
        page.get_by_role("button", name=name, exact=True).click()
        page.locator("#told .inside").wait_for(state="attached" if inside else "detached")
        assert page.evaluate("[...View.scene.outlines.values()].filter((lines) => lines.visible).length") == 1
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    before, box = page.evaluate("View.scene.eye.distance"), page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(1000)  # the page's policy forbids to wait for an expression
    assert page.evaluate("scrollY") > 0
    assert page.evaluate("View.scene.eye.distance") == before
    page.focus("#canvas")
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(1000)
    assert page.evaluate("View.scene.eye.distance") > before
    page.evaluate("scrollTo(0, 0)")


def test_signs_in_metal_that_is_cut_off_are_not_drawn(opened: Opened) -> None:
    script = """(way) => {
      const { scene } = View, pin = scene.pins.children[0], { x } = pin.userData.at;
      scene.clipped = true;
      scene.plane.normal.set(way, 0, 0);
      scene.plane.constant = -way * (x - 0.05);
      pin.userData.normal.set(0, 0, 0);
      scene.render();
      scene.clipped = false;
      return pin.material.visible;
    }"""
    shown = [opened.page.evaluate(script, way) for way in (1, -1)]
    assert shown == [True, False]


def test_colours_follow_what_is_chosen(opened: Opened) -> None:
    page, seen = opened.page, {}
    page.evaluate("View.scene.home(true)")
    for mode in ("looks", "cover", "loss", "place", "zone", "chance"):
        page.select_option("#mode", mode)
        seen[mode] = tuple(page.evaluate("[...View.scene.pixels.filter((_, i) => i % 4 < 3).slice(0, 30000)]"))
    assert len(set(seen.values())) == 6
    page.select_option("#mode", "zone")
    page.select_option("#level", "95")
    assert "P95" in page.inner_text("#legend-title")
    legend = page.evaluate("""() => { const { table } = View.scale(View.state);
      return [...Array(256).keys()].map((k) => [...TABLES[table].slice(3 * k, 3 * k + 3)]); }""")
    drawn = [colour[:3] for y in (0.45, 0.5, 0.55) for colour in opened.row(y)]
    assert sum(colour in legend for colour in drawn) >= 10  # no light alters them
    page.check("#compare")
    assert "Change of" in page.inner_text("#legend-title")
    page.uncheck("#compare")


def test_a_change_has_a_sign(opened: Opened) -> None:
    """Wall that is lost is red, and the same change the other way is blue; the scale goes as far as most changes do."""
    page = opened.page
    page.select_option("#mode", "place")
    page.check("#compare")
    seen = []
    for year, base in ((10, 2), (2, 10)):
        for name, value in (("year", year), ("base", base)):
            page.evaluate("([id, v]) => { by(id).value = v; by(id).dispatchEvent(new Event('input')); }", [name, value])
        known = "View.data.places.stands.findIndex((place) => place !== 65535)"
        red, _, blue = page.evaluate(f"[...View.scene.pixels.slice(4 * {known}, 4 * {known} + 3)]")
        seen.append(red > blue)
        assert page.inner_text("#low").startswith("≤ −")
        assert page.inner_text("#high").startswith("≥ +")
        assert page.evaluate("View.span") < 0.2 * page.evaluate("View.data.nominal")
    assert seen == [True, False]
    page.uncheck("#compare")
    page.click("#now")


def test_the_reader_is_told_what_is_below_now_and_what_is_overdue(opened: Opened, made: Forecast) -> None:
    page = opened.page
    early, late = (page.evaluate("(day) => View.answer(day)", day) for day in ("2009-12-31", "2090-01-01"))
    assert "overdue" not in early
    assert late.count("is overdue, unless it was done since") == 2
    assert "is below its required thickness already is" in early
    without = page.evaluate(
        """(plan) => {
          const before = View.data.plan;
          View.data.plan = { ...before, ...plan };
          const said = View.answer("2009-12-31");
          View.data.plan = before;
          return said;
        }""",
        {"life": None, "undated": ["bore"], "measure": "2031-05-31", "because": "so", "look": "2014-05-31"},
    )
    assert "No remaining life and no date can be given for bore." in without
    assert "Next thickness measurement of the other zones by 2031-05-31 (so)." in without
    assert "External visual inspection by 2014-05-31 (rule api510)." in without
    likely = page.evaluate("belowNow({ body: 0.688, bore: 0.2, all: 0.7 })")
    assert likely == "Probably below the required thickness already: body (68.8 %)."


def test_the_keyboards_place_is_kept(opened: Opened) -> None:
    page = opened.page
    page.get_by_role("button", name="bore", exact=True).focus()
    page.evaluate("by('now').click(); by('year').dispatchEvent(new Event('input'))")
    assert page.evaluate("document.activeElement.textContent") == "bore"
    page.evaluate(
        "View.choose({ place: { texel: View.data.places.stands.findIndex((p) => p !== 65535), position: [0, 0, 0] } })"
    )
    page.locator("#told").get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "H3"
    assert page.evaluate("document.activeElement.textContent").startswith("Zone ")


def test_events_are_told_and_the_drawn_history_admits_that_it_ignores_them(
    opened: Opened, replaced: Forecast, surface: SurfaceHistory, tmp_path: Path
) -> None:
    pages.write(tmp_path / "replaced.html", replaced, surface)
    page = opened.page.context.browser.new_page(viewport={"width": 1200, "height": 900})
    other = Opened(page, tmp_path / "replaced.html")
    assert page.input_value("#mode") == "place"
    assert "replacement of body on 2006-06-01: steel and coating" in page.inner_text("#events")
    assert page.locator("#event-years option").count() == 1
    assert page.locator("#told .event").count() == 3
    assert page.locator("#told .reading.removed").count() == 2
    for mode in ("looks", "cover", "loss", "place", "zone"):
        page.select_option("#mode", mode)
        assert ("It ignores the replacement of body on 2006-06-01" in page.inner_text("#explained")) == (
            mode in ("looks", "cover", "loss")
        )
    page.locator("#events button").click()
    assert page.inner_text("#date").endswith("replacement of body")
    page.get_by_role("button", name="Thickness TML-1").click()
    assert page.locator("#told tbody").last.inner_text().count("has since been replaced") == 1
    assert other.wrong == []
    page.close()


def test_a_section_shows_cut_metal(opened: Opened) -> None:
    page = opened.page
    page.evaluate("View.scene.home(true)")  # a flight of the camera may be under way
    whole = opened.row(0.5)
    page.select_option("#axis", "y")
    assert page.inner_text("#section-at").startswith("y = ")
    assert opened.row(0.5) != whole
    page.select_option("#axis", "none")


def test_a_screenshot_is_saved(opened: Opened, tmp_path: Path) -> None:
    with opened.page.expect_download() as waited:
        opened.page.click("#shot")
    waited.value.save_as(tmp_path / "shot.png")
    content = (tmp_path / "shot.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert min(struct.unpack(">II", content[16:24])) > 300


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_no_serious_fault_of_accessibility(opened: Opened, theme: str) -> None:
    if find_spec("axe_playwright_python") is None:
        pytest.skip("axe-playwright-python is not installed: accessibility was not checked")
    from axe_playwright_python.sync_playwright import Axe

    opened.page.select_option("#theme", theme)
    found = Axe().run(opened.page).response["violations"]
    assert [(fault["id"], [node["html"][:120] for node in fault["nodes"]]) for fault in found] == []


def test_a_phone_shows_it_without_scrolling_sideways(opened: Opened) -> None:
    opened.page.set_viewport_size({"width": 400, "height": 800})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 400
    assert opened.page.locator("#canvas").bounding_box()["width"] > 350
    opened.page.click("#home")
    opened.page.get_by_role("button", name="body", exact=True).click()
    opened.page.wait_for_timeout(800)
    box, heading = (opened.page.locator(one).bounding_box() for one in ("#canvas", "#chosen"))
    assert box["y"] >= -1  # the model stays in sight above the text
    assert heading["y"] > box["y"] + box["height"] - 1
    opened.page.click("#home")
    opened.page.wait_for_timeout(800)  # until the eye has arrived
    spread = opened.page.evaluate(
        """() => {
          const { scene } = View, at = scene.geometry.getAttribute("position"), point = new THREE.Vector3();
          scene.eye = { ...scene.eye, azimuth: -Math.PI / 2, polar: Math.PI / 2 };
          scene.render();
          let most = 0;
          for (let k = 0; k < at.count; k++) {
            most = Math.max(most, Math.abs(point.fromBufferAttribute(at, k).project(scene.camera).x));
          }
          return most;
        }"""
    )
    assert 0.5 < spread <= 1
