"""Compare fine-tuning settings for a pretrained encoder: a bounded study on validation photos.

    python -m tools.fine_tuning --data steel-bridges --renders renders --out out/fine-tuning

Question: does a pretrained ``tu-tf_efficientnet_lite0`` reach a higher F1 with a lower learning rate of the encoder
(0.1 or 0.3 of the decoder's), with a frozen encoder for the first tenth of the steps, or with other statistics of
batch normalisation (frozen; with renders mixed in: of photos alone), with 10 % and with 100 % of the training photos?

Design: photos alone, all combinations of three rates, two shares of frozen steps, two statistics, two fractions, two
seeds: 48 runs. With renders, at the rate 1 without frozen steps, ``train`` against ``own``, two fractions, three
seeds: 12 runs. All have equal steps at 128 px. Weights are averaged over the last steps, so that no epoch is chosen
on the photos that score; the score is mean F1 on the validation photos of a split by spots. The test photos of that
split are left out: the few test photos that a run must have are one spot of its training photos.

Cost: 60 runs of 290 steps of 8 images, 95 to 160 seconds each on one core: about 2 hours.

What settles it: levels are compared in pairs of runs that differ in nothing else (12 or more for a rate or a share of
frozen steps, 3 for ``own``). A default changes to a level that is better than today's in both fractions and, over
both, by more than twice the standard error of the paired differences; else it stays.

Each finished run is kept: the same command resumes where it was cut off. After each run ``runs.csv`` and ``table.md``
are written again.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from tyro.conf import arg

from corrotwin.segmentation.arms import MIXED, REAL
from corrotwin.segmentation.config import BatchNorm, TrainConfig, configure
from corrotwin.twin.core import cli, tables, text
from corrotwin.twin.core.files import write_text

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split

BACKBONE = "tu-tf_efficientnet_lite0"
FRACTIONS = (0.1, 1.0)
RATES, FREEZES, STATISTICS = (0.1, 0.3, 1.0), (0.0, 0.1), ("train", "frozen")
TODAY: Mapping[str, Any] = {"encoder_rate": 1.0, "freeze": 0.0, "batch_norm": "train"}  # before the study
COLUMNS = ("renders", "real_fraction", "encoder_rate", "freeze", "batch_norm", "seed", "valid_f1", "seconds")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the study."""

    renders: bool
    real_fraction: float
    encoder_rate: float
    freeze: float
    batch_norm: BatchNorm
    seed: int

    @property
    def key(self) -> str:
        """The name of its folder."""
        kind = "renders" if self.renders else "photos"
        fraction = f"{100 * self.real_fraction:g}"
        return f"{kind}-{fraction}-rate-{self.encoder_rate:g}-freeze-{self.freeze:g}-{self.batch_norm}-{self.seed}"


def cells(*, with_renders: bool) -> Iterator[Cell]:
    """Yield the runs of the study, both fractions and all settings of one seed first."""
    statistics: tuple[BatchNorm, ...] = ("train", "frozen")
    for seed, fraction, rate, freeze, batch_norm in itertools.product((0, 1), FRACTIONS, RATES, FREEZES, statistics):
        yield Cell(
            renders=False, real_fraction=fraction, encoder_rate=rate, freeze=freeze, batch_norm=batch_norm, seed=seed
        )  # fmt: skip
    with_own: tuple[BatchNorm, ...] = ("train", "own")
    for seed, fraction, batch_norm in itertools.product((0, 1, 2) if with_renders else (), FRACTIONS, with_own):
        yield Cell(renders=True, real_fraction=fraction, encoder_rate=1.0, freeze=0.0, batch_norm=batch_norm, seed=seed)


def config_of(cell: Cell, *, encoder_weights: Literal["imagenet"] | None, **changes: Any) -> TrainConfig:
    """Return the settings of a run."""
    settings: dict[str, Any] = {
        "size": 128, "epochs": 10, "batch_size": 8, "keep": "averaged", "encoder_rate": cell.encoder_rate,
        "freeze": cell.freeze, "batch_norm": cell.batch_norm, "encoder_weights": encoder_weights, "threads": 1,
    }  # fmt: skip
    arm = replace(MIXED if cell.renders else REAL, real_fraction=cell.real_fraction)
    return configure("small", backbone=BACKBONE, arm=arm, seed=cell.seed, **{**settings, **changes})


def split_without_test(photos: "CocoDataset") -> "Split":
    """Return the split without leaks, its test photos replaced by one group of its training photos."""
    from corrotwin.segmentation.data import splits

    split = splits.without_leaks(photos)
    last = split.group[split.train[-1]]
    train = tuple(name for name in split.train if split.group[name] != last)
    test = tuple(name for name in split.train if split.group[name] == last)
    group = {name: split.group[name] for name in (*train, *split.valid, *test)}
    return replace(split, train=train, test=test, group=group)


def table(rows: Sequence[tuple[Cell, float]]) -> str:
    """Return the comparison of each level with today's as Markdown, from finished runs and their F1."""
    score = dict(rows)
    lines = [
        "| setting | level | real photos | mean F1 of today's | pairs | difference ± standard error |",
        "|---|---|---|---|---|---|",
    ]
    for renders, name, levels in (
        (False, "encoder_rate", RATES), (False, "freeze", FREEZES), (False, "batch_norm", STATISTICS),
        (True, "batch_norm", ("own",)),
    ):  # fmt: skip
        for level, fractions in itertools.product(levels, ((FRACTIONS[0],), (FRACTIONS[1],), FRACTIONS)):
            pairs = [
                (f1, score[base])
                for cell, f1 in rows
                if cell.renders == renders and getattr(cell, name) == level and cell.real_fraction in fractions
                if (base := replace(cell, **{name: TODAY[name]})) in score
            ]
            if level == TODAY[name] or not pairs:
                continue
            share = " and ".join(f"{100 * fraction:g} %" for fraction in fractions)
            differences = np.array([level_f1 - base_f1 for level_f1, base_f1 in pairs])
            error = f" ± {differences.std(ddof=1) / np.sqrt(len(pairs)):.4f}" if len(pairs) > 1 else ""
            setting = f"{name}{', with renders' if renders else ''}"
            base_mean = float(np.mean([base_f1 for _, base_f1 in pairs]))
            lines.append(
                f"| {setting} | {level} | {share} | {base_mean:.4f} | {len(pairs)} | {differences.mean():+.4f}{error} |"
            )
    return "\n".join(lines) + "\n"


def study(
    out: Path,
    data: Path,
    *,
    renders: Path | None = None,
    encoder_weights: Literal["imagenet"] | None = "imagenet",
    most: int | None = None,
    **changes: Any,
) -> list[tuple[Cell, float]]:
    """Train the unfinished runs, at most `most` of them, and write runs.csv and table.md after each.

    Returns
    -------
    The finished runs, with mean F1 on the validation photos.
    """
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.training.train import train

    photos = coco.read(data)
    rendered = None if renders is None else coco.read(renders)
    split = split_without_test(photos)
    finished: list[tuple[Cell, float]] = []
    rows: list[list[Any]] = []
    trained = 0
    for cell in cells(with_renders=rendered is not None):
        config, folder = config_of(cell, encoder_weights=encoder_weights, **changes), out / "runs" / cell.key
        is_new = not runs.is_complete(folder, config, photos, split, rendered)
        if is_new and most is not None and trained >= most:
            continue
        trained += is_new
        run = train(folder, config, real=photos, split=split, renders=rendered)
        f1 = float(run.history["valid_f1"][-1])
        finished.append((cell, f1))
        rows.append([*(getattr(cell, name) for name in COLUMNS[:6]), f1, float(run.history["seconds"].sum())])
        tables.write_own(out / "runs.csv", COLUMNS, rows)
        write_text(out / "table.md", table(finished))
        if is_new:
            text.say(f"{cell.key}: F1 {f1:.4f} on {len(split.valid)} validation photos")
    return finished


def fine_tuning(
    data: Annotated[Path, arg(help="photos with masks, and their spots.csv")],
    out: Annotated[Path, arg(help="folder for runs, runs.csv and table.md")],
    renders: Annotated[Path | None, arg(help="renders, for the runs with statistics of their own")] = None,
    most: Annotated[int | None, arg(help="most runs that this command trains; default: all")] = None,
) -> None:
    """Compare rates of the encoder, frozen first steps and statistics of batch normalisation on validation photos."""
    finished = study(out, data, renders=renders, most=most)
    text.say(table(finished), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.fine_tuning", fine_tuning)
