"""Pixel counts of networks on photos, pooled from one or more transfer folders, and comparisons made from them.

The table has a row for each photo and run, with the counts of each arm. A run's number is its seed plus one: folders
with other seeds continue a study, on the same machine or on another (``corrotwin benchmarks transfer --seed``).
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
COUNTS = PIXELS[:3]  # columns of each arm; the rest of the pixels is the fourth count


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
                    numbers = [int(cell) for cell in cells]
                    images[place].append(row["image"])
                    counts[place].append([*numbers, int(row["pixels"]) - sum(numbers)])
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); get the file again") from error
    return {
        place: PerImage(image=tuple(images[place]), **dict(zip(PIXELS, np.array(counts[place]).T, strict=True)))
        for place in images
    }


def gather(folder: Path) -> dict[Place, "PerImage"]:
    """Return the pixel counts of the networks in a transfer folder.

    These are redraws of few photos, measured on all others and on other sets, and networks of whole sets
    (``--folds 1``), measured on other sets. Sets without any corrosion (``--clean``) are left out: F1 means nothing
    there.

    Raises
    ------
    InputError
        There is no such network, two are the same run of the same arm, or a file is damaged.
    """
    from corrotwin.segmentation.runs import read_per_image
    from corrotwin.twin.core.files import read_json

    networks: dict[Place, PerImage] = {}
    for run, measured_on, path in _tables_of(folder):
        record: Any = read_json(run / "run.json")
        trained_on = run.relative_to(folder).parts[0]
        place = Place(trained_on, measured_on or trained_on, record["seed"] + 1, record["config"]["arm"]["name"])
        if place in networks:
            raise InputError(f"{folder}: {place.arm} of run {place.run} is here twice, with two sets of renders")
        counts = read_per_image(path)
        if (counts.tp + counts.fn).any():
            networks[place] = counts
    if not networks:
        raise InputError(f"{folder}: has no redraws, and no networks with --folds 1 measured with --across")
    return networks


def _tables_of(folder: Path) -> Iterator[tuple[Path, str | None, Path]]:
    """Yield the folder of a training, the other set that it was measured on (None: its own), and the table."""
    for part in (FEW, WHOLE):
        for run in sorted(path.parent for path in folder.glob(f"*/*/{part}/*/runs/*/run.json")):
            if part == FEW:
                yield run, None, run / "per_image.csv"
            for path in sorted((run / external_sets.FOLDER).glob("*.csv")):
                yield run, path.stem, path


def joined(known: Mapping[Place, "PerImage"], more: Mapping[Place, "PerImage"]) -> dict[Place, "PerImage"]:
    """Return the networks of both mappings.

    Raises
    ------
    InputError
        Both hold the same run of an arm, with different counts.
    """
    for place in known.keys() & more.keys():
        if sorted(_rows(known[place])) != sorted(_rows(more[place])):  # photos are in another order in a table
            raise InputError(
                f"{place.arm} of run {place.run} is there already with different counts; give the folder another --seed"
            )
    return {**known, **more}


def write(path: Path, found: Mapping[Place, "PerImage"]) -> None:
    """Write the table, sorted."""
    arms = sorted({place.arm for place in found})
    rows: dict[tuple[object, ...], dict[str, tuple[int, ...]]] = defaultdict(dict)
    for place in sorted(found):
        for image, *counts in _rows(found[place]):
            rows[(*place[:3], image, sum(counts))][place.arm] = tuple(counts[:-1])
    blank = ("",) * len(COUNTS)
    heading = [*KEYS, *(f"{arm}_{name}" for arm in arms for name in COUNTS)]
    lines = ((*key, *(cell for arm in arms for cell in rows[key].get(arm, blank))) for key in sorted(rows))
    tables.write_own(path, heading, lines)


def markdown(found: Mapping[Place, "PerImage"], spots: Path) -> str:
    """Return the mean F1 of each arm by spots and the differences between arms, as Markdown, for each pair of sets.

    Parameters
    ----------
    spots : folder with a table for each set, ``SET.csv``, with the columns ``file_name`` and ``spot``.

    Raises
    ------
    InputError
        The table of spots is absent or damaged, or lacks a photo.
    """
    sections = []
    for pair in sorted({place[:2] for place in found}):
        counted = {(place.arm, place.run): found[place] for place in sorted(found, key=_order) if place[:2] == pair}
        title = f"Trained on {pair[0]}, measured on {pair[1]}:"
        sections.append("\n".join((title, "", *_tables(counted, spots / f"{pair[1]}.csv"))))
    return "\n".join(sections)


def _order(place: Place) -> tuple[int, str, int]:
    """Return a sort key that puts photos alone first, then photos with renders, then renders alone."""
    return (("real" not in place.arm) + (place.arm == RENDERS), place.arm, place.run)


def _rows(counts: "PerImage") -> list[tuple[Any, ...]]:
    return list(zip(counts.image, *(getattr(counts, name).tolist() for name in PIXELS), strict=True))


def _tables(counted: Mapping[tuple[str, int], "PerImage"], spots: Path) -> tuple[str, str]:
    """Return the tables of arms and of differences for one measured set; `spots` is its table of spots."""
    groups = {row["file_name"]: row["spot"] for row in tables.read(spots, required=("file_name", "spot")).rows}
    scores = cv_pooling.scores(counted)
    if lacking := [photo for photo in scores[0].images if photo not in groups]:
        raise InputError(f"{spots}: has no spot of {lacking[0]}; give the table of these photos")
    values_by_arm = dict(comparison.by_arm(scores, groups))
    arms = [[arm, targets.format_spread(values), str(len(values))] for arm, values in values_by_arm.items()]
    tests = arms_tested(
        scores, pairs=list(combinations(values_by_arm, 2)), score="f1", groups=groups, fewest_runs=FEWEST_RUNS
    )
    return comparison.table(("arm", "per-image F1", "runs"), arms), comparison.differences(tests)
