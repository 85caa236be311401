"""`train`: one U-Net on photos, renders or both."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from corrotwin.segmentation import runs
from corrotwin.segmentation.api.dataset import Dataset
from corrotwin.segmentation.api.run import Run
from corrotwin.segmentation.arms import Adaptation, Augmentation, arm_of, taught_by
from corrotwin.segmentation.config import DEFAULT_BACKBONE, Profile, TrainConfig, check_weights, configure
from corrotwin.segmentation.training import train as training
from corrotwin.segmentation.training.apart import gathered
from corrotwin.segmentation.training.initial_weights import digest_of
from corrotwin.twin.core.arguments import check_fields, checked
from corrotwin.twin.core.errors import InputError

SETTINGS = (
    "framing", "size", "epochs", "batch_size", "learning_rate", "encoder_rate", "freeze", "batch_norm",
    "encoder_weights", "loss", "keep", "precision",
)  # fmt: skip

logger = logging.getLogger(__name__)


@checked(photos="Dataset(folder).split(by=...)")
def train(
    photos: Dataset,
    *,
    out: str | Path,
    renders: Dataset | str | Path | None = None,
    backbone: str = DEFAULT_BACKBONE,
    architecture: str = "Unet",
    profile: Profile = "small",
    seed: int = 0,
    real_fraction: float = 1.0,
    render_share: float | None = None,
    render_count: int | None = None,
    pretrain: float = 0.0,
    adaptation: Adaptation | None = None,
    augmentation: Augmentation = "standard",
    copy_paste: float = 0.0,
    unlabelled: str | Path | Sequence[str | Path] = (),
    self_training: bool | None = None,
    weights: str | Path | None = None,
    init: Run | str | Path | None = None,
    threads: int = 2,
    workers: int | None = None,
    checkpoint_seconds: float = 300.0,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    **settings: Any,
) -> Run:
    """Train one U-Net and return the run; a repeated call resumes an interrupted run.

    Parameters
    ----------
    photos : real photos, split by `Dataset.split`.
    out : folder of the run.
    renders : a rendered dataset to mix into the training batches.
    backbone, architecture : by default EfficientNet-Lite0 with ImageNet weights (the extra ``pretrained``) in a Unet;
        the paper's are mobilenet_v2, resnet152, inceptionv4 and vgg16; or any other of segmentation-models-pytorch.
    profile : quick (minutes, a smoke test), small (on a CPU) or paper (as published).
    seed : random seed of initial weights, photo subset, order and augmentation.
    real_fraction : fraction of the real training photos to use, drawn by whole groups of the split.
    render_share : fraction of each batch that is renders.
    render_count : number of renders to use; without `render_share` every image is drawn equally often.
    pretrain : fraction of the steps, at the start, that see only renders.
    adaptation : fourier, histogram or colours: make each render look more like a training photo.
    augmentation : standard or strong.
    copy_paste : fraction of the photos in the batches into which corrosion of another training photo is pasted.
    unlabelled : unlabelled photos, videos (one frame per second), and folders or zips of them. Duplicates, drawings,
        and pictures like a test photo or its spot are left out and logged.
    self_training : learn from them what a moving average of the network predicts on them; None: if there are any.
        Without `unlabelled` it is a control, in which the labelled photos take their place.
    weights : folder that ``corrotwin segmentation weights`` prepared; without it ImageNet weights come from the extra
        ``pretrained`` or from the hub. Refused if the initial weights are random, or `init` takes their place.
    init : weights to start from: a run of the same network, finished or not; the folder of a pretrained encoder; or
        "shipped", the model that ships.
    threads : CPU threads; another number changes the last bits of the result.
    workers : processes that augment in advance if precision is exact.
    checkpoint_seconds : save a checkpoint at the end of an epoch if the last one is at least this old.
    on_epoch : called after each epoch with its row of the history.
    settings : used in place of the profile's: framing, size, epochs, batch_size, learning_rate, encoder_rate, freeze,
        batch_norm, encoder_weights, loss, keep, precision; see `segmentation.config.TrainConfig`, and `first_weights`
        there for the default of encoder_weights.

    Raises
    ------
    InputError
        The data, the settings or the folder do not fit together.
    WorkError
        The loss stopped being a number.
    """
    if photos.parts is None:
        raise InputError("`photos`: not split yet; give Dataset(folder).split(by=...)")
    if not any(photo.annotations for photo in photos.data.photos):
        raise InputError(f"{photos.folder}: no annotations; nothing could be learned from it")
    if unknown := sorted(set(settings) - set(SETTINGS)):
        raise InputError(f"`{unknown[0]}`: no such setting; choose from {', '.join(SETTINGS)}")
    settings = check_fields(TrainConfig, settings)
    if renders is not None and not isinstance(renders, Dataset):
        renders = Dataset(renders)
    if renders is not None and renders.digest == photos.digest:
        raise InputError(f"{renders.folder}: the same images as {photos.folder}; `renders` takes a rendered dataset")
    arm = arm_of(
        with_renders=renders is not None, real_fraction=real_fraction, render_share=render_share,
        render_count=render_count, pretrain=pretrain, adaptation=adaptation, augmentation=augmentation,
        copy_paste=copy_paste, self_training=taught_by(bool(unlabelled), self_training),
    )  # fmt: skip
    start = init.folder if isinstance(init, Run) else None if init is None else Path(init)
    if start is not None:
        digest = digest_of(start, backbone=backbone, architecture=architecture)
        settings = {"encoder_weights": None, **settings, "init": digest}
    config = configure(
        profile, backbone=backbone, architecture=architecture, arm=arm, seed=seed, threads=threads, **settings
    )
    check_weights(weights, config.encoder_weights, init=init)
    for line in photos.leaks():
        logger.warning(line)
    folder, rendered = Path(out), None if renders is None else renders.data
    pictures = None
    if unlabelled:
        paths = [unlabelled] if isinstance(unlabelled, str | Path) else unlabelled
        pictures = gathered([Path(path) for path in paths], config, photos.data, photos.parts)
        logger.info(pictures.line())
    is_complete = runs.is_complete(
        folder, config, photos.data, photos.parts, rendered, None if pictures is None else pictures.digest
    )
    if is_complete and not (folder / runs.WEIGHTS).is_file():
        raise InputError(f"{folder}: complete, but its weights are missing; delete the folder to train it again")
    training.train(
        folder, config, real=photos.data, split=photos.parts, renders=rendered, unlabelled=pictures,
        weights=None if weights is None else Path(weights), init=start, checkpoint_seconds=checkpoint_seconds,
        workers=workers, on_epoch=on_epoch,
    )  # fmt: skip
    return Run(folder)
