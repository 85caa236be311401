"""Adapt a trained network to the photos that it will segment, without labels: statistics of batch normalisation.

Scores on photos from which the statistics were taken are transductive: the network has seen these photos, though not
their masks.

References
----------
Y. Li et al., Revisiting batch normalization for practical domain adaptation, 2016 (AdaBN). The weight of the training
statistics follows S. Schneider et al., Improving robustness against common corruptions by covariate shift adaptation,
NeurIPS 2020.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data.decoded import Arrays, Natives
from corrotwin.segmentation.evaluation.evaluate import network_input
from corrotwin.segmentation.evaluation.tiles import NATIVE_TILE, OVERLAP, Predict, blended, needs_tiles
from corrotwin.segmentation.models.network import autocast, device
from corrotwin.segmentation.sampling import thin
from corrotwin.twin.core.errors import InputError

MOST = 64  # photos that statistics are taken from, evenly spaced over all
TILES_OF_PHOTO = 8  # most tiles of a photo that statistics are taken from
PRIOR = 16  # images that the statistics of training count as, so that a single photo changes little


def adapt(network: torch.nn.Module, config: TrainConfig, images: Iterable[npt.NDArray[np.uint8]]) -> int:
    """Take statistics of batch normalisation from images, and mix them with those of training.

    Each image weighs the same, in a batch of any size. Variances are those within batches, as in training.

    Parameters
    ----------
    network : on its device; its statistics are replaced.
    images : (h, w, 3) uint8, as the network sees them.

    Returns
    -------
    The number of images.

    Raises
    ------
    InputError
        The network has no batch normalisation, or cannot take statistics from the only image of a shape.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    if not layers:
        raise InputError(
            f"`adapt`: {config.architecture} with {config.backbone} has no batch normalisation; leave it out"
        )
    before = [(layer.running_mean.clone(), layer.running_var.clone()) for layer in layers]  # type: ignore[union-attr]
    momenta = [layer.momentum for layer in layers]
    count = 0
    network.train()
    with torch.no_grad(), torch.random.fork_rng(devices=[]), autocast(config.precision, device().type):
        torch.manual_seed(0)  # for dropout, which some decoders have
        for batch in _batches(images, config.batch_size):
            count += len(batch)
            for layer in layers:
                layer.momentum = len(batch) / count  # the running mean over images; the first batch replaces all
            pictures = network_input(config, batch)
            try:
                network(pictures)
            except ValueError as error:  # from layers that see a single value, which has no variance
                if len(batch) > 1:
                    raise
                height, width = batch.shape[1:3]
                raise InputError(
                    f"`adapt`: {config.architecture} with {config.backbone} needs more than one photo that it sees at "
                    f"{height} x {width} pixels; give more of that size, or leave `adapt` out"
                ) from error
    network.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    kept = PRIOR / (PRIOR + count)
    for layer, (mean, variance) in zip(layers, before, strict=True):
        layer.running_mean.lerp_(mean, kept)  # type: ignore[union-attr]
        layer.running_var.lerp_(variance, kept)  # type: ignore[union-attr]
    return count


def shown(through: Callable[[Predict], object]) -> list[npt.NDArray[np.uint8]]:
    """Return what a network sees of a photo: the whole, or at most `TILES_OF_PHOTO` of its tiles, evenly spaced.

    `through` predicts the photo with the function that it is given.
    """
    tiles: list[npt.NDArray[np.uint8]] = []

    def keep(batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        tiles.extend(batch)
        return np.zeros(batch.shape[:3], np.float32)

    through(keep)
    places = np.unique(np.linspace(0, len(tiles) - 1, TILES_OF_PHOTO, dtype=int))
    return [tiles[place] for place in places]


def shown_photos(arrays: Arrays | Natives, names: Sequence[str]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield what a network sees of at most `MOST` of the named photos: each (h, w, 3) as decoded, or tiles of it."""
    for row in arrays.rows(thin(names, MOST)):
        if not isinstance(arrays, Natives):
            yield arrays.images[row]
            continue
        image = arrays.photo(int(row))[0]
        height, width = image.shape[:2]
        if needs_tiles(height, width, NATIVE_TILE):
            yield from shown(partial(blended, image, NATIVE_TILE, OVERLAP, 1))
        else:
            yield image


def _batches(images: Iterable[npt.NDArray[np.uint8]], size: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield batches of images of one shape each, and at the end the remaining images of each shape.

    No image is alone, unless it is the only one of its shape: the last batch of a shape may have one more than `size`.
    """
    size = max(2, size)
    waiting: dict[tuple[int, ...], list[npt.NDArray[np.uint8]]] = defaultdict(list)
    for image in images:
        of_shape = waiting[image.shape]
        of_shape.append(image)
        if len(of_shape) == size + 2:
            yield np.stack(of_shape[:size])
            del of_shape[:size]
    yield from (np.stack(remainder) for remainder in waiting.values())
