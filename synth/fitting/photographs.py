"""Photographs of a fit, and what is measured on them directly."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.cluster.vq import kmeans2

from corrotwin.segmentation.data import coco, groups, splits
from corrotwin.synth.fitting import appearance
from corrotwin.synth.fitting.appearance import Shot
from corrotwin.synth.spec import Color
from corrotwin.synth.textures.picture_files import LUMINANCE, linear
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import below, digest, open_file, read_bytes

FEWEST = 10  # photographs with labels
FEWEST_TELLING = 5  # of these, with enough pixels of rust and of its surroundings
TEST, MASKS = "test", "masks"
MOST_UNLABELLED = 300  # read from each source, evenly spaced
MOST_PAINTS = 8
REFLECTANCE = 0.3  # assumed mean of what a picture shows, which scales its colours to those of surfaces
_DIGITS, _GLOW = 5, 40  # least of a stamp: strokes in a row, and red minus blue, of 255


@dataclass(frozen=True, kw_only=True, eq=False)
class Photographs:
    """Photographs with labels (`photos`, in their own size), others without, and measurements of those with labels.

    `shares` are the shares of rust, and `jpeg_quality` the qualities of the photographs that are JPEG files. `markers`
    and `stamps` are the shares of photographs that show a fiducial marker, and a date in glowing digits.
    """

    photos: tuple[coco.Photo, ...]
    labelled: tuple[Shot, ...]
    unlabelled: tuple[Shot, ...]
    shares: tuple[float, ...]
    paints: tuple[Color, ...]
    jpeg_quality: tuple[int, ...]
    markers: float
    stamps: float
    digest: str


def read(
    folder: Path,
    unlabelled: Path | None = None,
    classes: tuple[str, ...] | None = None,
    split: Path | None = None,
) -> Photographs:
    """Read the photographs of a fit.

    Parameters
    ----------
    folder : folder of a COCO dataset.
    unlabelled : folder of further pictures; labels in it are not read.
    classes : names of the categories that count as corrosion; None for all.
    split : file of a split, of which only the training photographs are read; None: as in `look`.

    Raises
    ------
    InputError
        `folder` is not a dataset, the split is of other photographs, or a picture is damaged; or see `look`.
    """
    data = coco.read(folder, classes=classes, allow_unannotated=True)
    if split is None:
        return look(data, unlabelled)
    parts = splits.load(split)
    splits.check(parts, data)
    return look(data, unlabelled, frozenset(parts.train))


def look(data: coco.CocoDataset, unlabelled: Path | None = None, names: frozenset[str] | None = None) -> Photographs:
    """Measure the photographs of a dataset, those without labels too, and other pictures in a folder.

    Parameters
    ----------
    names : names of the photographs to measure; None for all but those in the dataset's folder ``test``.

    Raises
    ------
    InputError
        Fewer than `FEWEST` photographs have labels, fewer than `FEWEST_TELLING` show enough of their rust, or all show
        one spot according to the table beside them; or see `pictures_in`.
    """
    chosen = [photo for photo in data.photos if (photo.split != TEST if names is None else photo.file_name in names)]
    labelled_photos = [photo for photo in chosen if photo.annotations]
    if len(labelled_photos) < FEWEST:
        raise InputError(
            f"{data.folder}: {len(labelled_photos)} of {len(chosen)} photos have labels; a fit needs at least {FEWEST}"
        )
    spots = groups.beside(data) or {}
    if len({spots.get(photo.file_name, photo.file_name) for photo in labelled_photos}) == 1:
        raise InputError(
            f"{data.folder}: its labelled photos all show one spot by {groups.SPOTS}; give photos of more spots"
        )
    shots, shares, qualities, markers, stamps = [], [], [], 0, 0
    for photo in labelled_photos:
        picture, mask = coco.image(photo), coco.mask(photo)
        shots.append(appearance.squeezed(picture, mask))
        shares.append(float(mask.mean()))
        qualities += quality(photo.path)
        markers += has_marker(picture)
        stamps += has_stamp(picture)
    if (measurable := sum(appearance.about(shot) is not None for shot in shots)) < FEWEST_TELLING:
        raise InputError(
            f"{data.folder}: at {appearance.SIDE} pixels only {measurable} of {len(shots)} labelled photos show enough "
            f"rust and enough of its surroundings; a fit needs {FEWEST_TELLING}: give closer or wider views"
        )
    unlabelled_photos = [photo for photo in chosen if not photo.annotations]
    others = [appearance.squeezed(coco.image(photo), None) for photo in coco.evenly(unlabelled_photos, MOST_UNLABELLED)]
    digests = [data.digest, digest([photo.file_name for photo in chosen])]
    if unlabelled is not None:
        known = {photo.sha256 for photo in chosen}
        for path in coco.evenly(pictures_in(unlabelled), MOST_UNLABELLED):
            content = hashlib.sha256(read_bytes(path)).hexdigest()[:16]  # as in `Photo.sha256`
            if content not in known:
                others.append(appearance.squeezed(coco.decoded(path), None))
                digests.append(content)
    return Photographs(
        photos=tuple(labelled_photos), labelled=tuple(shots), unlabelled=tuple(others), shares=tuple(shares),
        paints=paints(shots),
        jpeg_quality=tuple(qualities), markers=markers / len(labelled_photos), stamps=stamps / len(labelled_photos),
        digest=digest(digests),
    )  # fmt: skip


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in a folder and all folders below it, except those called `MASKS`, sorted by path.

    Raises
    ------
    InputError
        There is no such folder, or it has no pictures.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    suffixes = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
    pictures = sorted(
        path
        for path in below(folder)
        if path.suffix.lower() in suffixes and path.is_file() and path.parent.name != MASKS
    )
    if not pictures:
        raise InputError(f"{folder}: no pictures ({', '.join(suffixes)})")
    return pictures


def paints(shots: Sequence[Shot]) -> tuple[Color, ...]:
    """Return the colours of the surroundings of rust, linear RGB: cluster centres of the photographs' median colours.

    Each photograph is scaled to a mean reflectance of `REFLECTANCE`.
    """
    colors = []
    for shot in shots:
        ring = appearance.regions_of(shot)[2] > 0
        if ring.sum() < appearance.FEWEST:
            continue
        light = linear(shot.picture)
        mean_light = float(np.mean(light @ LUMINANCE)) + 0.01
        colors.append(np.median(light[ring], axis=0) * REFLECTANCE / mean_light)
    if not colors:
        return ()
    logs = np.log(np.clip(np.array(colors), 0.02, 0.85))
    count = max(1, min(MOST_PAINTS, len(logs) // 2))
    centres, _ = kmeans2(logs, count, minit="++", seed=0)
    red, green, blue = np.exp(centres[np.isfinite(centres).all(axis=1)]).astype(float).round(3).T.tolist()
    return tuple(zip(red, green, blue, strict=True))


# Mean of the luminance table of the JPEG standard (ITU-T T.81, annex K), which libraries scale by quality.
_STANDARD_MEAN = 57.625


def quality(path: Path) -> list[int]:
    """Return the quality of a JPEG file in a list, from the mean of its luminance table; an empty list for other files.

    The library of the Independent JPEG Group scales the table by 50 / quality below 50, else by 2 - quality / 50.
    """
    with open_file(path) as stream, Image.open(stream) as picture:
        tables: Mapping[int, Sequence[int]] = getattr(picture, "quantization", None) or {}
    if 0 not in tables:
        return []
    scale = float(np.mean(tables[0])) / _STANDARD_MEAN
    value = 50 / scale if scale > 1 else 50 * (2 - scale)
    return [int(np.clip(round(value), 1, 100))]


def has_marker(picture: NDArray[np.uint8]) -> bool:
    """Return whether a picture (H, W, 3) shows an ArUco marker of the usual dictionaries."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    for name in ("DICT_4X4_50", "DICT_5X5_50", "DICT_6X6_50", "DICT_ARUCO_ORIGINAL"):
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
        _, ids, _ = cv2.aruco.ArucoDetector(dictionary).detectMarkers(gray)
        if ids is not None:
            return True
    return False


def has_stamp(picture: NDArray[np.uint8]) -> bool:
    """Return whether a date in glowing digits is burnt in near the lower or the right edge of a picture (H, W, 3).

    The strokes of such digits are narrow, redder than their background, of similar height, and in one row.
    """
    height, width = picture.shape[:2]
    side = min(height, width)
    warm = np.clip(picture[..., 0].astype(np.int16) - picture[..., 2], 0, 255).astype(np.uint8)
    kernel = np.ones((max(3, round(0.016 * side)) | 1,) * 2, np.uint8)
    narrow = cv2.morphologyEx(warm, cv2.MORPH_TOPHAT, kernel)
    glowing = ((narrow > _GLOW) & (picture[..., 0] > 120)).astype(np.uint8)
    below, beside = glowing[int(0.8 * height) :, int(0.35 * width) :], glowing[int(0.35 * height) :, int(0.8 * width) :]
    for strip in (below, np.rot90(beside, -1)):
        _, _, boxes, centres = cv2.connectedComponentsWithStats(np.ascontiguousarray(strip), connectivity=8)
        wide, tall = boxes[1:, cv2.CC_STAT_WIDTH], boxes[1:, cv2.CC_STAT_HEIGHT]
        strokes = (tall > 0.014 * side) & (tall < 0.05 * side) & (wide < 0.06 * side)
        columns, rows = centres[1:][strokes].T
        for row in rows:
            in_row = np.abs(rows - row) < 0.008 * side
            if in_row.sum() >= _DIGITS and 0.08 * side < np.ptp(columns[in_row]) < 0.32 * side:
                return True
    return False
