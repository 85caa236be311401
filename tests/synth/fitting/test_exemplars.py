from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from corrotwin.segmentation.data import coco
from corrotwin.synth.fitting import exemplars
from corrotwin.synth.textures import texture_sets


@pytest.fixture
def waves() -> np.ndarray:
    """An exemplar of waves and noise, with a gradient across it."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(90), np.arange(90))
    noise = cv2.GaussianBlur(rng.normal(0, 60, (90, 90, 3)).astype(np.float32), (0, 0), 2)
    return np.clip(120 + 40 * np.sin(across / 5 + down / 11)[..., None] + noise, 0, 255).astype(np.uint8)


def steps(pictures: np.ndarray) -> tuple[float, float]:
    """Mean differences between neighbours across the seams of tiles laid side by side, and elsewhere."""
    side = exemplars.TILE
    rows = np.abs(np.diff(np.tile(pictures.astype(float), (2, 2, 1)), axis=0)).mean(axis=(1, 2))
    columns = np.abs(np.diff(np.tile(pictures.astype(float), (2, 2, 1)), axis=1)).mean(axis=(0, 2))
    return max(rows[side - 1], columns[side - 1]), float(np.mean([rows.mean(), columns.mean()]))


def test_tiles_repeat_without_a_seam(waves: np.ndarray) -> None:
    tile = exemplars.quilt(waves, np.random.default_rng(0))
    assert tile.shape == (exemplars.TILE, exemplars.TILE, 3)
    seam, elsewhere = steps(tile)
    assert seam < 1.3 * elsewhere
    cropped = np.tile(waves, (3, 3, 1))[: exemplars.TILE, : exemplars.TILE]
    assert steps(cropped)[0] > 1.3 * steps(cropped)[1]  # a tile that is merely cut has one


def test_a_tile_has_the_colours_of_its_exemplar_and_repeats_bit_by_bit(waves: np.ndarray) -> None:
    tile = exemplars.quilt(waves, np.random.default_rng(4))
    assert tile.reshape(-1, 3).mean(axis=0) == pytest.approx(waves.reshape(-1, 3).mean(axis=0), abs=12)
    assert tile.std() == pytest.approx(waves.std(), rel=0.3)
    assert (exemplars.quilt(waves, np.random.default_rng(4)) == tile).all()
    assert (exemplars.quilt(waves, np.random.default_rng(5)) != tile).any()


def photo(folder: Path, number: int, rust: tuple[int, int, int], paint: tuple[int, int, int]) -> coco.Photo:
    """A photograph of 200 px with a square of rust."""
    rng = np.random.default_rng(number)
    picture, mask = np.full((200, 200, 3), paint, float), np.zeros((200, 200), bool)
    mask[40:140, 30:120] = True
    picture[mask] = rust
    picture += rng.normal(0, 6, picture.shape)
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), np.clip(picture, 0, 255).astype(np.uint8)[..., ::-1])
    region = coco.region(mask)
    return coco.Photo(
        id=number, file_name=path.name, path=path, width=200, height=200, split=None, annotations=(region,)
    )


@pytest.mark.ci
def test_exemplars_are_all_rust_or_all_without_and_become_sets_that_presets_take(tmp_path: Path) -> None:
    photos = [photo(tmp_path, number, (150, 70, 30), (110, 130, 115)) for number in range(3)]
    rust, around = exemplars.cut(photos)
    assert [len(one.pixels) for one in rust] == [89] * 3
    assert all(len(one.pixels) >= exemplars.LEAST_SIDE for one in around)
    for one in rust:
        red, green, blue = one.pixels.reshape(-1, 3).mean(axis=0)
        assert red > 1.6 * green > 1.6 * blue
    for one in around:
        red, green, blue = one.pixels.reshape(-1, 3).mean(axis=0)
        assert green > red
        assert green > blue
    fields = exemplars.write(tmp_path / "mine.textures", photos, seed=0)
    assert [len(of) for of in fields] == [3, 3]
    for word, metres in (each for of in fields for each in of):
        (found,) = texture_sets.found(tmp_path / str(word))
        assert texture_sets.load(found.folder, found.digest).color.shape == (exemplars.TILE, exemplars.TILE, 3)
        assert metres == pytest.approx(exemplars.TILE / 200, abs=1e-3)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*_Color.png")}
    exemplars.write(tmp_path / "mine.textures", photos, seed=0)
    assert {path: path.read_bytes() for path in before} == before


def test_what_is_small_dark_or_glaring_is_no_exemplar(tmp_path: Path) -> None:
    dark = photo(tmp_path, 0, (4, 3, 2), (110, 130, 115))
    glaring = photo(tmp_path, 1, (255, 255, 255), (110, 130, 115))
    assert exemplars.cut([dark, glaring])[0] == []
    mask = np.zeros((200, 200), bool)
    mask[50:80, 50:80] = True
    small = photo(tmp_path, 2, (150, 70, 30), (110, 130, 115))
    assert exemplars.cut([replace(small, annotations=(coco.region(mask),))])[0] == []
