"""Groups of photos by spot; copies of one photo, detected by file name or bytes, share a spot."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data import scenes

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset

HINT = "their names (.rf.)"  # criterion of `group_by_name`
CRITERIA = f"{HINT} or equal files"  # criteria of `group_copies`
_EQUAL = "copies of "  # precedes the name of the first copy


def group_by_name(data: "CocoDataset") -> dict[str, str] | None:
    """Map each photo to the source that Roboflow's mark names, else to itself; None if no photo has a copy."""
    from corrotwin.segmentation.data import groups

    named = groups.by_source_name(data)
    copied = {source for name, source in named.items() if groups.COPY_MARK in name}
    sources = {name: source if source in copied else name for name, source in named.items()}
    return sources if len(set(sources.values())) < len(sources) else None


def group_copies(data: "CocoDataset") -> dict[str, str] | None:
    """Group photos by name, as `group_by_name` does, and by identical bytes; None if no photo has a copy."""
    from corrotwin.segmentation.data import groups

    named = group_by_name(data)
    digests = {photo.file_name: photo.sha256 or photo.file_name for photo in data.photos}
    if len(set(digests.values())) == len(digests):
        return named
    joined = groups.join(digests, named or {name: name for name in digests})
    sizes = Counter(joined.values())
    if named and len(sizes) == len(set(named.values())):  # keep the names: earlier studies resume
        return named
    return {name: f"{_EQUAL}{first}" if sizes[first] > 1 else name for name, first in joined.items()}


def spots(data: "CocoDataset") -> dict[str, str] | None:
    """Return each photo's spot: from the table beside the photos, else by rendered scene, else by copies; or None."""
    from corrotwin.segmentation.data import groups

    return groups.beside(data) or scenes.group_by_scene(data) or group_copies(data)


def are_copies_only(spots: Mapping[str, str] | None) -> bool:
    """Return whether the spots group only copies of one photo."""
    from corrotwin.segmentation.data import groups

    return spots is not None and all(
        spot in (name, groups.source_name(name)) or spot.startswith(_EQUAL) for name, spot in spots.items()
    )


def describe_copies(found: Mapping[str, str]) -> str:
    """Return a sentence on the number of photos and of the source photos that they copy."""
    return (
        f"{len(found)} photos of {len(set(found.values()))} source photos by {CRITERIA}; copies of one count as one "
        "spot, and other photos as spots of their own"
    )
