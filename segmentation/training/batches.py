"""Training batches: images drawn, framed, adapted and augmented, on the device that trains.

Every batch depends only on the run's seed and the number of the step, regardless of whether this process, one of
several workers or a resumed run makes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.augmentation import augment, copy_paste, domain_adaptation
from corrotwin.segmentation.augmentation.crop import FOREGROUND, crop
from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data import decoded
from corrotwin.segmentation.models.network import memory_format
from corrotwin.segmentation.sampling import BatchPlan, Stream, endless, generator, partners

_Arrays = npt.NDArray[np.uint8]
RESIDENT_SHARE = 0.5  # share of a GPU's free memory that decoded images may take


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Decoded images and the `rows` of them that a run may draw."""

    images: decoded.Arrays | decoded.Natives
    rows: npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchLoader:
    """Loader of all batches of one run. `workers` processes prepare them, and augment them if precision is exact."""

    config: TrainConfig
    plan: BatchPlan
    photos: Pool
    renders: Pool | None
    where: torch.device
    workers: int = 0
    pictures: Pool | None = None
    """Unlabelled pictures; their masks have no meaning."""

    def batches(self, first: int, steps: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of optimiser steps from `first` to before `steps`, counted over the whole run.

        Yields
        ------
        Images (b, 3, s, s) float32 in [0, 1], not yet normalised, in the memory layout of the precision, and masks
        (b, 1, s, s) float32, 0 or 1; both augmented and on the device.
        """
        layout = memory_format(self.config.precision)
        is_fast = self.config.precision == "fast"
        for step, (images, masks) in enumerate(self._before_device(first, steps), start=first):
            image_batch, mask_batch = augment.image_tensor(images, self.where), augment.mask_tensor(masks, self.where)
            if is_fast:
                image_batch, mask_batch = augment.fast(image_batch, mask_batch, **self._change(step))
            yield image_batch.contiguous(memory_format=layout), mask_batch

    def _before_device(self, first: int, steps: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the batches of steps as uint8 tensors: on the device if all images are there, else from workers."""
        if self.config.precision == "fast" and (resident := self.on_device) is not None:
            images, masks = resident
            for step in range(first, steps):
                photos, renders = self.plan.batch(step)
                rows = torch.from_numpy(np.concatenate([photos, len(self.photos.rows) + renders]))
                rows = rows.to(self.where, non_blocking=True)
                yield images.index_select(0, rows), masks.index_select(0, rows)
            return
        yield from torch.utils.data.DataLoader(
            _Steps(self, first, steps),
            batch_size=None,
            shuffle=False,
            num_workers=self.workers,
            pin_memory=self.where.type == "cuda",
            worker_init_fn=_quiet_worker,
        )

    def augmented(self, step: int) -> tuple[_Arrays, _Arrays]:
        """Return the batch of one step, augmented image by image: (b, s, s, 3) and (b, s, s) uint8."""
        images, masks = self.framed(step)
        return augment.exact(images, masks, **self._change(step))

    def _change(self, step: int) -> dict[str, Any]:
        """Return the arguments that determine the augmentation of one step's batch."""
        epoch, place = divmod(step, self.plan.steps_per_epoch)
        return {
            "seed": self.config.seed,
            "epoch": epoch,
            "first": place * self.config.batch_size,
            "strength": self.config.arm.augmentation,
        }

    def plain(self) -> Iterator[torch.Tensor]:
        """Yield the images that the run learns from once, in order, without augmentation, in whole batches.

        These are its unlabelled pictures if it has any, else its photos, or its renders if the arm takes no photos. The
        last batch is filled from the beginning; crops are drawn as for an epoch after the last.

        Yields
        ------
        (b, 3, s, s) float32 in [0, 1], not yet normalised, on the device.
        """
        labelled = self.photos if self.config.arm.takes_photos or self.renders is None else self.renders
        pool = self.pictures or labelled
        layout = memory_format(self.config.precision)
        for first in range(0, len(pool.rows), self.config.batch_size):
            places = np.arange(first, first + self.config.batch_size)
            images, _ = self._frame(pool, places % len(pool.rows), self.config.epochs, first, is_plain=True)
            yield augment.image_tensor(images, self.where).contiguous(memory_format=layout)

    def unlabelled(self, step: int) -> torch.Tensor:
        """Return the pictures of a step that a teacher labels, unchanged: (b, 3, s, s) float32, on the device."""
        pool, count = self.pictures or self.photos, self.config.batch_size
        first = step * count
        indices = endless(self.config.seed, Stream.UNLABELLED_ORDER, first, count, len(pool.rows))
        images, _ = self._frame(pool, indices, 0, first, Stream.UNLABELLED_SQUARE, is_plain=True)
        return augment.image_tensor(images, self.where)

    def framed(self, step: int) -> tuple[_Arrays, _Arrays]:
        """Return the batch of one step before augmentation: (b, s, s, 3) and (b, s, s) uint8, photos first."""
        epoch, place = divmod(step, self.plan.steps_per_epoch)
        first = place * self.config.batch_size
        photos, renders = self.plan.batch(step)
        images, masks = self._frame(self.photos, photos, epoch, first)
        if self.config.arm.copy_paste and len(photos):
            images, masks = self._pasted(images, masks, photos, epoch, first)
        if self.renders is None or not len(renders):
            return images, masks
        first += len(photos)
        render_images, render_masks = self._frame(self.renders, renders, epoch, first)
        if self.config.arm.shuffled_masks:
            _, render_masks = self._frame(
                self.renders, partners(len(self.renders.rows), self.config.seed)[renders], epoch, first
            )
        if (method := self.config.arm.adaptation) is not None:
            references, _ = self._references(np.full(len(render_images), -1), epoch, first, is_plain=True)
            render_images = domain_adaptation.adapt(
                render_images, references, how=method, seed=self.config.seed, epoch=epoch, first=first
            )
        return np.concatenate([images, render_images]), np.concatenate([masks, render_masks])

    def _frame(
        self,
        pool: Pool,
        indices: npt.NDArray[np.intp],
        epoch: int,
        first: int,
        stream: Stream = Stream.CROP,
        *,
        is_plain: bool = False,
    ) -> tuple[_Arrays, _Arrays]:
        """Return images and masks of a pool at the working size; plain crops are drawn without regard to masks.

        Returns
        -------
        (n, s, s, 3) and (n, s, s) uint8.
        """
        rows = pool.rows[indices]
        if isinstance(pool.images, decoded.Arrays):
            return pool.images.images[rows], pool.images.masks[rows]
        size, share = self.config.size, FOREGROUND if self.config.crops == "foreground" and not is_plain else 0.0
        pairs = [
            crop(*pool.images.photo(int(row)), size, generator(self.config.seed, stream, epoch, first + place), share)
            for place, row in enumerate(rows)
        ]
        images = [image for image, _ in pairs]
        masks = [mask for _, mask in pairs]
        return (
            np.stack(images) if images else np.empty((0, size, size, 3), np.uint8),
            np.stack(masks) if masks else np.empty((0, size, size), np.uint8),
        )

    def _pasted(
        self, images: _Arrays, masks: _Arrays, photos: npt.NDArray[np.intp], epoch: int, first: int
    ) -> tuple[_Arrays, _Arrays]:
        """Paste corrosion of other photos that the run may use into some of the photos."""
        donors, regions = self._references(photos, epoch, first)
        pairs = [
            copy_paste.paste(
                *arrays,
                probability=self.config.arm.copy_paste,
                rng=generator(self.config.seed, Stream.PASTE, epoch, first + place),
            )
            for place, arrays in enumerate(zip(images, masks, donors, regions, strict=True))
        ]
        return np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs])

    def _references(
        self, apart_from: npt.NDArray[np.intp], epoch: int, first: int, *, is_plain: bool = False
    ) -> tuple[_Arrays, _Arrays]:
        """Draw, for each index in `apart_from`, another photo that the run may use, and return it with its mask.

        Index -1 excludes none; a single photo is its own reference.
        """
        count = len(self.photos.rows)
        drawn = np.empty(len(apart_from), dtype=np.intp)
        for place, own in enumerate(apart_from):
            rng = generator(self.config.seed, Stream.REFERENCE, epoch, first + place)
            drawn[place] = rng.integers(count) if own < 0 or count == 1 else (own + 1 + rng.integers(count - 1)) % count
        return self._frame(self.photos, drawn, epoch, first, Stream.REFERENCE_CROP, is_plain=is_plain)

    @cached_property
    def on_device(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """All images and masks that the run may draw, in GPU memory; None if they cannot be kept there."""
        if self.where.type != "cuda":
            return None
        pools = [self.photos] if self.renders is None else [self.photos, self.renders]
        free, _ = torch.cuda.mem_get_info(self.where)
        return resident(pools, self.config.arm, self.config.size, free_bytes=free, where=self.where)


def resident(
    pools: Sequence[Pool], arm: DataArm, size: int, *, free_bytes: int, where: torch.device
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Return the images and masks of pools, one pool after the other, on a device with enough free memory.

    Returns
    -------
    (n, size, size, 3) and (n, size, size) uint8. None if they would take more than `RESIDENT_SHARE` of the memory, or
    if crops or the arm change single images, which must happen before they reach the device.
    """
    stored = [pool.images for pool in pools if isinstance(pool.images, decoded.Arrays)]
    is_plain = arm.adaptation is None and not arm.copy_paste and not arm.shuffled_masks
    needed_bytes = sum(len(pool.rows) for pool in pools) * size**2 * 4
    if not is_plain or len(stored) < len(pools) or needed_bytes > RESIDENT_SHARE * free_bytes:
        return None
    parts = [
        (torch.from_numpy(images.images[pool.rows]), torch.from_numpy(images.masks[pool.rows]))
        for pool, images in zip(pools, stored, strict=True)
    ]
    images, masks = (torch.cat(column).to(where) for column in zip(*parts, strict=True))
    return images, masks


class _Steps(torch.utils.data.Dataset[tuple[_Arrays, _Arrays]]):
    """Steps from `first` to before `steps` as items for torch's DataLoader."""

    def __init__(self, loader: BatchLoader, first: int, steps: int) -> None:
        self._loader, self._first, self._steps = loader, first, steps

    def __len__(self) -> int:
        return self._steps - self._first

    def __getitem__(self, index: int) -> tuple[_Arrays, _Arrays]:
        step = self._first + index
        return self._loader.augmented(step) if self._loader.config.precision == "exact" else self._loader.framed(step)


def _quiet_worker(_number: int) -> None:
    """Leave Ctrl-C to the parent, which ends its workers, and the cores to torch."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
