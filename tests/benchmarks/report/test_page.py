"""The report as a page: its links, pictures and files, in a parser and in a browser."""

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from browser import check_page, shown
from PIL import Image

from corrotwin.benchmarks.report import build, photo_page
from corrotwin.benchmarks.report.context import gather
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.study.grid import cells
from corrotwin.segmentation.config import BACKBONES

Maker = Callable[..., Any]

pytestmark = [pytest.mark.ci, pytest.mark.usefixtures("cheap_models", "cheap_latency", "cheap_probabilities")]


def accessibility_faults(page: Any) -> list[Any]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"][:160] for node in fault["nodes"]][:3]) for fault in found]


class Page(HTMLParser):
    """Content of a page: anchors, links, images, and tables that could push it wider than a phone."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.loose_tables = 0
        self._open: list[tuple[str, str]] = []
        self.feed(text)
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [values["href"] or ""] if tag == "a" else []
        self.images += [values] if tag == "img" else []
        if tag == "table" and not any("scroll" in kind.split() for _, kind in self._open):
            self.loose_tables += 1
        if tag not in {"img", "meta", "br"}:
            self._open.append((tag, values.get("class") or ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of a chart that has no content."""

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag


def test_a_whole_page_with_its_pictures_links_and_files(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(
        tmp_path / "out", profile="small", data=tmp_path / "bridge", backbones=("mobilenet_v2",),
        real_fractions=(0.5, 1.0), kinds=("real", "mixed", "copy-paste"),
        more=cells(("real",), (1.0,), [name for name in BACKBONES if name != "mobilenet_v2"], 3), spot_size=2, runs=3,
        across=("painted",),
    )  # fmt: skip
    for run in ("real-mobilenet_v2-00", "real-50pct-mobilenet_v2-01", "mixed-50pct-mobilenet_v2-01"):
        (tmp_path / "out" / "runs" / run / "best.safetensors").touch()
    path = build.write(tmp_path / "out")
    check_page(path)
    text = path.read_text()
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert {"answer", "paper", "renders", "cost", "photos", "data", "method"} <= set(page.ids)
    for target in page.links:
        assert (path.parent / target.partition("#")[0]).is_file(), target
    assert len([link for link in set(page.links) if re.fullmatch(r"photos/index\.html#photo-\d\d\.png", link)]) == 6
    assert len(page.images) == 3 * 6  # real, mixed and copy-paste: two best, two median, two worst
    for image in page.images:
        assert image["alt"]
        kind, _, content = (image["src"] or "").partition(";base64,")
        assert kind == "data:image/jpeg"
        Image.open(io.BytesIO(base64.b64decode(content))).verify()
    drawn = re.findall(r"<svg .*?</svg>", text, flags=re.DOTALL)
    assert len(drawn) >= 7
    for svg in drawn:
        ElementTree.fromstring(svg)
    assert text.count('class="tip"') > 20
    assert not page.loose_tables
    assert not re.search(r"url\((?!#)|@import|<link|<iframe|<script (?!>)", text)
    assert text.count("<script") == 1
    for target in re.findall(r"\]\(([^)]*)\)", (path.parent / "report.md").read_text()):
        assert (path.parent / target.partition("\\#")[0]).is_file()
    names = {each.name for each in path.parent.iterdir()}
    charts = {each.removesuffix(".svg") for each in names if each.endswith(".svg")}
    assert {f"{each}.png" for each in charts} <= names
    assert {"figure2", "figure3", "gains", "controls", "photos", "where", "cost"} <= charts
    assert "reliability" in charts
    assert "<title>mobilenet_v2, 50 % of photos: " in (path.parent / "gains.svg").read_text()
    tables = {each.removesuffix(".csv") for each in names if each.endswith(".csv")}
    assert {"contrasts", "backbones", "scores", "table1", "table2", "table3", "table4", "across", "runs"} <= tables
    assert not any(name.endswith(".tex") for name in names)
    assert "smoke" not in text.lower()
    assert "stand-in" not in text
    assert all("Profile: small." in (path.parent / f"{chart}.svg").read_text() for chart in charts)
    photos = json.loads(re.search(r'id="data"[^>]*>(.*?)</script>', (path.parent / "photos/index.html").read_text())[1])
    assert [layer["label"] for layer in photos["layers"]] == ["real", "mixed", "truth"]
    assert [each["label"] for each in photos["measures"]][:3] == ["gain", "F1, real", "F1, mixed"]
    assert len(photos["pictures"]) == len(results.load(tmp_path / "out").test_images)
    for each in photos["pictures"]:
        gain, real, mixed, *_ = each["values"]
        assert gain == pytest.approx(mixed - real)
        assert (path.parent / "photos" / each["small"][0]).is_file()
    across = csv.DictReader((path.parent / "across.csv").read_text().splitlines())
    assert "painted" in next(across)["set"]


def test_the_gain_of_a_photo_is_said_to_be_that_of_the_arms_in_its_column(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=("vgg16",), kinds=("real", "mixed", "copy-paste"))
    for run in ("real-vgg16-00", "copy-paste-vgg16-00"):  # of the runs with renders, no weights are left
        (tmp_path / "runs" / run / "best.safetensors").touch()
    photo_page.write(gather(results.load(tmp_path)), tmp_path / "page")
    text = (tmp_path / "page" / "index.html").read_text()
    photos = json.loads(re.search(r'id="data"[^>]*>(.*?)</script>', text)[1])
    assert [layer["label"] for layer in photos["layers"]] == ["real", "copy-paste", "truth"]
    gain, real, mixed, *_ = photos["pictures"][0]["values"]
    assert gain == pytest.approx(mixed - real)
    assert "</strong> is the mean F1 of mixed minus that of real." in text
    for path in tmp_path.glob("runs/*/best.safetensors"):
        path.unlink()
    photo_page.write(gather(results.load(tmp_path)), tmp_path / "page")
    assert "is the mean F1 of mixed minus that of real." in (tmp_path / "page" / "index.html").read_text()


WIDTHS = (
    """() => [...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth).length"""
)


def test_a_browser_shows_the_answer_first_and_unfolds_and_prints_the_rest(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(
        tmp_path, profile="small", data=tmp_path / "bridge", kinds=("real", "mixed", "copy-paste", "strong"), runs=3,
        real_fractions=(0.5, 1.0), spot_size=2, across=("painted",),
    )  # fmt: skip
    page = build.write(tmp_path)
    check_page(page)
    with shown(page, height=800) as opened:
        assert opened.evaluate("document.querySelector('.answer').getBoundingClientRect().bottom") <= 800
        assert opened.evaluate("document.querySelectorAll('details[open]').length") == 0
        assert opened.evaluate("[...document.images].every(image => image.complete)")
        opened.locator(".answer .tip").first.hover()
        assert re.match(r"\S+, 50 % of photos: .0\.\d+ \(.* p = [01]\.", opened.inner_text("#tip"))
        opened.evaluate("location.hash = '#renders'")
        opened.wait_for_function("document.getElementById('renders').parentElement.open")
        assert opened.evaluate("document.querySelectorAll('details[open]').length") == 1
        opened.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert opened.evaluate(WIDTHS) == 0  # every table is whole
        for scheme in ("light", "dark"):
            opened.emulate_media(color_scheme=scheme)
            faults = accessibility_faults(opened)
            assert faults == [], scheme
        opened.evaluate("document.querySelectorAll('details').forEach(each => { each.open = false; })")
        printed = opened.pdf(path=tmp_path / "report.pdf")
        assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 5
        assert opened.evaluate("document.querySelectorAll('details[open]').length") == 0  # as it was
        opened.set_viewport_size({"width": 400, "height": 800})
        opened.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert opened.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_photo_of_the_report_leads_to_it_on_the_page_of_all(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=("vgg16", "resnet152"), photo="a b'#")
    page = build.write(tmp_path)
    address = Page(page.read_text()).links[0]
    with shown(page.parent / "photos" / "index.html") as opened:
        opened.goto(f"{page.parent.as_uri()}/{address}")
        name = opened.inner_text("#name")
        assert name.startswith("a b'#-")
        assert quote(name, safe=photo_page._SAFE) == address.partition("#")[2]
