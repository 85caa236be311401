"""Which photos of a study train, validate and test: the split that its folder has, or the one that is asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import copies
from twin.files import InputError

if TYPE_CHECKING:
    from benchmarks.config import StudyConfig
    from benchmarks.sources import Sources, Study
    from segmentation.coco import Dataset
    from segmentation.splits import How, Split

SPLIT = "split.json"
SPOT = "spot"  # column of --groups-file, and of the table of spots beside the photos of another set


def split_of(study: "Study", real: "Dataset", sources: "Sources") -> "Split":
    """The split of the study's photos: the one it has, which an asked one must equal, else the asked one.

    Raises
    ------
    InputError
        The study has another split, or the asked one does not fit the photos.
    """
    from segmentation import splits

    path = study.out / SPLIT
    there = splits.load(path) if path.exists() else None
    if there is not None and sources.split is None and sources.groups_file is None:
        return there
    named = copies.by_name(real)
    asked = _asked_split(study.config, real, sources, named)
    if there is not None and named is not None and there.digest != asked.digest:  # of before copies were told
        asked = _asked_split(study.config, real, sources, None)
    if there is not None and there.digest != asked.digest:
        raise InputError(
            f"{study.out}: split: {_named(there)} there, {_named(asked)} asked; leave out --split and --groups-file to "
            "keep the one there, or choose another folder"
        )
    return there or asked


def _asked_split(
    config: "StudyConfig", real: "Dataset", sources: "Sources", named: Mapping[str, str] | None
) -> "Split":
    """The split that is asked for; `named` are spots where none are given, the sources of copies."""
    from segmentation import coco, groups, splits

    if isinstance(sources.split, splits.Split):
        return sources.split
    if isinstance(sources.split, Path):
        if sources.groups_file is not None:
            raise InputError("--groups-file: a split file has its own groups; give one of the two")
        loaded = splits.load(sources.split)
        known = {photo.file_name for photo in real.photos}
        if strange := [name for name in loaded.group if name not in known]:
            raise InputError(f"{sources.split}: photo {strange[0]!r} is not in {real.folder}; split these photos")
        return loaded
    spots = named if sources.groups_file is None else groups.by_column(sources.groups_file, real, SPOT)
    own = {photo.split for photo in real.photos} == set(coco.SPLITS)
    drawn: How = "published" if config.profile == "paper" or spots is not named or named is None else "grouped"
    how = sources.split or ("own" if own and config.profile != "paper" else drawn)
    if how == "grouped" and spots is None:
        raise InputError("--split grouped needs --groups-file, or a file that `python -m segmentation split` wrote")
    return splits.split(real, how=how, seed=config.seed, groups=spots)


def _named(split: "Split") -> str:
    return f"{split.how} with {len(set(split.group.values()))} groups ({split.digest})"
