"""Make the shipped model again and measure it: renders, trainings, numbers, files.

    python -m tools.shipped_model --data ../shared/data --out out/shipped-model
    python -m tools.shipped_model --data ../shared/data --out out/shipped-model --stage pack

``--data`` holds the folders `steel-bridges` and `painted-steel`. Each finished training is kept: the same command
continues where it was cut off. After each training its rows join ``rows.csv``. Stage ``pack`` writes the files of the
package, their card and the tables in docs/results from the existing rows.
"""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from corrotwin.segmentation import runs, shipped
from corrotwin.twin.core import cli
from corrotwin.twin.core.text import say
from tools.shipped_model import card, look_alikes, packing, recipe, scores, work

Stage = Literal["all", "train", "twins", "pack"]
RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
AGAIN = "shipped-model-again.csv"  # rows of twins that were trained a second time: --stage twins --seed 1


def make(
    data: Annotated[Path, arg(help="folder of the two public sets")],
    out: Annotated[Path, arg(help="folder for renders, runs and rows")] = Path("out/shipped-model"),
    stage: Annotated[Stage, arg(help="all, or only train, twins (those trained without one set) or pack")] = "all",
    workers: Annotated[int, arg(help="trainings at a time, one core each")] = 2,
    seed: Annotated[int, arg(help="seed of the trainings; each seed needs a folder of its own")] = recipe.SEED,
) -> None:
    """Make the shipped model again."""
    out = out.resolve()
    if stage != "pack":
        trainings = work.twins() if stage == "twins" else list(recipe.trainings())
        work.trained(data.resolve(), out, work.render(out), workers, trainings, seed)
    if stage in ("all", "pack"):
        rows, alikes = scores.read(out / work.ROWS), work.looked_at(data.resolve(), out)
        frames = work.framed(data.resolve(), out)
        measured = scores.measurements([row for row in rows if row.training.startswith("twin of")], frames)
        run = out / work.RUNS / recipe.MODEL
        trials = work.trials(recipe.read_sets(data.resolve()), runs.load(run).test)
        manifest, again = packing.pack(run, shipped.FOLDER, measured, trials), scores.read(RESULTS / AGAIN)
        card.write(shipped.CARD, rows, frames, alikes, manifest, again)
        scores.write(RESULTS / "shipped-model.csv", rows)
        look_alikes.write(RESULTS / "shipped-model-look-alikes.csv", alikes)
        say(f"{shipped.FOLDER}: made; look at {shipped.CARD}")


if __name__ == "__main__":
    cli.run_one("python -m tools.shipped_model", make)
