"""The user's own PBR texture sets: search in folders, and reading as colour, roughness and height."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.spec import Color
from corrotwin.synth.textures import heights, map_names, picture_files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import reading

SIDE = 1024  # longer side, in pixels, to which larger maps are reduced
RELIEF = 0.01  # assumed height of a height map's full scale, as a share of the side, since files do not state it
ROUGHNESS = 0.8  # roughness of a set without such a map
_MOST_REPEATS = 8  # most times the shorter side fits into the longer
_ALIKE = 0.01  # relative difference of aspect ratios that rounding explains
_ZIPPED = "textures"  # folder of the maps in a zip from Poly Haven


@dataclass(frozen=True, kw_only=True)
class TextureSet:
    """A folder of maps: the file of each role in `map_names.ROLES` that is used, and a digest of all of them."""

    folder: Path
    maps: Mapping[str, Path]
    digest: str


@dataclass(frozen=True, kw_only=True, eq=False)
class SetPixels:
    """Pixels of a set: a tiling square of a surface.

    `color` is (S, S, 3) sRGB, `roughness` (S, S) with 255 for 1, and `height` (S, S) float32 in shares of the side, all
    with the top row first; `mean` is the mean colour, linear RGB.
    """

    color: NDArray[np.uint8]
    roughness: NDArray[np.uint8]
    height: NDArray[np.float32]
    mean: Color


def found(folder: Path) -> list[TextureSet]:
    """Return the set in a folder or, if it has no maps itself, the sets in its folders, sorted by name.

    Raises
    ------
    InputError
        There is no set, a set has no colour or an unusable map, or a folder holds maps of several sets.
    """
    with reading(folder):
        inside = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    if (own := _in(folder)) is not None:
        return [own]
    sets = [texture_set for texture_set in map(_in, inside) if texture_set is not None]
    if not sets:
        raise InputError(
            f"{folder}: holds no texture set; name the maps as ambientCG (Rust004_1K-JPG_Color.jpg) or Poly Haven "
            "(rusty_metal_02_diff_1k.jpg) do"
        )
    return sets


def _in(folder: Path) -> TextureSet | None:
    """Return the set whose maps are in a folder or in its subfolder `textures`; None if there is none."""
    for place in (folder, folder / _ZIPPED):
        with reading(place):
            names = [path.name for path in place.iterdir() if path.is_file()] if place.is_dir() else []
        sets = map_names.by_set(names)
        if len(sets) > 1:
            raise InputError(f"{place}: holds maps of {len(sets)} sets ({', '.join(sets)}); give each its own folder")
        for maps in sets.values():
            return _checked(folder, {role: place / name for role, name in maps.items()})
    return None


def _checked(folder: Path, maps: dict[str, Path]) -> TextureSet:
    """Return the set of a folder with the maps that are used, after checking sizes and aspect ratios."""
    if "color" not in maps:
        raise InputError(f"{folder}: a texture set without colour; add its ..._Color.jpg or ..._diff_1k.jpg")
    for role, preferred in (("normal_dx", "normal_gl"), ("packed", "roughness"), ("height", "normal_gl")):
        if preferred in maps:
            maps.pop(role, None)
    if "normal_dx" in maps:
        maps.pop("height", None)
    files = {role: picture_files.examined(maps[role]) for role in map_names.ROLES if role in maps}
    width, height = files["color"].size
    if abs(_repeats(width, height) * min(width, height) / max(width, height) - 1) > _ALIKE:
        raise InputError(
            f"{maps['color']}: {width} x {height} pixels; give a square, or one side a whole number of times the other"
        )
    for role, file in files.items():
        if abs(file.size[0] * height / (file.size[1] * width) - 1) > _ALIKE:
            raise InputError(
                f"{maps[role]}: {file.size[0]} x {file.size[1]} pixels, but the colour is {width} x {height}; "
                "give maps of one aspect ratio"
            )
    text = "\n".join(f"{role} {file.digest}" for role, file in files.items())
    used = {role: maps[role] for role in files}
    return TextureSet(folder=folder, maps=used, digest=sha256(text.encode()).hexdigest()[:16])


def _repeats(width: int, height: int) -> int:
    """Return how many times the shorter side of a picture fits into the longer, rounded."""
    return min(round(max(width, height) / min(width, height)), _MOST_REPEATS)


@lru_cache(maxsize=8)
def load(folder: Path, digest: str) -> SetPixels:
    """Read the set in a folder.

    Heights come from normals, which state slopes; a height map, whose scale is not stated, is used only without them.

    Parameters
    ----------
    folder : folder of the set.
    digest : digest of the set when it was found.

    Raises
    ------
    InputError
        A map is damaged, or the set has changed since.
    """
    texture_set = _in(folder)
    if texture_set is None or texture_set.digest != digest:
        raise InputError(f"{folder}: has changed since this preset was made; give another `out`")
    color = picture_files.in_color(texture_set.maps["color"], SIDE)
    maps = {role: picture_files.in_numbers(path, SIDE) for role, path in texture_set.maps.items() if role != "color"}
    side = max(color.shape[:2])
    rough = maps["roughness"][..., 0] if "roughness" in maps else maps["packed"][..., 1] if "packed" in maps else None
    roughness = np.full((side, side), ROUGHNESS, np.float32) if rough is None else _square(rough, side)
    red, green, blue = picture_files.linear(color).mean(axis=(0, 1), dtype=np.float64).tolist()
    return SetPixels(
        color=_square(color, side),
        roughness=np.round(255 * np.clip(roughness, 0, 1)).astype(np.uint8),
        height=_heights(maps, side),
        mean=(red, green, blue),
    )


def _heights(maps: Mapping[str, NDArray[np.float32]], side: int) -> NDArray[np.float32]:
    """Return the heights of a set, (side, side) in shares of the side, from its normals or its height map."""
    for role in ("normal_gl", "normal_dx"):
        if role in maps:
            height = heights.from_normals(maps[role], green_up=role == "normal_gl")
            shape = height.shape  # heights are shares of the width, which may be the shorter side
            return _square(height * np.float32(shape[1] / max(shape)), side)
    if "height" not in maps:
        return np.zeros((side, side), np.float32)
    values = maps["height"][..., 0]
    low, high = float(values.min()), float(values.max())
    # An EXR may use any unit; values within [0, 1], as all of JPEG and PNG are, count as shares of full scale.
    scale = 1.0 if low >= 0 and high <= 1 else max(high - low, 1e-9)
    return _square((values - values.mean()) * np.float32(RELIEF / scale), side)


def _square(pixels: NDArray[Any], side: int) -> NDArray[Any]:
    """Return a picture as a square of `side` pixels, after repeating it along its shorter side."""
    height, width = pixels.shape[:2]
    count = _repeats(width, height)
    rows, columns = (count, 1) if width > height else (1, count)
    tiled = np.tile(pixels, (rows, columns, *[1] * (pixels.ndim - 2)))
    if tiled.shape[:2] == (side, side):
        return tiled
    return np.asarray(cv2.resize(tiled, (side, side), interpolation=cv2.INTER_LINEAR))
