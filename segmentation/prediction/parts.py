"""The files of each photo in a folder of predictions: mask, overlay, and a part with its numbers and regions."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
from PIL import Image

from corrotwin.segmentation.data import image_io, png_masks
from corrotwin.segmentation.prediction.predictor import Predictor, is_long
from corrotwin.segmentation.prediction.regions import overlay, regions_of
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, read_json, remove, write_json
from corrotwin.twin.core.rust_grade import rust_grade

PARTS, MASKS, OVERLAYS = "parts", "masks", "overlays"  # folders inside the one that is written
UNWRITABLE = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)  # errors with which a system refuses a name
COLUMNS = ("photo", "width", "height", "rusted_percent", "regions", "tiles", "scale")
CONFIDENCE = "confidence"  # column that parts of earlier versions lack
DAMAGED = "damaged; delete it, and `corrotwin predict` draws that photo again"
_PNG_LEVEL = 1  # of zlib: masks are small at any level, and 12 megapixels take 60 ms instead of 160


@dataclass(frozen=True, kw_only=True)
class FramedPart:
    """A part of each photo that shows a surface and nothing else: edges as fractions of width and height."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise InputError(
                f"`frame` {self.left:g} {self.top:g} {self.right:g} {self.bottom:g}: give left, top, right and bottom, "
                "fractions of the photo from 0 to 1, left before right and top before bottom"
            )

    def cut(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return the part of a mask (h, w) inside the frame, at least one pixel."""
        height, width = mask.shape
        top, left = min(round(self.top * height), height - 1), min(round(self.left * width), width - 1)
        return mask[top : max(top + 1, round(self.bottom * height)), left : max(left + 1, round(self.right * width))]


def files_of(name: str, out: Path) -> tuple[Path, Path, Path]:
    """Return the paths of part, mask and overlay of a photo."""
    return out / PARTS / f"{name}.json", out / MASKS / f"{name}.png", out / OVERLAYS / f"{name}.jpg"


def source_of(path: Path, out: Path, name: str = "") -> str:
    """Return a path, or that of `name` inside it, relative to `out`, with bytes that are not UTF-8 escaped."""
    # `Path.resolve` fails on a link to itself; such a link is not a photo and is left out like any other.
    full = Path(os.path.realpath(path)) / name
    return os.fsencode(os.path.relpath(full, os.path.realpath(out))).decode(errors="backslashreplace")


def read(path: Path, out: Path) -> dict[str, Any]:
    """Read the part file of a photo.

    Raises
    ------
    InputError
        It is damaged.
    """
    part = read_json(path, inside=out)
    is_complete = isinstance(part, dict) and {*COLUMNS, "sha256"} <= set(part) and isinstance(part["regions"], list)
    if not is_complete or not all(isinstance(region, dict) for region in part["regions"]) or not _is_shown(part):
        raise InputError(f"{path}: {DAMAGED}")
    return dict(part)


def _is_shown(part: Mapping[str, Any]) -> bool:
    """Return whether the values of a part that the page shows are text and numbers in range."""
    shares = [value for name, value in part.items() if "_percent" in name and value is not None]
    confidence = part.get(CONFIDENCE)
    return (
        isinstance(part["photo"], str)
        and all(_is_number(value) and 0 <= value <= 100 for value in shares)
        and (confidence is None or (_is_number(confidence) and 0 <= confidence <= 1))
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def before(name: str, out: Path) -> dict[str, Any]:
    """Return the part that an earlier command wrote for the photo of this name; empty if there is none."""
    part, _, _ = files_of(name, out)
    try:
        return read(part, out) if part.exists() else {}
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        return {}


def write(predictor: Predictor, name: str, path: Path, out: Path, *, overlays: bool, frame: FramedPart | None) -> None:
    """Write mask, overlay and part of one photo, unless they exist and the photo is unchanged.

    Raises
    ------
    InputError
        The photo cannot be read, or the system refuses a file of its name in `out`.
    """
    try:
        _write(predictor, name, path, out, overlays, frame)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise InputError(
            f"{path}: {out} cannot hold a file of this name ({error.strerror}); rename the photo"
        ) from error


def _write(predictor: Predictor, name: str, path: Path, out: Path, overlays: bool, frame: FramedPart | None) -> None:
    file_name = Path(name).with_name(path.name).as_posix()
    png_masks.check_text(file_name, path)
    (width, height), content = image_io.header(path)
    part_path, mask_path, overlay_path = files_of(name, out)
    all_exist = part_path.exists() and mask_path.exists() and (overlay_path.exists() or not overlays)
    if all_exist and (earlier := read(part_path, out))["sha256"] == content:
        if earlier.get("source") != source_of(path, out):  # the photo was moved
            write_json(part_path, {**earlier, "source": source_of(path, out)})
        return
    image = image_io.decoded(path)
    try:
        probability, tiles = predictor.probability(image)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    mask = probability > predictor.threshold
    write_image(mask_path, np.where(mask, np.uint8(255), np.uint8(0)), "PNG")
    if overlays:
        write_image(overlay_path, overlay(image, mask), "JPEG")
    else:
        remove(overlay_path, missing_ok=True)  # drawn before the photo changed
    regions = list(regions_of(mask))
    write_json(
        part_path,
        {
            "photo": file_name, "source": source_of(path, out),
            "sha256": content, "width": width, "height": height, **numbers(predictor, mask, frame, tiles),
            CONFIDENCE: round(confidence(probability, mask), 4), "regions": regions, "tiles": tiles,
            "scale": predictor.scale if predictor.keeps_scale else None,
        },
    )  # fmt: skip


def columns(predictor: Predictor, frame: FramedPart | None) -> tuple[str, ...]:
    """Return the columns of the table of all photos."""
    extra = tuple(name for name in numbers(predictor, np.zeros((1, 1), np.bool_), frame, 0) if name not in COLUMNS)
    after = COLUMNS.index("rusted_percent") + 1
    return (*COLUMNS[:after], *extra, CONFIDENCE, *COLUMNS[after:])


def numbers(
    predictor: Predictor, mask: npt.NDArray[np.bool_], frame: FramedPart | None, tiles: int
) -> Mapping[str, float | str | None]:
    """Return the numbers of a mask: shares of corrosion in percent with their intervals, and degrees of rusting.

    The degree of rusting of a frame follows from its share by ISO 4628-3; the share counts pixels, near or far. The
    ends of the interval get degrees, too. A photo that is long or was cut into tiles has no interval, since none was
    measured on such photos.
    """
    result: dict[str, float | str | None] = {}
    measured, is_unlike = predictor.measured, tiles > 0 or is_long(*mask.shape)
    tables = (None, None) if measured is None else (measured.share, measured.frame)
    areas = (("rusted", mask, tables[0]), ("frame", None if frame is None else frame.cut(mask), tables[1]))
    for name, area, table in areas:
        if area is None:
            continue
        share = float(area.mean())
        ends: dict[str, float | None] = {"": share}
        if table is not None:
            ends["_low"], ends["_high"] = (None, None) if is_unlike else table.interval(share)
        result |= {
            f"{name}_percent{end}": None if value is None else round(100 * value, 4) for end, value in ends.items()
        }
        if area is not mask:
            result |= {
                f"iso_4628_3{end}": None if value is None else rust_grade(100 * value) for end, value in ends.items()
            }
    return result


def confidence(probability: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]) -> float:
    """Return how sure a network is of a mask, from 0 to 1: near the F1 that its probabilities imply.

    Networks are overconfident, so this number sorts photos and does not score them. If the mask is empty, it is 1 minus
    the greatest probability in the photo.

    Parameters
    ----------
    probability : probability of corrosion, (h, w).
    mask : pixels that are called corrosion, (h, w).

    References
    ----------
    B. L. C. Borges, B. M. Pacheco, D. Silva, Soft Dice Confidence, 2024, arXiv:2402.10665.
    """
    if not mask.any():
        return float(1 - probability.max())
    inside = float(probability[mask].sum(dtype=np.float64))
    return min(1.0, 2 * inside / (float(probability.sum(dtype=np.float64)) + float(mask.sum())))


def write_image(path: Path, pixels: npt.NDArray[np.uint8], kind: str) -> None:
    """Write an image file."""
    with atomic_file(path) as stream:
        Image.fromarray(pixels).save(stream, kind, quality=90, compress_level=_PNG_LEVEL)
