"""Random augmentation of training images; it depends only on the seed, the epoch and the index of the image in it.

The paper does not state its augmentation. There are two methods with the same ranges: `exact` runs albumentations image
by image, `fast` changes whole batches in torch on the training device.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from corrotwin.segmentation.arms import Augmentation
from corrotwin.segmentation.models.constants import constant
from corrotwin.segmentation.sampling import Stream, generator


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """Ranges from which the random changes are drawn uniformly, in addition to horizontal and vertical flips."""

    rotation_deg: float
    """Largest rotation in either direction."""
    scale: tuple[float, float]
    shift: float
    """Largest shift in either direction, as a fraction of the image's side."""
    colour: float
    """Factors on brightness, contrast and saturation lie in 1 ± this."""


RANGES: Mapping[Augmentation, Ranges] = {
    "standard": Ranges(rotation_deg=15.0, scale=(0.8, 1.25), shift=0.0625, colour=0.2),  # hand-held photos are level
    "strong": Ranges(rotation_deg=45.0, scale=(0.5, 2.0), shift=0.125, colour=0.5),  # large-scale jitter
}


def exact(
    images: npt.NDArray[np.uint8],
    masks: npt.NDArray[np.uint8],
    *,
    seed: int,
    epoch: int,
    first: int,
    strength: Augmentation = "standard",
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Augment images one by one with albumentations.

    Parameters
    ----------
    images, masks : (b, s, s, 3) and (b, s, s) uint8.
    seed, epoch, first : seed of the run, epoch, and index of image 0 in the epoch.
    strength : a key of `RANGES`.

    Returns
    -------
    New images and masks of the same shapes and type.
    """
    pipeline = _pipeline(RANGES[strength])
    results = []
    for place, (image, mask) in enumerate(zip(images, masks, strict=True)):
        # Reseed for each image: albumentations' own stream depends on earlier draws and on the process.
        rng = generator(seed, Stream.AUGMENTATION, epoch, first + place)
        pipeline.set_random_seed(int(rng.integers(2**32)))
        results.append(pipeline(image=image, mask=mask))
    return np.stack([result["image"] for result in results]), np.stack([result["mask"] for result in results])


def albumentations() -> Any:
    """Import albumentations without its online check for updates."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    import albumentations

    return albumentations


@cache
def _pipeline(ranges: Ranges) -> Any:
    import cv2

    library = albumentations()
    factor = (1 - ranges.colour, 1 + ranges.colour)
    return library.Compose(
        [
            library.HorizontalFlip(p=0.5),
            library.VerticalFlip(p=0.5),
            library.Affine(
                rotate=(-ranges.rotation_deg, ranges.rotation_deg),
                scale=ranges.scale,
                keep_ratio=True,
                translate_percent=(-ranges.shift, ranges.shift),
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_NEAREST,
                border_mode=cv2.BORDER_REFLECT_101,
                p=1.0,
            ),
            library.ColorJitter(brightness=factor, contrast=factor, saturation=factor, hue=(0.0, 0.0), p=1.0),
        ]
    )


def image_tensor(images: npt.NDArray[np.uint8] | torch.Tensor, where: torch.device) -> torch.Tensor:
    """Convert images (b, h, w, 3) uint8 to a tensor (b, 3, h, w) float32 in [0, 1] on a device."""
    return torch.as_tensor(images).to(where, non_blocking=True).permute(0, 3, 1, 2).float() / 255


def mask_tensor(masks: npt.NDArray[np.uint8] | torch.Tensor, where: torch.device) -> torch.Tensor:
    """Convert masks (b, h, w) uint8, 0 or 1, to a tensor (b, 1, h, w) float32 on a device."""
    return torch.as_tensor(masks).to(where, non_blocking=True)[:, None].float()


def fast(
    images: torch.Tensor,
    masks: torch.Tensor,
    *,
    seed: int,
    epoch: int,
    first: int,
    strength: Augmentation = "standard",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Augment a whole batch on its own device, in three passes: flips, affine map, colour.

    Parameters
    ----------
    images, masks : (b, 3, s, s) float32 in [0, 1] and (b, 1, s, s) float32, from `image_tensor` and
        `mask_tensor`.
    seed, epoch, first, strength : as in `exact`.

    Returns
    -------
    New images and masks of the same shapes and types.
    """
    numbers = _numbers((len(images), _NUMBERS), (Stream.AUGMENTATION, epoch), seed=seed, first=first)
    maps, factors = _draw(numbers, RANGES[strength])
    # A single copy to the device for both.
    parameters = torch.from_numpy(np.concatenate([maps.reshape(-1, 6), factors], axis=1))
    parameters = parameters.to(images.device, non_blocking=True)
    theta = parameters[:, :6].reshape(-1, 2, 3)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    images = functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    masks = functional.grid_sample(masks, grid, mode="nearest", padding_mode="reflection", align_corners=False)
    return _colour(images, parameters[:, 6:]), masks


def views(
    images: torch.Tensor, *, seed: int, first: int, geometry: Augmentation = "standard"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two views of unlabelled images that show the same places: a weak one, and a strong one for learning.

    Both get the same rotation, flips, scale and shift. The weak view keeps its colours. Those of the strong view change
    within the strong ranges, and a share `GREY` of its images is grey.

    Parameters
    ----------
    images : (b, 3, s, s) float32 in [0, 1].
    seed, first : seed of the run, and the index of image 0 in the whole run.
    geometry : key of the `RANGES` of rotation, scale and shift.
    """
    numbers = _numbers((len(images), _NUMBERS + 1), (Stream.VIEW,), seed=seed, first=first)
    maps, _ = _draw(numbers, RANGES[geometry])
    _, factors = _draw(numbers, RANGES["strong"])
    factors[numbers[:, _NUMBERS] < GREY, 2] = 0.0
    theta, colours = (torch.from_numpy(values).to(images.device, non_blocking=True) for values in (maps, factors))
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    weak = functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return weak, _colour(weak, colours)


GREY = 0.2  # share of the strong views of unlabelled images, as in UniMatch (L. Yang et al., CVPR 2023)
_NUMBERS = 9  # random numbers per image; views take one more


def _numbers(shape: tuple[int, int], stream: tuple[int, ...], *, seed: int, first: int) -> npt.NDArray[np.float64]:
    """Return uniform random numbers, (b, numbers per image), from a stream that is advanced to the first image.

    Therefore the numbers of an image depend only on its index.
    """
    bits = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=stream))
    bits.advance(first * shape[1])
    return np.random.Generator(bits).random(shape)


def _draw(numbers: npt.NDArray[np.float64], ranges: Ranges) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Draw affine maps from output to input, (b, 2, 3) in units of half the side, and colour factors, (b, 3)."""

    def between(low: float, high: float, columns: slice) -> npt.NDArray[np.float64]:
        return low + (high - low) * numbers[:, columns]

    flips = np.where(numbers[:, 0:2] < 0.5, -1.0, 1.0)
    angle = np.deg2rad(between(-ranges.rotation_deg, ranges.rotation_deg, slice(2, 3))[:, 0])
    scale = between(*ranges.scale, slice(3, 4))[:, 0]
    shift = 2 * between(-ranges.shift, ranges.shift, slice(4, 6))
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    rotation = np.stack([np.stack([cosine, -sine], axis=1), np.stack([sine, cosine], axis=1)], axis=1)
    theta = np.concatenate([flips[:, :, None] * rotation, shift[:, :, None]], axis=2)
    return theta.astype(np.float32), between(1 - ranges.colour, 1 + ranges.colour, slice(6, 9)).astype(np.float32)


def _colour(images: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Change brightness, contrast about the mean grey and saturation, each clipped to [0, 1]; factors are (b, 3)."""
    brightness, contrast, saturation = (factors[:, place, None, None, None] for place in range(3))
    images = (images * brightness).clamp(0, 1)
    middle = _grey(images).mean(dim=(2, 3), keepdim=True)
    images = (middle + (images - middle) * contrast).clamp(0, 1)
    grey = _grey(images)
    return (grey + (images - grey) * saturation).clamp(0, 1)


_LUMA = (0.299, 0.587, 0.114)  # weights of red, green and blue


def _grey(images: torch.Tensor) -> torch.Tensor:
    """Return the luma of ITU-R BT.601, (b, 1, s, s)."""
    return (images * constant(_LUMA, images.device, images.dtype)).sum(dim=1, keepdim=True)
