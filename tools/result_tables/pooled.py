"""Pixel counts of networks on photos, from one or more transfer folders, and what they say together.

The table has a row for each photo and run, with the counts of each arm. A run's number is its seed and one: folders of
other seeds go on with a study, on the same machine or on another (``corrotwin benchmarks transfer --seed``).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from corrotwin.benchmarks.data import external_sets
from corrotwin.benchmarks.stats.comparison import arms as arms_tested
from corrotwin.benchmarks.stats.power import FEWEST_RUNS
from corrotwin.benchmarks.transfer import cv_pooling, targets
from corrotwin.benchmarks.transfer.protocol import RENDERS
from corrotwin.benchmarks.transfer.resampling import FEW, WHOLE
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from tools.result_tables import comparison
from tools.result_tables.transfer import PIXELS

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

KEYS = ("trained_on", "measured_on", "run", "image", "pixels")
COUNTS = PIXELS[:3]  # of each arm; the rest of the pixels is the fourth


class Place(NamedTuple):
    """The networks of one arm in one run, and the set that they are measured on."""

    trained_on: str
    measured_on: str
    run: int
    arm: str


def read(path: Path) -> dict[Place, "PerImage"]:
    """Read a table that `write` made.

    Raises
    ------
    InputError
        The table is absent or damaged.
    """
    from corrotwin.segmentation.runs import PerImage

    table = tables.read(path, required=KEYS)
    arms = [name.removesuffix("_tp") for name in table.columns if name.endswith("_tp")]
    images: dict[Place, list[str]] = defaultdict(list)
    counts: dict[Place, list[list[int]]] = defaultdict(list)
    try:
        for row in table.rows:
            for arm in arms:
                cells = [row[f"{arm}_{name}"] for name in COUNTS]
                if any(cells):
                    place = Place(row["trained_on"], row["measured_on"], int(row["run"]), arm)
                    known = [int(cell) for cell in cells]
                    images[place].append(row["image"])
                    counts[place].append([*known, int(row["pixels"]) - sum(known)])
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); get the file again") from error
    return {
        place: PerImage(image=tuple(images[place]), **dict(zip(PIXELS, np.array(counts[place]).T, strict=True)))
        for place in images
    }


def gather(folder: Path) -> dict[Place, "PerImage"]:
    """Return what the networks of a transfer folder were measured as.

    These are redraws of few photos on all others and on other sets, and whole sets (``--folds 1``) on other sets.
    Sets without any corrosion (``--clean``) are left out: no F1 says anything there.

    Raises
    ------
    InputError
        No such network is there, two are one run of one arm, or a file is damaged.
    """
    from corrotwin.segmentation.runs import read_per_image
    from corrotwin.twin.core.files import read_json

    found: dict[Place, PerImage] = {}
    for run, measured_on, path in _tables_of(folder):
        made: Any = read_json(run / "run.json")
        trained_on = run.relative_to(folder).parts[0]
        place = Place(trained_on, measured_on or trained_on, made["seed"] + 1, made["config"]["arm"]["name"])
        if place in found:
            raise InputError(f"{folder}: {place.arm} of run {place.run} is here twice, with two sets of renders")
        counts = read_per_image(path)
        if (counts.tp + counts.fn).any():
            found[place] = counts
    if not found:
        raise InputError(f"{folder}: has no redraw, and no network of --folds 1 that was measured --across sets")
    return found


def _tables_of(folder: Path) -> Iterator[tuple[Path, str | None, Path]]:
    """Yield the folder of a training, the other set that it was measured on (None: its own), and the counts."""
    for part in (FEW, WHOLE):
        for run in sorted(path.parent for path in folder.glob(f"*/*/{part}/*/runs/*/run.json")):
            if part == FEW:
                yield run, None, run / "per_image.csv"
            for path in sorted((run / external_sets.FOLDER).glob("*.csv")):
                yield run, path.stem, path


def joined(known: Mapping[Place, "PerImage"], more: Mapping[Place, "PerImage"]) -> dict[Place, "PerImage"]:
    """Return the networks of both.

    Raises
    ------
    InputError
        Both have a run of an arm, with other counts.
    """
    for place in known.keys() & more.keys():
        if sorted(_rows(known[place])) != sorted(_rows(more[place])):  # a table has its photos in another order
            raise InputError(
                f"{place.arm} of run {place.run} is there with other counts; give the folder another --seed"
            )
    return {**known, **more}


def write(path: Path, found: Mapping[Place, "PerImage"]) -> None:
    """Write the table, sorted."""
    arms = sorted({place.arm for place in found})
    rows: dict[tuple[object, ...], dict[str, tuple[int, ...]]] = defaultdict(dict)
    for place in sorted(found):
        for image, *counts in _rows(found[place]):
            rows[(*place[:3], image, sum(counts))][place.arm] = tuple(counts[:-1])
    nothing = ("",) * len(COUNTS)
    heading = [*KEYS, *(f"{arm}_{name}" for arm in arms for name in COUNTS)]
    lines = ((*key, *(cell for arm in arms for cell in rows[key].get(arm, nothing))) for key in sorted(rows))
    tables.write_own(path, heading, lines)


def markdown(found: Mapping[Place, "PerImage"], spots: Path) -> str:
    """Return the mean F1 of each arm by spots and the differences of arms, as Markdown, for each pair of sets.

    Parameters
    ----------
    spots : folder of a table for each set, ``SET.csv``, with the columns ``file_name`` and ``spot``.

    Raises
    ------
    InputError
        The table of spots is absent or damaged, or lacks a photo.
    """
    parts = []
    for pair in sorted({place[:2] for place in found}):
        counted = {(place.arm, place.run): found[place] for place in sorted(found, key=_order) if place[:2] == pair}
        about = f"Trained on {pair[0]}, measured on {pair[1]}:"
        parts.append("\n".join((about, "", *_tables(counted, spots / f"{pair[1]}.csv"))))
    return "\n".join(parts)


def _order(place: Place) -> tuple[int, str, int]:
    """Sort photos alone before renders with them, and these before renders alone."""
    return (("real" not in place.arm) + (place.arm == RENDERS), place.arm, place.run)


def _rows(counts: "PerImage") -> list[tuple[Any, ...]]:
    return list(zip(counts.image, *(getattr(counts, name).tolist() for name in PIXELS), strict=True))


def _tables(counted: Mapping[tuple[str, int], "PerImage"], spots: Path) -> tuple[str, str]:
    """Return the tables of arms and of differences of one set measured; `spots` is its table of spots."""
    groups = {row["file_name"]: row["spot"] for row in tables.read(spots, required=("file_name", "spot")).rows}
    scores = cv_pooling.scores(counted)
    if lacking := [photo for photo in scores[0].images if photo not in groups]:
        raise InputError(f"{spots}: has no spot of {lacking[0]}; give the table of these photos")
    of_arms = dict(comparison.by_arm(scores, groups))
    arms = [[arm, targets.format_spread(values), str(len(values))] for arm, values in of_arms.items()]
    tests = arms_tested(
        scores, pairs=list(combinations(of_arms, 2)), score="f1", groups=groups, fewest_runs=FEWEST_RUNS
    )
    return comparison.table(("arm", "per-image F1", "runs"), arms), comparison.differences(tests)
