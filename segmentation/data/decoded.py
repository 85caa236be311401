"""Photos and masks, decoded once into memory-mapped arrays that all runs share."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco
from corrotwin.twin.core.files import atomic_file, checked, remove_left, writing
from corrotwin.twin.core.locks import one_at_a_time

_RECIPE = 3  # increase when decoding changes, so that old caches are not used


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrays:
    """A dataset at working size s: `images` (n, s, s, 3) uint8 RGB, `masks` (n, s, s) uint8 0 or 1, `row` by name."""

    images: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.uint8]
    row: Mapping[str, int]

    def rows(self, names: Sequence[str]) -> npt.NDArray[np.intp]:
        """Return the row numbers of the named photos."""
        return np.array([self.row[name] for name in names], dtype=np.intp)


@dataclass(frozen=True, kw_only=True, eq=False)
class Natives:
    """A dataset at its original scale: the pixels of all photos, concatenated, with row numbers by name.

    `pixels` is (total, 3) uint8 RGB, `truth` (total,) uint8 0 or 1, `shapes` (n, 2) heights and widths.
    """

    pixels: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    shapes: npt.NDArray[np.int64]
    row: Mapping[str, int]

    def rows(self, names: Sequence[str]) -> npt.NDArray[np.intp]:
        """Return the row numbers of the named photos."""
        return np.array([self.row[name] for name in names], dtype=np.intp)

    @cached_property
    def _first(self) -> npt.NDArray[np.int64]:
        """Index of the first pixel of each photo, (n,)."""
        areas: npt.NDArray[np.int64] = self.shapes.prod(axis=1)
        return np.cumsum(areas) - areas

    def photo(self, row: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Return one photo and its mask, (h, w, 3) and (h, w) uint8."""
        start = int(self._first[row])
        height, width = (int(side) for side in self.shapes[row])
        part = slice(start, start + height * width)
        return self.pixels[part].reshape(height, width, 3), self.truth[part].reshape(height, width)


def arrays(dataset: coco.CocoDataset, size: int, *, cache: Path) -> Arrays:
    """Return the photos of a dataset resized to squares of `size` pixels, read from `cache` or decoded into it.

    The cache is keyed by the dataset's content, so a changed source is decoded again. Its files appear complete or not
    at all; if several processes need them at once, one decodes and the others wait.

    Raises
    ------
    InputError
        An image cannot be decoded, or the cache cannot be written.
    """
    count = len(dataset.photos)
    images, masks = _cached(
        dataset,
        cache,
        name=str(size),
        shapes=((count, size, size, 3), (count, size, size)),
        change=lambda image, mask: (resize_image(image, size), resize_mask(mask, (size, size))),
    )
    return Arrays(images=images, masks=masks, row=_row(dataset))


def natives(dataset: coco.CocoDataset, *, cache: Path) -> Natives:
    """Return the photos of a dataset at their original scale, read from `cache` or decoded into it, as `arrays` does.

    Raises
    ------
    InputError
        See `arrays`.
    """
    shapes = np.array([(photo.height, photo.width) for photo in dataset.photos], dtype=np.int64)
    total = int(shapes.prod(axis=1).sum())
    pixels, truth = _cached(
        dataset,
        cache,
        name="native",
        shapes=((total, 3), (total,)),
        change=lambda image, mask: (image, mask.astype(np.uint8)),
    )
    return Natives(pixels=pixels, truth=truth, shapes=shapes, row=_row(dataset))


def _row(dataset: coco.CocoDataset) -> dict[str, int]:
    return {photo.file_name: row for row, photo in enumerate(dataset.photos)}


_Change = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.bool_]], tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]


def _cached(
    dataset: coco.CocoDataset, cache: Path, *, name: str, shapes: Sequence[tuple[int, ...]], change: _Change
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the memory-mapped images and masks of `dataset`; `change` is applied to each decoded photo and mask."""
    stem = f"{dataset.digest}-{name}-{_RECIPE}"
    images, masks = (cache / f"{stem}-{kind}.npy" for kind in ("images", "masks"))
    files = dict(zip((images, masks), shapes, strict=True))
    if not all(_is_whole(path, shape) for path, shape in files.items()):
        with writing(cache, "make room, or set CORROTWIN_CACHE elsewhere"), one_at_a_time(cache / f".{stem}.lock"):
            if not all(_is_whole(path, shape) for path, shape in files.items()):  # another process was faster
                _decode(dataset, files, change)
    return mapped(images), mapped(masks)


def mapped(path: Path) -> npt.NDArray[np.uint8]:
    """Return the array of a cache file as a memory map."""
    array: npt.NDArray[np.uint8] = np.load(checked(path, most_bytes=sys.maxsize), mmap_mode="r")
    return array


def _is_whole(path: Path, shape: tuple[int, ...]) -> bool:
    try:
        array = mapped(path)
    except (OSError, ValueError, EOFError):
        return False
    return bool(array.shape == shape and array.dtype == np.uint8)


def _decode(dataset: coco.CocoDataset, files: Mapping[Path, tuple[int, ...]], change: _Change) -> None:
    with ExitStack() as stack:
        streams: list[BinaryIO] = []
        for path, shape in files.items():
            remove_left(path)  # left by a killed process: as large as the cache
            stream = stack.enter_context(atomic_file(path))
            write_header(stream, shape)
            streams.append(stream)
        for photo in dataset.photos:
            for stream, array in zip(streams, change(coco.image(photo), coco.mask(photo)), strict=True):
                stream.write(array.tobytes())


def write_header(stream: BinaryIO, shape: tuple[int, ...]) -> None:
    """Write the ``.npy`` header of a uint8 array; its length does not depend on the first of up to 4 dimensions."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)  # type: ignore[no-untyped-call]


def resize_image(image: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Resize (h, w, 3) uint8 to a square by area interpolation, ignoring the aspect ratio, as published."""
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))


def resize_mask(mask: npt.NDArray[np.bool_], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Resize (h, w) bool to `shape` (height, width), uint8 0 or 1: each pixel takes the mask's value at its centre."""
    return np.asarray(cv2.resize(mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT))
