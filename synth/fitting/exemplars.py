"""Textures of rust and of coats, cut out of labelled photographs and woven into tiles without a seam.

By image quilting (A. A. Efros, W. T. Freeman, Image Quilting for Texture Synthesis and Transfer, SIGGRAPH 2001): square
patches of the exemplar are laid in rows, each chosen among those that agree best with what lies there already, and
joined to it along the cut where both differ least. Here the rows lie on a torus, so that the tile repeats.
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
LEAST_SIDE = 40  # pixels of an exemplar
MOST_SIDE = 220
KEPT = 6  # exemplars of rust, and of what is around it
CANDIDATES = 8  # patches among which one is drawn
APART, NEAR = 0.03, 0.8  # shares of the side: between a label and an exemplar of what is around it, and about it
PICTURE_M = 1.0  # width that a photograph shows: the median of 300 renders of `balanced`
GLOSS, DARK = 0.985, 0.03  # quantile and luminance: brighter or darker exemplars say nothing of a surface
REFLECTANCE = 0.3  # mean of what a photograph shows

Patch = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Exemplar:
    """A square (S, S, 3) sRGB, uint8, cut from a photograph, and the metres that its pixel is taken for."""

    pixels: NDArray[np.uint8]
    metres: float


def write(folder: Path, photos: Sequence[coco.Photo], *, seed: int) -> tuple[list[list[object]], list[list[object]]]:
    """Write texture sets of rust and of coats below a folder; those of one seed and photographs are the same bytes.

    Returns
    -------
    The fields ``rust_textures`` and ``paint_textures`` of a preset: names of folders, relative to that of `folder`, and
    the metres that each picture shows.
    """
    rust, around = cut(photos)
    fields = []
    for kind, (name, exemplars) in enumerate((("rust", rust), ("coat", around))):
        sets: list[list[object]] = []
        for number, exemplar in enumerate(exemplars, start=1):
            place = folder / f"{name}-{number}"
            place.mkdir(parents=True, exist_ok=True)
            tile = quilt(exemplar.pixels, np.random.default_rng([seed, kind, number]))
            done, content = cv2.imencode(".png", tile[..., ::-1])
            assert done  # noqa: S101  it is a picture that PNG has
            with atomic_file(place / f"{name}{number}_Color.png") as stream:
                stream.write(bytes(content))
            sets.append([f"{folder.name}/{place.name}", round(TILE * exemplar.metres, 3)])
        fields.append(sets)
    return fields[0], fields[1]


def cut(photos: Sequence[coco.Photo]) -> tuple[list[Exemplar], list[Exemplar]]:
    """Cut the largest squares that are all rust, and all without any, from photographs, one of each at most.

    Returns
    -------
    Up to `KEPT` of rust and of what is around it, the largest first.
    """
    found: tuple[list[Exemplar], list[Exemplar]] = ([], [])
    for photo in photos:
        picture, mask = coco.image(photo), coco.mask(photo)
        side = min(mask.shape)
        near = cv2.dilate(mask.astype(np.uint8), np.ones((round(NEAR * side) | 1,) * 2, np.uint8)) > 0
        close = cv2.dilate(mask.astype(np.uint8), np.ones((2 * round(APART * side) + 1,) * 2, np.uint8)) > 0
        for kept, where in zip(found, (mask, near & ~close), strict=True):
            square = _largest(picture, where)
            if square is not None:
                kept.append(Exemplar(pixels=_reflecting(square, picture), metres=PICTURE_M / max(mask.shape)))
    rust, around = (sorted(kept, key=lambda one: -len(one.pixels))[:KEPT] for kept in found)
    return rust, around


def _largest(picture: NDArray[np.uint8], where: Mask) -> NDArray[np.uint8] | None:
    """Return the largest square of a picture that lies within a mask, None where it is small, too dark or glaring."""
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
    """Return a square without the slow changes of its light, as bright as the surface it is taken for."""
    light = linear(square)
    luminance = (light @ LUMINANCE).astype(np.float32)
    slow = cv2.GaussianBlur(luminance, (0, 0), len(square) / 4, borderType=cv2.BORDER_REFLECT) + 1e-3
    middle = float(np.mean(linear(picture) @ LUMINANCE)) + 0.01
    surface = np.clip(light * (luminance.mean() / slow)[..., None] * (REFLECTANCE / middle), 0, 0.9)
    encoded = np.where(surface <= 0.0031308, 12.92 * surface, 1.055 * surface ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * encoded), np.uint8)


def quilt(exemplar: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Weave a tile (TILE, TILE, 3) that repeats without a seam from an exemplar (S, S, 3) of at least `LEAST_SIDE`."""
    source = exemplar.astype(np.float32)
    step = PATCH - OVERLAP
    tile, laid = np.zeros((TILE, TILE, 3), np.float32), np.zeros((TILE, TILE), np.float32)
    for top in range(0, TILE, step):
        for left in range(0, TILE, step):
            rows, columns = (np.arange(first, first + PATCH) % TILE for first in (top, left))
            place = np.ix_(rows, columns)
            there, known = tile[place], laid[place]
            patch = _agreeing(source, there, known, rng)
            share = _joined(there, patch, known)[..., None]
            tile[place] = share * patch + (1 - share) * there
            laid[place] = 1.0
    return np.asarray(np.round(tile.clip(0, 255)), np.uint8)


def _agreeing(source: Patch, there: Patch, known: NDArray[np.float32], rng: np.random.Generator) -> Patch:
    """Return a patch of the source that agrees with what is known where one is to lie."""
    if not known.any():
        row, column = (int(rng.integers(side - PATCH + 1)) for side in source.shape[:2])
    else:
        weight = np.repeat(known[..., None], 3, axis=2)
        unlike = cv2.matchTemplate(source, there, cv2.TM_SQDIFF, mask=weight)
        best = np.argsort(unlike, axis=None, kind="stable")[:CANDIDATES]
        row, column = (int(each) for each in np.unravel_index(int(rng.choice(best)), unlike.shape))
    return source[row : row + PATCH, column : column + PATCH]


def _joined(there: Patch, patch: Patch, known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return where a patch shows (1) and what was there (0), with a cut along each side at which something was."""
    apart = ((there - patch) ** 2).sum(axis=2)
    share = np.ones((PATCH, PATCH), np.float32)
    for turn in range(4):  # each side in turn is the left one
        turned, seen = np.rot90(apart, turn), np.rot90(known, turn)
        if seen[PATCH // 2, 0] > 0:
            side = np.ones((PATCH, PATCH), np.float32)
            side[:, :OVERLAP] = _beyond(_cut(turned[:, :OVERLAP]))
            share = np.minimum(share, np.rot90(side, -turn))
    share = np.where(known > 0, share, 1.0)
    return np.asarray(cv2.GaussianBlur(share, (0, 0), 0.7) * known + (1 - known), np.float32)


def _cut(cost: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the column, row by row, of the path down a strip (n, w) that costs least."""
    total = cost.astype(np.float64).copy()
    for row in range(1, len(total)):
        before = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += np.minimum(np.minimum(before[:-2], before[1:-1]), before[2:])
    path = np.empty(len(total), np.intp)
    path[-1] = total[-1].argmin()
    for row in range(len(total) - 2, -1, -1):
        first = max(0, path[row + 1] - 1)
        path[row] = first + total[row, first : path[row + 1] + 2].argmin()
    return path


def _beyond(path: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return a strip (n, OVERLAP) that is 1 from the path on."""
    return np.asarray(np.arange(OVERLAP) >= path[:, None], np.float32)
