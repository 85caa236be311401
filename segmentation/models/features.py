"""Features of pictures from a pretrained encoder, averaged over regions: the pictures as a network sees them."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from corrotwin.segmentation.config import DEFAULT_BACKBONE
from corrotwin.segmentation.models import network, packaged
from corrotwin.twin.core.errors import InputError

STAGES = (2, 3, 4)  # stages of the encoder's features: at 1/4, 1/8 and 1/16 of the side
BATCH = 16  # pictures


def check_installed() -> None:
    """Raise InputError if the package with the encoder's weights is not installed.

    Raises
    ------
    InputError
        It is not; the message names the package.
    """
    package = packaged.PACKAGES[DEFAULT_BACKBONE]
    if find_spec(package.module) is None:
        raise InputError(f"ImageNet weights are needed to compare pictures; {package.install}")


class FeatureExtractor:
    """The encoder of `DEFAULT_BACKBONE` with its ImageNet weights.

    Raises
    ------
    InputError
        The package with the weights is not installed, or damaged.
    """

    def __init__(self) -> None:
        from segmentation_models_pytorch.encoders import get_encoder

        self._encoder = get_encoder(DEFAULT_BACKBONE, weights=None)
        self._encoder.load_state_dict(packaged.fetch(DEFAULT_BACKBONE))
        self._encoder.eval()

    def over(
        self, images: Sequence[npt.NDArray[np.uint8]], regions: Sequence[npt.NDArray[np.float32]]
    ) -> npt.NDArray[np.float32]:
        """Return the mean features of each region of each picture.

        Parameters
        ----------
        images : n arrays (side, side, 3), sRGB, all of the same side, divisible by 32.
        regions : n arrays (r, side, side), the weight of each pixel in each region.

        Returns
        -------
        (n, r, channels) float32; for a region without weight, the mean over the picture.
        """
        means = []
        for first in range(0, len(images), BATCH):
            pictures = torch.from_numpy(np.stack(images[first : first + BATCH])).permute(0, 3, 1, 2).float() / 255
            weights = torch.from_numpy(np.stack(regions[first : first + BATCH])).float()
            with torch.inference_mode():
                levels = self._encoder(network.normalise(pictures, DEFAULT_BACKBONE))
                means.append(torch.cat([_mean(levels[stage], weights) for stage in STAGES], dim=-1).numpy())
        return np.concatenate(means)


def _mean(level: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the means (n, r, c) of features (n, c, h, w), weighted by `weights` (n, r, side, side) of the pixels."""
    level_weights = functional.interpolate(weights, level.shape[2:], mode="area")
    level_weights = torch.where(
        level_weights.sum(dim=(2, 3), keepdim=True) > 0, level_weights, torch.ones_like(level_weights)
    )
    return torch.einsum("nchw,nrhw->nrc", level, level_weights) / level_weights.sum(dim=(2, 3))[..., None]
