"""``corrotwin segmentation pretrain``: teach an encoder what the photographs of a site look like, without labels."""

from pathlib import Path
from typing import Literal

from corrotwin.segmentation.config import DEFAULT_BACKBONE, check_weights, first_weights
from corrotwin.twin.core.console import progress
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say, say_error


def pretrain(
    pictures: tuple[Path, ...],
    /,
    *,
    out: Path,
    backbone: str = DEFAULT_BACKBONE,
    encoder_weights: Literal["imagenet", "none"] | None = None,
    weights: Path | None = None,
    size: int = 128,
    epochs: int = 100,
    batch_size: int = 64,
    learning_rate: float = 5e-4,
    seed: int = 0,
    threads: int = 2,
    checkpoint_seconds: float = 300.0,
) -> None:
    """Pretrain an encoder on unlabelled photographs (SimSiam). Repeat the command to resume it.

    `train --init OUT` starts from the result. Leave out photos of test spots: a run whose test photos are among
    these pictures, or look like one, is refused.

    Parameters
    ----------
    pictures
        unlabelled photos, videos (one frame per second), and folders or zips of them.
    out
        folder for the encoder's weights, pretrained.json and history.csv.
    backbone
        encoder, as for `train`.
    size
        side of the working image in pixels, divisible by 32.
    epochs
        passes over the pictures.
    seed
        random seed of the order of pictures and of their views.

    Other Parameters
    ----------------
    encoder_weights
        imagenet or none (random): where pretraining starts; by default as for `train`.
    weights
        folder prepared by `corrotwin segmentation weights`.
    batch_size
        pictures per optimiser step, at least 2; each is seen in two views.
    learning_rate
        peak learning rate of the schedule.
    threads
        CPU threads; another number changes the last bits of the result.
    checkpoint_seconds
        save a checkpoint at the end of an epoch if the last one is at least this old.
    """
    if not pictures:
        raise InputError("no pictures; name photos, videos, or folders or zips of them")
    if not checkpoint_seconds >= 0:
        raise InputError(f"--checkpoint-seconds {checkpoint_seconds} is not 0 or more")
    first = first_weights("small", backbone) if encoder_weights is None else encoder_weights
    chosen: Literal["imagenet"] | None = "imagenet" if first == "imagenet" else None
    check_weights(weights, chosen)

    from corrotwin.segmentation.training.pretraining import PretrainConfig
    from corrotwin.segmentation.training.pretraining import pretrain as pretrain_encoder
    from corrotwin.segmentation.training.progress import epochs_line
    from corrotwin.segmentation.unlabelled.pictures import gather
    from corrotwin.twin.core.machine import cache_folder

    config = PretrainConfig(
        backbone=backbone, encoder_weights=chosen, size=size, epochs=epochs, batch_size=batch_size,
        learning_rate=learning_rate, seed=seed, threads=threads,
    )  # fmt: skip
    with progress("pictures", unit="files") as line:
        gathered = gather(
            pictures, size=size, framing="resize", cache=cache_folder(),
            on_file=lambda done, count: line.update(done, total=count),
        )  # fmt: skip
    say_error(printable(gathered.line()))
    with epochs_line(f"pretraining {backbone}", epochs, out) as on_epoch:
        result = pretrain_encoder(
            out, config, gathered, weights=weights, checkpoint_seconds=checkpoint_seconds, on_epoch=on_epoch
        )
    if result["collapsed"]:
        say_error(
            f"{out}: the encoder has collapsed: all pictures look the same to it (spread {result['spread']:.2f} of 1)"
        )
    say(f"{out}: pretrained on {len(gathered.used)} pictures, spread of their directions {result['spread']:.2f} of 1")
