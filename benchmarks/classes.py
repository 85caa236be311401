"""Which categories of a set of photos count as corrosion: all, or those that are named."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from twin.files import InputError

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
    counts = Counter() if data.classes is not None else annotated(data)
    if len(counts) > 1:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
        print(  # noqa: T201
            f"{option} {data.folder}: annotations of {len(counts)} categories all count as corrosion: {listed}; "
            "--classes chooses",
            file=sys.stderr,
        )


def annotated(data: "Dataset") -> Counter[str]:
    """The number of annotations of each category that has any; of photos with masks in place of a json, nothing."""
    from segmentation import coco

    found: Counter[str] = Counter()
    try:
        for source, _ in coco.sources(data.inside):
            part = coco.check_document(coco.read_json(source), source)
            found.update(str(part.categories[each["category_id"]].get("name")) for each in part.annotations.values())
    except InputError:  # no json, or one of several that was named itself
        return Counter()
    return found
