"""The split of a study's photos: the one in its folder, or the requested one."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from corrotwin.benchmarks.data import photo_groups
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from corrotwin.benchmarks.study.config import StudyConfig
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import How, Split

    Wanted: TypeAlias = How | Path | Split | None  # a way to split, a file, a split; None keeps the study's

SPLIT = "split.json"


def split_of(
    out: Path, config: "StudyConfig", real: "CocoDataset", wanted: "Wanted" = None, groups_file: Path | None = None
) -> "Split":
    """Return the split of the photos of the study in `out`; a requested split must equal an existing one.

    Raises
    ------
    InputError
        The study has another split, or the requested one does not fit the photos.
    """
    from corrotwin.segmentation.data import splits

    path = out / SPLIT
    stored = splits.load(path) if path.exists() else None
    if stored is not None and wanted is None and groups_file is None:
        return stored
    requested = _requested_split(config, real, wanted, groups_file, photo_groups.spots(real))
    if stored is not None and wanted != "grouped" and stored.digest != requested.digest:  # begun before spots counted
        begun = _requested_split(config, real, wanted or "published", groups_file, None)
        requested = begun if begun.digest == stored.digest else requested
    if stored is not None and stored.digest != requested.digest:
        raise InputError(
            f"{out}: split: {_named(stored)} there, {_named(requested)} requested; leave out `split` and "
            "`groups_file` to keep the one there, or choose another folder"
        )
    return stored or requested


def _requested_split(
    config: "StudyConfig",
    real: "CocoDataset",
    wanted: "Wanted",
    groups_file: Path | None,
    named: Mapping[str, str] | None,
) -> "Split":
    """Return the requested split; `named` are the spots if none are given: from `spots.csv`, copies or scenes."""
    from corrotwin.segmentation.data import coco, groups, splits

    if isinstance(wanted, splits.Split):
        return wanted
    if isinstance(wanted, Path):
        if groups_file is not None:
            raise InputError("`groups_file`: a split file has its own groups; give one of the two")
        loaded = splits.load(wanted)
        known = {photo.file_name for photo in real.photos}
        if strange := [name for name in loaded.group if name not in known]:
            raise InputError(f"{wanted}: photo {strange[0]!r} is not in {real.folder}; split these photos")
        return loaded
    spots = named if groups_file is None else groups.by_column(groups_file, real, groups.SPOT)
    has_splits = {photo.split for photo in real.photos} == set(coco.SPLITS)
    drawn: How = "grouped" if spots else "published"
    how = wanted or ("published" if config.profile == "paper" else "own" if has_splits else drawn)
    if how == "grouped" and spots is None:
        raise InputError(
            "`split` grouped needs spots: spots.csv beside the photos, `groups_file`, or a file that "
            "`corrotwin segmentation split` wrote"
        )
    return splits.split(real, how=how, seed=config.seed, groups=spots)


def _named(split: "Split") -> str:
    return f"{split.how} with {len(set(split.group.values()))} groups ({split.digest})"
