r"""Measure the gain from initial weights with few and with many photographs: five pairs of runs on unseen spots.

    python -m tools.first_weights --data steel-bridges --out out/first-weights
    python -m tools.first_weights --data steel-bridges --out out/twin-weights \\
        --twin out/shipped-model/runs/twin-of-painted-steel

Question of the first line: how much higher is the F1 of a U-Net with ``tu-tf_efficientnet_lite0`` that starts from
ImageNet weights than that of the same network from random ones, with 10 % and with all of the photographs? Of the
second: how much higher than from ImageNet weights is it with 10 % if training starts from the model that ships
(``--init shipped``)? The model has seen these photographs, so its twin is used instead, which learned only from
the other set and from renders (``python -m tools.shipped_model --stage twins``).

Design: the test photos are the export's own; all others train (281 of steel-bridges), except for those of one spot.
These are the validation photos that a run must have, but decide nothing: weights are averaged over the last steps.
Run r of both initial weights has seed r, and so the same photos, which each run draws again, by whole spots. All runs
have equal steps of 8 images at 128 px. Encoder and decoder have one learning rate; beside a twin both starts have the
rates that ``corrotwin segmentation train`` gives them.

Cost: 300 steps a run, some 120 seconds on one core with AVX-512: 20 runs, 41 minutes, or 10 beside a twin.

What settles it: five pairs a row. Runs and spots are both samples (`benchmarks.stats.crossed_effects`).

Each finished run is kept: the same command resumes where it was cut off. After each run ``runs.csv`` and ``table.md``
are written again.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from tyro.conf import arg

from corrotwin.benchmarks.stats.crossed_effects import FloatArray, unit_means
from corrotwin.benchmarks.stats.estimates import mean
from corrotwin.benchmarks.transfer.targets import format_spread, format_value
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import DEFAULT_BACKBONE, TrainConfig, configure, epochs_of
from corrotwin.twin.core import cli, tables, text
from corrotwin.twin.core.files import write_text

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split

First = Literal["random", "imagenet", "twin"]

BATCH, STEPS, FRACTIONS, PAIRS = 8, (300,), (0.1, 1.0), 5
NAMES: dict[First, str] = {"random": "random", "imagenet": "ImageNet", "twin": "twin"}
COLUMNS = ("steps", "real_fraction", "first_weights", "run", "photos", "test_f1", "seconds")


@dataclass(frozen=True, kw_only=True)
class PairedRun:
    """One run of the study."""

    steps: int
    real_fraction: float
    weights: First
    run: int

    @property
    def key(self) -> str:
        """The name of its folder."""
        return f"{self.steps}-{100 * self.real_fraction:g}pct-{self.weights}-{self.run}"


def weights_of(twin: Path | None) -> tuple[First, First]:
    """Return the initial weights that are compared, the better known first."""
    return ("random", "imagenet") if twin is None else ("imagenet", "twin")


def cells(twin: Path | None) -> Iterator[PairedRun]:
    """Yield the runs of the study, the pairs of one run side by side, fewer steps first."""
    fractions = FRACTIONS if twin is None else FRACTIONS[:1]
    for steps, run, fraction, weights in itertools.product(STEPS, range(PAIRS), fractions, weights_of(twin)):
        yield PairedRun(steps=steps, real_fraction=fraction, weights=weights, run=run)


def config_of(cell: PairedRun, photos: int, twin: Path | None, **changes: Any) -> TrainConfig:
    """Return the settings of a run, with the number of whole epochs over `photos` photos nearest to its steps.

    Raises
    ------
    InputError
        The twin is of another network, or has no weights.
    """
    epochs = epochs_of(cell.steps, photos, BATCH)
    settings: dict[str, Any] = {
        "size": 128, "epochs": epochs, "batch_size": BATCH, "keep": "averaged", "threads": 1,
        "encoder_weights": "imagenet" if cell.weights == "imagenet" else None,
    }  # fmt: skip
    if twin is None:
        settings["encoder_rate"] = 1.0
    elif cell.weights == "twin":
        from corrotwin.segmentation.training.initial_weights import digest_of

        settings["init"] = digest_of(twin, backbone=DEFAULT_BACKBONE, architecture="Unet")
    arm = replace(REAL, real_fraction=cell.real_fraction)
    return configure("small", backbone=DEFAULT_BACKBONE, arm=arm, seed=cell.run, **{**settings, **changes})


def own_test(photos: "CocoDataset") -> "Split":
    """Return the split that tests the export's own test photos and trains on all but those of its smallest spot."""
    from corrotwin.segmentation.data import groups
    from corrotwin.segmentation.data.splits import Split

    spots = groups.beside(photos) or {photo.file_name: photo.file_name for photo in photos.photos}
    test = tuple(photo.file_name for photo in photos.photos if photo.split == "test")
    others = [photo.file_name for photo in photos.photos if photo.split in ("train", "valid")]
    sizes = Counter(spots[name] for name in others)
    least = min(sorted(sizes), key=lambda spot: sizes[spot])
    train, valid = (
        tuple(name for name in others if (spots[name] == least) == is_held_out) for is_held_out in (False, True)
    )
    return Split(
        how="own", seed=0, train=train, valid=valid, test=test, group={name: spots[name] for name in (*others, *test)}
    )


def table(scores: dict[PairedRun, FloatArray], twin: Path | None) -> str:
    """Return the comparison as Markdown, from the F1 of each finished run on each test spot."""
    weights = weights_of(twin)
    first, second = (NAMES[choice] for choice in weights)
    lines = [
        f"| steps | real photos | {first} | {second} | {second} − {first} | 95 % interval | pairs |",
        "|---" * 7 + "|",
    ]
    for steps, fraction in itertools.product(STEPS, FRACTIONS):
        pairs = [
            [scores.get(PairedRun(steps=steps, real_fraction=fraction, weights=choice, run=run)) for choice in weights]
            for run in range(PAIRS)
        ]
        complete = [(before, after) for before, after in pairs if before is not None and after is not None]
        if not complete:
            continue
        before, after = (np.array(run_scores) for run_scores in zip(*complete, strict=True))
        gain = mean(after - before, least=-1)
        low, high = (format_value(bound, percent=False) for bound in (gain.low, gain.high))
        lines.append(
            f"| {steps} | {100 * fraction:g} % | {format_spread(before)} | {format_spread(after)} | "
            f"{format_value(gain.value, percent=False)} | {low} to {high} | {len(complete)} |"
        )
    return "\n".join(lines) + "\n"


def study(
    out: Path, data: Path, *, twin: Path | None = None, most: int | None = None, **changes: Any
) -> dict[PairedRun, FloatArray]:
    """Train the unfinished runs, at most `most` of them, and write runs.csv and table.md after each.

    Returns
    -------
    The F1 of each finished run on each test spot, the mean of its photos.
    """
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.evaluation.evaluate import scores as scores_of
    from corrotwin.segmentation.training.train import train

    photos = coco.read(data)
    split = own_test(photos)
    finished: dict[PairedRun, FloatArray] = {}
    rows: list[Sequence[Any]] = []
    trained = 0
    for cell in cells(twin):
        config, folder = config_of(cell, len(split.train), twin, **changes), out / "runs" / cell.key
        is_new = not runs.is_complete(folder, config, photos, split, None)
        if is_new and most is not None and trained >= most:
            continue
        trained += is_new
        run = train(folder, config, real=photos, split=split, renders=None, init=twin if config.init else None)
        counts = run.per_image
        f1, _ = scores_of(counts.tp, counts.fp, counts.fn, counts.tn)
        finished[cell] = unit_means(f1[None], [split.group[name] for name in counts.image])[0]
        photo_count = run.manifest["counts"]["train_photos"]
        rows.append([
            cell.steps, cell.real_fraction, cell.weights, cell.run + 1, photo_count, float(f1.mean()),
            float(run.history["seconds"].sum()),
        ])  # fmt: skip
        tables.write_own(out / "runs.csv", COLUMNS, rows)
        write_text(out / "table.md", table(finished, twin))
        if is_new:
            text.say(f"{cell.key}: F1 {f1.mean():.4f} on {len(split.test)} test photos")
    return finished


def first_weights(
    data: Annotated[Path, arg(help="photos with masks in an export's own parts, and their spots.csv")],
    out: Annotated[Path, arg(help="folder for runs, runs.csv and table.md")],
    twin: Annotated[Path | None, arg(help="compare a start from this run with ImageNet weights")] = None,
    most: Annotated[int | None, arg(help="most runs that this command trains; default: all")] = None,
) -> None:
    """Compare initial weights on test photos: ImageNet with random ones, or a run's with ImageNet."""
    text.say(table(study(out, data, twin=twin, most=most), twin), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.first_weights", first_weights)
