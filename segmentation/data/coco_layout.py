"""Layouts of datasets: the files that describe one, the split of each, and where its images lie."""

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from corrotwin.segmentation.data import png_masks
from corrotwin.segmentation.data.coco_check import Document, plain_name
from corrotwin.twin.core.errors import InputError

SPLITS = ("train", "valid", "test")
ROBOFLOW_JSON = "_annotations.coco.json"
CVAT_FOLDER, CVAT_JSON = "annotations", "instances_default.json"


def sources(folder: Path) -> list[tuple[Path, str | None]]:
    """Find the json files of a COCO dataset and the split of each.

    Raises
    ------
    InputError
        There is no json file, there are several and none has an expected name, or a folder of photos has an
        unexpected one.
    """
    if named := _named_jsons(folder):
        _check_names(folder, named[0][1])
        return named
    jsons = _jsons(folder)
    if len(jsons) == 1:
        return [(jsons[0], None)]
    if jsons:
        names = ", ".join(path.name for path in jsons[:5])
        raise InputError(f"{folder}: several json files ({names}); name the COCO one annotations.json")
    raise InputError(
        f"{folder}: no COCO json and no masks; expected train/{ROBOFLOW_JSON}, one json file beside the images, or the "
        f"folders {png_masks.IMAGES} and {png_masks.MASKS}"
    )


def from_masks(folder: Path) -> list[tuple[Path, str | None, Document]]:
    """Return photos with PNG masks as COCO documents: the folder of the masks, its split and its content.

    The list is empty if there are no masks, or if a COCO json describes the dataset.

    Raises
    ------
    InputError
        See `png_masks.document`; or a folder of photos has an unexpected name.
    """
    folders = [] if _named_jsons(folder) else _mask_folders(folder)
    if folders:
        _check_names(folder, folders[0][1])
    return [(parent / png_masks.MASKS, split, png_masks.document(parent, inside=folder)) for parent, split in folders]


def _check_names(folder: Path, split: str | None) -> None:
    """Raise InputError if validation photos would not be read, as their folder has another common name than ours."""
    for other in (folder / "val", folder / "validation") if split is not None else ():
        if os.path.lexists(other / ROBOFLOW_JSON) or png_masks.holds(other):
            raise InputError(f"{other}: its photos would not be read; call this folder valid")


def _named_jsons(folder: Path) -> list[tuple[Path, str | None]]:
    """Return the json files whose names and places show that they are COCO, and the split of each."""
    splits = [(folder / split / ROBOFLOW_JSON, split) for split in SPLITS]
    if present := [(path, split) for path, split in splits if os.path.lexists(path)]:
        return list(present)
    for path in (folder / "annotations.json", folder / ROBOFLOW_JSON, folder / CVAT_FOLDER / CVAT_JSON):
        if os.path.lexists(path):  # anything but a file is refused when it is read
            return [(path, None)]
    return []


def _jsons(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def _mask_folders(folder: Path) -> list[tuple[Path, str | None]]:
    """Return the folders with ``images/`` and ``masks/`` (`folder` itself or its splits), and the split of each."""
    if png_masks.holds(folder):
        return [(folder, None)]
    if not any(png_masks.holds(folder / split) for split in SPLITS):
        return []
    return [(folder / split, split) for split in SPLITS if (folder / split).is_dir()]


def unwrapped(folder: Path) -> Path:
    """Return the only folder in `folder` if that wraps the dataset, as in many archives; else `folder` itself."""
    if _named_jsons(folder) or _mask_folders(folder) or _jsons(folder):
        return folder
    inside = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__MACOSX"))]
    return inside[0] if len(inside) == 1 else folder


def locate(name: str, source: Path) -> Path | None:
    """Find the file of the image `name` of the json `source`, beside it or in ``images/``; None if it is absent.

    `name` is from `file_name`. If no file has exactly this name, backslashes are read as slashes, and accented letters
    are tried as one character and as two (Unicode's NFC and NFD).
    """
    for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
        for form in (spelling, unicodedata.normalize("NFC", spelling), unicodedata.normalize("NFD", spelling)):
            if path := _first_file(_places(form, source)):
                return path
    return None


def root(source: Path) -> Path:
    """Return the folder of the dataset that `source`, a json or a folder of masks, describes wholly or in part.

    Links out of it are refused: a dataset may come from a stranger, and it is complete only if its folder holds all of
    it.
    """
    return source.parent.parent if source.parent.name in (*SPLITS, CVAT_FOLDER) else source.parent


def _places(name: str, source: Path) -> list[Path]:
    """Return the paths at which the image `name` of a json may lie."""
    folders = [source.parent, source.parent / "images"]
    if source.parent.name == CVAT_FOLDER:
        folders += [source.parent.parent / "images", source.parent.parent / "images" / "default"]
    return [folder / name for folder in folders]


def _first_file(candidates: Sequence[Path]) -> Path | None:
    try:
        return next((candidate for candidate in candidates if candidate.is_file()), None)
    except OSError:  # a name that the file system does not accept
        return None


def resolved_name(name: str, source: Path) -> str:
    """Replace the backslashes of Windows by slashes, unless a file has exactly this name."""
    return name if "\\" not in name or _first_file(_places(name, source)) else plain_name(name.replace("\\", "/"))
