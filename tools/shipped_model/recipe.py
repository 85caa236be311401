"""The recipe of the model that ships, frozen before its numbers were made, and the trainings that measure it.

Recipe: a U-Net on ``tu-tf_efficientnet_lite0`` with ImageNet weights, three quarters of each batch renders of
``balanced``, strong augmentation, weights averaged over the last steps. It was found on validation photos
(docs/transfer-log.md).

Trainings, all by this recipe:

- ``model``: both sets' folders ``train``, their folders ``valid`` for the threshold, and renders. This one ships.
- ``twin of SET``: without any photo of the other set. ``photos of SET``: the same without renders. Both are measured on
  all photos of the other set, which leaves one set out.
- ``fold 1`` to ``fold 3``: cross-validation by whole spots over ``train`` and ``valid`` of both sets, and likewise with
  photos of one set alone.

The folders ``test`` are opened only to test ``model``, and as part of a set that is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.config import DEFAULT_BACKBONE, TrainConfig, configure, epochs_of
from corrotwin.segmentation.data import groups
from corrotwin.segmentation.data.coco import CocoDataset, Photo, read
from corrotwin.segmentation.data.splits import Split, folds
from corrotwin.twin.core.files import digest

SETS = ("steel-bridges", "painted-steel")
SIZE, BATCH, STEPS, SEED = 192, 8, 400, 0
PRESET, RENDERS, RENDER_SIZE, RENDER_SEED = "balanced", 300, 224, 420
RENDER_SHARE = 0.75  # of each batch: docs/transfer-log.md, "A recipe for other places"
FOLDS = 3
MODEL = "model"


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training: the sets whose photos it takes, whether it takes renders, and the fold that it leaves out."""

    name: str
    sets: tuple[str, ...]
    renders: bool
    fold: int | None = None


def trainings() -> Iterator[Training]:
    """Yield all trainings, the most important first."""
    yield Training(name=MODEL, sets=SETS, renders=True)
    for name in SETS:
        yield Training(name=f"twin of {name}", sets=(name,), renders=True)
    for name in SETS:
        yield Training(name=f"photos of {name}", sets=(name,), renders=False)
    for fold in range(FOLDS):
        yield Training(name=f"fold {fold + 1}", sets=SETS, renders=True, fold=fold)
        for name in SETS:
            yield Training(name=f"fold {fold + 1}, photos of {name}", sets=(name,), renders=False, fold=fold)


def read_sets(folder: Path) -> CocoDataset:
    """Read the two public sets below a folder as one; the names of photos begin with that of their set.

    Raises
    ------
    InputError
        A set is absent or damaged.
    """
    photos: list[Photo] = []
    for name in SETS:
        dataset = read(folder / name)
        photos += [replace(photo, file_name=f"{name}/{photo.file_name}") for photo in dataset.photos]
    return restricted(
        CocoDataset(folder=folder, photos=tuple(photos), digest=""), [photo.file_name for photo in photos]
    )


def restricted(data: CocoDataset, names: Sequence[str]) -> CocoDataset:
    """Return a dataset of only the named photos."""
    kept = set(names)
    photos = tuple(photo for photo in data.photos if photo.file_name in kept)
    contents = [
        [photo.file_name, photo.sha256, [annotation["segmentation"] for annotation in photo.annotations]]
        for photo in photos
    ]
    return replace(data, photos=photos, digest=digest(contents))


def spots(folder: Path, data: CocoDataset) -> dict[str, str]:
    """Return the spot of each photo: the name of its set, then that of the spot in the set's table."""
    spot_of: dict[str, str] = {}
    for name in SETS:
        set_spots = groups.required(read(folder / name))
        spot_of |= {f"{name}/{photo}": f"{name}/{spot}" for photo, spot in set_spots.items()}
    return {photo.file_name: spot_of[photo.file_name] for photo in data.photos}


def part_of(name: str) -> str:
    """Return the folder of a photo in its set: train, valid or test."""
    return name.split("/")[1]


def data_of(training: Training, data: CocoDataset, spot: Mapping[str, str]) -> tuple[CocoDataset, Split]:
    """Return the photos of a training, and their split."""
    in_sets = [photo.file_name for photo in data.photos if photo.file_name.split("/")[0] in training.sets]
    if training.fold is None:
        parts = {part: tuple(name for name in in_sets if part_of(name) == part) for part in ("train", "valid", "test")}
        group = {name: spot[name] for name in in_sets}
        return restricted(data, in_sets), Split(how="own", seed=SEED, group=group, **parts)
    outside_test = [photo.file_name for photo in data.photos if part_of(photo.file_name) != "test"]
    fold_split = folds(restricted(data, outside_test), groups=spot, count=FOLDS, seed=SEED)[training.fold]
    parts = {
        part: tuple(name for name in getattr(fold_split, part) if name.split("/")[0] in training.sets)
        for part in ("train", "valid", "test")
    }
    names = [name for part in parts.values() for name in part]
    group = {name: spot[name] for name in names}
    return restricted(data, names), Split(how=fold_split.how, seed=SEED, group=group, **parts)


def measured_on(training: Training, data: CocoDataset, split: Split) -> list[str]:
    """Return the photos that measure a training: the other set, or those that it left out."""
    if training.fold is None and training.name != MODEL:
        return [photo.file_name for photo in data.photos if photo.file_name.split("/")[0] not in training.sets]
    return list(split.test)


def config_of(training: Training, photos: int, seed: int = SEED) -> TrainConfig:
    """Return the settings of a training with `photos` training photos."""
    name, share = ("mixed", RENDER_SHARE) if training.renders else ("real", 0.0)
    arm = DataArm(name=name, augmentation="strong", render_share=share)
    epochs = epochs_of(STEPS, photos, BATCH)
    return configure(
        "small", backbone=DEFAULT_BACKBONE, arm=arm, seed=seed, epochs=epochs, size=SIZE, batch_size=BATCH,
        keep="averaged", threads=1,
    )  # fmt: skip
