"""Composition of training batches: pure functions of (seed, step), so that a resumed run needs no sampler state."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import ceil

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.arms import DataArm


class Stream(IntEnum):
    """Independent random streams of one seed; a change in the use of one does not affect the others."""

    SUBSET = 0
    REAL_ORDER = 1
    RENDER_ORDER = 2
    AUGMENTATION = 3
    WEIGHTS = 4
    RENDER_SUBSET = 5
    CROP = 6
    ADAPTATION = 7
    REFERENCE = 8
    PASTE = 9
    SHUFFLE = 10
    REFERENCE_CROP = 11
    DROPOUT = 12
    UNLABELLED_ORDER = 13
    UNLABELLED_SQUARE = 14
    VIEW = 15
    CUT_MIX = 16


def generator(seed: int, stream: Stream, *key: int) -> np.random.Generator:
    """Return the random generator of one stream at one place, such as an epoch and an index."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, *key)))


def thin(names: Sequence[str], limit: int | None) -> tuple[str, ...]:
    """Return an evenly spaced subsample of at most `limit` names, since neighbours often show one spot.

    None means no limit.
    """
    if limit is None or limit >= len(names):
        return tuple(names)
    return tuple(names[index * len(names) // limit] for index in range(limit))


def subset(names: Sequence[str], groups: Sequence[str], fraction: float, seed: int) -> tuple[str, ...]:
    """Draw a random fraction of `names`, in order, by whole groups; it is the same in every arm of a run.

    Groups are added in random order until their photos reach the fraction, rounded; there is at least one group.

    Parameters
    ----------
    names, groups : the photos, and the group (spot) of each.
    fraction : fraction of the photos, above 0.
    seed : seed of the run. A larger fraction takes the same groups and more.
    """
    target_count = max(1, round(fraction * len(names)))
    distinct_groups = list(dict.fromkeys(groups))
    chosen_groups: set[str] = set()
    count = 0
    for index in generator(seed, Stream.SUBSET).permutation(len(distinct_groups)):
        if count >= target_count:
            break
        chosen_groups.add(distinct_groups[index])
        count += groups.count(distinct_groups[index])
    return tuple(name for name, group in zip(names, groups, strict=True) if group in chosen_groups)


def render_subset(count: int, limit: int | None, seed: int) -> npt.NDArray[np.intp]:
    """Return the indices of the renders that a run uses: `limit` of `count` at random, in order; None: all."""
    chosen = generator(seed, Stream.RENDER_SUBSET).permutation(count)[:limit]
    return np.sort(chosen)


def partners(count: int, seed: int) -> npt.NDArray[np.intp]:
    """Return a partner for each of `count` images, each used once: (count,) indices; a single image is its own."""
    order = generator(seed, Stream.SHUFFLE).permutation(count)
    result = np.empty(count, dtype=np.intp)
    result[order] = np.roll(order, 1)
    return result


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """Composition of all batches of a run.

    `photos` and `renders` count the images to draw from. The first `pretrain_steps` steps take renders only; in
    the others the share `render_share` is renders. `steps_per_epoch` comes from the whole set of real training photos,
    so that every arm takes the same number of optimiser steps.
    """

    seed: int
    batch_size: int
    steps_per_epoch: int
    pretrain_steps: int
    render_share: float
    photos: int
    renders: int

    def batch(self, step: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return the indices of the photos and of the renders in the batch of a step, counted over the whole run.

        The number of renders before a step is the rounded share of all images before it, so each batch has the share to
        within one image and the whole run has it exactly. Photos and renders are drawn without replacement until all
        have been used, then in a new order.
        """
        before, after = (self._renders_before(index) for index in (step, step + 1))
        first = step * self.batch_size - before
        return (
            endless(self.seed, Stream.REAL_ORDER, first, self.batch_size - (after - before), self.photos),
            endless(self.seed, Stream.RENDER_ORDER, before, after - before, self.renders),
        )

    def _renders_before(self, step: int) -> int:
        renders_only = min(step, self.pretrain_steps) * self.batch_size
        return renders_only + int(max(0, step - self.pretrain_steps) * self.batch_size * self.render_share + 0.5)


def plan_batches(
    arm: DataArm, *, seed: int, epochs: int, batch_size: int, all_photos: int, photos: int, renders: int
) -> BatchPlan:
    """Plan the batches of a run.

    Parameters
    ----------
    all_photos : number of real training photos before the arm's fraction is taken; it sets the steps per epoch.
    photos, renders : numbers of images that the run may draw.
    """
    steps = ceil(all_photos / batch_size)
    return BatchPlan(
        seed=seed,
        batch_size=batch_size,
        steps_per_epoch=steps,
        pretrain_steps=round(arm.pretrain * steps * epochs),
        render_share=renders / (renders + photos) if arm.render_share is None else arm.render_share,
        photos=photos,
        renders=renders,
    )


def endless(seed: int, stream: Stream, first: int, count: int, size: int) -> npt.NDArray[np.intp]:
    """Return draws `first` to `first + count` of an endless sequence of shuffles of range(size)."""
    if count == 0:
        return np.empty(0, dtype=np.intp)
    rounds = range(first // size, (first + count - 1) // size + 1)
    shuffles: npt.NDArray[np.intp] = np.concatenate(
        [generator(seed, stream, number).permutation(size) for number in rounds]
    )
    start = first - rounds[0] * size
    return shuffles[start : start + count]
