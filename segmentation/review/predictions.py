"""A folder of predictions to review: each photo with its mask, both identified by their content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco, image_io
from corrotwin.segmentation.prediction import folder, parts
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import below, digest, read_bytes, read_json, reading
from corrotwin.twin.core.locks import CLAIM
from corrotwin.twin.core.text import printable

IDENTITY = ("photo", "mask", "photo_sha256", "mask_sha256")  # what a decision states about its photo


@dataclass(frozen=True, kw_only=True)
class PredictedPhoto:
    """A photo with its mask.

    Parameters
    ----------
    name : path of the photo relative to the folder that was searched.
    mask : name of the mask without ending, unique in the folder.
    path, mask_path : the files.
    sha256, mask_sha256 : hashes of their content, the first `coco.HASH_DIGITS` hex digits.
    width, height : size of both, pixels.
    confidence : confidence of the network, 0 to 1; None if an earlier version predicted the mask.
    """

    name: str
    mask: str
    path: Path
    mask_path: Path
    sha256: str
    mask_sha256: str
    width: int
    height: int
    confidence: float | None

    @property
    def identity(self) -> dict[str, str]:
        """The names and digests of the photo and its mask, by the keys in `IDENTITY`; a decision states them."""
        values = (self.name, self.mask, self.sha256, self.mask_sha256)
        return dict(zip(IDENTITY, values, strict=True))

    def check(self) -> None:
        """Check that the photo is the one that was predicted.

        Raises
        ------
        InputError
            It is absent or has changed.
        """
        advice = "put it back, or repeat `corrotwin predict` into the same folder"
        if not self.path.is_file():
            raise InputError(f"{printable(str(self.path))}: this photo has a mask but is missing; {advice}")
        if image_io.header(self.path)[1][: coco.HASH_DIGITS] != self.sha256:
            raise InputError(f"{printable(str(self.path))}: has changed since its mask was drawn; {advice}")

    def read_mask(self, masks: Path) -> npt.NDArray[np.bool_]:
        """Return the mask (height, width); `masks` is the folder of predictions.

        Raises
        ------
        InputError
            It is damaged or not of the photo's size.
        """
        mask = image_io.decoded_mask(self.mask_path, inside=masks)
        if mask.shape != (self.height, self.width):
            raise InputError(
                f"{self.mask_path}: {mask.shape[1]}x{mask.shape[0]} pixels, its photo {self.width}x{self.height}; "
                "delete it, and `corrotwin predict` draws it again"
            )
        return mask


@dataclass(frozen=True, kw_only=True)
class PredictedFolder:
    """A folder of predictions: `source` is the digest of model and settings; `photos` are in order of mask names."""

    folder: Path
    source: str
    photos: tuple[PredictedPhoto, ...]

    def check(self) -> None:
        """Check that the photos are those that were predicted; see `PredictedPhoto.check`."""
        for photo in self.photos:
            photo.check()


def read(masks: Path) -> PredictedFolder:
    """Read a folder that `corrotwin predict` wrote.

    Raises
    ------
    InputError
        The folder holds no predictions, has no masks yet, or holds a damaged file.
    """
    if not masks.is_dir():
        raise InputError(f"{masks}: no such folder; give the one that `corrotwin predict` wrote")
    claim = read_json(masks / CLAIM, inside=masks) if (masks / CLAIM).is_file() else None
    if not isinstance(claim, dict) or claim.get("kind") != folder.KIND:
        raise InputError(f"{masks}: no folder of predictions; give the one that `corrotwin predict` wrote")
    files = sorted(path for path in below(masks / parts.PARTS) if path.suffix == ".json")
    if not files:
        raise InputError(f"{masks}: has no masks yet; repeat `corrotwin predict`")
    names = (path.relative_to(masks / parts.PARTS).with_suffix("").as_posix() for path in files)
    photos = tuple(_photo(name, parts.read(path, masks), masks) for name, path in zip(names, files, strict=True))
    return PredictedFolder(folder=masks, source=digest(claim), photos=photos)


def _photo(name: str, part: dict[str, Any], masks: Path) -> PredictedPhoto:
    part_path, mask_path, _ = parts.files_of(name, masks)
    texts, sides = [part.get("source"), part["sha256"]], [part["width"], part["height"]]
    if not all(isinstance(text, str) and text and "\0" not in text for text in texts) or not all(
        type(side) is int and side > 0 for side in sides
    ):
        raise InputError(f"{part_path}: {parts.DAMAGED}")
    with reading(mask_path, advice="repeat `corrotwin predict`, which draws it again"):
        content = read_bytes(mask_path, inside=masks)
    return PredictedPhoto(
        name=part["photo"], mask=name, path=masks / part["source"], mask_path=mask_path,
        sha256=part["sha256"][: coco.HASH_DIGITS],
        mask_sha256=hashlib.sha256(content).hexdigest()[: coco.HASH_DIGITS], width=part["width"], height=part["height"],
        confidence=part.get(parts.CONFIDENCE),
    )  # fmt: skip
