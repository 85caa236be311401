"""``corrotwin segmentation train``: train one U-Net on photos, renders or both."""

from pathlib import Path
from typing import Any, Literal

from corrotwin.segmentation.arms import Adaptation, Augmentation, arm_of, taught_by
from corrotwin.segmentation.config import (
    DEFAULT_BACKBONE,
    BatchNorm,
    Framing,
    Kept,
    Loss,
    Precision,
    Profile,
    check_weights,
    configure,
)
from corrotwin.twin.core.console import progress
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say, say_error, say_next


def train(
    *,
    data: Path,
    out: Path,
    renders: Path | None = None,
    classes: tuple[str, ...] = (),
    split: Literal["grouped", "own", "published"] | Path | None = None,
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
    unlabelled: tuple[Path, ...] = (),
    self_training: bool | None = None,
    framing: Framing | None = None,
    size: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    encoder_rate: float | None = None,
    freeze: float | None = None,
    batch_norm: BatchNorm | None = None,
    encoder_weights: Literal["imagenet", "none"] | None = None,
    init: Path | None = None,
    weights: Path | None = None,
    loss: Loss | None = None,
    keep: Kept | None = None,
    precision: Precision | None = None,
    threads: int = 2,
    checkpoint_seconds: float = 300.0,
    mlflow: str | None = None,
) -> None:
    """Train one U-Net. Repeat the command to resume an interrupted run.

    Parameters
    ----------
    data
        real photos: a Roboflow COCO export (folder or zip), one COCO json and its images, or images and PNG masks.
    out
        folder of the run: run.json, split.json, history.csv, per_image.csv, best.safetensors.
    renders
        a rendered dataset to mix into the training batches.
    classes
        names of the categories to learn, as one class; by default all categories with annotations.
    split
        grouped (70/15/15 by whole spots of spots.csv in DATA, else by photos with similar names or looks),
        published (70/15/15 at random, photo by photo), own (the export's train, valid and test folders), or a
        file written by `corrotwin segmentation split`. By default that of the run in OUT if there is one, else
        published in profile paper and grouped in the others.
    backbone
        encoder: the paper's mobilenet_v2, resnet152, inceptionv4 and vgg16, any other of
        segmentation-models-pytorch, or any of timm with tu- before its name.
    profile
        quick (minutes, a smoke test), small (15 to 75 minutes on a CPU) or paper (as published).
    seed
        random seed of initial weights, photo subset, order and augmentation.
    real_fraction
        fraction of the real training photos to use, drawn by whole groups of the split.
    augmentation
        strength of the random changes to each image: standard or strong.
    unlabelled
        unlabelled photos, videos (one frame per second), and folders or zips of them. Duplicates, drawings, and
        pictures like a test photo or its spot are left out and counted.
    size
        side of the working image in pixels, divisible by 32.
    epochs
        passes over as many images as there are real training photos.
    init
        weights to start from: a run of the same network, finished or not; an encoder of `corrotwin segmentation
        pretrain`; or shipped, the built-in model.

    Other Parameters
    ----------------
    architecture
        Unet, as in the paper, or any architecture of segmentation-models-pytorch.
    render_share
        fraction of each batch that is renders; by default 0.5 if renders are given without --render-count or
        --pretrain.
    render_count
        number of renders to use, drawn by the seed; without --render-share every image is drawn equally often.
    pretrain
        fraction of the steps, at the start, that see only renders; after that only photos, unless
        --render-share is given.
    adaptation
        fourier, histogram or colours: make each render look more like a training photo.
    copy_paste
        fraction of the photos in the batches into which corrosion of another training photo is pasted.
    self_training
        learn from the unlabelled photos what a moving average of the network (the teacher) predicts on them;
        the default if there are any. Otherwise they only serve to re-estimate the statistics of batch
        normalisation. Without --unlabelled it is a control, in which the labelled photos take their place.
    framing
        resize (the whole photo) or crop (squares at the photo's original scale); the default here and below is
        the profile's.
    batch_size
        images per optimiser step.
    learning_rate
        peak learning rate of the schedule.
    encoder_rate
        learning rate of the encoder relative to the decoder's; by default 0.3 from ImageNet weights (not in
        profile paper), else 1.
    freeze
        fraction of the steps, at the start, in which the encoder's weights are frozen.
    batch_norm
        statistics of batch normalisation: train (moving averages), frozen (the encoder keeps its initial ones),
        re-estimated (after training, on the training photos) or own (separate for photos and renders; those of
        the photos are kept).
    encoder_weights
        imagenet or none (random); by default imagenet in profile paper and for tu-tf_efficientnet_lite0, 1 and
        2, whose weights come with the extra pretrained, else none.
    weights
        folder prepared by `corrotwin segmentation weights`; by default ImageNet weights come from the extra
        pretrained or from the hub. Refused if the initial weights are random.
    loss
        dice, or dice_bce, which adds cross-entropy.
    keep
        weights to keep: best (of the epoch with the best validation F1) or averaged (their moving average at
        the end).
    precision
        exact (albumentations, float32) or fast (augmentation of whole batches, bfloat16).
    threads
        CPU threads; another number changes the last bits of the result.
    checkpoint_seconds
        save a checkpoint at the end of an epoch if the last one is at least this old.
    mlflow
        address of an MLflow server or database that receives settings and scores, such as http://server:5000 or
        sqlite:///runs.db; requires the extra mlflow.
    """
    arm = arm_of(
        with_renders=renders is not None, real_fraction=real_fraction, render_share=render_share,
        render_count=render_count, pretrain=pretrain, adaptation=adaptation, augmentation=augmentation,
        copy_paste=copy_paste, self_training=taught_by(bool(unlabelled), self_training),
    )  # fmt: skip
    if not checkpoint_seconds >= 0:
        raise InputError(f"--checkpoint-seconds {checkpoint_seconds} is not 0 or more")
    requested: dict[str, Any] = {
        "framing": framing,
        "size": size,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "encoder_rate": encoder_rate,
        "freeze": freeze,
        "batch_norm": batch_norm,
        "loss": loss,
        "keep": keep,
        "precision": precision,
    }
    changes = {name: value for name, value in requested.items() if value is not None}
    if encoder_weights is not None:
        changes["encoder_weights"] = None if encoder_weights == "none" else encoder_weights
    if init is not None:
        from corrotwin.segmentation.training.initial_weights import digest_of

        chosen_init = digest_of(init, backbone=backbone, architecture=architecture)
        changes = {"encoder_weights": None, **changes, "init": chosen_init}
    config = configure(
        profile, backbone=backbone, architecture=architecture, arm=arm, seed=seed, threads=threads, **changes
    )
    check_weights(weights, config.encoder_weights, init=init)

    from corrotwin.segmentation import runs
    from corrotwin.segmentation.data import coco, leakage, splits
    from corrotwin.segmentation.training.progress import epochs_line, scores_line
    from corrotwin.segmentation.training.tracking import Tracking
    from corrotwin.segmentation.training.train import train as train_run

    tracked = Tracking(mlflow)
    real = coco.read(data, classes=classes or None)
    rendered = coco.read(renders) if renders else None
    if rendered is not None and rendered.digest == real.digest:
        raise InputError(f"{renders}: the same images as {data}; --renders takes a rendered dataset")
    earlier_split = out / runs.SPLIT
    if split is None:
        split = earlier_split if earlier_split.is_file() else "published" if profile == "paper" else "grouped"
    if isinstance(split, Path):
        parts = splits.load(split)
    else:
        parts = splits.without_leaks(real) if split == "grouped" else splits.split(real, how=split, seed=0)
    warnings = (
        splits.unused_warning(parts, real),
        leakage.copies_warning(parts, real),
        leakage.contents_warning(parts, real),
        leakage.spots_warning(parts, real),
    )
    for warning in filter(None, warnings):
        say_error(printable(warning))
    pictures = None
    if unlabelled:
        from corrotwin.segmentation.training.apart import gathered

        with progress("unlabelled photos", unit="files") as line:
            pictures = gathered(
                unlabelled, config, real, parts, on_file=lambda done, count: line.update(done, total=count)
            )
        say_error(printable(pictures.line()))
    digest = None if pictures is None else pictures.digest
    if runs.is_complete(out, config, real, parts, rendered, digest) and not (out / runs.WEIGHTS).is_file():
        raise InputError(f"{out}: complete, but its weights are missing; delete the folder to train it again")
    with tracked, epochs_line(f"training {backbone} {arm.name}", config.epochs, out) as show:

        def on_epoch(row: dict[str, float]) -> None:
            show(row)
            tracked.send(out, out.name)

        train_run(
            out,
            config,
            real=real,
            split=parts,
            renders=rendered,
            unlabelled=pictures,
            weights=weights,
            init=init,
            checkpoint_seconds=checkpoint_seconds,
            on_epoch=on_epoch,
        )
        tracked.send(out, out.name)
    say(scores_line(runs.load(out).per_image, "test photos"))
    say(f"{out}: the trained run")
    say_next("segmentation", "evaluate", out, "--data", data, "--out", f"{out}-test")
