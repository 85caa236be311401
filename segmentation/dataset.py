"""Photos and masks decoded once, at the working size, into memory-mapped arrays that all runs share."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt

from segmentation import coco
from twin.files import InputError, atomic_file

_RECIPE = 1  # raise when the way from file to array changes, so that old caches are not used


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """A dataset at working size s: `images` (n, s, s, 3) uint8 RGB, `masks` (n, s, s) uint8 0 or 1, rows by name."""

    images: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.uint8]
    row: Mapping[str, int]

    def rows(self, names: Sequence[str]) -> npt.NDArray[np.intp]:
        """The rows of the named photos."""
        return np.array([self.row[name] for name in names], dtype=np.intp)


def cache_folder() -> Path:
    """Where decoded datasets are kept: the environment variable CORROTWIN_CACHE, else ``~/.cache/corrotwin``."""
    return Path(os.environ.get("CORROTWIN_CACHE") or "~/.cache/corrotwin").expanduser()


def arrays(dataset: coco.Dataset, size: int, *, cache: Path) -> Arrays:
    """The photos of a dataset, resized to a square of `size` pixels, read from `cache` or decoded into it.

    The cache is keyed by the dataset's content, so a changed source is decoded anew. Its files appear whole or not at
    all; two processes that decode at once write the same bytes, and the later rename wins.

    Raises
    ------
    InputError
        An image cannot be decoded, or the cache cannot be written.
    """
    count = len(dataset.photos)
    stem = f"{dataset.digest}-{size}-{_RECIPE}"
    images, masks = cache / f"{stem}-images.npy", cache / f"{stem}-masks.npy"
    shapes = {images: (count, size, size, 3), masks: (count, size, size)}
    if not all(_is_whole(path, shape) for path, shape in shapes.items()):
        try:
            _decode(dataset, size, shapes)
        except OSError as error:
            raise InputError(f"{cache}: cannot be written ({error.strerror}); set CORROTWIN_CACHE elsewhere") from error
    return Arrays(
        images=np.load(images, mmap_mode="r"),
        masks=np.load(masks, mmap_mode="r"),
        row={photo.file_name: row for row, photo in enumerate(dataset.photos)},
    )


def _is_whole(path: Path, shape: tuple[int, ...]) -> bool:
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return bool(array.shape == shape and array.dtype == np.uint8)


def _decode(dataset: coco.Dataset, size: int, shapes: Mapping[Path, tuple[int, ...]]) -> None:
    with ExitStack() as stack:
        streams: list[BinaryIO] = []
        for path, shape in shapes.items():
            stream = stack.enter_context(atomic_file(path))
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)  # type: ignore[no-untyped-call]
            streams.append(stream)
        for photo in dataset.photos:
            streams[0].write(resize_image(coco.image(photo), size).tobytes())
            streams[1].write(resize_mask(coco.mask(photo), (size, size)).tobytes())


def resize_image(image: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Resize (h, w, 3) uint8 to a square by area interpolation, without regard to proportions, as published."""
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))


def resize_mask(mask: npt.NDArray[np.bool_], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Resize (h, w) bool to `shape` (height, width) of 0 and 1: each pixel takes the mask's value at its centre."""
    return np.asarray(cv2.resize(mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT))
