"""Which categories of a set of photos count as corrosion: all, or those that are named."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from twin.command import shown

if TYPE_CHECKING:
    from segmentation.coco import Dataset


def read(path: Path, classes: tuple[str, ...] | None, *, allow_unannotated: bool = False) -> "Dataset":
    """The photos at `path`, of whose annotations those of the named categories count; None for all.

    Photos without any annotation, which need not list the names, are read as they are.

    Raises
    ------
    InputError
        As of `segmentation.coco.read`.
    """
    from segmentation import coco

    if classes is not None and allow_unannotated:
        whole = coco.read(path, allow_unannotated=True)
        if not any(photo.annotations for photo in whole.photos):
            return whole
    return coco.read(path, classes=classes, allow_unannotated=allow_unannotated)


def tell(data: "Dataset", option: str) -> None:
    """Say on stderr which categories count as corrosion, where several have annotations and none was named."""
    if data.classes is None and len(data.categories) > 1:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(data.categories.items()))
        text = f"annotations of {len(data.categories)} categories all count as corrosion: {listed}; --classes chooses"
        print(shown(f"{option} {data.folder}: {text}"), file=sys.stderr)  # noqa: T201
