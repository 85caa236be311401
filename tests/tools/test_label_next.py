"""The study of what to label next: paired draws by whole spots, ranking by the real code, and repeats that are kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import write_folder
from scipy import stats

from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError
from tools import label_next
from tools.label_next import ScoredPhoto

SPOTS = {f"{spot}-{photo}.jpg": f"spot {spot}" for spot in range(60) for photo in range(1 + spot % 3)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twenty photos of ten spots."""
    folder = tmp_path / "bridge"
    write_folder(folder, count=20, seed=3, size=(48, 48), json_name="annotations.json", images="images")
    names = [photo.file_name for photo in coco.read(folder).photos]
    rows = [f"{name},{place // 2}" for place, name in enumerate(names)]
    (folder / "spots.csv").write_text("\n".join(["file_name,spot", *rows]) + "\n")
    return folder


def test_a_draw_tests_half_of_the_photos_on_spots_that_are_not_in_the_archive() -> None:
    drawn = [label_next.draw(SPOTS, repeat) for repeat in range(5)]
    for each in drawn:
        parts = (each.labelled + each.archive, each.valid, each.test)
        spots = [{SPOTS[name] for name in part} for part in parts]
        assert sum(map(len, parts)) == len(SPOTS) == len({name for part in parts for name in part})
        assert sum(map(len, spots)) == 60
        assert len(each.labelled) == 10
        assert len(SPOTS) / 2 <= len(each.test) < len(SPOTS) / 2 + 3
    assert len({each.labelled for each in drawn}) == 5
    assert label_next.draw(SPOTS, 3) == drawn[3]


def test_photos_at_random_are_of_the_archive_and_differ_between_repeats() -> None:
    drawn = label_next.draw(SPOTS, 0)
    one, other = (label_next.at_random(drawn, repeat) for repeat in (0, 1))
    assert len(set(one)) == 20
    assert set(one) <= set(drawn.archive)
    assert one != other
    assert one == label_next.at_random(drawn, 0)


def test_too_few_photos_are_refused() -> None:
    few = {name: spot for name, spot in SPOTS.items() if int(name.split("-")[0]) < 20}
    with pytest.raises(InputError, match="at least 30 are needed"):
        label_next.draw(few, 0)


def test_networks_of_thirty_photos_see_the_steps_of_the_protocol() -> None:
    few, more = label_next.config_of(200, 10, 3), label_next.config_of(400, 30, 3)
    assert (few.epochs * 2, more.epochs * 4) == (200, 400)
    assert (more.size, more.keep, more.encoder_weights, more.seed) == (128, "averaged", "imagenet", 3)


def test_the_gain_is_that_of_a_paired_test_where_every_photo_is_a_spot_tested_once() -> None:
    rng = np.random.default_rng(0)
    rows = [
        ScoredPhoto(set="a", repeat=repeat, photo=f"{photo}", spot=f"{photo}", first=0.4, random=0.5,
                    ranked=0.5 + 0.03 + effect + float(rng.normal(0, 1e-6)))
        for repeat, effect in enumerate(rng.normal(0, 0.02, 8)) for photo in range(50)
    ]  # fmt: skip
    found = label_next.gain(rows)
    means = [np.mean([row.ranked - row.random for row in rows if row.repeat == repeat]) for repeat in range(8)]
    low, high = stats.t.interval(0.95, 7, np.mean(means), stats.sem(means))  # photos hardly differ: repeats alone
    assert found.value == pytest.approx(np.mean(means))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    text = label_next.report(rows)
    better = sum(mean > 0 for mean in means)
    assert f"| a | 8 | 0.400 | 0.500 | {0.5 + np.mean(means):.3f} | {np.mean(means):+.3f} (" in text
    assert f"| {better} of 8 |" in text


def _recording(choose: Callable[..., tuple[str, ...]], picked: list[frozenset[str]]) -> Callable[..., tuple[str, ...]]:
    def recorded(*arguments: Any) -> tuple[str, ...]:
        names = choose(*arguments)
        picked.append(frozenset(names))
        return names

    return recorded


@pytest.mark.ci
def test_a_repeat_is_trained_ranked_and_kept(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    for name, value in {
        "BACKBONE": "mobilenet_v2", "LABELLED": 3, "MORE": 2, "FIRST_STEPS": 1, "STEPS": 1, "BATCH": 4, "SIZE": 64,
    }.items():  # fmt: skip
        monkeypatch.setattr(label_next, name, value)
    picked: list[frozenset[str]] = []
    for name, choose in (("ranked", label_next.ranked), ("at_random", label_next.at_random)):
        monkeypatch.setattr(label_next, name, _recording(choose, picked))
    out = tmp_path / "out"
    rows = label_next.repeated(photos, 0, out)
    drawn = label_next.draw({row.photo: row.spot for row in rows} | _spots(photos), 0)
    assert [row.photo for row in rows] == list(drawn.test)
    assert all(0 <= getattr(row, way) <= 1 for row in rows for way in label_next.WAYS)
    assert [len(names) for names in picked] == [2, 2]
    by_random, by_rank = ([getattr(row, way) for row in rows] for way in ("random", "ranked"))
    assert [row.first for row in rows] not in (by_random, by_rank)  # these two may agree in all four digits
    folder = out / "repeats" / "bridge-00"
    assert not (folder / "work").exists()
    written = (folder / "f1.csv").stat()
    assert label_next.repeated(photos, 0, out) == rows
    assert (folder / "f1.csv").stat() == written
    (photos / "spots.csv").unlink()
    with pytest.raises(InputError, match=r"has no spots\.csv"):
        label_next.repeated(photos, 1, out)


def test_repeats_that_were_finished_elsewhere_are_not_made_again(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        ScoredPhoto(set="bridge", repeat=repeat, photo=f"{photo}", spot=f"{photo}", first=0.4, random=0.5, ranked=0.6)
        for repeat in range(2) for photo in range(5)
    ]  # fmt: skip
    label_next.write(tmp_path / "before.csv", rows)
    label_next.label_next((photos,), tmp_path / "out", finished=tmp_path / "before.csv", repeats=2)
    assert capsys.readouterr().out == label_next.report(rows)
    assert not (tmp_path / "out").exists()


def _spots(folder: Path) -> dict[str, str]:
    lines = (folder / "spots.csv").read_text().splitlines()[1:]
    return dict(line.split(",", 1) for line in lines)
