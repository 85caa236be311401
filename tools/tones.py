"""Tones of labelled rust in photographs, as a guide for renders.

    .venv/bin/python -m tools.tones photos renders --split train

For each dataset: linear red over green and blue over green of labelled pixels, and their luminance over that of the
pixels around the rust; 10th, 50th and 90th percentile over pixels, as many from each picture. Then, of rust and of all
else, the mean of CIELAB's a* (green to red) and b* (blue to yellow) in a picture and their standard deviation within
it, medians over pictures. Then how rough both are: the mean difference between brightness blurred by 1.4 and by 2.8
pixels, and by 4 and 8, over that around; and how much steeper brightness changes at outlines than elsewhere: medians
with 10th and 90th percentile over pictures. Pictures are shrunk to 256 pixels first; pixels on outlines count only in
the last.

The last table, of pictures of 224 pixels, is of brightness from 0 to 255: its standard deviation within rust; that of
the detail that blurring by 2 pixels removes, more than 8 pixels from rust; and mean red over mean blue in the halo, 2
to 8 pixels from rust, and farther off: the same medians and percentiles over pictures.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import say

SIDE, EACH, FEWEST = 256, 400, 200  # pixels
SHADE_SIDE, HALO, FINE = 224, (1.5, 8.0), 2.0  # pixels
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # weights for linear sRGB (IEC 61966-2-1)
Picture = tuple[NDArray[np.uint8], NDArray[np.float32]]
BANDS = (1.4, 4.0)  # pixels
CHROMAS = ("a*, b* of rust", "spread in a picture", "of all else", "spread in a picture")
DETAILS = ("fine detail of rust", "of all else", "coarse detail of rust", "of all else", "steepness at outlines")
SHADES = ("SD of luminance of rust", "fine SD of all else", "red / blue of the halo", "of all else")
TONES = ("red / green", "blue / green", "luminance / that around")


def main() -> None:
    """Print four tables of the datasets named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a COCO dataset")
    parser.add_argument("--split", help="only the photos of this split, where a dataset has splits of its own")
    arguments = parser.parse_args()
    tables: dict[tuple[str, ...], list[str]] = {TONES: [], CHROMAS: [], DETAILS: [], SHADES: []}
    for folder in arguments.folders:
        try:
            pictures = list(_pictures(folder, arguments.split, SIDE))
            shaded = list(shades(_pictures(folder, arguments.split, SHADE_SIDE)))
        except InputError as error:
            parser.error(str(error))
        tone_values, chroma_values, roughness_values = (
            list(tones(pictures)),
            list(chromas(pictures)),
            list(roughness(pictures)),
        )
        medians = np.median(chroma_values, axis=0) if chroma_values else np.full((len(CHROMAS), 2), np.nan)
        for columns, count, cells in (
            (TONES, len(tone_values), _spans(np.concatenate(tone_values) if tone_values else None, len(TONES), ".2f")),
            (CHROMAS, len(chroma_values), [f"{a:.1f}, {b:.1f}" for a, b in medians]),
            (
                DETAILS,
                len(roughness_values),
                _spans(np.array(roughness_values) if roughness_values else None, len(DETAILS), ".3f"),
            ),
            (SHADES, len(shaded), _spans(np.array(shaded) if shaded else None, len(SHADES), ".2f")),
        ):
            tables[columns].append(f"| {folder.name} | {count} | {' | '.join(cells)} |")
    pages = (
        [f"| dataset | pictures | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|", *rows]
        for columns, rows in tables.items()
    )
    say("\n\n".join(map("\n".join, pages)))


def _spans(values: NDArray[np.float64] | None, columns: int, digits: str) -> list[str]:
    """Return the median with 10th and 90th percentile of each column of (n, columns); NaN if nothing was measured."""
    shares = np.full((3, columns), np.nan) if values is None else np.percentile(values, (10, 50, 90), axis=0)
    return [f"{middle:{digits}} ({low:{digits}} to {high:{digits}})" for low, middle, high in shares.T]


def tones(pictures: Sequence[Picture]) -> Iterator[NDArray[np.float64]]:
    """Yield `TONES` (n, 3) of `EACH` pixels of every picture with enough rust and enough around it."""
    rng = np.random.default_rng(0)
    for picture, share in pictures:
        inside = share > 0.95
        ring = (cv2.dilate(share, np.ones((41, 41))) > 0.5) & (cv2.dilate(share, np.ones((7, 7))) < 0.05)
        if min(inside.sum(), ring.sum()) < FEWEST:
            continue
        encoded = picture / 255
        light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        around = float(np.median(light[ring] @ LUMINANCE))
        sampled = light[inside][rng.integers(int(inside.sum()), size=EACH)]
        red, green, blue = np.maximum(sampled, 1e-3).T
        yield np.stack([red / green, blue / green, sampled @ LUMINANCE / max(around, 0.02)], axis=1)


def chromas(pictures: Sequence[Picture]) -> Iterator[NDArray[np.float64]]:
    """Yield `CHROMAS` (4, 2), each of a* and b*, of every picture with enough rust and enough else."""
    for picture, share in pictures:
        ab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 1:].astype(np.float64)
        colors = [ab[mask] for mask in (share > 0.95, share < 0.05)]
        if min(map(len, colors)) >= FEWEST:
            yield np.array([value for color in colors for value in (color.mean(axis=0), color.std(axis=0))])


def roughness(pictures: Sequence[Picture]) -> Iterator[NDArray[np.float64]]:
    """Yield `DETAILS` (5,) of every picture with enough rust and enough else."""
    for picture, share in pictures:
        rust = share > 0.5
        masks = ndimage.binary_erosion(rust, iterations=4), ~ndimage.binary_dilation(rust, iterations=6)
        if min(mask.sum() for mask in masks) < FEWEST:
            continue
        light = picture / 255 @ LUMINANCE
        details = []
        for sigma in BANDS:
            band = ndimage.gaussian_filter(light, sigma) - ndimage.gaussian_filter(light, 2 * sigma)
            relative = np.abs(band) / (ndimage.gaussian_filter(light, 4 * sigma) + 0.05)
            details += [relative[mask].mean() for mask in masks]
        steep = ndimage.gaussian_gradient_magnitude(light, BANDS[0])
        outline = ndimage.binary_dilation(rust, iterations=2) ^ ndimage.binary_erosion(rust, iterations=2)
        yield np.array([*details, steep[outline].mean() / steep.mean()])


def shades(pictures: Iterable[Picture]) -> Iterator[NDArray[np.float64]]:
    """Yield `SHADES` (4,) of every picture with enough rust, enough of a halo around it and enough else."""
    for picture, share in pictures:
        rust = share > 0.5
        distance = ndimage.distance_transform_edt(~rust) if rust.any() else np.zeros(rust.shape)
        halo, elsewhere = (distance > HALO[0]) & (distance <= HALO[1]), distance > HALO[1]
        if min(mask.sum() for mask in (rust, halo, elsewhere)) < FEWEST:
            continue
        light = picture @ LUMINANCE
        fine = light - ndimage.gaussian_filter(light, FINE)
        warm = [picture[mask, 0].mean() / max(picture[mask, 2].mean(), 1.0) for mask in (halo, elsewhere)]
        yield np.array([light[rust].std(), fine[elsewhere].std(), *warm])


def _pictures(folder: Path, split: str | None, side: int) -> Iterator[Picture]:
    """Yield each picture (side, side, 3) with the share of each pixel that is labelled (side, side)."""
    for photo in coco.read(folder, allow_unannotated=True).photos:
        if split is None or photo.split in (split, None):
            size = (side, side)
            picture = cv2.resize(coco.image(photo), size, interpolation=cv2.INTER_AREA)
            share = cv2.resize(coco.mask(photo).astype(np.float32), size, interpolation=cv2.INTER_AREA)
            yield np.asarray(picture, dtype=np.uint8), np.asarray(share, dtype=np.float32)


if __name__ == "__main__":
    main()
