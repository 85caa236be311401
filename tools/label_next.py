"""Compare photos that `corrotwin segmentation rank` chooses for labelling with photos chosen at random.

    python -m tools.label_next --data steel-bridges painted-steel --out out/label-next

Question: an inspector has labelled 10 photos and will label 20 more. Is a network better if `rank` chooses these 20
(from the first network's doubts) than if they are drawn at random?

Design: 20 paired repeats on each set. In each, spots are drawn at random: those with half of the photos test, one
stands in for validation and chooses nothing, and the photos of the others are the archive. Ten photos of the archive
train a first network for 200 steps; it ranks the others. Then two networks train for 400 steps, on these ten and 20
more: the first of the ranking, or any of the archive. Both have the same seed, EfficientNet-Lite0 with ImageNet
weights, 128 pixels, weights averaged over the last steps, threshold 0.5.

Cost: 1,000 steps a repeat, 16 minutes of one core: 40 repeats take some 5 hours on two cores.

What settles it: the mean difference of per-image F1 with its 95 % interval; repeats and spots are both samples, as in
`corrotwin benchmarks transfer`. The aim is +0.02.

Each finished repeat is kept: the same command resumes where it was cut off. ``label-next.csv`` has a row for each
tested photo, ``label-next.md`` the means. With ``--finished docs/results/label-next.csv`` the repeats in
that table are not made again.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro.conf import arg

from corrotwin.benchmarks.stats import crossed_effects, estimates
from corrotwin.benchmarks.stats.estimates import Estimate
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import DEFAULT_BACKBONE, TrainConfig, configure, epochs_of
from corrotwin.segmentation.data import coco, groups
from corrotwin.segmentation.data.coco import CocoDataset
from corrotwin.segmentation.data.splits import Split
from corrotwin.twin.core import cli, tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_text
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.machine import by_completion
from corrotwin.twin.core.text import say, say_error

LABELLED, MORE = 10, 20  # photos
BACKBONE = DEFAULT_BACKBONE
FIRST_STEPS, STEPS, BATCH, SIZE = 200, 400, 8, 128
AIM = 0.02
WAYS = ("first", "random", "ranked")
COLUMNS = ("set", "photo", "spot", "repeat", *WAYS)


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Photos of one repeat: those labelled first, the rest of the archive, those for validation and those that test."""

    labelled: tuple[str, ...]
    archive: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]

    def split(self, train: Sequence[str], spot: dict[str, str]) -> Split:
        """Return the split of a network that trains on some of the photos."""
        names = (*train, *self.valid, *self.test)
        return Split(
            how="label-next", seed=0, train=tuple(train), valid=self.valid, test=self.test,
            group={name: spot[name] for name in names},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ScoredPhoto:
    """F1 of a photo of unseen spots by the network of ten photos, and by those of 20 more."""

    set: str
    repeat: int
    photo: str
    spot: str
    first: float
    random: float
    ranked: float


def draw(spot: dict[str, str], repeat: int) -> Draw:
    """Draw the photos of a repeat by whole spots.

    Raises
    ------
    InputError
        The set has too few photos.
    """
    rng = np.random.default_rng(repeat)
    members: dict[str, list[str]] = {}
    for name in sorted(spot):
        members.setdefault(spot[name], []).append(name)
    order = [members[spot_name] for spot_name in rng.permutation(sorted(members))]
    valid = order[0]
    test: list[str] = []
    others: list[str] = []
    for names in order[1:]:
        (test if len(test) < len(spot) / 2 else others).extend(names)
    if len(others) < LABELLED + MORE:
        raise InputError(
            f"{len(others)} of {len(spot)} photos are left to choose from; at least {LABELLED + MORE} are needed"
        )
    archive = [str(name) for name in rng.permutation(others)]
    return Draw(
        labelled=tuple(archive[:LABELLED]), archive=tuple(archive[LABELLED:]), valid=tuple(valid), test=tuple(test)
    )


def at_random(drawn: Draw, repeat: int) -> tuple[str, ...]:
    """Return photos of the archive drawn at random, other than those labelled already."""
    rng = np.random.default_rng((repeat, 1))
    return tuple(str(name) for name in rng.choice(drawn.archive, MORE, replace=False))


def config_of(steps: int, photos: int, seed: int) -> TrainConfig:
    """Return the settings of a network that trains on `photos` photos."""
    epochs = epochs_of(steps, photos, BATCH)
    return configure(
        "small", backbone=BACKBONE, arm=REAL, seed=seed, epochs=epochs, size=SIZE, batch_size=BATCH, keep="averaged",
        threads=1,
    )  # fmt: skip


def repeated(data: Path, repeat: int, out: Path) -> list[ScoredPhoto]:
    """Make a repeat on a set, or read it if it is already there; only its table is kept.

    Raises
    ------
    InputError
        The set has no spots, or too few photos.
    """
    photos = coco.read(data)
    spot = groups.required(photos)
    folder = out / "repeats" / f"{data.name}-{repeat:02d}"
    table = folder / "f1.csv"
    with hold(folder, "label-next", {"photos": photos.digest}):
        if not table.exists():
            write(table, _measured(photos, data.name, spot, repeat, folder))
            shutil.rmtree(folder / "work")
        return read(table)


def _measured(photos: CocoDataset, name: str, spot: dict[str, str], repeat: int, folder: Path) -> list[ScoredPhoto]:
    """Train the three networks and return the F1 of each tested photo."""
    drawn = draw(spot, repeat)
    first = _f1(photos, drawn, (), spot, repeat, folder / "work" / "first")
    chosen = {
        "random": at_random(drawn, repeat),
        "ranked": ranked(photos, drawn.archive, folder / "work"),
    }
    by_way = {way: _f1(photos, drawn, names, spot, repeat, folder / "work" / way) for way, names in chosen.items()}
    return [
        ScoredPhoto(
            set=name, repeat=repeat, photo=photo, spot=spot[photo], first=first[photo], random=by_way["random"][photo],
            ranked=by_way["ranked"][photo],
        )
        for photo in drawn.test
    ]  # fmt: skip


def ranked(photos: CocoDataset, archive: Sequence[str], work: Path) -> tuple[str, ...]:
    """Return the photos of the archive that the first network ranks first, as `corrotwin segmentation rank` does."""
    from corrotwin.segmentation.labelling.folder import rank
    from corrotwin.segmentation.prediction.predictor import Settings
    from corrotwin.segmentation.prediction.run_predictor import RunPredictor

    in_archive = set(archive)
    paths = {photo.file_name: photo.path for photo in photos.photos if photo.file_name in in_archive}
    ranking = rank([RunPredictor(work / "first", Settings())], paths, work / "ranking", count=MORE)
    return tuple(photo.name for photo in ranking.photos[:MORE])


def _f1(
    photos: CocoDataset, drawn: Draw, more: Sequence[str], spot: dict[str, str], repeat: int, folder: Path
) -> dict[str, float]:
    """Train on the first photos and some more, and return the F1 of each tested photo."""
    from corrotwin.segmentation.evaluation import evaluate
    from corrotwin.segmentation.training.train import train

    names = (*drawn.labelled, *more)
    config = config_of(STEPS if more else FIRST_STEPS, len(names), repeat)
    counts = train(folder, config, real=photos, split=drawn.split(names, spot), renders=None).per_image
    f1, _ = evaluate.scores(counts.tp, counts.fp, counts.fn, counts.tn)
    return dict(zip(counts.image, f1.tolist(), strict=True))


def gain(rows: Sequence[ScoredPhoto]) -> Estimate:
    """Return the mean F1 by ranking minus that at random on one set; repeats and spots are both samples."""
    repeats = sorted({row.repeat for row in rows})
    units = sorted({(row.spot, row.photo) for row in rows})
    table = np.full((len(repeats), len(units)), np.nan)
    row_index = {repeat: index for index, repeat in enumerate(repeats)}
    column_index = {unit: index for index, unit in enumerate(units)}
    for row in rows:
        table[row_index[row.repeat], column_index[row.spot, row.photo]] = row.ranked - row.random
    return estimates.mean(crossed_effects.unit_means(table, [spot for spot, _ in units]), -1.0)


def report(rows: Sequence[ScoredPhoto]) -> str:
    """Return the mean F1 of each set by the choice of photos, and the gain of ranking, as Markdown."""
    ten, more = f"{LABELLED} photos", f"{MORE} more"
    lines = [
        f"| set | repeats | {ten} | {more} at random | {more} by `rank` | gain (95 % interval) | better in |",
        "|---" * 7 + "|",
    ]
    for name in dict.fromkeys(row.set for row in rows):
        selected = [row for row in rows if row.set == name]
        by_repeat = [
            [row for row in selected if row.repeat == repeat] for repeat in sorted({row.repeat for row in selected})
        ]
        means = {
            way: [float(np.mean([getattr(row, way) for row in repeat_rows])) for repeat_rows in by_repeat]
            for way in WAYS
        }
        estimate = gain(selected)
        interval = "" if estimate.low is None else f" ({estimate.low:+.3f} to {estimate.high:+.3f})"
        better = sum(
            ranked_f1 > random_f1 for ranked_f1, random_f1 in zip(means["ranked"], means["random"], strict=True)
        )
        mean_cells = " | ".join(f"{np.mean(means[way]):.3f}" for way in WAYS)
        value = "" if estimate.value is None else f"{estimate.value:+.3f}"
        lines.append(f"| {name} | {len(by_repeat)} | {mean_cells} | {value}{interval} | {better} of {len(by_repeat)} |")
    return "\n".join(lines) + "\n"


def write(path: Path, rows: Sequence[ScoredPhoto]) -> None:
    """Write a table with a line for each photo: its repeats, and its F1 in each, separated by spaces."""
    rows_of: dict[tuple[str, str, str], list[ScoredPhoto]] = {}
    for row in rows:
        rows_of.setdefault((row.set, row.photo, row.spot), []).append(row)
    lines = (
        [
            *names, " ".join(str(row.repeat) for row in selected),
            *(" ".join(f"{getattr(row, way):.4f}" for row in selected) for way in WAYS),
        ]
        for names, selected in rows_of.items()
    )  # fmt: skip
    tables.write_own(path, COLUMNS, lines)


def read(path: Path) -> list[ScoredPhoto]:
    """Read the rows of a table."""
    columns = tables.read_own(path, COLUMNS)
    return [
        ScoredPhoto(
            set=columns["set"][index], photo=columns["photo"][index], spot=columns["spot"][index],
            repeat=int(repeat), **dict(zip(WAYS, map(float, f1), strict=True)),
        )
        for index in range(len(columns["set"]))
        for repeat, *f1 in zip(*(columns[name][index].split() for name in ("repeat", *WAYS)), strict=True)
    ]  # fmt: skip


def repeats_of(data: Sequence[Path], count: int) -> Iterator[tuple[Path, int]]:
    """Yield the repeats of all sets, the first of each set before the second of any."""
    for repeat in range(count):
        for folder in data:
            yield folder.resolve(), repeat


def label_next(
    data: Annotated[tuple[Path, ...], arg(help="sets of photos with masks, each with its spots.csv")],
    out: Annotated[Path, arg(help="folder for repeats and tables")],
    finished: Annotated[Path | None, arg(help="table of repeats that are not to be made again, from elsewhere")] = None,
    repeats: Annotated[int, arg(help="paired repeats on each set")] = 20,
    workers: Annotated[int, arg(help="repeats at a time, one core each")] = 2,
) -> None:
    """Measure what `rank` is worth beside photos chosen at random."""
    rows: dict[tuple[str, int], list[ScoredPhoto]] = {}
    for row in read(finished) if finished else []:
        rows.setdefault((row.set, row.repeat), []).append(row)
    if len({folder.resolve().name for folder in data}) < len(data):
        raise InputError("--data: give sets in folders of different names")
    missing = [candidate for candidate in repeats_of(data, repeats) if (candidate[0].name, candidate[1]) not in rows]
    calls = {(folder.name, repeat): (folder, repeat, out.resolve()) for folder, repeat in missing}
    for count, ((name, repeat), scored) in enumerate(by_completion(repeated, calls, workers), 1):
        rows[name, repeat] = scored
        write(out / "label-next.csv", _whole(rows))
        write_text(out / "label-next.md", report(_whole(rows)))
        say_error(f"{name}, repeat {repeat + 1}: {count} of {len(calls)} done")
    say(report(_whole(rows)), end="")


def _whole(rows: dict[tuple[str, int], list[ScoredPhoto]]) -> list[ScoredPhoto]:
    return [row for key in sorted(rows) for row in rows[key]]


if __name__ == "__main__":
    cli.run_one("python -m tools.label_next", label_next)
