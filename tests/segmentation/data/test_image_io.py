"""Pixels of photos: whatever they are stored as, they are upright RGB or refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from corrotwin.segmentation.data import coco, image_io
from corrotwin.twin.core.errors import InputError


@pytest.mark.parametrize("more", [(), (Image.new("RGB", (8, 8)),)], ids=["one picture", "a second one behind it"])
def test_a_jpeg_damaged_inside_is_no_garbage(more, tmp_path):
    """Pillow decodes it without a word."""
    rng = np.random.default_rng(0)
    path = tmp_path / "photo.jpg"
    photo = Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    photo.save(path, "MPO" if more else "JPEG", quality=95, save_all=bool(more), append_images=more)
    assert image_io.decoded(path).shape == (64, 64, 3)
    assert image_io.decoded(path, least_side=16).shape == (16, 16, 3)
    content = bytearray(path.read_bytes())
    content[3000:3200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"photo.jpg: cannot be decoded .*; replace the file"):
        coco.decoded(path)


def test_image_that_breaks_off_is_named_when_decoded(flat):
    def cut(document, folder):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(folder / "p.jpg")
        content = (folder / "p.jpg").read_bytes()
        (folder / "p.jpg").write_bytes(content[:-60])
        document["images"][0]["file_name"] = "p.jpg"

    photo = coco.read(flat(cut)).photos[0]
    with pytest.raises(InputError, match=r"p\.jpg: cannot be decoded"):
        coco.image(photo)


GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
PICTURES = {
    "grey": Image.fromarray(GREY),
    "grey with alpha": Image.merge("LA", [Image.fromarray(GREY), Image.new("L", (8, 6), 9)]),
    "16 bits": Image.fromarray(GREY.astype(np.uint16) * 256 + 255),
    "palette": Image.fromarray(GREY).convert("P"),
    "RGBA": Image.fromarray(GREY).convert("RGBA"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_kinds_of_pixels_become_rgb(kind, flat):
    photo = coco.read(flat(lambda _, folder: PICTURES[kind].save(folder / "photo.png"))).photos[0]
    pixels = coco.image(photo)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.repeat(GREY[..., None], 3, axis=2))


def test_cmyk_becomes_rgb(flat):
    def cmyk(document, folder):
        Image.new("CMYK", (8, 6), (0, 255, 255, 0)).save(folder / "p.tif")
        document["images"][0]["file_name"] = "p.tif"

    assert (coco.image(coco.read(flat(cmyk)).photos[0]) == (255, 0, 0)).all()


def test_odd_metadata_is_no_trouble(flat):
    def spoil(document, folder):
        Image.fromarray(GREY).save(folder / "p.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
        document["images"][0]["file_name"] = "p.jpg"

    assert coco.image(coco.read(flat(spoil)).photos[0]).shape == (6, 8, 3)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_turned_photo_with_an_odd_tag_is_upright(ending, flat):
    """The unit of its resolution is a text, not a number: Pillow reads that and cannot write it again."""
    tags = [(0x0112, 3, 1, b"\0\6\0\0"), (0x0128, 2, 2, b"2\0\0\0")]
    block = b"".join(struct.pack(">HHI", *tag) + value for *tag, value in tags)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, len(tags)) + block + bytes(4)

    def turn(document, folder):
        options = {"quality": 100} if ending == "jpg" else {}
        Image.fromarray(np.rot90(GREY).copy()).save(folder / f"p.{ending}", exif=exif, **options)
        document["images"][0]["file_name"] = f"p.{ending}"

    pixels = coco.image(coco.read(flat(turn)).photos[0])
    assert np.abs(pixels[..., 0].astype(int) - GREY).max() <= (2 if ending == "jpg" else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "tif", "jpg"])
def test_exif_rotation_is_applied(ending, orientation, flat):
    stored = {  # what the camera stored of GREY, by the standard's table of row 0 and column 0
        1: GREY, 2: GREY[:, ::-1], 3: GREY[::-1, ::-1], 4: GREY[::-1],
        5: GREY.T, 6: np.rot90(GREY), 7: GREY.T[::-1, ::-1], 8: np.rot90(GREY, -1),
    }  # fmt: skip

    def turn(document, folder):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"quality": 100} if ending == "jpg" else {}
        Image.fromarray(stored[orientation].copy()).save(folder / f"p.{ending}", exif=exif, **options)
        document["images"][0]["file_name"] = f"p.{ending}"

    pixels = coco.image(coco.read(flat(turn)).photos[0])
    assert np.abs(pixels[..., 0].astype(int) - GREY).max() <= (2 if ending == "jpg" else 0)


QUARTER = Image.Exif()
QUARTER[0x0112] = 6
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def exif_behind_pixels(path):
    exif = b"eXIf" + QUARTER.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif))
    content = path.read_bytes()
    path.write_bytes(content[:-12] + chunk + content[-12:])  # before IEND


@pytest.mark.parametrize(
    ("name", "options", "change"),
    [
        ("webp.webp", {"lossless": True, "exif": QUARTER}, lambda path: None),
        ("xmp.jpg", {"quality": 100, "xmp": XMP}, lambda path: None),
        ("late.png", {}, exif_behind_pixels),
    ],
)
def test_what_browsers_do_not_turn_stays(name, options, change, tmp_path):
    Image.fromarray(GREY).save(tmp_path / name, **options)
    change(tmp_path / name)
    assert image_io.header(tmp_path / name)[0] == image_io.size(tmp_path / name) == (8, 6)
    pixels = image_io.decoded(tmp_path / name)
    assert pixels.shape == (6, 8, 3)
    assert np.abs(pixels[..., 0].astype(int) - GREY).max() <= 2
