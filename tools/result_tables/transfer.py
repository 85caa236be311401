"""Tables of a transfer folder: a list of its trainings, and the pixel counts of every training and photo.

`trainings.csv` has a row for each training, of folds, redraws and screens, numbered from 1. `settings.jsonl` has the
settings of the trainings by their digest, each once. `SET.csv` holds the pixel counts of each training on the photos
that it tested, and among them those farther than 1/16 of the side from every mask (`clear_fp`, `clear_tn`; see
`benchmarks.data.background_fp`). ``on-OTHER.csv`` holds those on another set, such as pictures without corrosion.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corrotwin.benchmarks.data import background_fp, external_sets
from corrotwin.benchmarks.study.sources import RUNS
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_text

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

TRAININGS, SETTINGS = "trainings.csv", "settings.jsonl"
PIXELS = ("tp", "fp", "fn", "tn")
COUNTS = ("training", "image", *PIXELS, "clear_fp", "clear_tn")
ELSEWHERE = ("training", "image", *PIXELS)
REMEDY = "get the file again"
_PLACE = re.compile(r"(?P<set>[^/]+)/(?P<part>[^/]+)(/(?P<fold>[^/]+))?/(photos|[a-z]+-(?P<renders>[0-9a-f]{8}))")


@dataclass(frozen=True, kw_only=True)
class TransferTraining:
    """A training of a transfer folder: where it is stored, what it is part of, and how it was made.

    `part` is a run such as ``run-01``, or ``screen``; `renders` are the first digits of the digest of its renders.
    """

    training: int
    folder: str
    set: str
    part: str
    fold: str
    arm: str
    seed: int
    settings: str
    photos_digest: str
    split_digest: str
    renders: str
    train_photos: int
    train_renders: int
    steps: int
    minutes: float
    device: str


@dataclass(frozen=True, kw_only=True, eq=False)
class TestedPixels:
    """The pixel counts of a training on the photos that it tested, and of their pixels far from every mask."""

    training: TransferTraining
    tested: "PerImage"
    clear: "PerImage | None"


def write(folder: Path, out: Path) -> int:
    """Write the tables of a transfer folder into `out`, replacing earlier ones; return the number of trainings.

    Raises
    ------
    InputError
        There is no training in `folder`, or a file of one is damaged.
    """
    from corrotwin.segmentation.runs import read_per_image

    trainings: list[TransferTraining] = []
    settings: dict[str, Any] = {}
    rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for path in sorted(folder.glob(f"**/{RUNS}/*/run.json")):
        run = path.parent
        training = _training(len(trainings) + 1, run.relative_to(folder).as_posix(), path, settings)
        trainings.append(training)
        tested, clear = read_per_image(run / "per_image.csv"), background_fp.read(run)
        if clear is not None and clear.image != tested.image:
            raise InputError(f"{run / background_fp.TABLE}: is of other photos than per_image.csv; measure it again")
        clear_cells = [("", "")] * len(tested.image) if clear is None else zip(clear.fp, clear.tn, strict=True)
        rows[training.set] += [
            (*row, *cells) for row, cells in zip(_rows(training.training, tested), clear_cells, strict=True)
        ]
        for other in sorted((run / external_sets.FOLDER).glob("*.csv")):
            rows[f"on-{other.stem}"] += _rows(training.training, read_per_image(other))
    if not trainings:
        raise InputError(f"{folder}: no trainings are here; give a transfer folder")
    names = [field.name for field in fields(TransferTraining)]
    tables.write_own(out / TRAININGS, names, (asdict(training).values() for training in trainings))
    lines = (json.dumps({"digest": key, "settings": settings[key]}, separators=(",", ":")) for key in settings)
    write_text(out / SETTINGS, "\n".join(lines) + "\n")
    for name, set_rows in rows.items():
        tables.write_own(out / f"{name}.csv", ELSEWHERE if name.startswith("on-") else COUNTS, set_rows)
    return len(trainings)


def _rows(training: int, counts: "PerImage") -> list[tuple[object, ...]]:
    columns = [getattr(counts, name).tolist() for name in PIXELS]
    return [(training, *row) for row in zip(counts.image, *columns, strict=True)]


def _training(number: int, folder: str, path: Path, settings: dict[str, Any]) -> TransferTraining:
    """Return a training by its ``run.json``, and put its settings among `settings`."""
    place, run = _PLACE.match(folder), read_json(path)
    if place is None:
        raise InputError(f"{path}: is no training of a transfer folder")
    try:
        settings[run["config_digest"]] = run["config"]
        return TransferTraining(
            training=number,
            folder=folder,
            set=place["set"],
            part=place["part"],
            fold=place["fold"] or "",
            arm=run["config"]["arm"]["name"],
            seed=run["seed"],
            settings=run["config_digest"],
            photos_digest=run["data"]["real"],
            split_digest=run["data"]["split"],
            renders=place["renders"] or "",
            train_photos=run["counts"]["train_photos"],
            train_renders=run["counts"]["train_renders"],
            steps=run["counts"]["steps"],
            minutes=round(run["train_seconds"] / 60, 2),
            device=run["device"],
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error!r}); train again") from error


def read_trainings(folder: Path) -> tuple[TransferTraining, ...]:
    """Read the list of trainings from tables that `write` made.

    Raises
    ------
    InputError
        The table is absent or damaged.
    """
    names = [field.name for field in fields(TransferTraining)]
    columns = tables.read_own(folder / TRAININGS, names)
    kinds = {field.name: field.type for field in fields(TransferTraining)}
    try:
        read = {name: [kinds[name](cell) for cell in cells] for name, cells in columns.items()}  # type: ignore[operator]
    except ValueError as error:
        raise InputError(f"{folder / TRAININGS}: damaged ({error}); {REMEDY}") from error
    return tuple(TransferTraining(**dict(zip(names, row, strict=True))) for row in zip(*read.values(), strict=True))


def read_settings(folder: Path) -> Mapping[str, Any]:
    """Read the settings of the trainings, by their digest."""
    from corrotwin.twin.core.files import parsed, read_text

    lines = map(parsed, read_text(folder / SETTINGS, inside=folder).splitlines())
    return {line["digest"]: line["settings"] for line in lines}


def read_counts(folder: Path, name: str) -> list[TestedPixels]:
    """Read the counts of each training on the photos of its own set, in the order of trainings.

    Raises
    ------
    InputError
        A table is absent or damaged.
    """
    columns = tables.read_own(folder / f"{name}.csv", COUNTS)
    by_training = {training.training: training for training in read_trainings(folder)}
    counts = []
    for number, rows in _by_training(columns, folder / f"{name}.csv").items():
        cells = {column: [columns[column][row] for row in rows] for column in COUNTS[1:]}
        zeros = ["0"] * len(rows)
        clear = None
        if all(cells["clear_fp"]):
            clear = _per_image(cells["image"], zeros, cells["clear_fp"], zeros, cells["clear_tn"])
        tested = _per_image(cells["image"], *(cells[column] for column in PIXELS))
        counts.append(TestedPixels(training=by_training[number], tested=tested, clear=clear))
    return counts


def read_elsewhere(folder: Path) -> Mapping[str, Mapping[int, "PerImage"]]:
    """Read the counts of trainings on other sets: by the name of the set, then by the number of the training."""
    elsewhere = {}
    for path in sorted(folder.glob("on-*.csv")):
        columns = tables.read_own(path, ELSEWHERE)
        elsewhere[path.stem.removeprefix("on-")] = {
            number: _per_image(*([columns[column][row] for row in rows] for column in ELSEWHERE[1:]))
            for number, rows in _by_training(columns, path).items()
        }
    return elsewhere


def _by_training(columns: Mapping[str, list[str]], path: Path) -> Mapping[int, list[int]]:
    """Return the row numbers of each training."""
    rows: dict[int, list[int]] = defaultdict(list)
    try:
        for row, number in enumerate(columns["training"]):
            rows[int(number)].append(row)
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); {REMEDY}") from error
    return rows


def _per_image(image: list[str], *columns: list[str]) -> "PerImage":
    from corrotwin.segmentation.runs import PerImage

    counts = {name: np.array(cells, dtype=np.int64) for name, cells in zip(PIXELS, columns, strict=True)}
    return PerImage(image=tuple(image), **counts)
