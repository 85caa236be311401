"""The whole report of fake studies. Pictures are drawn in one test alone, since they take most of the time."""

import base64
import csv
import io
import itertools
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import check_page, shown
from matplotlib.figure import Figure as Canvas
from PIL import Image
from scipy.stats import tukey_hsd

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.report import build, photo_page
from corrotwin.benchmarks.report.context import gather
from corrotwin.benchmarks.report.sections import cost, pictures
from corrotwin.benchmarks.stats import comparison
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.study.grid import cells
from corrotwin.segmentation.config import BACKBONES, DEFAULT_BACKBONE, PROFILES
from corrotwin.segmentation.deployment import latency
from corrotwin.segmentation.deployment.latency import Latency
from corrotwin.segmentation.evaluation import assessment, curves
from corrotwin.segmentation.models import network
from corrotwin.twin.core.errors import InputError

EPOCHS = PROFILES["quick"]["epochs"]
STANDIN = "stand-in (rendered, not photographs)"
SMOKE = "smoke, not results"
TWO = ("vgg16", "resnet152")
Maker = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("cheap_models", "cheap_latency")


@pytest.fixture
def cheap_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(backbones: tuple[str, ...], size: int, *, threads: int, repeats: int, precisions: Any) -> Any:
        common = {"precision": precisions[0], "bfloat16": False, "size": size, "threads": threads, "repeats": repeats}
        return tuple(
            Latency(backbone=name, p50_ms=10.0 + place, p95_ms=20.0, **common) for place, name in enumerate(backbones)
        )

    monkeypatch.setattr(latency, "measure", measure)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither draws nor measures pictures."""
    svg = b'<svg width="1pt" height="1pt" xmlns="http://www.w3.org/2000/svg"></svg>'
    monkeypatch.setattr(style, "files", lambda figure: {"png": b"", "svg": svg})
    monkeypatch.setattr(photo_page, "write", lambda material, folder: None)


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "report" / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def mean_of(folder: Path, run: str, score: str) -> float:
    with (folder / "runs" / run / "per_image.csv").open(newline="") as stream:
        counts = np.array([[int(row[name]) for name in ("tp", "fp", "fn")] for row in csv.DictReader(stream)])
    tp, fp, fn = counts.T
    return float(np.mean(tp / (tp + fp + fn) if score == "iou" else 2 * tp / (2 * tp + fp + fn)))


def accessibility_faults(page: Any) -> list[Any]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [(fault["id"], [node["html"][:160] for node in fault["nodes"]][:3]) for fault in found]


def captions(page: str) -> list[str]:
    return re.findall(r"<figcaption>(.*?)</figcaption>", page, flags=re.DOTALL)


class Page(HTMLParser):
    """What a page holds: anchors, links, images, and tables that could push it wider than a phone."""

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


@pytest.fixture
def cheap_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of networks: half of the pixels at 0.28, the others at 0.78, and a quarter of each half corroded."""

    def assess(folder: Path, data: Any, *, threshold: float) -> Any:
        probability = np.repeat(np.float32([0.28, 0.78]), 100).reshape(2, 100)
        truth = np.tile(np.arange(100) < 25, (2, 1))
        return SimpleNamespace(histograms=curves.histograms(["a"], [(probability, truth)], curves.edges(threshold)))

    monkeypatch.setattr(assessment, "assess", assess)


@pytest.mark.usefixtures("cheap_probabilities")
def test_the_reliability_diagram_shows_how_often_the_probabilities_are_right(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=TWO, runs=1)
    (absent,) = pictures._reliability(gather(results.load(tmp_path)))
    assert absent.text == "There is no reliability diagram: no run has its weights."
    (tmp_path / "runs" / "real-vgg16-00" / "best.safetensors").touch()
    (diagram,) = pictures._reliability(gather(results.load(tmp_path)))
    assert diagram.title == "Are the probabilities right?"
    assert diagram.name == "reliability"
    drawn = Canvas()
    diagram.draw(drawn)
    (ideal, line) = drawn.axes[0].lines
    assert list(ideal.get_xdata()) == list(ideal.get_ydata()) == [0, 1]
    known = ~np.isnan(line.get_ydata())
    assert line.get_xdata()[known] == pytest.approx([0.28, 0.78])
    assert line.get_ydata()[known] == pytest.approx([0.25, 0.25])
    assert line.get_label() == "vgg16 (ECE 0.280)"  # the mean of 0.03 and 0.53


@pytest.mark.usefixtures("cheap_probabilities")
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
    assert "painted" in read(tmp_path / "out", "across.csv")[0]["set"]


@pytest.mark.usefixtures("no_pictures")
def test_csvs_equal_the_values_worked_out_again(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=BACKBONES, runs=3, spot_size=2)
    build.write(tmp_path)
    order = ["inceptionv4", "mobilenet_v2", "resnet152", "vgg16"]
    found = results.load(tmp_path)
    runs = read(tmp_path, "runs.csv")
    assert len(runs) == 24
    for score, tukey, published, before in (
        ("f1", "table3.csv", paper.TABLE_III, ""),
        ("iou", "table4.csv", paper.TABLE_IV, "iou_"),
    ):
        means = {row["id"]: mean_of(tmp_path, row["id"], score) for row in runs}
        assert {row["id"]: float(row[score]) for row in runs} == pytest.approx(means, abs=1e-12)
        rows = [*read(tmp_path, "scores.csv"), *read(tmp_path, "table2.csv")]
        assert len(rows) == 8 + 4
        for row in rows:
            of_runs = [means[f"{row['arm']}-{row['backbone']}-{run:02d}"] for run in range(3)]
            assert float(row[f"{score}_mean"]) == pytest.approx(np.mean(of_runs), abs=1e-12)
            assert float(row[f"{score}_sd"]) == pytest.approx(np.std(of_runs, ddof=1), abs=1e-12)
        groups = [[means[f"real-{backbone}-{run:02d}"] for run in range(3)] for backbone in order]
        expected = tukey_hsd(*groups)
        within = expected.confidence_interval()
        rows = read(tmp_path, tukey)
        assert len(rows) == 6
        for row in rows:
            j, i = order.index(row["first"]), order.index(row["second"])
            assert float(row["p"]) == pytest.approx(expected.pvalue[i, j], abs=1e-6)
            assert float(row["difference"]) == pytest.approx(np.mean(groups[i]) - np.mean(groups[j]))
            assert float(row["low"]) == pytest.approx(within.low[i, j], abs=1e-5)
            assert float(row["high"]) == pytest.approx(within.high[i, j], abs=1e-5)
            assert row["paper_p"] == str(published[row["first"], row["second"]])
        arms = comparison.arms(found.scores, pairs=[("real", "mixed")], score=score, groups=found.groups)
        pairs = [
            each
            for arm in ("real", "mixed")
            for each in comparison.backbones(found.scores, arm=arm, score=score, groups=found.groups)
        ]
        for name, again in (("contrasts.csv", arms), ("backbones.csv", pairs)):
            for row, each in zip(read(tmp_path, name), again, strict=True):
                assert row["backbone" if each.backbone else "arm"] == (each.backbone or each.arm)
                told = [float(row[before + column]) for column in ("difference", "low", "high", "p")]
                assert told == [each.difference, each.low, each.high, each.p]
                assert (row["units"], row["unit"]) == (str(each.units), "spot")
    page = (tmp_path / "report" / "report.md").read_text()
    for row in read(tmp_path, "table2.csv"):
        theirs, cells = paper.TABLE_II[row["backbone"]], []
        for score, value in (("f1", theirs.f1), ("iou", theirs.iou)):
            cells.append(f"{float(row[f'{score}_mean']):.3f} ± {float(row[f'{score}_sd']):.3f}")
            cells.append(f"{value.mean:.3f} ± {value.sd:.3f}")
        assert f"| {row['backbone']} | 3 | {' | '.join(cells)} |" in page
    minutes = [float(row["train_minutes"]) for row in runs if row["id"].startswith("real-vgg16")]
    vgg16 = next(row for row in read(tmp_path, "table1.csv") if row["backbone"] == "vgg16")
    assert float(vgg16["train_minutes_mean"]) == pytest.approx(np.mean(minutes))


@pytest.mark.usefixtures("no_pictures")
def test_every_caption_says_smoke_and_standin(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=TWO)
    page = build.write(tmp_path).read_text()
    assert build.write(tmp_path).read_text() == page
    found = captions(page)
    assert len(found) == page.count("<figure ")
    assert len(found) > 5
    tag = "Smoke, not results. Rendered test images."
    assert all(tag in caption for caption in found)
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert markdown.count(f"**{tag}**") == len(found)
    for path in (tmp_path / "report").glob("*.csv"):
        assert all(row["data"] == STANDIN and SMOKE in row["profile"] for row in read(tmp_path, path.name))


@pytest.mark.usefixtures("no_pictures")
def test_names_from_data_are_escaped(tmp_path: Path, fake_study: Maker) -> None:
    evil = tmp_path / "<script>alert(1)<"
    fake_study(tmp_path / "out", data=evil, photo="<img src=x onerror=alert(2)>|*b*$x$", backbones=TWO)
    page = build.write(tmp_path / "out").read_text()
    assert page.count("<script") == 1
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;" in page
    assert "&lt;img src=x onerror=alert(2)&gt;" in page
    markdown = (tmp_path / "out" / "report" / "report.md").read_text()
    outside = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    assert "\\<img src=x onerror=alert(2)\\>\\|\\*b\\*\\$x\\$" in outside
    assert not re.search(r"(?<!\\)<(script|img)", outside)


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("runs", [1, 2])
def test_fewer_than_three_runs_have_means_and_no_test(tmp_path: Path, fake_study: Maker, runs: int) -> None:
    fake_study(tmp_path, runs=runs)
    page = build.write(tmp_path).read_text()
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert not {"table3.csv", "table4.csv", "contrasts.csv", "backbones.csv", "gains.svg"} & names
    assert all(float(row["f1_mean"]) for row in read(tmp_path, "scores.csv"))
    assert all((row["f1_sd"] == "") is (runs == 1) for row in read(tmp_path, "table2.csv"))
    assert "No difference is tested: a test takes 3 complete runs of each" in page
    assert "There are no Tables III and IV: a test takes 3 complete runs of each backbone" in page
    for absurd in ("−1.000", "+1.000", "would be found", "95 % interval"):
        assert absurd not in page


@pytest.mark.usefixtures("no_pictures")
def test_equal_runs_do_not_crash(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=TWO, runs=3)
    for arm, backbone, run in itertools.product(("real", "mixed"), TWO, range(3)):
        source = tmp_path / "runs" / f"real-{backbone}-00" / "per_image.csv"
        target = tmp_path / "runs" / f"{arm}-{backbone}-0{run}" / "per_image.csv"
        if source != target:
            shutil.copy(source, target)
    page = build.write(tmp_path).read_text()
    assert "zero variance, no p-value" in page


@pytest.mark.usefixtures("no_pictures")
def test_missing_runs_are_named_and_the_rest_is_reported(tmp_path: Path, fake_study: Maker) -> None:
    reason = "RuntimeError: out of <memory>"
    gone = ("mixed-vgg16-01", "real-vgg16-00", "real-vgg16-01", "real-vgg16-02", "real-vgg16-03")
    fake_study(tmp_path, backbones=BACKBONES, runs=4, without=gone, failed={"mixed-vgg16-01": reason})
    (tmp_path / "runs" / "mixed-resnet152-00" / "per_image.csv").write_text("image,tp\n")
    page = build.write(tmp_path).read_text()
    assert "out of &lt;memory&gt;" in page
    assert "6 of 32 runs are missing" in page
    assert all(f"<strong>{key}</strong>" in page for key in (*gone, "mixed-resnet152-00"))
    vgg16 = next(row for row in read(tmp_path, "table2.csv") if row["backbone"] == "vgg16")
    assert (vgg16["runs"], vgg16["f1_mean"]) == ("0", "")
    assert next(row for row in read(tmp_path, "runs.csv") if row["id"] == "mixed-vgg16-01")["missing"] == reason
    contrasts = {row["backbone"]: row for row in read(tmp_path, "contrasts.csv")}
    assert contrasts["vgg16"]["difference"] == ""
    assert contrasts["resnet152"]["runs_second"] == "3"


@pytest.mark.usefixtures("no_pictures")
def test_no_run_at_all_still_gives_a_report(tmp_path: Path, fake_study: Maker) -> None:
    config = fake_study(
        tmp_path,
        backbones=BACKBONES,
        without=tuple(f"{a}-{b}-0{r}" for a in ("real", "mixed") for b in BACKBONES for r in (0, 1)),
    )
    page = build.write(tmp_path).read_text()
    assert "no run is complete" in page
    assert all(key in page for key in config.grid)


@pytest.mark.usefixtures("no_pictures")
def test_a_study_outlives_a_change_of_its_profile_and_a_move_of_its_photos(
    tmp_path: Path, fake_study: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_study(tmp_path / "out", data=tmp_path / "photos", backbones=TWO)
    monkeypatch.setitem(PROFILES["quick"], "epochs", 99)
    build.write(tmp_path / "out")
    assert (
        f"resnet152: random, {EPOCHS} epochs; vgg16: random, {EPOCHS} epochs"
        in (tmp_path / "out" / "report" / "report.md").read_text()
    )
    assert "All test photos" in (tmp_path / "out" / "report" / "report.md").read_text()
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    page = build.write(tmp_path / "out").read_text()
    assert "The photos cannot be read any more" in page
    assert "All test photos" not in page
    assert (tmp_path / "out" / "report" / "cost.svg").is_file()


def test_latencies_are_kept_and_a_damaged_file_costs_them_alone(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=TWO)
    found = results.load(tmp_path)
    first = cost.timings(found)
    assert {name: timing.p50_ms for name, timing in first.items()} == {"resnet152": 10.0, "vgg16": 11.0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency, "measure", lambda *args, **kwargs: pytest.fail("measured again"))
        assert cost.timings(found) == first
    (tmp_path / cost.FILE).write_text((tmp_path / cost.FILE).read_text().replace("resnet152", "inceptionv4"))
    assert set(cost.timings(found)) == set(TWO)  # a backbone that was added later is measured, with the others
    (tmp_path / cost.FILE).write_text("backbone,p50_ms\nvgg16,soon\n")
    part = cost.section(gather(found), network.complexity)
    assert any("delete it and the report measures again" in block.text for block in part.blocks if block.kind == "text")
    assert [row["latency_ms"] for row in part.tables[0].rows] == [None, None]
    assert not any("Pareto front of mean F1" in block.text for block in part.blocks if block.kind == "text")


def test_the_front_leaves_smoke_tests_out_where_there_is_more(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=("vgg16", DEFAULT_BACKBONE))
    part = cost.section(gather(results.load(tmp_path)), network.complexity)
    assert {row["backbone"]: row["pareto"] for row in part.tables[0].rows} == {"vgg16": None, DEFAULT_BACKBONE: True}
    (figure,) = part.figures
    drawn = Canvas()
    figure.draw(drawn)
    for axis in drawn.axes:
        (front,) = (line for line in axis.lines if line.get_linestyle() == "--")
        assert len(front.get_xdata()) == 1


def test_minutes_of_several_kinds_of_machine_have_no_front(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=TWO)

    def fronts() -> tuple[list[int], str, str]:
        part = cost.section(gather(results.load(tmp_path)), network.complexity)
        (figure,) = part.figures
        drawn = Canvas()
        figure.draw(drawn)
        dashed = [sum(line.get_linestyle() == "--" for line in axis.lines) for axis in drawn.axes]
        return dashed, figure.caption, part.tables[0].caption

    dashed, *said = fronts()
    assert dashed == [1, 1, 1, 1]
    assert not any("kinds of machine" in caption for caption in said)
    path = tmp_path / "runs" / "real-vgg16-01" / "run.json"
    path.write_text(path.read_text().replace("cpu (test)", "cpu (other)"))
    dashed, *said = fronts()
    assert dashed == [1, 0, 1, 1]
    for caption in said:
        assert "of 2 kinds of machine (cpu (other) and cpu (test)), so they do not compare backbones." in caption


WIDTHS = (
    """() => [...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth).length"""
)


@pytest.mark.usefixtures("cheap_probabilities")
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


@pytest.mark.usefixtures("cheap_probabilities")
def test_a_photo_of_the_report_leads_to_it_on_the_page_of_all(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=TWO, photo="a b'#")
    page = build.write(tmp_path)
    address = Page(page.read_text()).links[0]
    with shown(page.parent / "photos" / "index.html") as opened:
        opened.goto(f"{page.parent.as_uri()}/{address}")
        name = opened.inner_text("#name")
        assert name.startswith("a b'#-")
        assert quote(name, safe=photo_page._SAFE) == address.partition("#")[2]


def test_only_files_of_an_earlier_report_go(tmp_path: Path) -> None:
    (tmp_path / "my-notes.md").write_text("mine")
    build.replace(tmp_path, {"index.html": b"1", "old.csv": b"1"})
    build.replace(tmp_path, {"index.html": b"2", "new.csv": b"2"})
    assert {path.name for path in tmp_path.iterdir()} == {"my-notes.md", "index.html", "new.csv", "files.json"}
    (tmp_path / "files.json").write_text('["../my-notes.md", "my-notes.md/..", 7]')
    build.replace(tmp_path, {"index.html": b"3"})
    assert {path.name for path in tmp_path.iterdir()} == {"my-notes.md", "index.html", "new.csv", "files.json"}


def test_a_folder_that_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        results.load(tmp_path / "absent")
    with pytest.raises(InputError, match="unfinished"):
        results.load(tmp_path)


def test_a_long_foot_goes_on_in_a_second_line() -> None:
    feet: list[str] = []
    foot = (
        "Data: steel-bridges (photographs). Profile: small with batch size 8, epochs 9, learning rate 0.0036, size 96."
    )
    style.files(
        style.Figure(
            name="x", title="x", caption="x", foot=foot, height_in=1.0, draw=lambda on: feet.append(on.get_supxlabel()),
        )
    )  # fmt: skip
    (text,) = feet
    assert text.split() == foot.split()
    assert [len(line) <= 95 for line in text.split("\n")] == [True, True]
