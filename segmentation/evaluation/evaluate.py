"""Pixel counts on photos, the scores derived from them, and the masks that a trained run predicts.

torch is imported where it is used, so that `scores` alone stays cheap to import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import SIZE_STEP, TrainConfig
from corrotwin.segmentation.config import THRESHOLD as THRESHOLD
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.evaluation.loading import load_run
from corrotwin.segmentation.runs import PerImage
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.machine import cache_folder

if TYPE_CHECKING:
    import torch

    from corrotwin.segmentation.data.decoded import Arrays, Natives


def scores(
    tp: npt.NDArray[Any], fp: npt.NDArray[Any], fn: npt.NDArray[Any], tn: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute F1 (Dice) and intersection over union of each image from its pixel counts.

    Parameters
    ----------
    tp, fp, fn, tn : true positive, false positive, false negative, true negative pixels, of one shape.

    Returns
    -------
    f1 = 2 tp / (2 tp + fp + fn) and iou = tp / (tp + fp + fn), of the same shape. An image without corrosion in which
    none is predicted scores 1 in both.
    """
    tp, fp, fn, tn = (np.asarray(counts, dtype=np.float64) for counts in (tp, fp, fn, tn))
    if not tp.shape == fp.shape == fn.shape == tn.shape:
        raise ValueError(f"counts of different shapes: {tp.shape}, {fp.shape}, {fn.shape}, {tn.shape}")
    wrong = fp + fn
    empty = tp + wrong == 0
    f1 = np.where(empty, 1.0, 2 * tp / np.where(empty, 1.0, 2 * tp + wrong))
    iou = np.where(empty, 1.0, tp / np.where(empty, 1.0, tp + wrong))
    return f1, iou


def confusion(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Count the true and false pixels of each image, on the device of the images.

    Parameters
    ----------
    predicted, truth : (n, h, w) bool, true where there is corrosion.

    Returns
    -------
    (4, n) int64: true positives, false positives, false negatives, true negatives.
    """
    import torch

    pairs = ((predicted, truth), (predicted, ~truth), (~predicted, truth), (~predicted, ~truth))
    return torch.stack([(one & other).sum(dim=(1, 2)) for one, other in pairs])


def measure(
    network: torch.nn.Module, config: TrainConfig, arrays: Arrays | Natives, names: Sequence[str]
) -> tuple[float, PerImage]:
    """Run a U-Net over the named photos, at working size or original scale, as they were decoded.

    Parameters
    ----------
    network : the network, on the device that it works on.
    config : settings of the run: backbone, batch size, precision.
    arrays : decoded photos and masks, from `decoded_arrays`.
    names : photos to measure, at least one.

    Returns
    -------
    The mean Dice loss of the batches, weighted by their numbers of images, and the pixel counts of each photo.
    """
    import torch

    from corrotwin.segmentation.models.loss import dice_loss

    losses, counts = [], []  # they stay on the device until the end, since each copy would wait for it
    for logits, masks in predict(network, config, arrays, names):
        truth = torch.from_numpy(masks).to(logits.device, non_blocking=True)
        losses.append(dice_loss(logits, truth[:, None].to(logits)))
        counts.append(confusion(torch.sigmoid(logits[:, 0]) > THRESHOLD, truth > 0))
    sizes = [batch_counts.shape[1] for batch_counts in counts]
    total = sum(size * loss for size, loss in zip(sizes, torch.stack(losses).tolist(), strict=True))
    tp, fp, fn, tn = torch.cat(counts, dim=1).cpu().numpy()
    return total / len(names), PerImage(image=tuple(names), tp=tp, fp=fp, fn=fn, tn=tn)


def predict(
    network: torch.nn.Module, config: TrainConfig, arrays: Arrays | Natives, names: Sequence[str]
) -> Iterator[tuple[torch.Tensor, npt.NDArray[np.uint8]]]:
    """Yield logits (b, 1, h, w) float32 and masks (b, h, w) uint8 of the named photos in order.

    Photos at working size come in batches of the configuration's size, photos at their original scale one by one, and
    in tiles where `segmentation.prediction` cuts them.
    """
    from corrotwin.segmentation.data.decoded import Natives

    rows = arrays.rows(names)
    if isinstance(arrays, Natives):
        for row in rows:
            image, mask = (np.array(pixels) for pixels in arrays.photo(row))  # copies: the arrays are read-only
            yield _native_logits(network, config, image), mask[None]
        return
    for first in range(0, len(rows), config.batch_size):
        batch = rows[first : first + config.batch_size]
        yield logits_of(network, config, arrays.images[batch]), arrays.masks[batch]


def probabilities(
    network: torch.nn.Module, config: TrainConfig, arrays: Arrays | Natives, names: Sequence[str]
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
    """Yield the corrosion probabilities (h, w) and the mask (h, w) of each of the named photos in order."""
    for logits, masks in predict(network, config, arrays, names):
        yield from zip(logits[:, 0].sigmoid().cpu().numpy(), masks > 0, strict=True)


def measure_run(folder: Path, data: coco.CocoDataset) -> PerImage:
    """Count the pixels of a complete run on a dataset, at the scale of the run's own measurement.

    The photos are those of `measured_photos`.

    Raises
    ------
    InputError
        The folder holds no complete run, or the dataset no unseen photos.
    """
    from corrotwin.segmentation.models.network import torch_settings

    run = load_run(folder)
    network, config = run.network, run.config
    names = measured_photos(run.record, data)
    with torch_settings(config.threads, config.precision):
        _, table = measure(network, config, decoded_arrays(data, config), names)
    return table


def trained_on(run: runs.RunRecord, data: coco.CocoDataset) -> bool:
    """Return True if `data` is the dataset of real photos that a run was trained, validated and tested on."""
    return bool(run.manifest.get("data", {}).get("real") == data.digest)


def measured_photos(run: runs.RunRecord, data: coco.CocoDataset) -> tuple[str, ...]:
    """Return the run's test photos if `data` is its own dataset, else the names of all photos that it has not seen.

    Seen photos are those that trained or validated the run, or that it saw without labels, recognised by the hashes of
    their files: `data` may be the run's own dataset with other labels, more photos, other classes, or a part of it. For
    runs of earlier versions, which recorded no hashes, all photos are returned.

    Raises
    ------
    InputError
        There are no photos, or all of them were seen.
    """
    if trained_on(run, data):
        return run.test
    if not data.photos:
        raise InputError(f"{data.folder}: no photos; give a dataset with at least one")
    seen = run.seen or frozenset()
    names = tuple(photo.file_name for photo in data.photos if photo.sha256 not in seen)
    if not names:
        raise InputError(
            f"{data.folder}: each of the {len(data.photos)} photos trained or validated the run, or was seen without "
            "labels; give others"
        )
    return names


def decoded_arrays(data: coco.CocoDataset, config: TrainConfig) -> Arrays | Natives:
    """Return the photos of a dataset, decoded through the cache, as a run of this configuration is measured on them.

    Raises
    ------
    InputError
        See `segmentation.data.decoded.arrays`.
    """
    from corrotwin.segmentation.data import decoded

    if config.framing == "crop":
        return decoded.natives(data, cache=cache_folder())
    return decoded.arrays(data, config.size, cache=cache_folder())


def predict_masks(folder: Path, photos: Sequence[coco.Photo]) -> list[npt.NDArray[np.bool_]]:
    """Predict the corrosion mask of each photo, (height, width) bool at the photo's own size.

    Probabilities are predicted at the scale of the run's own measurement, enlarged by bilinear interpolation if that is
    the working size, and thresholded.

    Parameters
    ----------
    folder : folder of the run.
    photos : photos of a dataset.

    Returns
    -------
    One mask per photo, (height, width) bool, true where corrosion is predicted.

    Raises
    ------
    InputError
        The folder holds no complete run, or a photo cannot be decoded.
    """
    import torch

    from corrotwin.segmentation.data import decoded
    from corrotwin.segmentation.models.network import torch_settings

    run = load_run(folder)
    network, config = run.network, run.config
    masks = []
    with torch_settings(config.threads, config.precision):
        for photo in photos:
            image = coco.image(photo)
            if config.framing == "crop":
                logits = _native_logits(network, config, image.copy())  # writable
            else:
                logits = logits_of(network, config, decoded.resize_image(image, config.size)[None])
            probability = torch.sigmoid(logits)
            large = torch.nn.functional.interpolate(probability, (photo.height, photo.width), mode="bilinear")
            masks.append((large[0, 0] > THRESHOLD).cpu().numpy())
    return masks


def _native_logits(network: torch.nn.Module, config: TrainConfig, image: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Compute logits (1, 1, h, w) of a photo (h, w, 3) at its original scale, in tiles where predictions cut it."""
    import torch

    from corrotwin.segmentation.evaluation.tiles import NATIVE_TILE, OVERLAP, blended, needs_tiles

    height, width = image.shape[:2]
    if not needs_tiles(height, width, NATIVE_TILE):
        return logits_of(network, config, image[None])

    def probability_of(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return np.asarray(logits_of(network, config, images)[:, 0].sigmoid().cpu().numpy())

    probability, _ = blended(image, NATIVE_TILE, OVERLAP, config.batch_size * config.size**2, probability_of)
    return torch.logit(torch.from_numpy(probability)[None, None], eps=1e-6)


def logits_of(network: torch.nn.Module, config: TrainConfig, images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Compute logits (b, 1, h, w) float32 of images (b, h, w, 3) uint8, in evaluation mode.

    Sides that the U-Net cannot halve five times are padded with border pixels, and the result is cropped.
    """
    import torch

    from corrotwin.segmentation.models.network import autocast

    network.eval()
    pictures = network_input(config, images)
    height, width = images.shape[1:3]
    with torch.no_grad(), autocast(config.precision, pictures.device.type):
        logits: torch.Tensor = network(pictures)
    return logits[..., :height, :width].float()


def network_input(config: TrainConfig, images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Return images (b, h, w, 3) uint8 as a network accepts them, normalised, on its device: (b, 3, height, width).

    Sides that the U-Net cannot halve five times are padded with border pixels.
    """
    import torch

    from corrotwin.segmentation.augmentation.augment import image_tensor
    from corrotwin.segmentation.models.network import device, memory_format, normalise

    pictures = normalise(image_tensor(images, device()), config.backbone)
    height, width = pictures.shape[2:]
    down, right = -height % SIZE_STEP, -width % SIZE_STEP
    if down or right:
        pictures = torch.nn.functional.pad(pictures, (0, right, 0, down), mode="replicate")
    return pictures.contiguous(memory_format=memory_format(config.precision))
