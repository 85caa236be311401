"""Command line: ``python -m benchmarks.speed training``."""

from pathlib import Path

from segmentation.config import BACKBONES
from twin.command import run
from twin.files import InputError


def training(
    *,
    data: Path,
    out: Path | None = None,
    backbones: tuple[str, ...] = BACKBONES,
    size: int = 160,
    batch_size: int = 8,
    steps: int = 8,
    rounds: int = 3,
    threads: int = 2,
) -> None:
    """Time training loops in turn, round by round, so that whatever else the machine does strikes all alike.

    Parameters
    ----------
    data
        COCO dataset whose photos are trained on.
    out
        CSV file to write: one row for each backbone, loop and round.
    backbones
        encoders of the U-Nets.
    size
        side of the working image in pixels, divisible by 32.
    batch_size
        images per step.
    steps
        steps of each loop in a round.
    rounds
        how often each loop has its turn.
    threads
        CPU threads of torch.
    """
    for name, value in (("steps", steps), ("rounds", rounds), ("batch-size", batch_size), ("threads", threads)):
        if value < 1:
            raise InputError(f"--{name} {value} is below 1")
    if out is not None and (out.is_dir() or out.suffix != ".csv"):
        raise InputError(f"{out}: choose the name of a .csv file for --out")

    from rich.console import Console

    from benchmarks.speed import training as speed
    from segmentation import coco

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    timings = speed.measure(
        coco.read(data),
        backbones=backbones,
        size=size,
        batch_size=batch_size,
        steps=steps,
        rounds=rounds,
        threads=threads,
        on_round=console.print,
    )
    speed.show(timings, size=size, batch_size=batch_size, threads=threads)
    if out is not None:
        speed.write(out, timings)


def agreement(
    *,
    data: Path,
    out: Path,
    backbone: str = "mobilenet_v2",
    pairs: int = 5,
    size: int = 128,
    epochs: int = 30,
    threads: int = 2,
) -> None:
    """Train pairs of runs, precision exact and fast from the same seed, and print the difference of their test F1.

    Parameters
    ----------
    data
        COCO dataset of photos.
    out
        folder of the runs; the same command resumes, more pairs are added.
    backbone
        encoder of the U-Net.
    pairs
        pairs of runs, at least two.
    size
        side of the working image in pixels, divisible by 32.
    epochs
        of each run; all else as in profile small.
    threads
        CPU threads of torch.
    """
    if pairs < 2:
        raise InputError(f"--pairs {pairs} gives no interval; train at least 2")

    from rich.console import Console

    from benchmarks.speed import agreement as speed
    from segmentation import coco

    console = Console(highlight=False, markup=False, soft_wrap=True)
    found = speed.measure(
        out,
        coco.read(data),
        backbone=backbone,
        seeds=range(pairs),
        changes={"size": size, "epochs": epochs, "threads": threads},
        on_run=lambda name: console.print(f"run {name}"),
    )
    for seed, exact, fast in zip(found.seeds, found.exact, found.fast, strict=True):
        console.print(f"seed {seed}: exact {exact:.4f}, fast {fast:.4f}, difference {fast - exact:+.4f}")
    console.print(
        f"{backbone}: fast - exact {found.difference:+.4f} F1, 95 % interval {found.low:+.4f} to {found.high:+.4f}, "
        f"{len(found.seeds)} pairs of runs on the same photos"
    )


if __name__ == "__main__":
    run(
        "python -m benchmarks.speed",
        "Time our loops beside the libraries' own examples, and hold the fast ones against the exact.",
        {"training": training, "agreement": agreement},
    )
