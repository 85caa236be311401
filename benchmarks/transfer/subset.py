"""The first so many renders of a folder as a folder of their own, equal to what a smaller ``--count`` renders."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import link_or_copy, write_json, writing

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset

ANNOTATIONS, FOLDER = "annotations.json", "first"


def folder_of(out: Path, renders: "CocoDataset", count: int) -> Path:
    """Return the folder in which `write` puts the first `count` of some renders."""
    return out / FOLDER / f"{renders.digest[:8]}-{count}"


def existing_counts(out: Path, renders: "CocoDataset") -> list[int]:
    """Return the sizes of the subsets already on disk."""
    start = f"{renders.digest[:8]}-"
    counts = [folder.name.removeprefix(start) for folder in (out / FOLDER).glob(f"{start}*")]
    return [int(count) for count in counts if count.isdecimal()]


def check(renders: "CocoDataset", count: int) -> None:
    """Raise InputError if a number is not a proper part of the renders.

    Raises
    ------
    InputError
        There are not more renders than that, or none of the first so many has corrosion.
    """
    if not 0 < count < len(renders.photos):
        raise InputError(
            f"`render_counts` {count}: a draw of {renders.folder} has {len(renders.photos)}; give fewer, at least 1"
        )
    if not any(photo.annotations for photo in renders.photos[:count]):
        raise InputError(
            f"`render_counts` {count}: the first {count} of a draw of {renders.folder} have no corrosion; give more"
        )


def write(out: Path, renders: "CocoDataset", count: int) -> Path:
    """Write a folder of the first `count` renders: their files linked (copied where they cannot be), and their masks.

    An existing one is kept: its name identifies the renders, and its annotations are written last.
    """
    from corrotwin.segmentation.data import coco

    folder = folder_of(out, renders, count)
    if (folder / ANNOTATIONS).exists():
        return folder
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with writing(folder):
        for number, photo in enumerate(renders.photos[:count], start=1):
            target = folder / "images" / photo.file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(photo.path, target)
            images.append({"id": number, "file_name": photo.file_name, "width": photo.width, "height": photo.height})
            for region in photo.annotations:
                own = {"id": len(annotations) + 1, "image_id": number, "category_id": 1}
                annotations.append({**region, **own})
        write_json(folder / ANNOTATIONS, coco.document(images, annotations, description=f"first {count} renders"))
    return folder
