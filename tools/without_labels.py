"""Measure what photos without labels add where no photo of their place has any.

    python -m tools.without_labels --data steel-bridges painted-steel --renders renders --out out/without-labels

Questions: labels come from renders, or from photos of another place. How much is gained if photos of the place itself
teach without labels (self-training with an EMA teacher)? Does it matter that they are of this place?

Design: two sets of photos and a number of repeats, each with a seed of its own. A repeat draws spots with four tenths
of the photos of each set, whose labels are hidden; all other photos of the set test, but for those of one spot. Seven
networks are trained for 400 steps with one seed: on 150 renders; on these and the drawn photos of either set; on all
photos of either set; and on these and the drawn photos of the other set. A network is measured on the photos that test
in each set of whose labels it saw none. Renders of two repeats share no scene. The network is EfficientNet-Lite0 from
ImageNet weights, 128 pixels, strong augmentation, weights averaged over the last steps, threshold 0.5.

Cost: seven trainings a repeat, four of them with a teacher; some 25 minutes of two cores.

What settles it: the interval of each difference of arms; repeats and spots are both samples, as in ``corrotwin
benchmarks transfer``. The aims are +0.04 for renders and +0.05 for photos of another set.

Each finished network is kept: the same command resumes where it was cut off. ``without-labels.csv`` has the pixel
counts of each photo and arm (`tools.result_tables.pooled`):

- ``real``, ``taught-real``: all photos of the other set; and the drawn photos of the measured one, unlabelled;
- ``renders``, ``taught-renders``: renders; and the drawn photos of the measured set, unlabelled;
- ``taught-renders-elsewhere``: the control, with the drawn photos of the other set.

With ``--finished docs/results/without-labels.csv`` the networks of that table are not trained again.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from corrotwin.benchmarks.study import draws
from corrotwin.benchmarks.transfer import resampling
from corrotwin.benchmarks.transfer.protocol import RENDERS, TAUGHT, ProtocolSettings
from corrotwin.segmentation.arms import REAL, DataArm
from corrotwin.segmentation.config import TrainConfig, configure
from corrotwin.segmentation.data import coco, groups
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.twin.core import cli
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.machine import cache_folder
from corrotwin.twin.core.text import say, say_error
from tools.result_tables import PHOTOGRAPHS, pooled
from tools.result_tables.pooled import Place

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

SETTINGS = ProtocolSettings(augmentation="strong", real_fraction=0.4, folds=1)  # the fraction that is unlabelled
RENDERS_PER_REPEAT = 150
ELSEWHERE = "-elsewhere"  # ends the name of an arm whose unlabelled photos are not of the measured set


@dataclass(frozen=True, kw_only=True)
class LabelSource:
    """A network of a repeat, by whose labels train it: renders', or those of a set of photos."""

    labels: str
    """`RENDERS`, or the name of a set."""
    unlabelled: str | None
    """The set whose drawn photos teach without labels."""
    seed: int

    @property
    def key(self) -> str:
        """The name of its folder."""
        return f"{self.seed:02d}-{self.labels}" + (f"-and-{self.unlabelled}" if self.unlabelled else "")

    def places(self, sets: Sequence[str]) -> dict[str, Place]:
        """Return the arm that it is in the table of each set on which it is measured."""
        found = {}
        for measured in sets:
            if measured == self.labels:
                continue
            (other,) = (name for name in sets if name != measured)
            arm = RENDERS if self.labels == RENDERS else REAL.name
            if self.unlabelled:
                arm = f"{TAUGHT}{arm}" + ("" if self.unlabelled == measured else ELSEWHERE)
            found[measured] = Place(other, measured, self.seed + 1, arm)
        return found


@dataclass(frozen=True, kw_only=True)
class PhotoSet:
    """A set of photos and the spot of each."""

    data: CocoDataset
    spots: Mapping[str, str]

    def draw(self, seed: int) -> resampling.Fold:
        """Return the split of a repeat: its photos for training are those whose labels are hidden."""
        return resampling.redraw(self.data, self.spots, replace(SETTINGS, seed=seed), 0)

    def whole(self, seed: int) -> resampling.Fold:
        """Return the split in which all photos train, but for two spots."""
        return resampling.folds(self.data, self.spots, replace(SETTINGS, seed=seed), 0)[0]


def sources(sets: Sequence[str], seed: int) -> Iterator[LabelSource]:
    """Yield the networks of a repeat, those with a teacher, which take longest, first."""
    one, other = sets
    for labels, unlabelled in (
        (RENDERS, one), (RENDERS, other), (one, other), (other, one), (RENDERS, None), (one, None), (other, None),
    ):  # fmt: skip
        yield LabelSource(labels=labels, unlabelled=unlabelled, seed=seed)


def read_set(folder: Path) -> PhotoSet:
    """Read a set of photos and its spots.

    Raises
    ------
    InputError
        The set cannot be read, or has no spots.
    """
    data = coco.read(folder)
    spots = groups.beside(data)
    if spots is None:
        raise InputError(f"{folder}: has no spots.csv; the photos of one spot must stay together")
    return PhotoSet(data=data, spots=spots)


def config_of(source: LabelSource, photos: int) -> TrainConfig:
    """Return the settings of a network whose split has so many photos for training."""
    arm = DataArm(
        name=source.key,
        render_share=1.0 if source.labels == RENDERS else 0.0,
        augmentation=SETTINGS.augmentation,
        self_training="unlabelled" if source.unlabelled else None,
    )
    epochs = max(1, round(SETTINGS.steps / ceil(photos / SETTINGS.batch_size)))
    return configure(
        "small", backbone=SETTINGS.backbone, encoder_weights=SETTINGS.encoder_weights, arm=arm, seed=source.seed,
        epochs=epochs, size=SETTINGS.size, batch_size=SETTINGS.batch_size, keep="averaged", threads=SETTINGS.threads,
    )  # fmt: skip


def measured(source: LabelSource, sets: Mapping[str, Path], renders: CocoDataset, out: Path) -> dict[str, "PerImage"]:
    """Train a network and measure it on each set of whose labels it saw none, or read what is there; see `counts_of`.

    Only the counts are kept.

    Raises
    ------
    InputError
        A set has no spots, or too few; or the folder holds other data.
    """
    from corrotwin.segmentation.runs import read_per_image, write_per_image

    photos = {name: read_set(folder) for name, folder in sets.items()}
    folder = out / "networks" / source.key
    claim = {**{name: each.data.digest for name, each in photos.items()}, RENDERS: renders.digest}
    paths = {name: folder / f"{name}.csv" for name in source.places([*sets])}
    with hold(folder, "without-labels", claim):
        if not all(path.exists() for path in paths.values()):
            for name, counts in counts_of(source, photos, renders, folder / "run").items():
                write_per_image(paths[name], counts)
        shutil.rmtree(folder / "run", ignore_errors=True)
        return {name: read_per_image(path) for name, path in paths.items()}


def counts_of(
    source: LabelSource, photos: Mapping[str, PhotoSet], renders: CocoDataset, run: Path
) -> dict[str, "PerImage"]:
    """Train a network in a folder and return its pixel counts on the photos that test in each set it has no labels of.

    Beside renders the set of the unlabelled photos, or else the first, has the photos of validation, which choose
    nothing.
    """
    from corrotwin.segmentation.evaluation import evaluate
    from corrotwin.segmentation.evaluation.loading import load_run
    from corrotwin.segmentation.models.network import torch_settings
    from corrotwin.segmentation.training.train import train
    from corrotwin.segmentation.unlabelled.pictures import gather

    draw = {name: each.draw(source.seed).split for name, each in photos.items()}
    if source.labels == RENDERS:
        home = source.unlabelled or next(iter(photos))
        split = draw[home]
    else:
        home = source.labels
        split = photos[home].whole(source.seed).split
    config = config_of(source, len(split.train))
    pictures = None
    if source.unlabelled:
        hidden = {*draw[source.unlabelled].train}
        paths = [photo.path for photo in photos[source.unlabelled].data.photos if photo.file_name in hidden]
        pictures = gather(paths, size=config.size, framing=config.framing, cache=cache_folder())
    train(
        run, config, real=photos[home].data, split=split, renders=renders if source.labels == RENDERS else None,
        unlabelled=pictures,
    )  # fmt: skip
    trained = load_run(run)
    found = {}
    with torch_settings(config.threads, config.precision):
        for name in source.places([*photos]):
            arrays = evaluate.decoded_arrays(photos[name].data, trained.config)
            found[name] = evaluate.measure(trained.network, trained.config, arrays, draw[name].test)[1]
    return found


def without_labels(
    data: Annotated[tuple[Path, ...], arg(help="two sets of photos with masks, each with its spots.csv")],
    renders: Annotated[Path, arg(help="renders, a COCO dataset, with a draw for each repeat")],
    out: Annotated[Path, arg(help="folder for networks and the table")],
    seeds: Annotated[tuple[int, ...], arg(help="of the repeats")] = (0, 1, 2),
    finished: Annotated[Path | None, arg(help="table of networks that are not to be trained again")] = None,
    spots: Annotated[Path, arg(help="folder of a table SET.csv for each set, with file_name and spot")] = PHOTOGRAPHS,
    workers: Annotated[int, arg(help="networks at a time, one core each")] = 2,
) -> None:
    """Measure what unlabelled photos add to renders, and to photos of another place."""
    sets = {folder.resolve().name: folder.resolve() for folder in data}
    if len(sets) != 2:
        raise InputError("--data: give two sets of photos")
    found = pooled.read(finished) if finished else {}
    dealt = draws.deal(coco.read(renders), runs=len(seeds), size=RENDERS_PER_REPEAT, seed=0)
    with ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool:
        todo = {
            pool.submit(measured, source, sets, draw, out.resolve()): source
            for seed, draw in zip(seeds, dealt, strict=False)
            for source in sources([*sets], seed)
            if not found.keys() >= {*source.places([*sets]).values()}
        }
        for number, done in enumerate(as_completed(todo), 1):
            places = todo[done].places([*sets])
            found = pooled.joined(found, {places[name]: counts for name, counts in done.result().items()})
            out.mkdir(parents=True, exist_ok=True)
            pooled.write(out / "without-labels.csv", found)
            say_error(f"{todo[done].key}: {number} of {len(todo)} done")
    say(pooled.markdown(found, spots), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.without_labels", without_labels)
