"""Domain adaptation: the colours of renders are changed towards those of real training photos before augmentation.

Masks remain valid, since only colours change.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.arms import Adaptation
from corrotwin.segmentation.augmentation.augment import albumentations
from corrotwin.segmentation.sampling import Stream, generator

FREQUENCIES = (2, 3)  # half width of the swapped window, pixels; more would paint the photo's blotches onto the render
BLEND = (0.25, 1.0)  # range of the weight of the adapted colours
_REFERENCE = "reference"


def adapt(
    images: npt.NDArray[np.uint8],
    references: npt.NDArray[np.uint8],
    *,
    how: Adaptation,
    seed: int,
    epoch: int,
    first: int,
) -> npt.NDArray[np.uint8]:
    """Change the colours of each image towards those of a photo.

    Parameters
    ----------
    images : (b, s, s, 3) uint8, renders.
    references : (b, s, s, 3) uint8, one real training photo for each render.
    how : ``fourier`` copies the amplitudes of the lowest frequencies (Yang & Soatto 2020), ``histogram`` matches the
        histogram of each channel, ``colours`` the mean and covariance of the colours (the linear map of Pitié &
        Kokaram 2007); the last two are blended with the original by a random ratio.
    seed, epoch, first : seed of the run, epoch, and index of image 0 in the epoch; the strength depends on them.

    Returns
    -------
    New images, (b, s, s, 3) uint8.
    """
    results = []
    for place, (image, reference) in enumerate(zip(images, references, strict=True)):
        rng = generator(seed, Stream.ADAPTATION, epoch, first + place)
        if how == "colours":
            results.append(_match_colours(image, reference, rng.uniform(*BLEND)))
            continue
        pipeline = _pipeline(how, image.shape[0])
        pipeline.set_random_seed(int(rng.integers(2**32)))
        results.append(pipeline(image=image, **{_REFERENCE: [reference]})["image"])
    return np.stack(results)


@cache
def _pipeline(how: Adaptation, size: int) -> Any:
    library = albumentations()
    if how == "fourier":  # half the window is this fraction of the size, rounded down
        limits = tuple((pixels + 0.5) / size for pixels in FREQUENCIES)
        return library.Compose([library.FDA(metadata_key=_REFERENCE, beta_limit=limits, p=1.0)])
    return library.Compose([library.HistogramMatching(metadata_key=_REFERENCE, blend_ratio=BLEND, p=1.0)])


def _match_colours(
    image: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8], ratio: float
) -> npt.NDArray[np.uint8]:
    """Match mean and covariance of colours (PixelDistributionAdaptation of albumentations 2.0.8 gives black images)."""
    pixels, target_pixels = (array.reshape(-1, 3).astype(np.float64) for array in (image, reference))
    root = _root(np.cov(pixels.T) + np.eye(3))  # with a variance of one grey level, so that flat images have an inverse
    inverse_root = np.linalg.inv(root)
    colour_map = inverse_root @ _root(root @ np.cov(target_pixels.T) @ root) @ inverse_root
    matched = (pixels - pixels.mean(axis=0)) @ colour_map + target_pixels.mean(axis=0)
    blended = (1 - ratio) * pixels + ratio * matched
    return np.asarray(blended.round().clip(0, 255).astype(np.uint8).reshape(image.shape))


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the symmetric square root of a symmetric, positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(0))) @ vectors.T)
