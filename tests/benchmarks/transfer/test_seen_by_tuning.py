"""Tables that are given again without the photos that tuning has seen."""

import fnmatch
import re
from pathlib import Path

import pytest
from transfers import (
    FEW,
    SETTINGS,
    by_spot,
    f1,
    give,
    give_screen,
    section,
    spread,
)

from corrotwin.benchmarks.transfer import layout, resampling
from corrotwin.benchmarks.transfer.protocol import ProtocolSettings
from corrotwin.segmentation.data import splits


@pytest.mark.ci
def test_goals_are_given_again_without_the_photos_that_screens_have_shown(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home)
    assert "that tuning has seen" not in capsys.readouterr().out
    give_screen(home)
    give(home)
    shown = splits.load(next((home / "out").glob("photos/screen/renders-*/split.json"))).test
    said = capsys.readouterr().out
    without = section(said, f"Without the {len(shown)} photos that tuning has seen")
    unseen = {name: spot for name, spot in layout.read_photos(home / "photos").spots.items() if name not in shown}
    for arm, values in by_spot(home, "per_image.csv", f1, unseen).items():
        assert f"| {arm} | {spread(values)} | 1 |" in without


@pytest.mark.ci
def test_redraws_without_a_photo_that_tuning_has_not_seen_are_left_out_of_what_is_given_again(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    photos = layout.read_photos(home / "photos")
    redraws = [resampling.redraw(photos.data, photos.spots, ProtocolSettings(**SETTINGS), each) for each in range(6)]
    left = redraws[1].split.train
    tested = sum({*left} <= {*each.split.test} for each in redraws)
    assert 0 < tested < 6
    give(home, redraws=6, runs=1, seen=tuple(name for name in photos.spots if name not in left))
    without = section(capsys.readouterr().out, "Without the 18 photos that tuning has seen")
    assert "2 photos of 1 spot" in without
    for arm in FEW:
        assert re.search(rf"^\| {arm} \| 0\.[\d ±.]+ \| {tested} \|$", without, re.MULTILINE)
    assert "| real | 0." in without


@pytest.mark.parametrize(("patterns", "taken"), [(("photo-1*.png",), 10), (("photo-1*", "photo-03.png"), 12)])
def test_goals_are_given_again_without_photos_that_tuning_has_seen_otherwise(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str], patterns: tuple[str, ...], taken: int
) -> None:
    give(home, seen=patterns)
    said = capsys.readouterr().out
    without = section(said, f"Without the {taken} photos that tuning has seen")
    spots = layout.read_photos(home / "photos").spots
    seen = {spot for name, spot in spots.items() if any(fnmatch.fnmatch(name, each) for each in patterns)}
    unseen = {name: spot for name, spot in spots.items() if spot not in seen}  # with all photos of their spots
    assert len(unseen) == 20 - taken
    assert f"{len(unseen)} photos of {len(set(unseen.values()))} spots are left" in without
    means = {arm: values.mean() for arm, values in by_spot(home, "per_image.csv", f1, unseen).items()}
    gain = f"{means['mixed50-10pct'] - means['real-10pct']:+.3f}".replace("-", "−")
    assert f"| mixed50-10pct − real-10pct | {gain} |" in without  # the headline, too
    for arm, values in by_spot(home, "per_image.csv", f1, unseen).items():
        assert f"| {arm} | {spread(values)} | 1 |" in without


def test_where_tuning_has_seen_all_photos_nothing_is_left(
    home: Path, trained: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    give(home, seen=("*",))
    said = section(capsys.readouterr().out, "Without the 20 photos that tuning has seen")
    assert said.strip() == "No other is left."
