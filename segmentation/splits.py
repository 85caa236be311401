"""Which photos train, which validate, which test. A split is a small json that all backbones and runs share."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segmentation.coco import SPLITS, Dataset
from twin.files import InputError, digest, read_json, write_json

PUBLISHED_SHARES = (0.70, 0.15, 0.15)  # the paper, section "Dataset"


@dataclass(frozen=True, kw_only=True)
class Split:
    """File names of the photos of each part, disjoint, none empty, in a fixed order."""

    how: str
    seed: int
    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        names = [*self.train, *self.valid, *self.test]
        if len(set(names)) != len(names):
            raise InputError("split: a photo stands in two parts or twice in one; make the split again")
        for part in SPLITS:
            if not getattr(self, part):
                raise InputError(f"split: no photos in {part}; it needs photos in train, valid and test")

    @property
    def digest(self) -> str:
        """A hash of the three lists, 16 hex digits; how they came about does not matter."""
        return digest([self.train, self.valid, self.test])


def split(dataset: Dataset, *, how: Literal["published", "own"], seed: int) -> Split:
    """Split the photos of a dataset.

    Parameters
    ----------
    dataset : the real photos.
    how : ``published`` draws 70/15/15 at random, photo by photo, as the paper did; copies of one photo and photos of
        one spot may then stand in two parts. ``own`` takes the export's train, valid and test folders.
    seed : of the random draw; ``own`` does not use it.

    Raises
    ------
    InputError
        There are too few photos, or ``own`` is asked of a dataset without all three parts.
    """
    names = sorted(photo.file_name for photo in dataset.photos)
    if how == "own":
        parts = {part: tuple(sorted(p.file_name for p in dataset.photos if p.split == part)) for part in SPLITS}
        if missing := [part for part in SPLITS if not parts[part]]:
            raise InputError(f"{dataset.folder}: has no split of its own ({', '.join(missing)} absent); use published")
        return Split(how=how, seed=seed, **parts)
    if how != "published":
        raise InputError(f"split {how!r} is unknown; choose published or own")
    if len(names) < len(SPLITS):
        raise InputError(f"{dataset.folder}: {len(names)} photos are too few to split; give at least {len(SPLITS)}")
    order = np.random.default_rng(seed).permutation(len(names))
    valid_count = max(1, round(PUBLISHED_SHARES[1] * len(names)))
    test_count = max(1, round(PUBLISHED_SHARES[2] * len(names)))
    shuffled = [names[index] for index in order]
    train_count = len(names) - valid_count - test_count
    return Split(
        how=how,
        seed=seed,
        train=tuple(sorted(shuffled[:train_count])),
        valid=tuple(sorted(shuffled[train_count : train_count + valid_count])),
        test=tuple(sorted(shuffled[train_count + valid_count :])),
    )


def save(value: Split, path: Path) -> None:
    """Write a split as json, atomically."""
    write_json(path, asdict(value))


def load(path: Path) -> Split:
    """Read a split written by `save`.

    Raises
    ------
    InputError
        The file is absent or is no split.
    """
    value: Any = read_json(path)
    try:
        parts = {part: tuple(str(name) for name in value[part]) for part in SPLITS}
        return Split(how=str(value["how"]), seed=int(value["seed"]), **parts)
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a split (needs how, seed, train, valid, test); make it again") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
