import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import coco, splits
from corrotwin.synth import sensor
from corrotwin.synth.fitting import appearance, photographs
from corrotwin.synth.presets.schema import Sensor
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json


def dataset(folder: Path, count: int, labelled: int, paint: tuple[int, int, int] = (120, 140, 125)) -> Path:
    """Photographs of 96 px of paint with a spot of rust, some of them without a label."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(1, count + 1):
        picture, mask = np.full((96, 96, 3), paint, float), np.zeros((96, 96), bool)
        mask[20:60, 10 + number : 40 + number] = True
        picture[mask] = (150, 75, 35)
        name = f"{number:03d}.jpg"
        Image.fromarray(np.clip(picture + rng.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)).save(
            folder / "images" / name, quality=83
        )
        images.append({"id": number, "file_name": name, "width": 96, "height": 96})
        if number <= labelled:
            annotations.append({"id": number, "image_id": number, "category_id": 1, "iscrowd": 0, **coco.region(mask)})
    write_json(folder / "annotations.json", coco.document(images, annotations, description="few"))
    return folder


def test_photographs_with_and_without_labels_are_told_apart_and_measured(tmp_path: Path) -> None:
    found = photographs.read(
        dataset(tmp_path / "few", 14, 11), dataset(tmp_path / "many", 3, 1, (90, 120, 100)) / "images"
    )
    assert (len(found.labelled), len(found.unlabelled)) == (11, 3 + 3)
    assert found.shares == pytest.approx([40 * 30 / 96**2] * 11)
    assert set(found.jpeg_quality) == {83}
    assert (found.markers, found.stamps) == (0, 0)
    for red, green, blue in found.paints:  # of the coat, not of the rust
        assert green > red
        assert green > blue
    assert photographs.read(tmp_path / "few").digest != found.digest


@pytest.mark.parametrize(("count", "labelled"), [(9, 9), (12, 0), (12, 9)])
def test_fewer_than_ten_labels_are_refused(tmp_path: Path, count: int, labelled: int) -> None:
    with pytest.raises(InputError, match=f"{labelled} of {count} photos have labels; a fit needs at least 10"):
        photographs.read(dataset(tmp_path / "few", count, labelled))


def test_photographs_of_one_spot_are_refused(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "few", 12, 12)
    (folder / "spots.csv").write_text("file_name,spot\n" + "".join(f"{n:03d}.jpg,here\n" for n in range(1, 13)))
    with pytest.raises(InputError, match="all show one spot by"):
        photographs.read(folder)


def test_photographs_that_show_too_little_or_nothing_else_are_refused(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "few", 12, 12)
    content = read_json(folder / "annotations.json")
    for region in content["annotations"]:
        region.update(coco.region(np.ones((96, 96), bool)))
    write_json(folder / "annotations.json", content)
    with pytest.raises(
        InputError, match="at 128 pixels only 0 of 12 labelled photos show enough rust and enough of its surr"
    ):
        photographs.read(folder)


def test_pictures_count_once_and_masks_are_none(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "few", 12, 12)
    more = tmp_path / "more"
    (more / "masks").mkdir(parents=True)
    for name in ("001.jpg", "002.jpg"):  # they are among the labelled
        (more / name).write_bytes((folder / "images" / name).read_bytes())
    Image.effect_noise((64, 64), 50).convert("RGB").save(more / "new.bmp")
    Image.effect_noise((64, 64), 50).convert("L").save(more / "masks" / "new.png")
    first = photographs.read(folder, more)
    assert len(first.unlabelled) == 1
    Image.effect_noise((64, 64), 90).convert("RGB").save(more / "new.bmp")  # of one size
    assert photographs.read(folder, more).digest != first.digest


def test_photographs_of_an_exports_test_folder_are_left_out(tmp_path: Path) -> None:
    data = coco.read(dataset(tmp_path / "few", 16, 16))
    photos = tuple(replace(photo, split="test" if place < 4 else "train") for place, photo in enumerate(data.photos))
    assert len(photographs.look(replace(data, photos=photos)).labelled) == 12


def test_of_a_split_only_what_trains_is_looked_at(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "few", 16, 16)
    names = [f"{number:03d}.jpg" for number in range(1, 17)]
    parts = splits.Split(how="own", seed=0, train=tuple(names[:12]), valid=tuple(names[12:14]), test=tuple(names[14:]))
    splits.save(parts, tmp_path / "split.json")
    found = photographs.read(folder, split=tmp_path / "split.json")
    assert [photo.file_name for photo in found.photos] == names[:12]
    other = dataset(tmp_path / "other", 12, 12)
    with pytest.raises(InputError, match="is missing; split again"):
        photographs.read(other, split=tmp_path / "split.json")


def test_a_broken_photograph_is_named(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "few", 12, 12)
    path = folder / "images" / "004.jpg"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match=r"004\.jpg"):
        photographs.read(folder)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no pictures"):
        photographs.read(dataset(tmp_path / "few", 12, 12), tmp_path / "none")


@pytest.mark.parametrize("quality", [35, 50, 72, 90, 97])
def test_the_quality_of_a_jpeg_file_is_that_it_was_saved_with(tmp_path: Path, quality: int) -> None:
    Image.effect_noise((64, 64), 50).convert("RGB").save(tmp_path / "one.jpg", quality=quality)
    (found,) = photographs.quality(tmp_path / "one.jpg")
    assert abs(found - quality) <= 1
    Image.effect_noise((64, 64), 50).save(tmp_path / "one.png")
    assert photographs.quality(tmp_path / "one.png") == []


def test_a_marker_and_a_burnt_in_date_are_seen_and_plain_steel_has_neither() -> None:
    rng = np.random.default_rng(0)
    plain = np.clip(rng.normal(110, 12, (512, 512, 3)), 0, 255).astype(np.uint8)
    plain = cv2.GaussianBlur(plain, (0, 0), 2)
    assert not photographs.has_marker(plain)
    assert not photographs.has_stamp(plain)
    marker = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_50), 7, 90)
    with_marker = plain.copy()
    with_marker[180:310, 180:310] = 255
    with_marker[200:290, 200:290] = marker[..., None]
    assert photographs.has_marker(with_marker)
    seen = 0
    for number in range(20):  # as our camera burns it in
        draws = sensor._Draws(np.random.default_rng(number))
        stamped = sensor._date(plain.astype(np.float32) / 255, Sensor(stamp_share=1.0), draws)
        photograph = np.clip(255 * stamped, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(photograph).save(buffer, "JPEG", quality=92)
        seen += photographs.has_stamp(np.asarray(Image.open(buffer)))
    assert seen >= 14


def test_numbers_of_a_shot_follow_what_is_done_to_it() -> None:
    rng = np.random.default_rng(0)
    picture = np.full((appearance.SIDE, appearance.SIDE, 3), (120, 130, 125), float)
    mask = np.zeros(picture.shape[:2], bool)
    mask[40:80, 30:90] = True
    picture[mask] = (90, 45, 20)
    picture = np.clip(picture + rng.normal(0, 5, picture.shape), 0, 255)

    def about(changed: np.ndarray) -> dict[str, float]:
        shot = appearance.squeezed(np.clip(changed, 0, 255).astype(np.uint8), mask)
        found = appearance.about(shot)
        assert found is not None
        return dict(zip(appearance.ABOUT, found.tolist(), strict=True))

    before = about(picture)
    assert before["share"] == pytest.approx(np.log(40 * 60 / 128**2))
    assert before["regions"] == 0
    darker, redder = picture.copy(), picture.copy()
    darker[mask] *= 0.6
    redder[mask, 0] *= 1.5
    assert about(darker)["rust over ring"] < before["rust over ring"] - 0.5
    assert about(redder)["red over green of rust"] > before["red over green of rust"] + 0.5
    assert about(0.7 * picture)["rust over ring"] == pytest.approx(before["rust over ring"], abs=0.25)
    assert appearance.about(appearance.Shot(picture=picture.astype(np.uint8), mask=np.zeros_like(mask))) is None
    blurred = cv2.GaussianBlur(picture, (0, 0), 2)
    place = appearance.WHOLE.index("detail, 1 px")
    assert appearance.whole(blurred.astype(np.uint8))[place] < appearance.whole(picture.astype(np.uint8))[place] - 0.3
