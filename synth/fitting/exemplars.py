"""Textures of rust and of coats, cut out of labelled photographs and synthesised as seamless tiles.

The method is image quilting (A. A. Efros, W. T. Freeman, Image Quilting for Texture Synthesis and Transfer, SIGGRAPH
2001): square patches of the exemplar are laid in rows. Each is drawn from those that agree best with the patches
already there, and is joined to them along the cut where both differ least. The rows wrap around, so the tile repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.segmentation.data import coco
from corrotwin.synth.labels.morphology import Mask
from corrotwin.synth.textures.picture_files import LUMINANCE, linear
from corrotwin.twin.core.files import atomic_file

TILE, PATCH, OVERLAP = 192, 32, 8  # pixels
LEAST_SIDE = 40  # pixels; of an exemplar, as `MOST_SIDE`
MOST_SIDE = 220
KEPT = 6  # exemplars of rust, and as many of its surroundings
CANDIDATES = 8  # best patches, from which one is drawn at random
# Shares of the shorter side: least distance of a label from an exemplar of its surroundings, and width of these.
APART, NEAR = 0.03, 0.8
PICTURE_M = 1.0  # width that a photograph shows: the median of 300 renders of `balanced`
GLOSS, DARK = 0.985, 0.03  # quantile and luminance: exemplars with more glare, or darker ones, do not show a surface
REFLECTANCE = 0.3  # assumed mean of what a photograph shows

Patch = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Exemplar:
    """A square (S, S, 3) sRGB, uint8, cut from a photograph, and the assumed size of its pixel in metres."""

    pixels: NDArray[np.uint8]
    metres: float


def write(folder: Path, photos: Sequence[coco.Photo], *, seed: int) -> tuple[list[list[object]], list[list[object]]]:
    """Write texture sets of rust and of coats below a folder; the same seed and photographs give the same bytes.

    Returns
    -------
    The fields ``rust_textures`` and ``paint_textures`` of a preset: names of folders, relative to the parent of
    `folder`, and the metres that each picture shows.
    """
    rust, around = cut(photos)
    fields = []
    for kind, (name, exemplars) in enumerate((("rust", rust), ("coat", around))):
        sets: list[list[object]] = []
        for number, exemplar in enumerate(exemplars, start=1):
            set_folder = folder / f"{name}-{number}"
            set_folder.mkdir(parents=True, exist_ok=True)
            tile = quilt(exemplar.pixels, np.random.default_rng([seed, kind, number]))
            success, content = cv2.imencode(".png", tile[..., ::-1])
            assert success  # noqa: S101  PNG has pictures of this kind
            with atomic_file(set_folder / f"{name}{number}_Color.png") as stream:
                stream.write(bytes(content))
            sets.append([f"{folder.name}/{set_folder.name}", round(TILE * exemplar.metres, 3)])
        fields.append(sets)
    return fields[0], fields[1]


def cut(photos: Sequence[coco.Photo]) -> tuple[list[Exemplar], list[Exemplar]]:
    """Cut from each photograph the largest square that is all rust, and the largest that has none.

    Returns
    -------
    Up to `KEPT` exemplars of rust and up to `KEPT` of its surroundings, the largest first.
    """
    exemplars: tuple[list[Exemplar], list[Exemplar]] = ([], [])
    for photo in photos:
        picture, mask = coco.image(photo), coco.mask(photo)
        side = min(mask.shape)
        nearby = cv2.dilate(mask.astype(np.uint8), np.ones((round(NEAR * side) | 1,) * 2, np.uint8)) > 0
        within_gap = cv2.dilate(mask.astype(np.uint8), np.ones((2 * round(APART * side) + 1,) * 2, np.uint8)) > 0
        for kept, region in zip(exemplars, (mask, nearby & ~within_gap), strict=True):
            square = _largest(picture, region)
            if square is not None:
                kept.append(Exemplar(pixels=_reflecting(square, picture), metres=PICTURE_M / max(mask.shape)))
    rust, around = (sorted(kept, key=lambda exemplar: -len(exemplar.pixels))[:KEPT] for kept in exemplars)
    return rust, around


def _largest(picture: NDArray[np.uint8], where: Mask) -> NDArray[np.uint8] | None:
    """Return the largest square of a picture (H, W, 3) within a mask (H, W); None if small, dark or glaring."""
    padded = np.pad(where, 1).astype(np.uint8)
    reach = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    half = min(int(reach.max()) - 1, MOST_SIDE // 2)
    if 2 * half + 1 < LEAST_SIDE:
        return None
    row, column = np.unravel_index(int(reach.argmax()), reach.shape)
    square = picture[row - half : row + half + 1, column - half : column + half + 1]
    light = linear(square) @ LUMINANCE
    if np.quantile(light, 0.5) < DARK or np.quantile(light, GLOSS) > 0.98:
        return None
    return square


def _reflecting(square: NDArray[np.uint8], picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a square (S, S, 3) without slow changes of its light, scaled to a mean reflectance."""
    light = linear(square)
    luminance = (light @ LUMINANCE).astype(np.float32)
    slow_light = cv2.GaussianBlur(luminance, (0, 0), len(square) / 4, borderType=cv2.BORDER_REFLECT) + 1e-3
    mean_light = float(np.mean(linear(picture) @ LUMINANCE)) + 0.01
    surface = np.clip(light * (luminance.mean() / slow_light)[..., None] * (REFLECTANCE / mean_light), 0, 0.9)
    encoded = np.where(surface <= 0.0031308, 12.92 * surface, 1.055 * surface ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * encoded), np.uint8)


def quilt(exemplar: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Synthesise a seamless tile (TILE, TILE, 3) from an exemplar (S, S, 3), whose side S is at least `LEAST_SIDE`."""
    source = exemplar.astype(np.float32)
    step = PATCH - OVERLAP
    tile, filled = np.zeros((TILE, TILE, 3), np.float32), np.zeros((TILE, TILE), np.float32)
    for top in range(0, TILE, step):
        for left in range(0, TILE, step):
            rows, columns = (np.arange(first, first + PATCH) % TILE for first in (top, left))
            window = np.ix_(rows, columns)
            present, covered = tile[window], filled[window]
            patch = _agreeing(source, present, covered, rng)
            share = _joined(present, patch, covered)[..., None]
            tile[window] = share * patch + (1 - share) * present
            filled[window] = 1.0
    return np.asarray(np.round(tile.clip(0, 255)), np.uint8)


def _agreeing(source: Patch, there: Patch, known: NDArray[np.float32], rng: np.random.Generator) -> Patch:
    """Return a patch of the source, drawn from the `CANDIDATES` that agree best with the known pixels at its place."""
    if not known.any():
        row, column = (int(rng.integers(side - PATCH + 1)) for side in source.shape[:2])
    else:
        weight = np.repeat(known[..., None], 3, axis=2)
        difference = cv2.matchTemplate(source, there, cv2.TM_SQDIFF, mask=weight)
        best = np.argsort(difference, axis=None, kind="stable")[:CANDIDATES]
        row, column = (int(index) for index in np.unravel_index(int(rng.choice(best)), difference.shape))
    return source[row : row + PATCH, column : column + PATCH]


def _joined(there: Patch, patch: Patch, known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the share of a new patch in each pixel, 1 to 0, with a cut along each side next to known pixels."""
    difference = ((there - patch) ** 2).sum(axis=2)
    share = np.ones((PATCH, PATCH), np.float32)
    for turn in range(4):  # each side in turn is the left one
        turned, turned_known = np.rot90(difference, turn), np.rot90(known, turn)
        if turned_known[PATCH // 2, 0] > 0:
            side = np.ones((PATCH, PATCH), np.float32)
            side[:, :OVERLAP] = _beyond(_cut(turned[:, :OVERLAP]))
            share = np.minimum(share, np.rot90(side, -turn))
    share = np.where(known > 0, share, 1.0)
    return np.asarray(cv2.GaussianBlur(share, (0, 0), 0.7) * known + (1 - known), np.float32)


def _cut(cost: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the column in each row (n,) of the path of least cost down a strip (n, w)."""
    total = cost.astype(np.float64).copy()
    for row in range(1, len(total)):
        previous = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += np.minimum(np.minimum(previous[:-2], previous[1:-1]), previous[2:])
    path = np.empty(len(total), np.intp)
    path[-1] = total[-1].argmin()
    for row in range(len(total) - 2, -1, -1):
        first = max(0, path[row + 1] - 1)
        path[row] = first + total[row, first : path[row + 1] + 2].argmin()
    return path


def _beyond(path: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return a strip (n, OVERLAP) that is 1 on the path and to the right of it, else 0."""
    return np.asarray(np.arange(OVERLAP) >= path[:, None], np.float32)
