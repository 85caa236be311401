"""Uncertainty of networks about a photo, and its encoder features.

References
----------
Disagreement is the mutual information of N. Houlsby et al., Bayesian active learning for classification and preference
learning, 2011 (BALD): the entropy of the mean less the mean entropy, over the photo's mirror images and over runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from corrotwin.segmentation.data.decoded import resize_image
from corrotwin.segmentation.models.network import normalise
from corrotwin.segmentation.prediction.run_predictor import RunPredictor

SIDE = 128  # pixels of the maps that are compared
LIKELY = 0.05  # probability of corrosion from which a pixel's doubt counts: below it, doubt teaches little
STORED = "<f2"  # type of features in a file
FLIPS: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (0, 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Doubt:
    """Scores of one photo: mean disagreement and entropy in bits, corroded share, and encoder features (c,)."""

    disagreement: float
    entropy: float
    corroded: float
    features: npt.NDArray[np.float32]


def score(predictors: Sequence[RunPredictor], image: npt.NDArray[np.uint8]) -> Doubt:
    """Score a photo (h, w, 3) with all predictors; the first one gives the features."""
    maps = np.stack([_small(predictor, image, flip) for predictor in predictors for flip in FLIPS])
    mean = maps.mean(axis=0)
    entropy_of_mean = entropy(mean)
    likely = mean >= LIKELY
    return Doubt(
        disagreement=float(((entropy_of_mean - entropy(maps).mean(axis=0)) * likely).mean()),
        entropy=float((entropy_of_mean * likely).mean()),
        corroded=float((mean > predictors[0].threshold).mean()),
        features=features_of(predictors[0], image),
    )


def entropy(probability: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the entropy in bits of probabilities of corrosion."""
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(-(clipped * np.log2(clipped) + (1 - clipped) * np.log2(1 - clipped)), dtype=np.float32)


def _small(predictor: RunPredictor, image: npt.NDArray[np.uint8], flip: tuple[int, ...]) -> npt.NDArray[np.float32]:
    probability, _ = predictor.probability(np.ascontiguousarray(np.flip(image, flip)))
    return np.asarray(cv2.resize(np.flip(probability, flip), (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def features_of(predictor: RunPredictor, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return features (c,) of a whole photo: means of the encoder's last stage, in the precision of `STORED`."""
    config, network = predictor.config, predictor.network
    device = next(network.parameters()).device
    small = resize_image(image, config.size)
    picture = torch.from_numpy(small).to(device).permute(2, 0, 1)[None].float() / 255
    network.eval()
    with torch.no_grad():
        last_stage = network.get_submodule("encoder")(normalise(picture, config.backbone))[-1]
    mean = last_stage.mean(dim=(2, 3))[0].float().cpu().numpy()
    return np.asarray(mean.astype(STORED), dtype=np.float32)
