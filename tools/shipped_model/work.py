"""The work of making the model: rendering, training and measuring, in processes of their own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import corrotwin as ct
from corrotwin.segmentation.data.coco import CocoDataset, image, read
from corrotwin.segmentation.data.decoded import resize_image
from corrotwin.twin.core.machine import by_completion
from corrotwin.twin.core.text import say_error
from tools.shipped_model import look_alikes, recipe, scores
from tools.shipped_model.look_alikes import LookAlike
from tools.shipped_model.recipe import Training
from tools.shipped_model.scores import FramedShare

RENDERS, ROWS, RUNS = "renders", "rows.csv", "runs"


def render(out: Path) -> Path:
    """Render the pictures of the recipe, or continue with them, and return their folder."""
    folder = out / RENDERS
    ct.render(out=folder, preset=recipe.PRESET, count=recipe.RENDERS, size=recipe.RENDER_SIZE, seed=recipe.RENDER_SEED)
    return folder


def run_of(training: Training, out: Path) -> Path:
    """Return the folder of a training."""
    return out / RUNS / training.name.replace(" ", "-").replace(",", "")


def measured(training: Training, data_folder: Path, renders: Path, out: Path, seed: int) -> list[scores.MeasuredPhoto]:
    """Train one network, or take the existing one, and return a row for each photo that measures it."""
    from corrotwin.segmentation.training.train import train

    data = recipe.read_sets(data_folder)
    spot = recipe.spots(data_folder, data)
    photos, split = recipe.data_of(training, data, spot)
    config = recipe.config_of(training, len(split.train), seed)
    folder = run_of(training, out)
    render_set = read(renders) if training.renders else None
    train(folder, config, real=photos, split=split, renders=render_set)
    names = recipe.measured_on(training, data, split)
    return scores.measure(folder, data, names, spot, training.name)


def trained(
    data: Path, out: Path, renders: Path, workers: int, trainings: Sequence[Training], seed: int = recipe.SEED
) -> list[scores.MeasuredPhoto]:
    """Train and measure networks; after each, write its rows beside those of other trainings."""
    table, names = out / ROWS, {training.name for training in trainings}
    rows = [row for row in scores.read(table) if row.training not in names] if table.exists() else []
    calls = {training.name: (training, data, renders, out, seed) for training in trainings}
    for name, new_rows in by_completion(measured, calls, workers):
        rows += new_rows
        say_error(f"{name}: mean F1 {np.mean([row.f1 for row in new_rows]):.3f} on {len(new_rows)} photos")
        scores.write(table, sorted(rows, key=lambda row: (row.training, row.photo)))
    return rows


def twins() -> list[Training]:
    """Return the trainings that leave a set out and take renders."""
    return [training for training in recipe.trainings() if training.name.startswith("twin of")]


def looked_at(data: Path, out: Path) -> list[LookAlike]:
    """Return what the twins call corrosion in look-alikes of the sets that they do not know."""
    by_twin = [look_alikes.measure(training.name, run_of(training, out), training.sets, data) for training in twins()]
    return [row for twin_rows in by_twin for row in twin_rows]


def framed(data: Path, out: Path) -> list[FramedShare]:
    """Return the shares in parts of the photos of the sets that the twins do not know."""
    dataset = recipe.read_sets(data)
    spot = recipe.spots(data, dataset)
    shares = []
    for training in twins():
        _, split = recipe.data_of(training, dataset, spot)
        names = recipe.measured_on(training, dataset, split)
        shares += scores.framed(run_of(training, out), dataset, names, training.name)
    return shares


def trials(data: CocoDataset, names: Sequence[str]) -> list[npt.NDArray[np.uint8]]:
    """Return pictures of photos evenly spaced over the named ones, at the network's size, each as a batch."""
    photos = {photo.file_name: photo for photo in data.photos}
    chosen = [names[int(index)] for index in np.linspace(0, len(names) - 1, 16)]
    return [resize_image(image(photos[name]), recipe.SIZE)[None] for name in chosen]
