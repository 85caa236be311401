"""Inputs of a run: decoded photos and renders, the loader of its batches, and its validation and test photos."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data import decoded, splits
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.segmentation.data.perceptual_hash import to_hex
from corrotwin.segmentation.evaluation.evaluate import decoded_arrays
from corrotwin.segmentation.models.network import device
from corrotwin.segmentation.sampling import plan_batches, render_subset, subset, thin
from corrotwin.segmentation.training.batches import BatchLoader, Pool
from corrotwin.segmentation.unlabelled.pictures import Pictures
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError

MAX_WORKERS = 8  # processes that augment in advance for a GPU


@dataclass(frozen=True, kw_only=True, eq=False)
class RunInputs:
    """Decoded photos, the batch loader, names of validation and test photos, and hashes of the photos that a run sees.

    `photo_side` is the median over training photos of the side, in pixels, of a square of the same area; `classes` are
    the categories that count as corrosion, None for all.
    """

    loader: BatchLoader
    photos: decoded.Arrays | decoded.Natives
    valid: Sequence[str]
    test: Sequence[str]
    seen: Sequence[str]
    unlabelled: Sequence[str] = ()
    """Hashes of pictures that are seen without labels."""
    looks: Sequence[str] = ()
    """Perceptual hashes of those pictures that are not photos of the dataset, by `perceptual_hash.to_hex`."""
    tested: Sequence[str] = ()
    """Hashes of all photos of the test part; `test` may name only some of them."""
    scale: float
    photo_side: float
    classes: Sequence[str] | None


def prepare(
    config: TrainConfig,
    real: CocoDataset,
    split: splits.Split,
    renders: CocoDataset | None,
    workers: int | None,
    unlabelled: Pictures | None = None,
) -> RunInputs:
    """Check that data and configuration fit together, decode the photos and renders, and set up the batches.

    Parameters
    ----------
    config, real, split, renders : settings and data; `renders` is used only if the arm takes renders.
    workers : processes that augment in advance if precision is exact; None: `augmentation_workers` of all cores but
        one.
    unlabelled : pictures without labels; none may show a test photo or its spot (`apart.gathered`). If the arm learns
        from such pictures and this is None, it uses the training photos that its `real_fraction` leaves out, without
        their labels.

    Raises
    ------
    InputError
        The split or the renders do not fit the photos, the arm lacks renders or unlabelled pictures, the configuration
        does not use `unlabelled`, or an image cannot be decoded.
    """
    splits.check(split, real)
    by_name = {photo.file_name: photo for photo in real.photos}
    arm = config.arm
    if unlabelled is not None and arm.self_training != "unlabelled" and config.batch_norm != "re-estimated":
        raise InputError("`unlabelled`: nothing uses these pictures; set `self_training` or `batch_norm` re-estimated")
    if arm.takes_renders and renders is None:
        raise InputError(f"data arm {arm.name}: uses renders, but none were given; name their folder")
    train_names = thin(split.train, config.max_train_images)
    chosen = subset(train_names, split.groups_of(train_names), arm.real_fraction, config.seed)
    photos = decoded_arrays(real, config)
    pictures, without_labels, looks = None, [], set[str]()
    if unlabelled is not None:
        looks = {to_hex(bits) for bits in unlabelled.hashes[unlabelled.is_used]}
        pictures, without_labels = _pool(unlabelled), [picture.sha256 for picture in unlabelled.used]
    if pictures is None and arm.self_training == "unlabelled":
        rest = [name for name in train_names if name not in set(chosen)]
        if not rest:
            raise InputError(f"data arm {arm.name}: learns from unlabelled pictures, but none were given; name them")
        pictures, without_labels = Pool(images=photos, rows=photos.rows(rest)), [by_name[name].sha256 for name in rest]
    trained = chosen if arm.takes_photos or arm.adaptation else ()
    if pictures is None and arm.self_training == "photos" and not trained:
        without_labels = [by_name[name].sha256 for name in chosen]
    pool = None
    if arm.takes_renders and renders is not None:
        splits.check_renders(split, real, renders, count=arm.render_count)
        pool = Pool(
            images=decoded_arrays(renders, config),
            rows=render_subset(len(renders.photos), arm.render_count, config.seed),
        )
    where = device()
    valid = thin(split.valid, config.max_eval_images)
    photo_side = float(np.median([math.sqrt(by_name[name].width * by_name[name].height) for name in chosen]))
    return RunInputs(
        loader=BatchLoader(
            config=config,
            plan=plan_batches(
                arm,
                seed=config.seed,
                epochs=config.epochs,
                batch_size=config.batch_size,
                all_photos=len(train_names),
                photos=len(chosen),
                renders=len(pool.rows) if pool else 0,
            ),
            photos=Pool(images=photos, rows=photos.rows(chosen)),
            renders=pool,
            where=where,
            workers=augmentation_workers(available_cores() - 1) if workers is None else workers,
            pictures=pictures,
        ),
        photos=photos,
        valid=valid,
        test=thin(split.test, config.max_eval_images),
        seen=[by_name[name].sha256 for name in (*trained, *valid)],
        unlabelled=sorted(set(without_labels)),
        looks=sorted(looks),
        tested=[by_name[name].sha256 for name in split.test],
        scale=1.0 if config.framing == "crop" else config.size / photo_side,
        photo_side=photo_side,
        classes=real.classes,
    )


def _pool(pictures: Pictures) -> Pool:
    """Return unlabelled pictures as a pool of images, with masks of zeros that take no memory."""
    no_masks = np.broadcast_to(np.uint8(0), pictures.images.shape[:3])
    return Pool(images=decoded.Arrays(images=pictures.images, masks=no_masks, row={}), rows=pictures.rows)


def augmentation_workers(cores: int) -> int:
    """Return the number of processes that augment in advance: at most `MAX_WORKERS` for a GPU, none on a CPU."""
    return min(MAX_WORKERS, cores) if device().type == "cuda" else 0
