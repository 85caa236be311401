"""Datasets with photos in ``images/`` and PNG masks of the same names in ``masks/``, read as if from a COCO json."""

from pathlib import Path
from typing import Any

from corrotwin.segmentation.data import photo_files
from corrotwin.segmentation.data.coco_check import Document
from corrotwin.segmentation.data.coco_write import region
from corrotwin.segmentation.data.image_io import decoded_mask
from corrotwin.twin.core.errors import InputError

IMAGES, MASKS = "images", "masks"
CLASS = "corrosion"

_FAULTS = {
    photo_files.OTHER_KIND: "its image format is not read; convert it to PNG",
    photo_files.OTHER_ENDING: "is a picture with an unusual file extension; rename it",
    photo_files.NO_FILE: "is a special file, such as a device or pipe; replace or remove it",
}


def holds(folder: Path) -> bool:
    """Return True if `folder` has both ``images/`` and ``masks/``."""
    return (folder / IMAGES).is_dir() and (folder / MASKS).is_dir()


def document(folder: Path, *, inside: Path) -> Document:
    """Return a COCO document of `folder`: images with the sizes of their masks, one annotation per non-empty mask.

    `inside` is the folder of the dataset: masks that are links leading out of it are refused.

    Raises
    ------
    InputError
        An image or a mask has no partner, two images share one, or a mask is unusable (`image_io.decoded_mask`).
    """
    images, masks = _by_stem(folder / IMAGES), _by_stem(folder / MASKS)
    for stem, image in images.items():
        if stem not in masks:
            expected = folder / MASKS / f"{stem}.png"
            raise InputError(f"{image}: has no mask {expected}; add one (all 0 where there is no corrosion)")
    entries: dict[int, dict[str, Any]] = {}
    annotations: dict[int, dict[str, Any]] = {}
    for key, (stem, path) in enumerate(masks.items()):
        if stem not in images:
            raise InputError(f"{path}: has no image of the same name in {folder / IMAGES}; add it or remove the mask")
        mask = decoded_mask(path, inside=inside)
        height, width = mask.shape
        entries[key] = {"id": key, "file_name": f"{IMAGES}/{images[stem].name}", "width": width, "height": height}
        if mask.any():
            annotations[key] = {"id": key, "image_id": key, "category_id": 1, "iscrowd": 0, **region(mask)}
    return Document(images=entries, annotations=annotations, categories={1: {"id": 1, "name": CLASS}})


def _by_stem(folder: Path) -> dict[str, Path]:
    """Return the pictures of `folder`, except hidden ones, by name without suffix, sorted."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; photos are in {IMAGES}, their masks beside it in {MASKS}")
    table: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        check_text(path.name, folder)
        if path.is_dir():
            raise InputError(f"{path}: a folder among the files; move its files up or remove it")
        fault = photo_files.judge(path)
        if fault is photo_files.NO_PICTURE:  # a note, or a file that the system keeps in each folder
            continue
        if fault is not None:
            raise InputError(f"{path}: {_FAULTS.get(fault, _FAULTS[photo_files.NO_FILE])}")
        if path.stem in table:
            raise InputError(
                f"{path}: has the same name as {table[path.stem].name}, extension aside; rename one of the two"
            )
        table[path.stem] = path
    return table


def check_text(name: str, source: Path) -> None:
    """Raise InputError for a file name that is not UTF-8 (it would hold surrogates, which no table can store)."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{source}: file name {name!r} is not UTF-8; rename the file") from error
