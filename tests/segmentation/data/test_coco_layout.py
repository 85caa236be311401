"""Where the files of a dataset are, and which file each name of a json means."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import coco, groups
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json


def test_layouts(roboflow, rendered, flat):
    export = coco.read(roboflow)
    assert [sum(p.split == part for p in export.photos) for part in coco.SPLITS] == [12, 4, 5]
    assert len({photo.file_name for photo in export.photos}) == 21
    assert export.photos[0].file_name == "train/train_000.png"
    assert {photo.split for photo in coco.read(rendered).photos} == {None}
    assert coco.read(flat()).photos[0].path.name == "photo.png"
    assert len(coco.read(roboflow / "test").photos) == 5


@pytest.mark.parametrize("name", ["val", "validation"])
@pytest.mark.parametrize("with_masks", [False, True])
def test_validation_photos_under_another_name_are_not_passed_over(name, with_masks, roboflow, tmp_path):
    if with_masks:
        for folder in (tmp_path / "set" / part / kind for part in ("train", name) for kind in ("images", "masks")):
            folder.mkdir(parents=True)
            Image.new("L", (8, 6), 255).save(folder / "a.png")
    else:
        shutil.copytree(roboflow, tmp_path / "set").joinpath("valid").rename(tmp_path / "set" / name)
    with pytest.raises(InputError, match=rf"set/{name}: its photos would not be read; call this folder valid"):
        coco.read(tmp_path / "set")
    (tmp_path / "set" / name).rename(tmp_path / "set" / "valid")
    assert {photo.split for photo in coco.read(tmp_path / "set").photos} >= {"train", "valid"}


def moved(folder, to):
    (folder / to).parent.mkdir(parents=True, exist_ok=True)
    (folder / "photo.png").rename(folder / to)


@pytest.mark.parametrize(
    ("stated", "there", "named"),
    [
        ("north\\photo.png", "north/photo.png", "north/photo.png"),
        ("north\\photo.png", "images/north/photo.png", "north/photo.png"),
        ("north\\photo.png", "north\\photo.png", "north\\photo.png"),
        ("bru\u0308cke.png", "br\u00fccke.png", "bru\u0308cke.png"),
        ("br\u00fccke.png", "images/bru\u0308cke.png", "br\u00fccke.png"),
    ],
)
def test_names_of_other_systems_are_found(stated, there, named, flat):
    def change(document, folder):
        document["images"][0]["file_name"] = stated
        moved(folder, there)

    folder = flat(change)
    [photo] = coco.read(folder).photos
    assert (photo.file_name, photo.path) == (named, folder / there)


@pytest.mark.parametrize("there", ["images/photo.png", "images/default/photo.png"])
def test_an_export_of_cvat(there, flat, tmp_path):
    folder = flat(lambda document, folder: moved(folder, there))
    (folder / "annotations").mkdir()
    (folder / "labels.json").rename(folder / "annotations" / "instances_default.json")
    [photo] = coco.read(folder).photos
    assert photo.path == folder / there
    assert photo.annotations
    assert coco.unwrapped(tmp_path) == folder


def test_an_export_of_label_studio(flat):
    """Names are addresses of its local storage, and photos without a label have no size."""

    def change(document, folder):
        Image.new("RGB", (8, 6)).save(folder / "clean ü.png")
        document["images"][0]["file_name"] = "/data/local-files/?d=photo.png"
        unlabelled = {"id": 9, "file_name": "/data/local-files/?d=clean%20%C3%BC.png", "width": None, "height": None}
        document["images"].append(unlabelled)

    photos = coco.read(flat(change)).photos
    assert {(photo.file_name, photo.width, photo.height) for photo in photos} == {
        ("photo.png", 8, 6), ("clean ü.png", 8, 6),
    }  # fmt: skip


def test_a_json_may_be_named_itself(flat, tmp_path):
    folder = flat(lambda _, folder: (folder / "notes.json").write_text("{}"))
    with pytest.raises(InputError, match="several json files"):
        coco.read(folder)
    data = coco.read(folder / "labels.json")
    assert (data.folder, len(data.photos)) == (folder, 1)
    (tmp_path / "labels.txt").write_text("{}")
    with pytest.raises(InputError, match=r"labels\.txt: neither a folder"):
        coco.read(tmp_path / "labels.txt")


def test_names_that_differ_by_case_are_two_images(flat):
    def add(document, folder):
        Image.new("RGB", (8, 6)).save(folder / "Photo.png")
        document["images"].append({**document["images"][0], "id": 4, "file_name": "Photo.png"})

    photos = coco.read(flat(add)).photos
    assert [photo.file_name for photo in photos] == ["photo.png", "Photo.png"]
    assert (coco.image(photos[0]) != coco.image(photos[1])).any()


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder"):
        coco.read(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no COCO json"):
        coco.read(tmp_path)


def two_spellings(folder: Path, first: str, second: str, file: str) -> Path:
    """A json that lists one file under two names, and a second file under its own."""
    entries = []
    for key, (name, path) in enumerate([(first, file), (second, file), ("other.png", "other.png")]):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 8, 3), key, dtype=np.uint8)).save(folder / path)
        entries.append({"id": key, "file_name": name, "width": 8, "height": 6})
    segmentation = [[1, 1, 5, 1, 5, 4]]
    annotations = [{"id": key, "image_id": key, "category_id": 1, "segmentation": segmentation} for key in range(3)]
    write_json(folder / "annotations.json", coco.document(entries, annotations, description="spelled twice"))
    return folder


SPELLINGS = {
    "a dot in front": ("0.png", "./0.png", "0.png"),
    "a dot inside": ("a/0.png", "a/./0.png", "a/0.png"),
    "two slashes": ("a/0.png", "a//0.png", "a/0.png"),
    "backslashes": ("a/0.png", "a\\0.png", "a/0.png"),
    "a dot and a backslash": ("0.png", ".\\0.png", "0.png"),
    "with and without images": ("0.png", "images/0.png", "images/0.png"),
    "accents": ("br\u00fccke.png", "bru\u0308cke.png", "br\u00fccke.png"),
}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("name", SPELLINGS)
def test_two_spellings_of_one_file_are_refused_by_both(name, swapped, tmp_path):
    first, second, file = SPELLINGS[name]
    if swapped:
        first, second = second, first
    with pytest.raises(InputError) as caught:
        coco.read(two_spellings(tmp_path, first, second, file))
    assert f"image 1: file_name {second!r} is the file of image 0, {first!r}; keep one" in str(caught.value)


def test_a_file_system_that_ignores_capitals_has_one_file_of_two_spellings(tmp_path):
    two_spellings(tmp_path, "a.png", "A.png", "a.png")
    (tmp_path / "A.png").hardlink_to(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"image 1: file_name 'A\.png' is the file of image 0, 'a\.png'; keep one"):
        coco.read(tmp_path)
    (tmp_path / "A.png").unlink()
    shutil.copy(tmp_path / "a.png", tmp_path / "A.png")  # here it does not
    assert len(coco.read(tmp_path).photos) == 3


@pytest.mark.parametrize("name", ["./0.png", ".//0.png", ".\\0.png", "././0.png"])
def test_a_photo_has_one_name_however_it_is_spelled(name, tmp_path):
    """So that tables, splits and groups name it."""
    folder = two_spellings(tmp_path, name, "second.png", "0.png")
    Image.fromarray(np.full((6, 8, 3), 9, dtype=np.uint8)).save(folder / "second.png")
    data = coco.read(folder)
    assert [photo.file_name for photo in data.photos] == ["0.png", "second.png", "other.png"]
    (tmp_path / "spots.csv").write_text("file_name,spot\n././0.png,1\nsecond.png,2\nother.png,3\n")
    assert groups.by_column(tmp_path / "spots.csv", data, "spot")["0.png"] == "1"
