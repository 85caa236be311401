import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError

MASK = np.zeros((6, 8), dtype=bool)
MASK[1:4, 2:6] = True
PIXELS = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def write(folder, count=2):
    """Photos a, b ... with the same mask."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        stem = chr(ord("a") + number)
        Image.fromarray(PIXELS + number).save(folder / "images" / f"{stem}.tif")
        Image.fromarray(MASK).save(folder / "masks" / f"{stem}.png")
    return folder


def palette(values):
    picture = Image.fromarray(values.astype(np.uint8), mode="P")
    picture.putpalette([9, 9, 9, 0, 0, 0, 255, 255, 255])  # index 0 is not the darkest colour
    return picture


MASKS = {
    "one bit": Image.fromarray(MASK),
    "0 and 255": Image.fromarray(MASK.astype(np.uint8) * 255),
    "0 and 1": Image.fromarray(MASK.astype(np.uint8)),
    "several values": Image.fromarray((MASK * (1 + np.arange(48).reshape(6, 8))).astype(np.uint8)),
    "16 bits": Image.fromarray(MASK.astype(np.uint16) * 256),
    "palette": palette(MASK * 1),
    "grey as RGB": Image.fromarray(MASK.astype(np.uint8) * 255).convert("RGB"),
}


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
@pytest.mark.parametrize("kind", MASKS)
def test_any_value_above_0_is_corrosion(kind, tmp_path):
    MASKS[kind].save(write(tmp_path) / "masks" / "b.png")
    data = coco.read(tmp_path)
    assert [photo.file_name for photo in data.photos] == ["images/a.tif", "images/b.tif"]
    for photo in data.photos:
        assert np.array_equal(coco.mask(photo), MASK)
    assert np.array_equal(coco.image(data.photos[1]), PIXELS + 1)


def test_the_digest_is_that_of_the_same_masks_in_a_coco_json(tmp_path):
    write(tmp_path)
    by_masks = coco.read(tmp_path)
    entries = [{"id": n, "file_name": f"images/{x}.tif", "width": 8, "height": 6} for n, x in enumerate("ab")]
    annotations = [{"id": n, "image_id": n, "category_id": 1, **coco.region(MASK)} for n in range(2)]
    coco_json = coco.document(entries, annotations, description="the same")
    (tmp_path / "annotations.json").write_text(json.dumps(coco_json))
    shutil.rmtree(tmp_path / "masks")
    assert coco.read(tmp_path).digest == by_masks.digest


def test_an_empty_mask_is_a_clean_photo(tmp_path):
    Image.new("L", (8, 6)).save(write(tmp_path) / "masks" / "a.png")
    assert [len(photo.annotations) for photo in coco.read(tmp_path).photos] == [0, 1]
    Image.new("L", (8, 6)).save(tmp_path / "masks" / "b.png")
    with pytest.raises(InputError, match="no annotations at all"):
        coco.read(tmp_path)
    clean = coco.read(tmp_path, classes=("rust",), allow_unannotated=True)  # a name that it need not list
    assert [len(photo.annotations) for photo in clean.photos] == [0, 0]
    assert clean == coco.read(tmp_path, allow_unannotated=True)


def test_splits_are_the_folders(tmp_path):
    for part, count in (("train", 3), ("valid", 1), ("test", 2)):
        write(tmp_path / part, count)
    photos = coco.read(tmp_path, classes=("corrosion",)).photos
    assert [photo.split for photo in photos] == ["train"] * 3 + ["valid"] + ["test"] * 2
    assert photos[0].file_name == "train/images/a.tif"
    shutil.rmtree(tmp_path / "valid" / "masks")
    with pytest.raises(InputError, match="valid/masks: no such folder"):
        coco.read(tmp_path)


def test_a_photo_on_its_side_is_as_large_as_its_upright_mask(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS.swapaxes(0, 1).copy()).save(write(tmp_path) / "images" / "a.tif", exif=exif)
    photo = coco.read(tmp_path).photos[0]
    assert coco.image(photo).shape[:2] == coco.mask(photo).shape == (6, 8)


def rgb(folder):
    Image.fromarray(PIXELS).save(folder / "masks" / "a.png")


def alpha(folder):
    Image.new("RGBA", (8, 6)).save(folder / "masks" / "a.png")


def deep(folder):
    """Grey of 16 bits whose values fit into the lower 8, as RGB."""
    values = np.repeat(MASK[..., None].astype(np.uint16) * 200, 3, axis=2)
    assert cv2.imwrite(str(folder / "masks" / "a.png"), values)


def jpeg(folder):
    Image.new("L", (8, 6)).save(folder / "masks" / "a.png", "JPEG")


BAD = {
    "no mask": (lambda f: (f / "masks/a.png").unlink(), r"images/a\.tif: has no mask .*masks/a\.png"),
    "no image": (lambda f: (f / "images/a.tif").unlink(), r"masks/a\.png: has no image"),
    "another size": (lambda f: Image.new("L", (6, 8)).save(f / "masks/a.png"), r"a\.tif: is 8x6 .*masks says 6x8"),
    "colours": (rgb, r"masks/a\.png: a mask in colour"),
    "transparency": (alpha, r"masks/a\.png: a mask with transparency"),
    "RGB of 16 bits": (deep, r"masks/a\.png: a mask in RGB of 16 bits; save it with one channel"),
    "JPEG": (jpeg, r"masks/a\.png: not a readable mask"),
    "zero bytes": (lambda f: (f / "masks/a.png").write_bytes(b""), r"masks/a\.png: not a readable mask"),
    "cut": (
        lambda f: (f / "masks/a.png").write_bytes((f / "masks/a.png").read_bytes()[:50]),
        r"a\.png: not a readable",
    ),
    "one name twice": (lambda f: (f / "images/a.png").write_bytes(b""), r"images/a\.tif: has the same name as a\.png"),
    "a folder inside": (lambda f: (f / "images/more").mkdir(), "images/more: a folder among the files"),
    "other class": (lambda f: None, "no class rust; choose from corrosion"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_that_names_the_file(case, tmp_path):
    change, message = BAD[case]
    change(write(tmp_path))
    with pytest.raises(InputError, match=message) as caught:
        coco.read(tmp_path, classes=("rust",) if case == "other class" else None)
    assert "\n" not in str(caught.value)
