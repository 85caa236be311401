"""Splits into training, validation and test photos, saved as a small json that all backbones and runs share."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from corrotwin.segmentation.data import groups
from corrotwin.segmentation.data.coco import SPLITS, CocoDataset
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_json, remove_left, write_json, writing
from corrotwin.twin.core.text import counted

PUBLISHED_SHARES = (0.70, 0.15, 0.15)  # the paper, section "Dataset"

How = Literal["published", "own", "grouped"]


@dataclass(frozen=True, kw_only=True)
class Split:
    """File names of the photos of each part (disjoint, not empty, in a fixed order) and the group of each photo.

    `group` gives for each photo the id of its group, such as its spot (see `segmentation.data.groups`); by default each
    photo is a group of its own.
    """

    how: str
    seed: int
    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    group: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        names = [*self.train, *self.valid, *self.test]
        if len(set(names)) != len(names):
            raise InputError("split: a photo is in two parts or twice in one; split again")
        for part in SPLITS:
            if not getattr(self, part):
                raise InputError(f"split: no photos in {part}; it needs photos in train, valid and test")
        if self.group and self.group.keys() != set(names):
            raise InputError("split: its groups are not those of its photos; split again")
        object.__setattr__(self, "group", {name: self.group.get(name, name) for name in names})

    @property
    def digest(self) -> str:
        """Hash of the three lists and the groups, 16 hex digits; it does not depend on how the split was made.

        Groups are included since they decide which part of the training photos an arm draws.
        """
        return digest([self.train, self.valid, self.test, self.group])

    def groups_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the group of each of `names`, in their order."""
        return tuple(self.group[name] for name in names)


def split(dataset: CocoDataset, *, how: How, seed: int, groups: Mapping[str, str] | None = None) -> Split:
    """Split the photos of a dataset.

    Parameters
    ----------
    dataset : the real photos.
    how : ``published`` draws 70/15/15 at random, photo by photo, as the paper did; copies of one photo and photos of
        one spot may then be in two parts. ``own`` takes the export's train, valid and test folders. ``grouped`` draws
        70/15/15 by whole groups, as closely as their sizes allow.
    seed : seed of the random draw; ``own`` does not use it.
    groups : the group of each photo, from a function of `segmentation.data.groups`. Only ``grouped`` needs and uses
        them; all ways record them.

    Raises
    ------
    InputError
        There are too few photos or groups, a dataset lacks one of the three parts for ``own``, ``grouped`` has no
        groups, or a photo has no group.
    """
    if seed < 0:
        raise InputError(f"split: `seed` {seed} is negative")
    names = sorted(photo.file_name for photo in dataset.photos)
    group = _group(dataset, names, groups)
    if how == "own":
        own = {part: tuple(sorted(p.file_name for p in dataset.photos if p.split == part)) for part in SPLITS}
        if missing := [part for part in SPLITS if not own[part]]:
            raise InputError(
                f"{dataset.folder}: has no split of its own ({', '.join(missing)} missing); choose published"
            )
        return Split(how=how, seed=seed, **own, group=group)
    if how not in ("published", "grouped"):
        raise InputError(f"split {how!r} is unknown; choose published, own or grouped")
    if len(names) < len(SPLITS):
        raise InputError(f"{dataset.folder}: {len(names)} photos are too few to split; give at least {len(SPLITS)}")
    rng = np.random.default_rng(seed)
    if how == "grouped":
        if groups is None:
            raise InputError(f"{dataset.folder}: a grouped split needs the group of each photo; give groups")
        if (count := len(set(group.values()))) < len(SPLITS):
            raise InputError(f"{dataset.folder}: {count} groups are too few to split; it needs {len(SPLITS)}")
        train, valid, test = _assign_groups(names, group, PUBLISHED_SHARES, rng)
    else:
        shuffled = [names[index] for index in rng.permutation(len(names))]
        valid_count, test_count = (max(1, round(share * len(names))) for share in PUBLISHED_SHARES[1:])
        train_count = len(names) - valid_count - test_count
        train = tuple(sorted(shuffled[:train_count]))
        valid = tuple(sorted(shuffled[train_count : train_count + valid_count]))
        test = tuple(sorted(shuffled[train_count + valid_count :]))
    return Split(how=how, seed=seed, train=train, valid=valid, test=test, group=group)


def without_leaks(dataset: CocoDataset, *, seed: int = 0) -> Split:
    """Split by whole groups: spots from the table `groups.SPOTS` beside the photos, else photos alike by name or look.

    Raises
    ------
    InputError
        There are too few groups, the table of spots is unusable, or an image cannot be decoded.
    """
    table = groups.own_table(dataset)
    ways = ("names", "hash") if table is None else ("column",)
    inside = None if table is None else dataset.inside
    groupings = groups.in_ways(dataset, ways, table=table, column=groups.SPOT, inside=inside)
    return split(dataset, how="grouped", seed=seed, groups=groups.join(*groupings.values()))


def check(value: Split, dataset: CocoDataset) -> None:
    """Raise InputError if a photo of the split is absent from `dataset`."""
    known = {photo.file_name for photo in dataset.photos}
    for part in SPLITS:
        if unknown := [name for name in getattr(value, part) if name not in known]:
            raise InputError(
                f"{dataset.folder}: photo {unknown[0]!r} of the split's {part} part is missing; split again"
            )


def check_renders(value: Split, dataset: CocoDataset, renders: CocoDataset, *, count: int | None = None) -> None:
    """Raise InputError if there are fewer renders than `count`, or if one equals a validation or test photo."""
    if count is not None and count > len(renders.photos):
        available = len(renders.photos)
        raise InputError(
            f"{renders.folder}: has {available} renders, but the render_count is {count}; lower it or render more"
        )
    part_of = {name: part for part in ("valid", "test") for name in getattr(value, part)}
    photos = {photo.sha256: photo.file_name for photo in dataset.photos if photo.sha256 and photo.file_name in part_of}
    if shared := [(render.file_name, photos[render.sha256]) for render in renders.photos if render.sha256 in photos]:
        name, photo = shared[0]
        raise InputError(
            f"{renders.folder}: {len(shared)} renders are photos of validation or test, such as {name}, which is "
            f"{photo!r} of the split's {part_of[photo]} part; take them out"
        )


def unused_warning(value: Split, dataset: CocoDataset) -> str:
    """Return a warning about photos of `dataset` that are in no part of the split; "" if there are none."""
    unused = [photo.file_name for photo in dataset.photos if photo.file_name not in value.group]
    if not unused:
        return ""
    subject = f"{len(unused)} photos are" if len(unused) > 1 else "1 photo is"
    return f"{dataset.folder}: {subject} in no part of the split and will not be used (first: {unused[0]}); split again"


def folds(dataset: CocoDataset, *, groups: Mapping[str, str], count: int, seed: int) -> tuple[Split, ...]:
    """Split for cross-validation by groups: each photo is tested in exactly one of `count` splits.

    The test parts of all folds are of about equal size. The rest is divided between training and validation by whole
    groups, in the ratio of the published shares.

    Raises
    ------
    InputError
        `count` is below 2, the groups are too few or too unequal for it, or a photo has no group.
    """
    names = sorted(photo.file_name for photo in dataset.photos)
    group = _group(dataset, names, groups)
    groups_count = len(set(group.values()))
    if count < 2 or groups_count < count:
        raise InputError(f"{dataset.folder}: {groups_count} groups do not make {count} folds; 2 to {groups_count} can")
    train_share = PUBLISHED_SHARES[0] / (PUBLISHED_SHARES[0] + PUBLISHED_SHARES[1])
    result = []
    for index, test in enumerate(_assign_groups(names, group, [1 / count] * count, np.random.default_rng(seed))):
        rest = sorted(set(names) - set(test))
        if len({group[name] for name in rest}) < 2:  # one of two folds may test all groups but one large one
            reason = f"the {groups_count} groups are too few or too unequal for {count} folds"
            raise InputError(f"{dataset.folder}: {reason}; choose more folds")
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        train, valid = _assign_groups(rest, group, (train_share, 1 - train_share), rng)
        how = f"fold {index + 1} of {count}"
        result.append(Split(how=how, seed=seed, train=train, valid=valid, test=test, group=group))
    return tuple(result)


def _group(dataset: CocoDataset, names: Sequence[str], groups: Mapping[str, str] | None) -> dict[str, str]:
    """Return the group of each of `names`: the name itself if no groups are given."""
    if groups is None:
        return {name: name for name in names}
    if missing := [name for name in names if name not in groups]:
        raise InputError(
            f"{dataset.folder}: no group for {counted(len(missing), 'photo')} (first: {missing[0]}); give a group "
            "for each"
        )
    return {name: groups[name] for name in names}


def _assign_groups(
    names: Sequence[str], group: Mapping[str, str], shares: Sequence[float], rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """Assign whole groups in random order, each to the part that is furthest below its share of the photos.

    No part exceeds its share by more than the largest group, and none is empty if there are enough groups. Groups
    larger than the smallest part are assigned first, while there is room.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for name in names:
        members[group[name]].append(name)
    groups = list(members.values())
    wanted = [share * len(names) for share in shares]
    order = [groups[index] for index in rng.permutation(len(groups))]
    order.sort(key=lambda photos: len(photos) <= min(wanted))
    parts: list[list[str]] = [[] for _ in shares]
    for place, photos in enumerate(order):
        empty = [index for index, part in enumerate(parts) if not part]
        open_to = empty if len(empty) >= len(order) - place else range(len(parts))
        parts[max(open_to, key=lambda index: wanted[index] - len(parts[index]))] += photos
    return [tuple(sorted(part)) for part in parts]


def save(value: Split, path: Path) -> None:
    """Write a split as json, atomically.

    Raises
    ------
    InputError
        The file exists with other content than this split, or it cannot be written.
    """
    if path.exists() and not _holds(path, value):
        raise InputError(f"{path}: holds something other than this split; choose another file or delete it")
    with writing(path):
        remove_left(path)
        write_json(path, asdict(value))


def _holds(path: Path, value: Split) -> bool:
    try:
        return load(path) == value
    except InputError:
        return False


def load(path: Path) -> Split:
    """Read a split written by `save`.

    Raises
    ------
    InputError
        The file is absent or does not hold a split.
    """
    value: Any = read_json(path)
    try:
        if not all(isinstance(value[part], list) for part in SPLITS):
            raise TypeError("a part is not a list")
        parts = {part: tuple(str(name) for name in value[part]) for part in SPLITS}
        group = {name: str(group_id) for name, group_id in value["group"].items()}
        return Split(how=str(value["how"]), seed=int(value["seed"]), **parts, group=group)
    except (AttributeError, TypeError, KeyError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: not a split (needs how, seed, train, valid, test, group); split again") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
