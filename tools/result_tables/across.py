"""Pixel counts of networks on another set of photos, from one or more transfer folders, and what they say together.

The table has a row for each photo, arm and run. A run's number is its seed and one: folders of other seeds go on with a
study, on the same machine or on another (``corrotwin benchmarks transfer --seed``).
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from corrotwin.benchmarks.stats.comparison import arms as arms_tested
from corrotwin.benchmarks.stats.power import FEWEST_RUNS
from corrotwin.benchmarks.transfer import cv_pooling, targets
from corrotwin.benchmarks.transfer.protocol import RENDERS
from corrotwin.benchmarks.transfer.resampling import WHOLE
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from tools.result_tables import comparison
from tools.result_tables.transfer import PIXELS

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

COLUMNS = ("trained_on", "measured_on", "run", "arm", "image", *PIXELS)


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

    columns = tables.read_own(path, COLUMNS)
    try:
        rows: dict[Place, list[int]] = defaultdict(list)
        for row, run in enumerate(columns["run"]):
            place = Place(columns["trained_on"][row], columns["measured_on"][row], int(run), columns["arm"][row])
            rows[place].append(row)
        counts = {name: np.array(columns[name], dtype=np.int64) for name in PIXELS}
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); get the file again") from error
    return {
        place: PerImage(
            image=tuple(columns["image"][row] for row in of_place), **{name: counts[name][of_place] for name in PIXELS}
        )
        for place, of_place in rows.items()
    }


def gather(folder: Path) -> dict[Place, "PerImage"]:
    """Return what the whole sets of a transfer folder (``--folds 1``) were measured as on other sets.

    Raises
    ------
    InputError
        No network of the folder is measured on another set, two are one run of one arm, or a file is damaged.
    """
    from corrotwin.benchmarks.data import external_sets
    from corrotwin.segmentation.runs import read_per_image
    from corrotwin.twin.core.files import read_json

    found: dict[Place, PerImage] = {}
    for path in sorted(folder.glob(f"*/*/{WHOLE}/*/runs/*/{external_sets.FOLDER}/*.csv")):
        made: Any = read_json(path.parents[1] / "run.json")
        place = Place(path.relative_to(folder).parts[0], path.stem, made["seed"] + 1, made["config"]["arm"]["name"])
        if place in found:
            raise InputError(f"{folder}: {place.arm} of run {place.run} is here twice, with two sets of renders")
        found[place] = read_per_image(path)
    if not found:
        raise InputError(f"{folder}: no network was measured on another set; give a folder of --folds 1 --across")
    return found


def joined(known: Mapping[Place, "PerImage"], more: Mapping[Place, "PerImage"]) -> dict[Place, "PerImage"]:
    """Return the networks of both.

    Raises
    ------
    InputError
        Both have a run of an arm, with other counts.
    """
    for place in known.keys() & more.keys():
        if _rows(known[place]) != _rows(more[place]):
            raise InputError(
                f"{place.arm} of run {place.run} is there with other counts; give the folder another --seed"
            )
    return {**known, **more}


def write(path: Path, found: Mapping[Place, "PerImage"]) -> None:
    """Write the table, sorted."""
    tables.write_own(path, COLUMNS, ((*place, *row) for place in sorted(found) for row in _rows(found[place])))


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


def _rows(counts: "PerImage") -> list[tuple[object, ...]]:
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
