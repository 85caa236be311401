"""The photographs that a fit is given, and what is measured on them directly."""

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
FEWEST_TELLING = 5  # of these, that show enough rust and enough else
TEST, MASKS = "test", "masks"
MOST_UNLABELLED = 300  # that are looked at, evenly spaced over what is given
MOST_PAINTS = 8
REFLECTANCE = 0.3  # mean of what a picture shows, by which its colours are taken for those of surfaces
_DIGITS, _GLOW = 5, 40  # of a stamp: strokes in a row, and red over blue, of 255


@dataclass(frozen=True, kw_only=True, eq=False)
class Photographs:
    """Photographs with labels (`photos`, at their own size), others without, and what was measured on the former.

    `jpeg_quality` holds those of the photographs that are JPEG files of the usual tables; `markers` and `stamps` the
    shares that show a fiducial marker, and a date in glowing digits.
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
    folder : a COCO dataset.
    unlabelled : a folder of pictures; labels of any kind are not read.
    classes : names of the categories that count as corrosion; None for all.
    split : file of a split, of which the photographs that train are looked at; None for all.

    Raises
    ------
    InputError
        It is not a dataset, the split is of others, a picture is damaged, `unlabelled` has none, or as of `look`.
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
    names : of the photographs to look at; None for all but those in the dataset's own folder ``test``.

    Raises
    ------
    InputError
        Fewer than `FEWEST` photographs have labels, or show enough of their rust, or all show one spot by the table
        beside them; or as of `pictures_in`.
    """
    given = [photo for photo in data.photos if (photo.split != TEST if names is None else photo.file_name in names)]
    marked = [photo for photo in given if photo.annotations]
    if len(marked) < FEWEST:
        raise InputError(
            f"{data.folder}: {len(marked)} of {len(given)} photos have labels; a fit needs at least {FEWEST}"
        )
    spots = groups.beside(data) or {}
    if len({spots.get(photo.file_name, photo.file_name) for photo in marked}) == 1:
        raise InputError(f"{data.folder}: its labelled photos all show one spot by {groups.SPOTS}; give more places")
    shots, shares, qualities, markers, stamps = [], [], [], 0, 0
    for photo in marked:
        picture, mask = coco.image(photo), coco.mask(photo)
        shots.append(appearance.squeezed(picture, mask))
        shares.append(float(mask.mean()))
        qualities += quality(photo.path)
        markers += has_marker(picture)
        stamps += has_stamp(picture)
    if (telling := sum(appearance.about(shot) is not None for shot in shots)) < FEWEST_TELLING:
        raise InputError(
            f"{data.folder}: at {appearance.SIDE} pixels only {telling} of {len(shots)} labelled photos show enough "
            f"rust and enough else beside it; a fit needs {FEWEST_TELLING}: give closer or wider views"
        )
    bare = [photo for photo in given if not photo.annotations]
    others = [appearance.squeezed(coco.image(photo), None) for photo in coco.evenly(bare, MOST_UNLABELLED)]
    digests = [data.digest, digest([photo.file_name for photo in given])]
    if unlabelled is not None:
        known = {photo.sha256 for photo in given}
        for path in coco.evenly(pictures_in(unlabelled), MOST_UNLABELLED):
            content = hashlib.sha256(read_bytes(path)).hexdigest()[:16]  # as `Photo.sha256` has it
            if content not in known:
                others.append(appearance.squeezed(coco.decoded(path), None))
                digests.append(content)
    return Photographs(
        photos=tuple(marked), labelled=tuple(shots), unlabelled=tuple(others), shares=tuple(shares),
        paints=paints(shots),
        jpeg_quality=tuple(qualities), markers=markers / len(marked), stamps=stamps / len(marked),
        digest=digest(digests),
    )  # fmt: skip


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in a folder and all below it but `MASKS`, by name.

    Raises
    ------
    InputError
        There is no such folder, or none in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    suffixes = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
    found = sorted(
        path
        for path in below(folder)
        if path.suffix.lower() in suffixes and path.is_file() and path.parent.name != MASKS
    )
    if not found:
        raise InputError(f"{folder}: no pictures ({', '.join(suffixes)})")
    return found


def paints(shots: Sequence[Shot]) -> tuple[Color, ...]:
    """Return colours of what is around the rust, linear RGB: the middles of clusters of the photographs' medians.

    Each photograph is scaled so that what it shows reflects `REFLECTANCE` on average.
    """
    seen = []
    for shot in shots:
        ring = appearance.regions_of(shot)[2] > 0
        if ring.sum() < appearance.FEWEST:
            continue
        light = linear(shot.picture)
        middle = float(np.mean(light @ LUMINANCE)) + 0.01
        seen.append(np.median(light[ring], axis=0) * REFLECTANCE / middle)
    if not seen:
        return ()
    logs = np.log(np.clip(np.array(seen), 0.02, 0.85))
    count = max(1, min(MOST_PAINTS, len(logs) // 2))
    centres, _ = kmeans2(logs, count, minit="++", seed=0)
    red, green, blue = np.exp(centres[np.isfinite(centres).all(axis=1)]).astype(float).round(3).T.tolist()
    return tuple(zip(red, green, blue, strict=True))


# The table of luminance of the JPEG standard (ITU-T T.81, annex K), which libraries scale by quality.
_STANDARD_MEAN = 57.625


def quality(path: Path) -> list[int]:
    """Return the quality of a JPEG file in a list, by the mean of its table of luminance; of other files an empty one.

    As the library of the Independent JPEG Group scales the table: by 50 / quality below 50, else 2 - quality / 50.
    """
    with open_file(path) as stream, Image.open(stream) as picture:
        tables: Mapping[int, Sequence[int]] = getattr(picture, "quantization", None) or {}
    if 0 not in tables:
        return []
    scale = float(np.mean(tables[0])) / _STANDARD_MEAN
    found = 50 / scale if scale > 1 else 50 * (2 - scale)
    return [int(np.clip(round(found), 1, 100))]


def has_marker(picture: NDArray[np.uint8]) -> bool:
    """Return whether a picture shows an ArUco marker of the usual dictionaries."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    for name in ("DICT_4X4_50", "DICT_5X5_50", "DICT_6X6_50", "DICT_ARUCO_ORIGINAL"):
        chosen = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
        _, ids, _ = cv2.aruco.ArucoDetector(chosen).detectMarkers(gray)
        if ids is not None:
            return True
    return False


def has_stamp(picture: NDArray[np.uint8]) -> bool:
    """Return whether a date of glowing digits is burnt in, near the lower or the right edge of a picture.

    Its strokes are narrow, redder than what is behind them, alike in height and in one row.
    """
    height, width = picture.shape[:2]
    side = min(height, width)
    warm = np.clip(picture[..., 0].astype(np.int16) - picture[..., 2], 0, 255).astype(np.uint8)
    kernel = np.ones((max(3, round(0.016 * side)) | 1,) * 2, np.uint8)
    narrow = cv2.morphologyEx(warm, cv2.MORPH_TOPHAT, kernel)
    glowing = ((narrow > _GLOW) & (picture[..., 0] > 120)).astype(np.uint8)
    below, beside = glowing[int(0.8 * height) :, int(0.35 * width) :], glowing[int(0.35 * height) :, int(0.8 * width) :]
    for strip in (below, np.rot90(beside, -1)):
        _, _, boxes, middles = cv2.connectedComponentsWithStats(np.ascontiguousarray(strip), connectivity=8)
        wide, tall = boxes[1:, cv2.CC_STAT_WIDTH], boxes[1:, cv2.CC_STAT_HEIGHT]
        strokes = (tall > 0.014 * side) & (tall < 0.05 * side) & (wide < 0.06 * side)
        columns, rows = middles[1:][strokes].T
        for row in rows:
            same = np.abs(rows - row) < 0.008 * side
            if same.sum() >= _DIGITS and 0.08 * side < np.ptp(columns[same]) < 0.32 * side:
                return True
    return False
