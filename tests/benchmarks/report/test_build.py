"""Tables, captions and words of reports on fake studies; figures are tested in `test_page`."""

import csv
import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas
from scipy.stats import tukey_hsd

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.report import build
from corrotwin.benchmarks.report.context import gather
from corrotwin.benchmarks.report.sections import pictures
from corrotwin.benchmarks.stats import comparison
from corrotwin.benchmarks.study import results
from corrotwin.segmentation.config import BACKBONES, PROFILES
from corrotwin.twin.core.errors import InputError

EPOCHS = PROFILES["quick"]["epochs"]
STANDIN = "stand-in (rendered, not photographs)"
SMOKE = "smoke, not results"
TWO = ("vgg16", "resnet152")
Maker = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("cheap_models", "cheap_latency")


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "report" / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def mean_of(folder: Path, run: str, score: str) -> float:
    with (folder / "runs" / run / "per_image.csv").open(newline="") as stream:
        counts = np.array([[int(row[name]) for name in ("tp", "fp", "fn")] for row in csv.DictReader(stream)])
    tp, fp, fn = counts.T
    return float(np.mean(tp / (tp + fp + fn) if score == "iou" else 2 * tp / (2 * tp + fp + fn)))


def captions(page: str) -> list[str]:
    return re.findall(r"<figcaption>(.*?)</figcaption>", page, flags=re.DOTALL)


@pytest.mark.usefixtures("cheap_probabilities")
def test_the_reliability_diagram_shows_how_often_the_probabilities_are_right(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=TWO, runs=1)
    (absent,) = pictures._reliability(gather(results.load(tmp_path)))
    assert absent.text == "There is no reliability diagram: the weights of all runs are missing."
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
    assert "No difference is tested: a test needs 3 runs that both arms have." in page
    assert "Tables III and IV are missing: a test needs 3 complete runs of each backbone" in page
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
    assert "The photos can no longer be read" in page
    assert "All test photos" not in page
    assert (tmp_path / "out" / "report" / "cost.svg").is_file()


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
