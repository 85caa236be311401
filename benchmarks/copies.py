"""Where the spots of pictures come from, above all copies of one photo, told by Roboflow's names: they are of one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmarks import scenes

if TYPE_CHECKING:
    from segmentation.coco import Dataset

HINT = "their names (.rf.)"


def by_name(data: "Dataset") -> dict[str, str] | None:
    """The source of each photo that has copies with Roboflow's mark, else the photo itself; None where none does."""
    from segmentation import groups

    named = groups.by_source_name(data)
    copied = {source for name, source in named.items() if groups.COPY_MARK in name}
    found = {name: source if source in copied else name for name, source in named.items()}
    return found if len(set(found.values())) < len(found) else None


def spots(data: "Dataset") -> dict[str, str] | None:
    """The spot of each photo: by the table beside them, else the source of copies, else the rendered scene; or None."""
    from segmentation import groups

    return groups.beside(data) or by_name(data) or scenes.of(data)


def are_alone(spots: Mapping[str, str] | None) -> bool:
    """Whether the spots of photos are nothing but the sources of copies."""
    from segmentation import groups

    return spots is not None and all(spot in (name, groups.source_name(name)) for name, spot in spots.items())


def said(found: Mapping[str, str]) -> str:
    """How many photos are copies, in a sentence."""
    return (
        f"{len(found)} photos of {len(set(found.values()))} source photos by {HINT}; copies of one count as one spot, "
        "and other photos as spots of their own"
    )
