"""Measure what photos without labels add where no photo of their set has any.

    python -m tools.without_labels --data steel-bridges painted-steel --renders renders --out out/without-labels

Questions: labels come from renders, or from photos of another set. How much is gained if photos of the set itself
teach without labels (self-training with an EMA teacher)? Does it matter that they are of this set?

Design: two sets of photos and a number of repeats, each with a seed of its own. A repeat hides the labels of four
tenths of the photos of each set, by whole spots; one spot is put aside, and the photos of all others test. Nine
networks are trained with one seed, of some 400 steps, rounded to whole epochs: on 150 renders; on these and the hidden
photos of either set; on the photos of either set; on these and the hidden photos of the other set; and, with all their
labels, on these and the hidden photos of the same set. A network is measured on the photos that test in each set of
whose labels it saw none. Renders of two repeats share no scene. The network is EfficientNet-Lite0 from ImageNet
weights, 128 pixels, strong augmentation, weights averaged over the last steps, threshold 0.5. Those with a teacher
average them over more steps.

Cost: nine trainings a repeat, six of them with a teacher; some 30 minutes of two cores.

What settles it: the interval of each difference of arms; repeats and spots are both samples, as in ``corrotwin
benchmarks transfer``. The aims are +0.04 for renders and +0.05 for photos of another set.

Each finished network is kept: the same command resumes where it was cut off. ``without-labels.csv`` has the pixel
counts of each photo and arm (`tools.result_tables.pooled`); in its column ``trained_on``, the other set stands for
renders, too:

- ``real``, ``renders``: photos of the other set; renders;
- ``taught-real``, ``taught-renders``: the same, and the hidden photos of the measured set;
- ``taught-real-elsewhere``, ``taught-renders-elsewhere``: the controls, with the hidden photos of the other set. To
  networks of photos these are not new, since they have their labels: this shows what the teacher gives by itself.

With ``--finished docs/results/without-labels.csv`` the networks of that table are not trained again. Without
``--renders`` only the networks of photos are trained.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from corrotwin.benchmarks.study import draws
from corrotwin.benchmarks.transfer import resampling
from corrotwin.benchmarks.transfer.protocol import RENDERS, TAUGHT, ProtocolSettings
from corrotwin.segmentation.arms import REAL, DataArm
from corrotwin.segmentation.config import TrainConfig, configure, epochs_of
from corrotwin.segmentation.data import coco, groups
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.twin.core import cli, tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest
from corrotwin.twin.core.locks import OUTLIVING_SECONDS, hold
from corrotwin.twin.core.machine import by_completion
from corrotwin.twin.core.text import say, say_error
from tools.result_tables import PHOTOGRAPHS, pooled
from tools.result_tables.pooled import Place

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

SETTINGS = ProtocolSettings(augmentation="strong", real_fraction=0.4, folds=1)  # the fraction that is unlabelled
RENDERS_PER_REPEAT = 150
ELSEWHERE = "-elsewhere"  # ends the name of an arm whose unlabelled photos are not of the measured set


@dataclass(frozen=True, kw_only=True)
class StudyNetwork:
    """A network of a repeat."""

    labels: str
    """`RENDERS`, or the name of the set whose labels train it."""
    unlabelled: str | None
    """The set whose hidden photos teach without labels."""
    seed: int

    @property
    def key(self) -> str:
        """The name of its folder."""
        return f"{self.seed:02d}-{self.labels}" + (f"-and-{self.unlabelled}" if self.unlabelled else "")

    def places(self, sets: Sequence[str]) -> dict[str, Place]:
        """Return the arm that it is in the table of each set on which it is measured."""
        places = {}
        for measured in sets:
            if measured == self.labels:
                continue
            (other,) = (name for name in sets if name != measured)
            arm = RENDERS if self.labels == RENDERS else REAL.name
            if self.unlabelled:
                arm = f"{TAUGHT}{arm}" + ("" if self.unlabelled == measured else ELSEWHERE)
            places[measured] = Place(other, measured, self.seed + 1, arm)
        return places


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


def networks_of(sets: Sequence[str], seed: int) -> Iterator[StudyNetwork]:
    """Yield the networks of a repeat."""
    one, other = sets
    for labels, unlabelled in (
        (RENDERS, one), (RENDERS, other), (one, other), (other, one), (RENDERS, None), (one, None), (other, None),
        (one, one), (other, other),
    ):  # fmt: skip
        yield StudyNetwork(labels=labels, unlabelled=unlabelled, seed=seed)


def read_set(folder: Path) -> PhotoSet:
    """Read a set of photos and its spots.

    Raises
    ------
    InputError
        The set cannot be read, or has no spots.
    """
    data = coco.read(folder)
    return PhotoSet(data=data, spots=groups.required(data))


def config_of(network: StudyNetwork, photos: int) -> TrainConfig:
    """Return the settings of a network whose split has so many photos for training."""
    arm = DataArm(
        name=network.key,
        render_share=1.0 if network.labels == RENDERS else 0.0,
        augmentation=SETTINGS.augmentation,
        self_training="unlabelled" if network.unlabelled else None,
    )
    epochs = epochs_of(SETTINGS.steps, photos, SETTINGS.batch_size)
    return configure(
        "small", backbone=SETTINGS.backbone, encoder_weights=SETTINGS.encoder_weights, arm=arm, seed=network.seed,
        epochs=epochs, size=SETTINGS.size, batch_size=SETTINGS.batch_size, keep="averaged", threads=SETTINGS.threads,
    )  # fmt: skip


def measured(
    network: StudyNetwork, sets: Mapping[str, Path], renders: CocoDataset | None, out: Path
) -> dict[str, "PerImage"]:
    """Train a network and measure it on each set of whose labels it saw none, or read what is there; see `counts_of`.

    Only the counts are kept.

    Raises
    ------
    InputError
        A set has no spots, or too few; or the folder holds other data or settings.
    """
    from corrotwin.segmentation.runs import made_by, read_per_image, write_per_image

    photos = {name: read_set(folder) for name, folder in sets.items()}
    folder = out / "networks" / network.key
    claim = {
        **{name: digest([photo_set.data.digest, dict(photo_set.spots)]) for name, photo_set in photos.items()},
        **({RENDERS: renders.digest} if renders else {}),
        "sets": [*photos],  # networks of renders take the steps of the first
        "settings": digest(asdict(SETTINGS)),
        **made_by(),
    }
    paths = {name: folder / f"{name}.csv" for name in network.places([*sets])}
    with hold(folder, "without-labels", claim, patience_seconds=OUTLIVING_SECONDS):
        if not all(path.exists() for path in paths.values()):
            for name, counts in counts_of(network, photos, renders, folder / "run").items():
                write_per_image(paths[name], counts)
        shutil.rmtree(folder / "run", ignore_errors=True)
        return {name: read_per_image(path) for name, path in paths.items()}


def counts_of(
    network: StudyNetwork, photos: Mapping[str, PhotoSet], renders: CocoDataset | None, run: Path
) -> dict[str, "PerImage"]:
    """Train a network in a folder and return its pixel counts on the photos that test in each set it has no labels of.

    Networks of renders are validated on the first set, which chooses nothing, and take the steps that follow from the
    number of its photos: the same with and without hidden photos.
    """
    from corrotwin.segmentation.evaluation import evaluate
    from corrotwin.segmentation.evaluation.loading import load_run
    from corrotwin.segmentation.models.network import torch_settings
    from corrotwin.segmentation.training.apart import gathered
    from corrotwin.segmentation.training.train import train

    draws_of = {name: photo_set.draw(network.seed).split for name, photo_set in photos.items()}
    if network.labels == RENDERS:
        home = next(iter(photos))
        split = draws_of[home]
    else:
        home = network.labels
        split = photos[home].whole(network.seed).split
    config = config_of(network, len(split.train))
    pictures = None
    if network.unlabelled:
        own, hiding = photos[network.unlabelled].data, draws_of[network.unlabelled]
        hidden = {*hiding.train}
        pictures = gathered([photo.path for photo in own.photos if photo.file_name in hidden], config, own, hiding)
    train(
        run, config, real=photos[home].data, split=split, renders=renders if network.labels == RENDERS else None,
        unlabelled=pictures,
    )  # fmt: skip
    trained = load_run(run)
    counts = {}
    with torch_settings(config.threads, config.precision):
        for name in network.places([*photos]):
            arrays = evaluate.decoded_arrays(photos[name].data, trained.config)
            counts[name] = evaluate.measure(trained.network, trained.config, arrays, draws_of[name].test)[1]
    return counts


def check(sets: Mapping[str, Path], seeds: Sequence[int], spots: Path) -> None:
    """Refuse what would be noticed only after hours.

    Raises
    ------
    InputError
        There are not two sets, one has no spots or other spots than its table, or a seed is repeated.
    """
    if len(sets) != 2 or RENDERS in sets:
        raise InputError(f"--data: give two sets of photos in folders of two names, neither of them {RENDERS}")
    if not seeds or len({*seeds}) != len(seeds) or min(seeds) < 0:
        raise InputError("--seeds: give one or more, each once and at least 0")
    for name, folder in sets.items():
        table = spots / f"{name}.csv"
        listed = {row["file_name"]: row["spot"] for row in tables.read(table, required=("file_name", "spot")).rows}
        if any(listed.get(photo) != spot for photo, spot in read_set(folder).spots.items()):
            raise InputError(f"{table}: has other spots than {folder}; give --spots with the tables of these photos")


def without_labels(
    data: Annotated[tuple[Path, ...], arg(help="two sets of photos with masks, each with its spots.csv")],
    out: Annotated[Path, arg(help="folder for networks and the table")],
    seeds: Annotated[tuple[int, ...], arg(help="of the repeats")] = (0, 1, 2),
    renders: Annotated[Path | None, arg(help="renders, a COCO dataset: 150 for seed 0, the next for 1")] = None,
    finished: Annotated[Path | None, arg(help="table of networks that are not to be trained again")] = None,
    spots: Annotated[Path, arg(help="folder of a table SET.csv for each set, with file_name and spot")] = PHOTOGRAPHS,
    workers: Annotated[int, arg(help="networks at a time, one core each")] = 2,
) -> None:
    """Measure what unlabelled photos add to renders, and to photos of another set."""
    sets = {folder.resolve().name: folder.resolve() for folder in data}
    check(sets, seeds, spots)
    counted = pooled.read(finished) if finished else {}
    draw_of: dict[int, CocoDataset] = {}
    if renders:
        draw_of = dict(enumerate(draws.deal(coco.read(renders), runs=max(seeds) + 1, size=RENDERS_PER_REPEAT, seed=0)))
    wanted = {
        network: (network, sets, draw_of.get(seed), out.resolve())
        for seed in seeds
        for network in networks_of([*sets], seed)
        if (renders or network.labels != RENDERS) and not counted.keys() >= {*network.places([*sets]).values()}
    }
    for number, (network, counts) in enumerate(by_completion(measured, wanted, workers), 1):
        places = network.places([*sets])
        counted = pooled.joined(counted, {places[name]: own for name, own in counts.items()})
        pooled.write(out / "without-labels.csv", counted)
        say_error(f"{network.key}: {number} of {len(wanted)} done")
    say(pooled.markdown(counted, spots), end="")


if __name__ == "__main__":
    cli.run_one("python -m tools.without_labels", without_labels)
