"""Pixel counts on photos, the scores that follow from them, and the masks that a trained run draws.

torch is imported where it is used: whoever wants only `scores` does not pay for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segmentation import coco, runs
from segmentation.config import TrainConfig, from_json
from segmentation.runs import PerImage
from twin.files import InputError, read_manifest

if TYPE_CHECKING:
    import torch

    from segmentation.dataset import Arrays

THRESHOLD = 0.5  # of the corrosion probability; the paper does not state its own


def scores(
    tp: npt.NDArray[Any], fp: npt.NDArray[Any], fn: npt.NDArray[Any], tn: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """F1 (Dice) and intersection over union of each image, from its pixel counts.

    Parameters
    ----------
    tp, fp, fn, tn : true positive, false positive, false negative, true negative pixels, of one shape.

    Returns
    -------
    f1 = 2 tp / (2 tp + fp + fn) and iou = tp / (tp + fp + fn), of the same shape. An image without corrosion on which
    none was found scores 1 in both.
    """
    tp, fp, fn, tn = (np.asarray(counts, dtype=np.float64) for counts in (tp, fp, fn, tn))
    if not tp.shape == fp.shape == fn.shape == tn.shape:
        raise ValueError(f"counts of different shapes: {tp.shape}, {fp.shape}, {fn.shape}, {tn.shape}")
    wrong = fp + fn
    empty = tp + wrong == 0
    f1 = np.where(empty, 1.0, 2 * tp / np.where(empty, 1.0, 2 * tp + wrong))
    iou = np.where(empty, 1.0, tp / np.where(empty, 1.0, tp + wrong))
    return f1, iou


def confusion(predicted: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], ...]:
    """tp, fp, fn, tn pixels of each image, four (n,) arrays, from masks (n, h, w)."""
    pairs = ((predicted, truth), (predicted, ~truth), (~predicted, truth), (~predicted, ~truth))
    return tuple(np.sum(one & other, axis=(1, 2), dtype=np.int64) for one, other in pairs)


def dice_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """1 - Dice over all pixels of a batch, as published; smp's, which is 0 for a batch without corrosion.

    Parameters
    ----------
    logits, masks : (b, 1, h, w) float32; half precision would overflow in the sums.
    """
    from segmentation_models_pytorch.losses import DiceLoss

    loss: torch.Tensor = DiceLoss("binary")(logits, masks)
    return loss


def measure(
    network: torch.nn.Module, config: TrainConfig, arrays: Arrays, names: Sequence[str]
) -> tuple[float, PerImage]:
    """Run a U-Net over the named photos at the working size.

    Returns
    -------
    The Dice loss of batches, averaged with their numbers of images, and the pixel counts of each photo.
    """
    import torch

    rows = arrays.rows(names)
    total = 0.0
    counts = []
    for first in range(0, len(rows), config.batch_size):
        batch = rows[first : first + config.batch_size]
        logits = _logits(network, config, arrays.images[batch])
        total += len(batch) * float(dice_loss(logits, torch.from_numpy(arrays.masks[batch])[:, None].to(logits)))
        predicted = (torch.sigmoid(logits[:, 0]) > THRESHOLD).cpu().numpy()
        counts.append(confusion(predicted, arrays.masks[batch] > 0))
    tp, fp, fn, tn = (np.concatenate(column) for column in zip(*counts, strict=True))
    return total / len(rows), PerImage(image=tuple(names), tp=tp, fp=fp, fn=fn, tn=tn)


def measure_run(folder: Path, data: coco.Dataset) -> PerImage:
    """Pixel counts of a complete run on a dataset, at the run's working size.

    On the dataset that the run was trained from, its test photos are measured; on any other dataset all photos.

    Raises
    ------
    InputError
        The folder holds no complete run.
    """
    from segmentation import dataset
    from segmentation.model import torch_settings

    network, config = _load(folder)
    run = runs.load(folder)
    trained_here = run.manifest["data"]["real"] == data.digest
    names = run.per_image.image if trained_here else tuple(photo.file_name for photo in data.photos)
    with torch_settings(config.threads):
        _, table = measure(network, config, dataset.arrays(data, config.size, cache=dataset.cache_folder()), names)
    return table


def predict_masks(folder: Path, photos: Sequence[coco.Photo]) -> list[npt.NDArray[np.bool_]]:
    """What a complete run takes for corrosion on each photo, (height, width) bool at the photo's own size.

    Probabilities are predicted at the run's working size, enlarged by bilinear interpolation, then cut.

    Raises
    ------
    InputError
        The folder holds no complete run, or a photo cannot be decoded.
    """
    import torch

    from segmentation import dataset
    from segmentation.model import torch_settings

    network, config = _load(folder)
    masks = []
    with torch_settings(config.threads):
        for photo in photos:
            small = dataset.resize_image(coco.image(photo), config.size)
            probability = torch.sigmoid(_logits(network, config, small[None]))
            large = torch.nn.functional.interpolate(probability, (photo.height, photo.width), mode="bilinear")
            masks.append((large[0, 0] > THRESHOLD).cpu().numpy())
    return masks


def _load(folder: Path) -> tuple[torch.nn.Module, TrainConfig]:
    """The best U-Net of a complete run, on the device that it will work on."""
    from segmentation.model import load_weights, place

    manifest = read_manifest(folder, runs.KIND)
    if manifest is None:
        raise InputError(f"{folder}: no complete training run (run.json is absent); run its training again")
    config = from_json(manifest["config"])
    network = load_weights(folder / runs.WEIGHTS, config.backbone)
    return place(network, config.precision), config


def _logits(network: torch.nn.Module, config: TrainConfig, images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Logits (b, 1, s, s) float32 of images (b, s, s, 3) uint8, in evaluation mode."""
    import torch

    from segmentation.augment import image_tensor
    from segmentation.model import autocast, device, memory_format, normalise

    network.eval()
    where = device()
    pictures = normalise(image_tensor(images, where), config.backbone)
    with torch.no_grad(), autocast(config.precision, where.type):
        logits: torch.Tensor = network(pictures.contiguous(memory_format=memory_format(config.precision)))
    return logits.float()
