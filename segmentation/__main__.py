"""Command line: ``python -m segmentation train`` and ``python -m segmentation evaluate``."""

from pathlib import Path
from typing import Any, Literal

from segmentation.config import MIXED, DataArm, Precision, Profile, configure
from twin.command import run
from twin.files import InputError


def train(
    *,
    data: Path,
    out: Path,
    renders: Path | None = None,
    backbone: str = "mobilenet_v2",
    profile: Profile = "small",
    split: Literal["own", "published"] = "published",
    split_seed: int = 0,
    seed: int = 0,
    real_fraction: float = 1.0,
    synth_share: float | None = None,
    size: int | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    encoder_weights: Literal["imagenet", "none"] | None = None,
    precision: Precision | None = None,
    threads: int = 2,
    checkpoint_seconds: float = 300.0,
) -> None:
    """Train one U-Net; the same command resumes a run that was cut off.

    Parameters
    ----------
    data
        folder of real photos: a Roboflow COCO export, or one COCO json and its images.
    out
        folder of the run: run.json, history.csv, per_image.csv, best.safetensors.
    renders
        folder of a rendered dataset to mix into the training batches.
    backbone
        mobilenet_v2, resnet152, inceptionv4 or vgg16.
    profile
        quick (minutes, smoke), small (a night on a CPU) or paper (as published).
    split
        published (70/15/15 at random) or own (the export's train, valid and test folders).
    split_seed
        of the published split; runs to be compared share it.
    seed
        of first weights, subset, order and augmentation.
    real_fraction
        part of the real training photos to use.
    synth_share
        part of each batch that is renders; 0.25 where renders are given.
    size
        side of the working image in pixels, divisible by 32; the profile's if not given, and so below.
    epochs
        passes over as many images as there are real training photos.
    batch_size
        images per optimiser step.
    learning_rate
        peak of the schedule.
    encoder_weights
        imagenet (fetched through the hub's cache) or none.
    precision
        exact (albumentations, float32) or fast (augmentation by batch, bfloat16).
    threads
        CPU threads; another number changes the last bits of the result.
    checkpoint_seconds
        save the state at the end of an epoch when this long has passed since the last time.
    """
    share = synth_share if synth_share is not None else (MIXED.synth_share if renders else 0.0)
    arm = DataArm(name="mixed" if share else "real", real_fraction=real_fraction, synth_share=share)
    if share and renders is None:
        raise InputError(f"--synth-share {share} needs --renders, the folder of a rendered dataset")
    chosen: dict[str, Any] = {
        "size": size,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
    }
    changes = {name: value for name, value in chosen.items() if value is not None}
    if encoder_weights is not None:
        changes["encoder_weights"] = None if encoder_weights == "none" else encoder_weights
    config = configure(
        profile,
        backbone=backbone,
        arm=arm,
        seed=seed,
        threads=threads,
        checkpoint_seconds=checkpoint_seconds,
        **changes,
    )

    from segmentation import coco, progress, runs, splits
    from segmentation.train import train as train_run

    real = coco.read(data)
    rendered = coco.read(renders) if renders else None
    parts = splits.split(real, how=split, seed=split_seed)
    with progress.bar(f"{backbone} {arm.name}", config.epochs) as on_epoch:
        train_run(out, config, real=real, split=parts, renders=rendered, on_epoch=on_epoch)
    progress.print_scores(runs.load(out).per_image, "test photos")


def evaluate(run_folder: Path, /, *, data: Path) -> None:
    """Print the scores of a complete run on a dataset: its test photos where it was trained there, else all photos.

    Parameters
    ----------
    run_folder
        folder of a complete run.
    data
        folder of a COCO dataset.
    """
    from segmentation import coco, progress
    from segmentation.evaluate import measure_run

    progress.print_scores(measure_run(run_folder, coco.read(data)), str(data))


if __name__ == "__main__":
    run(
        "python -m segmentation",
        "Train and evaluate U-Nets that outline corrosion in photographs.",
        {"train": train, "evaluate": evaluate},
    )
