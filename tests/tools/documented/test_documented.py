import json
import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrotwin.segmentation.data import coco
from tests.helpers.fakes import write_dataset
from tools.documented import rendering, tables
from tools.documented.core_seconds import Job
from tools.documented.rendering import DOCUMENTED, OURS
from tools.documented.tables import ScoreRow

SPIN = "import time\nwhile time.process_time() < 1.0: pass\n"
TREE = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SPIN!r}])\n{SPIN}"


def test_ours_is_scored_at_a_third_of_the_others_time_at_most() -> None:
    theirs, ours = (tables.prefixes(arm, 2400.0) for arm in (DOCUMENTED, OURS))
    assert theirs == pytest.approx([300, 600, 800, 1200, 2400])
    assert ours == theirs[:3]
    assert all(one < other for one, other in pairwise(theirs))


def rows(documented: float, ours: float) -> list[ScoreRow]:
    return [
        ScoreRow(arm=arm, core_seconds=limit, pictures=int(limit / 5), seed=seed, photos=photos, f1=f1 + shift * seed)
        for arm, f1 in ((DOCUMENTED, documented), (OURS, ours))
        for limit in tables.prefixes(arm, 2400.0)
        for seed in range(3)
        for photos, shift in (("bridges", 0.01), ("painted", 0.03))
    ]


def test_the_table_states_means_and_the_verdict() -> None:
    found = rows(0.4, 0.5)
    mean, sd = tables.mean_f1(found, OURS, 800.0)
    assert mean == pytest.approx(0.5 + 0.02)
    assert sd == pytest.approx(np.std([0.5, 0.52, 0.54], ddof=1))
    text = tables.table(found, 2400.0)
    assert "| ours | 13.3 | 160 | 0.510 | 0.530 | 0.520 (0.020) |" in text
    assert "Ours after 13.3 core-minutes 0.520, documented after 40.0 0.420: reached." in text
    assert text.count("| documented |") == 5
    assert text.count("| ours |") == 3
    assert "0.320, documented after 40.0 0.420: not reached." in tables.table(rows(0.4, 0.3), 2400.0)


def test_without_the_last_prefix_there_is_no_verdict() -> None:
    part = [row for row in rows(0.4, 0.5) if row.core_seconds < 1000]
    assert "reached" not in tables.table(part, 2400.0)
    assert math.isnan(tables.mean_f1(part, DOCUMENTED, 2400.0)[0])


def test_scores_are_written_as_csv_table_and_figure(tmp_path: Path) -> None:
    tables.write(tmp_path, rows(0.4, 0.5), 2400.0)
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines[0] == "arm,core_seconds,pictures,seed,photos,f1"
    assert len(lines) == 1 + (5 + 3) * 3 * 2
    assert "<svg" in (tmp_path / "scores.svg").read_text()


@pytest.mark.ci
def test_core_seconds_count_children_that_have_ended(tmp_path: Path) -> None:
    with Job([sys.executable, "-c", TREE], tmp_path / "log") as job:
        seen = [job.seconds()]
        while job.status is None:
            seen.append(job.seconds())
        seen.append(job.seconds())
    assert seen == sorted(seen)
    assert 2.0 <= seen[-1] < 3.5
    assert (tmp_path / "log").read_bytes() == b""


def test_a_job_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with Job([sys.executable, "-c", program], tmp_path / "log") as job:
        while job.seconds() < 0.01:
            pass
    assert job.status is not None


def documented_arm(folder: Path, count: int) -> dict[str, Any]:
    """An arm whose pictures were done at 10, 20, 30 ... core-seconds, of a dataset as BlenderProc writes them."""
    write_dataset(folder / "renders", count)
    path = folder / "renders" / "annotations.json"
    content: dict[str, Any] = json.loads(path.read_text())
    names = sorted(image["file_name"] for image in content["images"])
    for image in content["images"]:
        image["file_name"] = f"images/{image['file_name']}"
    (folder / "renders" / "coco_annotations.json").write_text(json.dumps(content))
    path.unlink()
    pictures = {name: 10.0 * (number + 1) for number, name in enumerate(names)}
    (folder / "progress.json").write_text(json.dumps({"core_seconds": 10.0 * count, "pictures": pictures}))
    return content


@pytest.mark.parametrize(("limit", "count"), [(9.9, 0), (10.0, 1), (45.0, 4), (1e4, 6)])
def test_a_prefix_holds_what_was_done_in_time_with_the_same_masks(tmp_path: Path, limit: float, count: int) -> None:
    documented_arm(tmp_path / "arm", 6)
    assert rendering.write_prefix(DOCUMENTED, tmp_path / "arm", limit, tmp_path / "prefix") == count
    if count == 0:
        assert not (tmp_path / "prefix").exists()
        return
    whole = {photo.file_name.removeprefix("images/"): photo for photo in coco.read(tmp_path / "arm" / "renders").photos}
    part = coco.read(tmp_path / "prefix").photos
    assert [photo.file_name for photo in part] == sorted(whole)[:count]
    for photo in part:
        np.testing.assert_array_equal(coco.mask(photo), coco.mask(whole[photo.file_name]))
        np.testing.assert_array_equal(coco.image(photo), coco.image(whole[photo.file_name]))


def test_an_arm_that_has_used_its_time_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documented_arm(tmp_path / "arm", 6)
    monkeypatch.setattr(rendering, "Job", None)
    found = rendering.render(DOCUMENTED, tmp_path / "arm", limit=60.0, size=64)
    assert found.core_seconds == 60.0
    assert len(found.pictures) == 6


def test_a_set_without_validation_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set" / "train").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "tools.documented", "--data", tmp_path / "set", "--out", tmp_path / "out"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "has no folder valid" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_both_arms_render_train_and_are_scored(tmp_path: Path) -> None:
    write_dataset(tmp_path / "set" / "train", 20)
    write_dataset(tmp_path / "set" / "valid", 4, seed=1)
    line = [
        sys.executable, "-m", "tools.documented", "--data", str(tmp_path / "set"), "--out", str(tmp_path / "out"),
        "--minutes", "4", "--steps", "10", "--seeds", "1",
    ]  # fmt: skip
    first = subprocess.run(line, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    table = (tmp_path / "out" / "scores.csv").read_text()
    assert "\ndocumented,240.0," in table
    assert "\nours,80.0," in table
    (renders,) = (tmp_path / "out" / "documented" / "renders").glob("*.json")
    masks = [coco.mask(photo) for photo in coco.read(renders.parent).photos]
    assert 0 < np.mean([mask.mean() for mask in masks]) < 0.8
    again = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (tmp_path / "out" / "scores.csv").read_text() == table
    assert again.stdout == first.stdout
