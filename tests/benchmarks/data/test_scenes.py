import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corrotwin.benchmarks.data import scenes
from corrotwin.benchmarks.study import config, split_choice
from corrotwin.benchmarks.transfer import layout
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.twin.core.files import read_json

Maker = Callable[..., Any]


def with_scenes(data: CocoDataset, scene_of: Callable[[int], object]) -> CocoDataset:
    """The dataset with a scene for each of its pictures, by their place."""
    path = data.folder / "annotations.json"
    content = read_json(path)
    for place, image in enumerate(content["images"]):
        image["scene"] = scene_of(place)
    path.write_text(json.dumps(content))
    return coco.read(data.folder, allow_unannotated=True)


def test_views_of_one_scene_are_told_by_the_json(tmp_path: Path, fake_dataset: Maker) -> None:
    data = with_scenes(fake_dataset(tmp_path / "renders", 6), lambda place: place // 3)
    names = [photo.file_name for photo in data.photos]
    assert scenes.group_by_scene(data) == dict(zip(names, ["scene 0"] * 3 + ["scene 1"] * 3, strict=True))


@pytest.mark.parametrize("scene_of", [lambda place: place, lambda _: "outdoors", lambda _: None])
def test_nothing_is_told_where_each_scene_has_one_view_or_the_word_means_something_else(
    tmp_path: Path, fake_dataset: Maker, scene_of: Callable[[int], object]
) -> None:
    assert scenes.group_by_scene(with_scenes(fake_dataset(tmp_path / "renders", 4), scene_of)) is None


def test_photos_with_png_masks_have_no_scenes(tmp_path: Path, fake_dataset: Maker) -> None:
    import cv2

    for photo in fake_dataset(tmp_path / "coco", 2).photos:
        for part, picture in (("images", coco.image(photo)), ("masks", coco.mask(photo) * 255)):
            (tmp_path / "png" / part).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "png" / part / photo.path.with_suffix(".png").name), picture)
    assert scenes.group_by_scene(coco.read(tmp_path / "png")) is None


def test_a_standin_is_split_by_whole_scenes(tmp_path: Path, fake_dataset: Maker) -> None:
    data = with_scenes(fake_dataset(tmp_path / "standin", 30), lambda place: place // 3)
    split = split_choice.split_of(tmp_path / "out", config.STUDIES["quick"], data)
    parts = [{split.group[name] for name in getattr(split, part)} for part in ("train", "valid", "test")]
    assert split.how == "grouped"
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts)) == 10


@pytest.mark.parametrize(("views", "units"), [(1, 6), (2, 3)])
def test_clean_pictures_of_one_scene_count_once(tmp_path: Path, fake_dataset: Maker, views: int, units: int) -> None:
    path = fake_dataset(tmp_path / "clean", 6).folder / "annotations.json"
    path.write_text(json.dumps({**read_json(path), "annotations": []}))
    with_scenes(coco.read(tmp_path / "clean", allow_unannotated=True), lambda place: place // views)
    assert len(set(layout.read_clean(tmp_path / "clean").spots.values())) == units
