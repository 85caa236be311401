"""Score renders by a network that learns from them alone, and its F1 on validation photos of each set.

    python -m tools.renders_alone --renders before now --data steel-bridges painted-steel --out out/screen

compares folders of equally many renders with the first. A change of the renders is taken if neither set loses more than
twice the standard error of the paired differences over the seeds. One run takes some two minutes of a core; results
on disk are not made again.

Settings are the same for all renders: an ImageNet encoder, equal steps, averaged weights, threshold 0.5. No photo
chooses anything. Test photos are never read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro.conf import arg

from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.config import DEFAULT_BACKBONE, TrainConfig, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation.evaluate import measure_run, scores
from corrotwin.segmentation.training.train import train
from corrotwin.twin.core import cli
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json, write_text
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import say, say_error

SIZE, BATCH = 128, 8
EPOCH_STEPS = 10
ALONE = DataArm(name="renders", render_share=1.0)


def config_of(steps: int, seed: int) -> TrainConfig:
    """Return the settings of a run of `steps` steps, a multiple of `EPOCH_STEPS`."""
    return configure(
        "small", backbone=DEFAULT_BACKBONE, arm=ALONE, seed=seed, size=SIZE, batch_size=BATCH, keep="averaged",
        threads=1, epochs=steps // EPOCH_STEPS, max_train_images=EPOCH_STEPS * BATCH, max_eval_images=BATCH,
    )  # fmt: skip


def score(renders: coco.CocoDataset, out: Path, sets: Mapping[str, Path], *, steps: int, seed: int) -> dict[str, float]:
    """Train on renders and return the mean F1 over the validation photos of each set; scores in `out` are kept.

    Parameters
    ----------
    renders : dataset that it learns from.
    out : folder of the run, and of its scores.
    sets : folders by name, each with ``train`` and ``valid``. The training photos of the first make up the epochs of
        the run, which sees none of them.

    Raises
    ------
    InputError
        `out` holds the score of other renders, steps or sets.
    """
    path = out / "f1.json"
    with hold(out, "score", {"steps": steps, "sets": sorted(sets), "renders": renders.digest}):
        if path.exists():
            return {name: float(value) for name, value in read_json(path, inside=out).items()}
        photos = coco.read(next(iter(sets.values())) / "train")
        split = splits.split(photos, how="published", seed=0)
        run = out / "run"
        train(run, config_of(steps, seed), real=photos, split=split, renders=renders)
        f1_by_set: dict[str, float] = {}
        for name, folder in sets.items():
            counts = measure_run(run, coco.read(folder / "valid"))
            f1_by_set[name] = float(scores(counts.tp, counts.fp, counts.fn, counts.tn)[0].mean())
        write_json(path, f1_by_set)
        return f1_by_set


def table(scores: Mapping[str, Mapping[int, Mapping[str, float]]]) -> str:
    """Return the F1 of each arm as Markdown, and the difference from the first in pairs of one seed.

    Parameters
    ----------
    scores : F1 of each set, by arm and seed.
    """
    base = scores[next(iter(scores))]
    sets = list(next(iter(base.values())))
    lines = ["| renders | runs | " + " | ".join(f"{name} | difference" for name in sets) + " |"]
    lines.append("|" + "---|" * (2 + 2 * len(sets)))
    for arm, by_seed in scores.items():
        cells = []
        for name in sets:
            paired = np.array([by_seed[seed][name] - base[seed][name] for seed in by_seed if seed in base])
            error = f" ± {paired.std(ddof=1) / np.sqrt(len(paired)):.3f}" if len(paired) > 1 else ""
            mean_f1 = f"{np.mean([f1_by_set[name] for f1_by_set in by_seed.values()]):.3f}"
            cells += [mean_f1, "" if by_seed is base else f"{paired.mean():+.3f}{error}"]
        lines.append(f"| {arm} | {len(by_seed)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def screen(
    renders: Annotated[tuple[Path, ...], arg(help="COCO datasets of renders; the others are compared with the first")],
    data: Annotated[tuple[Path, ...], arg(help="sets of photos, each with the folders train and valid")],
    out: Annotated[Path, arg(help="folder for runs and table.md")],
    steps: Annotated[int, arg(help="optimiser steps of each network, a multiple of 10")] = 300,
    seeds: Annotated[int, arg(help="networks for each folder of renders")] = 4,
) -> None:
    """Train on each folder of renders alone, and score on validation photos."""
    if seeds < 1 or steps < EPOCH_STEPS or steps % EPOCH_STEPS:
        raise InputError(f"--seeds {seeds}, --steps {steps}: give at least 1, and a multiple of {EPOCH_STEPS}")
    if not renders or not data:
        raise InputError("--renders and --data: give at least one folder of each")
    sets = {folder.resolve().name: folder.resolve() for folder in data}
    names = [folder.resolve().name for folder in renders]
    if len(set(names)) < len(names) or len(sets) < len(data):
        raise InputError("--renders, --data: two folders have the same name")
    arms = {name: coco.read(folder) for name, folder in zip(names, renders, strict=True)}
    counts = {arm: len(dataset.photos) for arm, dataset in arms.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"--renders: not as many each: {', '.join(f'{arm} {n}' for arm, n in counts.items())}")
    results: dict[str, dict[int, dict[str, float]]] = {arm: {} for arm in arms}
    for seed in range(seeds):  # each on all folders before the next: a study cut short still compares
        for arm, dataset in arms.items():
            results[arm][seed] = score(dataset, out.resolve() / f"{arm}-{seed}", sets, steps=steps, seed=seed)
            say_error(f"{arm}, seed {seed}: {results[arm][seed]}")
            write_text(out / "table.md", table({name: by_seed for name, by_seed in results.items() if by_seed}))
    say(table(results), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.renders_alone", screen)
