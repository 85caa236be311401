"""Texture sets: found under the names of both vendors, read as what they state, or refused in one line."""

import struct
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
from texture_files import ambient_cg, hills, normals, plain, poly_haven, save

from corrotwin.synth.textures import heights, map_names, picture_files, texture_sets
from corrotwin.twin.core.errors import InputError

SIDE = 64
RED = (0.8, 0.2, 0.1)


def test_maps_are_known_by_the_names_of_both_vendors() -> None:
    names = [
        *(f"Rust004_1K-JPG_{role}.jpg" for role in ("Color", "Roughness", "NormalGL", "NormalDX", "Displacement")),
        "Rust004_1K-JPG_Metalness.jpg", "Rust004_1K-JPG_AmbientOcclusion.jpg", "Rust004.png", "Rust004_1K-JPG.usdc",
        "rusty_metal_02_diff_1k.jpg", "rusty_metal_02_rough_1k.exr", "rusty_metal_02_nor_gl_1k.exr",
        "rusty_metal_02_nor_dx_1k.png", "rusty_metal_02_disp_1k.png", "rusty_metal_02_arm_1k.jpg",
        "rusty_metal_02_metal_1k.exr", "rusty_metal_02_ao_1k.jpg", "rusty_metal_02_nor_gl_1k.png", "notes.txt",
    ]  # fmt: skip
    assert map_names.by_set(names) == {
        "Rust004_1K-JPG": {
            "color": "Rust004_1K-JPG_Color.jpg", "roughness": "Rust004_1K-JPG_Roughness.jpg",
            "normal_gl": "Rust004_1K-JPG_NormalGL.jpg", "normal_dx": "Rust004_1K-JPG_NormalDX.jpg",
            "height": "Rust004_1K-JPG_Displacement.jpg",
        },
        "rusty_metal_02_1k": {
            "color": "rusty_metal_02_diff_1k.jpg", "roughness": "rusty_metal_02_rough_1k.exr",
            "normal_gl": "rusty_metal_02_nor_gl_1k.png", "normal_dx": "rusty_metal_02_nor_dx_1k.png",
            "height": "rusty_metal_02_disp_1k.png", "packed": "rusty_metal_02_arm_1k.jpg",
        },
    }  # fmt: skip


@pytest.mark.parametrize("made", [ambient_cg, poly_haven])
def test_a_set_is_read_as_what_its_files_state(made: Callable[..., Path], tmp_path: Path) -> None:
    height = hills(SIDE)
    folder = made(tmp_path, "rust", plain(RED, SIDE), height, roughness=0.6)
    (one,) = texture_sets.found(folder)
    surface = texture_sets.load(one.folder, one.digest)
    assert surface.color.shape == (SIDE, SIDE, 3)
    assert np.abs(surface.color - 255 * np.array(RED)).max() <= 1
    assert np.abs(surface.roughness - 255 * 0.6).max() <= 1
    assert surface.mean == pytest.approx([((share + 0.055) / 1.055) ** 2.4 for share in RED], abs=0.005)
    assert np.corrcoef(surface.height.ravel(), height.ravel())[0, 1] > 0.99
    assert np.std(surface.height) == pytest.approx(np.std(height), rel=0.05)  # normals state the scale, too


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("-Y 8 +X 16", ""),
        ("-Y 8193 +X 8192", "map.hdr: 8192 x 8193 pixels; give at most 67108864 pixels"),
        ("-Y 99999999999 +X 16", "map.hdr: cannot be decoded"),
        ("", "map.hdr: cannot be decoded"),
    ],
)
def test_a_light_map_in_hdr_is_of_bounded_size(size: str, message: str, tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "map.hdr"), np.full((8, 16, 3), 0.5, np.float32))
    content = (tmp_path / "map.hdr").read_bytes()
    assert b"-Y 8 +X 16" in content
    (tmp_path / "map.hdr").write_bytes(content.replace(b"-Y 8 +X 16", size.encode()))
    with pytest.raises(InputError, match=message) if message else nullcontext():
        picture_files.check_light(tmp_path / "map.hdr")


def test_a_folder_of_sets_gives_all_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        ambient_cg(tmp_path, name, plain(RED, 16), hills(16))
    poly_haven(tmp_path, "c", plain(RED, 16), hills(16))
    (tmp_path / "empty").mkdir()
    assert [one.folder.name for one in texture_sets.found(tmp_path)] == ["a", "b", "c"]


@pytest.mark.parametrize("green_up", [True, False])
@pytest.mark.parametrize("shape", [(64, 64), (48, 96)])
def test_integrated_normals_are_the_height_they_were_made_of(shape: tuple[int, int], green_up: bool) -> None:
    height = np.tile(hills(shape[0], seed=3), (1, shape[1] // shape[0]))
    found = heights.from_normals(normals(height, green_up=green_up).astype(np.float32), green_up=green_up)
    assert np.corrcoef(found.ravel(), height.ravel())[0, 1] > 0.99
    assert np.abs(found - (height - height.mean())).max() < 0.03 * np.ptp(height)


def test_heights_alone_span_the_stated_relief(tmp_path: Path) -> None:
    save(tmp_path / "wall_diff_1k.png", plain(RED, SIDE))
    save(tmp_path / "wall_disp_1k.png", np.linspace(0, 1, SIDE)[None].repeat(SIDE, 0), deep=True)
    (one,) = texture_sets.found(tmp_path)
    height = texture_sets.load(one.folder, one.digest).height
    assert np.ptp(height) == pytest.approx(texture_sets.RELIEF, rel=1e-3)
    assert len(np.unique(height)) == SIDE  # 16 bits are kept


def test_colour_alone_is_flat_and_dull(tmp_path: Path) -> None:
    save(tmp_path / "wall_diff_1k.jpg", plain(RED, SIDE))
    (one,) = texture_sets.found(tmp_path)
    surface = texture_sets.load(one.folder, one.digest)
    assert not surface.height.any()
    assert (surface.roughness == round(255 * texture_sets.ROUGHNESS)).all()


def test_large_maps_are_reduced_and_long_ones_repeated_to_a_square(tmp_path: Path) -> None:
    color = np.concatenate([plain(RED, 600), plain((0.0, 0.0, 1.0), 600)], axis=1).repeat(2, axis=0).repeat(2, axis=1)
    save(tmp_path / "wide_diff_2k.png", color)
    (one,) = texture_sets.found(tmp_path)
    surface = texture_sets.load(one.folder, one.digest)
    assert surface.color.shape == (texture_sets.SIDE, texture_sets.SIDE, 3)
    assert (surface.color[100, 100] == surface.color[700, 100]).all()
    assert (surface.color[100, 100] != surface.color[100, 900]).any()


def png(path: Path, width: int, height: int) -> None:
    """A PNG of that size by its header, without pixels."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b""))
    framed = (struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))


def no_colour(folder: Path) -> None:
    save(folder / "rust_rough_1k.png", np.ones((8, 8)))


def two_sets(folder: Path) -> None:
    for name in ("Rust001", "Rust002"):
        save(folder / f"{name}_1K-JPG_Color.jpg", plain(RED, 8))


def another_aspect(folder: Path) -> None:
    save(folder / "rust_diff_1k.png", plain(RED, 8))
    save(folder / "rust_rough_1k.png", np.ones((8, 16)))


def odd_aspect(folder: Path) -> None:
    save(folder / "rust_diff_1k.png", np.zeros((20, 30, 3)))


def png_named_exr(folder: Path) -> None:
    save(folder / "rust_diff_1k.png", plain(RED, 8))
    save(folder / "other.png", plain(RED, 8))
    (folder / "other.png").rename(folder / "rust_nor_gl_1k.exr")


def text_named_jpg(folder: Path) -> None:
    (folder / "rust_diff_1k.jpg").write_text("no picture")


def jpeg_of_a_start_alone(folder: Path) -> None:
    (folder / "rust_diff_1k.jpg").write_bytes(b"\xff\xd8\xff\xe0")


def exr_of_a_start_alone(folder: Path) -> None:
    save(folder / "rust_diff_1k.png", plain(RED, 8))
    (folder / "rust_rough_1k.exr").write_bytes(b"\x76\x2f\x31\x01\x02\x00\x00\x00channels\0chlist\0")


def exr_in_parts(folder: Path) -> None:
    save(folder / "rust_diff_1k.png", plain(RED, 8))
    (folder / "rust_rough_1k.exr").write_bytes(b"\x76\x2f\x31\x01\x02\x10\x00\x00")


def too_large(folder: Path) -> None:
    png(folder / "rust_diff_8k.png", 8200, 8200)


def exr_too_large(folder: Path) -> None:
    save(folder / "rust_diff_1k.png", plain(RED, 8))
    box = struct.pack("<4i", 0, 0, 99_999, 99_999)
    (folder / "rust_rough_1k.exr").write_bytes(
        b"\x76\x2f\x31\x01\x02\x00\x00\x00dataWindow\0box2i\0" + struct.pack("<i", 16) + box + b"\0"
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_colour, "a texture set without colour; add its"),
        (two_sets, r"holds maps of 2 sets \(Rust001_1K-JPG, Rust002_1K-JPG\); give each its own folder"),
        (another_aspect, "rust_rough_1k.png: 16 x 8 pixels, but the colour is 8 x 8; give maps of one aspect ratio"),
        (odd_aspect, "rust_diff_1k.png: 30 x 20 pixels; give a square, or one side a whole number of times the other"),
        (png_named_exr, "rust_nor_gl_1k.exr: is not EXR despite its name; convert it"),
        (text_named_jpg, "rust_diff_1k.jpg: is not JPG despite its name; convert it"),
        (jpeg_of_a_start_alone, "rust_diff_1k.jpg: not a readable image"),
        (exr_of_a_start_alone, "rust_rough_1k.exr: damaged; replace the file or save it as PNG"),
        (exr_in_parts, "rust_rough_1k.exr: an EXR with several parts or deep data; save it as one flat picture"),
        (too_large, "rust_diff_8k.png: 8200 x 8200 pixels; give at most 67108864 pixels"),
        (exr_too_large, "rust_rough_1k.exr: 100000 x 100000 pixels; give at most"),
        (lambda folder: None, "holds no texture set; name the maps as ambientCG"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(spoil: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    spoil(tmp_path)
    with pytest.raises(InputError, match=message) as refused:
        texture_sets.found(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent: cannot be read \(No such file"):
        texture_sets.found(tmp_path / "absent")


def test_a_damaged_picture_is_refused_when_it_is_read(tmp_path: Path) -> None:
    folder = poly_haven(tmp_path, "rust", plain(RED, SIDE), hills(SIDE))
    path = folder / "textures" / "rust_nor_gl_1k.exr"
    path.write_bytes(path.read_bytes()[:600])
    (one,) = texture_sets.found(folder)
    with pytest.raises(InputError, match=r"rust_nor_gl_1k.exr: cannot be decoded; save it as PNG"):
        texture_sets.load(one.folder, one.digest)


def test_what_is_not_finite_in_an_exr_is_nought(tmp_path: Path) -> None:
    save(tmp_path / "odd.exr", np.array([[np.nan, np.inf], [0.5, -np.inf]]))
    assert picture_files.in_numbers(tmp_path / "odd.exr", 16)[..., 0].tolist() == [[0, 0], [0.5, 0]]


def test_a_set_that_changes_before_it_is_read_is_refused(tmp_path: Path) -> None:
    folder = ambient_cg(tmp_path, "rust", plain(RED, 16), hills(16))
    (one,) = texture_sets.found(folder)
    save(folder / "rust_1K-PNG_Roughness.png", np.zeros((16, 16)))
    with pytest.raises(InputError, match="rust: has changed since this preset was made"):
        texture_sets.load(one.folder, one.digest)
    assert texture_sets.found(folder)[0].digest != one.digest
