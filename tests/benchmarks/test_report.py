import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import tukey_hsd

from benchmarks import report, results
from segmentation.config import BACKBONES, PROFILES
from twin.files import InputError

EPOCHS = PROFILES["quick"]["epochs"]

STANDIN = "stand-in (rendered, not photographs)"
SMOKE = "smoke, not results"
Maker = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("cheap_models")


def read(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "report" / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def counts(folder: Path, run: str) -> np.ndarray:
    with (folder / "runs" / run / "per_image.csv").open(newline="") as stream:
        return np.array([[int(row[name]) for name in ("tp", "fp", "fn")] for row in csv.DictReader(stream)])


def f1_of(folder: Path, run: str) -> float:
    tp, fp, fn = counts(folder, run).T
    return float(np.mean(2 * tp / (2 * tp + fp + fn)))


def captions(page: str) -> list[str]:
    return re.findall(r"<figcaption>(.*?)</figcaption>", page, flags=re.DOTALL)


def test_csvs_equal_the_values_worked_out_again(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, runs=3)
    report.write(tmp_path)
    for row in read(tmp_path, "table2.csv"):
        means = [f1_of(tmp_path, f"{row['arm']}-{row['backbone']}-{run:02d}") for run in range(3)]
        assert float(row["f1_mean"]) == pytest.approx(np.mean(means), abs=1e-12)
        assert float(row["f1_sd"]) == pytest.approx(np.std(means, ddof=1), abs=1e-12)
    order = ["inceptionv4", "mobilenet_v2", "resnet152", "vgg16"]
    for arm in ("real", "mixed"):
        groups = [[f1_of(tmp_path, f"{arm}-{backbone}-{run:02d}") for run in range(3)] for backbone in order]
        expected = tukey_hsd(*groups)
        rows = [row for row in read(tmp_path, "table3.csv") if row["arm"] == arm]
        assert len(rows) == 6
        for row in rows:
            i, j = order.index(row["first"]), order.index(row["second"])
            assert float(row["p"]) == pytest.approx(expected.pvalue[i, j], abs=1e-6)
            assert float(row["difference"]) == pytest.approx(np.mean(groups[j]) - np.mean(groups[i]))
    for row in read(tmp_path, "gains.csv"):
        pairs = [
            [f1_of(tmp_path, f"{arm}-{row['backbone']}-{run:02d}") for run in range(3)] for arm in ("mixed", "real")
        ]
        assert float(row["f1_gain_mean"]) == pytest.approx(np.mean(np.subtract(*pairs)), abs=1e-12)
    runs = read(tmp_path, "runs.csv")
    assert len(runs) == 24
    assert all(float(row["f1"]) == pytest.approx(f1_of(tmp_path, row["id"]), abs=1e-12) for row in runs)
    minutes = [float(row["train_minutes"]) for row in runs if row["id"].startswith("real-vgg16")]
    vgg16 = next(row for row in read(tmp_path, "table1.csv") if row["backbone"] == "vgg16")
    assert float(vgg16["train_minutes_real_mean"]) == pytest.approx(np.mean(minutes))


def test_every_caption_says_smoke_and_standin(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path)
    page = report.write(tmp_path).read_text()
    found = captions(page)
    assert len(found) == page.count("<table>") + page.count("<img ") == 6 + 8
    assert all(STANDIN in caption and SMOKE in caption and "Smoke, not results." in caption for caption in found)
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert markdown.count("**Smoke, not results.**") == markdown.count(STANDIN + ". Profile: quick: " + SMOKE) - 1 == 14
    for path in (tmp_path / "report").glob("*.csv"):
        assert all(row["data"] == STANDIN and SMOKE in row["profile"] for row in read(tmp_path, path.name))


def test_photographs_in_the_small_profile_carry_no_such_label(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path / "out", profile="small", data=tmp_path / "bridge", runs=2, backbones=("vgg16", "mobilenet_v2"))
    page = report.write(tmp_path / "out").read_text()
    assert "smoke" not in page.lower()
    assert "stand-in" not in page
    assert all("bridge (photographs). Profile: small." in caption for caption in captions(page))


def test_names_from_data_are_escaped(tmp_path: Path, fake_study: Maker) -> None:
    evil = tmp_path / "<script>alert(1)<"
    fake_study(
        tmp_path / "out", data=evil, photo="<img src=x onerror=alert(2)>|*b*$x$", backbones=("vgg16", "resnet152")
    )
    page = report.write(tmp_path / "out").read_text()
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;" in page
    assert "&lt;img src=x onerror=alert(2)&gt;" in page
    markdown = (tmp_path / "out" / "report" / "report.md").read_text()
    outside = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    assert "\\<img src=x onerror=alert(2)\\>\\|\\*b\\*\\$x\\$" in outside
    assert not re.search(r"(?<!\\)<(script|img)", outside)


def test_the_page_needs_no_other_file(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=("vgg16", "resnet152"))
    page = report.write(tmp_path).read_text()
    assert not re.search(r"""(src|srcset|data|action|poster)\s*=\s*["']?\s*(https?:)?//""", page)
    assert not re.search(r"url\(|@import|<link|<script|<iframe", page)
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]*)"', page))
    for target in re.findall(r'href="([^"]*)"', page):
        assert f'id="{target[1:]}"' in page if target.startswith("#") else (tmp_path / "report" / target).is_file()
    for target in re.findall(r"\]\(([^)]*)\)", (tmp_path / "report" / "report.md").read_text()):
        assert (tmp_path / "report" / target).is_file()


def test_one_run_a_cell(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, runs=1)
    page = report.write(tmp_path).read_text()
    assert all(row["p"] == "" and row["difference"] for row in read(tmp_path, "table3.csv"))
    assert all(row["f1_sd"] == "" for row in read(tmp_path, "table2.csv"))
    assert "no p-value without at least two" in page
    assert "There are no p-values" in page


def test_missing_runs_are_named_and_the_rest_is_reported(tmp_path: Path, fake_study: Maker) -> None:
    reason = "RuntimeError: out of <memory>"
    fake_study(
        tmp_path,
        without=("mixed-vgg16-01", "real-vgg16-00", "real-vgg16-01"),
        failed={"mixed-vgg16-01": reason},
    )
    damaged = tmp_path / "runs" / "mixed-resnet152-00" / "per_image.csv"
    damaged.write_text("image,tp\n")
    found = results.load(tmp_path)
    assert set(found.missing) == {"mixed-vgg16-01", "real-vgg16-00", "real-vgg16-01", "mixed-resnet152-00"}
    assert found.missing["mixed-vgg16-01"] == reason
    assert "damaged" in found.missing["mixed-resnet152-00"]
    page = report.write(tmp_path).read_text()
    assert "out of &lt;memory&gt;" in page
    assert "4 of 16 runs are missing" in page
    vgg16 = next(row for row in read(tmp_path, "table2.csv") if (row["arm"], row["backbone"]) == ("real", "vgg16"))
    assert (vgg16["runs"], vgg16["f1_mean"]) == ("0", "")
    assert next(row for row in read(tmp_path, "runs.csv") if row["id"] == "mixed-vgg16-01")["missing"] == reason


def test_no_run_at_all_still_gives_a_report(tmp_path: Path, fake_study: Maker) -> None:
    config = fake_study(
        tmp_path, without=tuple(f"{a}-{b}-0{r}" for a in ("real", "mixed") for b in BACKBONES for r in (0, 1))
    )
    page = report.write(tmp_path).read_text()
    assert "no run is complete" in page
    assert all(key in page for key in config.grid)


def test_a_run_of_other_settings_or_data_is_refused_by_name(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path)
    settings, data = (tmp_path / "runs" / key / "run.json" for key in ("real-vgg16-00", "mixed-vgg16-00"))
    settings.write_text(settings.read_text().replace(f'"epochs": {EPOCHS}', '"epochs": 77'))
    text = data.read_text()
    data.write_text(re.sub(r'"renders": "\w+"', '"renders": "0123456789abcdef"', text))
    missing = results.load(tmp_path).missing
    assert set(missing) == {"real-vgg16-00", "mixed-vgg16-00"}
    assert f"epochs is 77, the study's is {EPOCHS}" in missing["real-vgg16-00"]
    assert "renders" in missing["mixed-vgg16-00"]


def test_a_study_outlives_a_change_of_its_profile(
    tmp_path: Path, fake_study: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_study(tmp_path, backbones=("vgg16", "resnet152"))
    monkeypatch.setitem(PROFILES["quick"], "epochs", 99)
    assert not results.load(tmp_path).missing
    report.write(tmp_path)
    assert f"- epochs: {EPOCHS}\n" in (tmp_path / "report" / "report.md").read_text()


def test_photos_that_moved_cost_the_overlays_only(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path / "out", data=tmp_path / "photos", backbones=("vgg16", "resnet152"))
    report.write(tmp_path / "out")
    assert list((tmp_path / "out" / "report").glob("overlays-*.png"))
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    page = report.write(tmp_path / "out").read_text()
    assert "There are no overlays" in page
    assert not list((tmp_path / "out" / "report").glob("overlays-*.png"))
    assert (tmp_path / "out" / "report" / "box-f1.svg").is_file()


def test_the_same_study_gives_the_same_report(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=("vgg16", "resnet152"))
    first = report.write(tmp_path).read_bytes()
    assert report.write(tmp_path).read_bytes() == first


def test_a_folder_that_is_no_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        results.load(tmp_path / "absent")
    with pytest.raises(InputError, match="unfinished"):
        results.load(tmp_path)
