"""Where the spots of pictures come from, above all copies of one photo, told by names or bytes: they are of one."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data import scenes

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset

HINT = "their names (.rf.)"  # of `by_name`
TOLD = f"{HINT} or equal files"  # of `of`
_EQUAL = "copies of "  # the first of them


def by_name(data: "CocoDataset") -> dict[str, str] | None:
    """The source of each photo that has copies with Roboflow's mark, else the photo itself; None where none does."""
    from corrotwin.segmentation.data import groups

    named = groups.by_source_name(data)
    copied = {source for name, source in named.items() if groups.COPY_MARK in name}
    found = {name: source if source in copied else name for name, source in named.items()}
    return found if len(set(found.values())) < len(found) else None


def of(data: "CocoDataset") -> dict[str, str] | None:
    """As `by_name`, and files that are equal byte for byte together; None where no photo has a copy."""
    from corrotwin.segmentation.data import groups

    named = by_name(data)
    equal = {photo.file_name: photo.sha256 or photo.file_name for photo in data.photos}
    if len(set(equal.values())) == len(equal):
        return named
    joined = groups.join(equal, named or {name: name for name in equal})
    sizes = Counter(joined.values())
    if named and len(sizes) == len(set(named.values())):  # the same groups: a study that has them goes on
        return named
    return {name: f"{_EQUAL}{first}" if sizes[first] > 1 else name for name, first in joined.items()}


def spots(data: "CocoDataset") -> dict[str, str] | None:
    """The spot of each photo: by the table beside them, else the rendered scene, else the source of copies; or None."""
    from corrotwin.segmentation.data import groups

    return groups.beside(data) or scenes.of(data) or of(data)


def are_alone(spots: Mapping[str, str] | None) -> bool:
    """Whether the spots of photos are nothing but the sources of copies."""
    from corrotwin.segmentation.data import groups

    return spots is not None and all(
        spot in (name, groups.source_name(name)) or spot.startswith(_EQUAL) for name, spot in spots.items()
    )


def said(found: Mapping[str, str]) -> str:
    """How many photos are copies, in a sentence."""
    return (
        f"{len(found)} photos of {len(set(found.values()))} source photos by {TOLD}; copies of one count as one spot, "
        "and other photos as spots of their own"
    )
