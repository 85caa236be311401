"""Pool the scores of all folds of a run, so that each photo counts once per run; redraws are not pooled.

Photos that a redraw trains on have no score in it: NaN.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from corrotwin.benchmarks.data import background_fp, external_sets
from corrotwin.benchmarks.formatting.wording import span
from corrotwin.benchmarks.stats.crossed_effects import FloatArray, unit_means
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.study.sources import RUNS
from corrotwin.benchmarks.transfer import error_analysis
from corrotwin.benchmarks.transfer.layout import FoldStudy, Photos

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage, RunRecord

Found = TypeVar("Found")
ArmShares = tuple[tuple[int, ...], tuple[str, ...], FloatArray]  # numbers of runs, names of photos, (runs, photos)


def tables(
    every: Sequence[FoldStudy], read: "Callable[[Path, RunRecord], Found | None]"
) -> dict[tuple[str, int], list[Found]]:
    """Apply `read` to the runs of each arm and run number, by fold, if all their folds are complete."""
    found: dict[tuple[str, int], list[Found]] = {}
    wanted: dict[tuple[str, int], int] = {}
    for fold_study in every:
        complete, _, _ = fold_study.run_status()
        arms = {cell.key: cell.arm.name for cell in fold_study.config.cells}
        for key, run in complete.items():
            table = read(fold_study.folder / RUNS / key, run)
            if table is not None:
                place = (fold_study.label(arms[key.rpartition("-")[0]]), fold_study.fold.run)
                found.setdefault(place, []).append(table)
                wanted[place] = fold_study.fold.of
    return {place: of_folds for place, of_folds in found.items() if len(of_folds) == wanted[place]}


def complete(every: Sequence[FoldStudy]) -> "dict[tuple[str, int], list[RunRecord]]":
    """Return the trainings of each arm and run that has all folds, by fold."""
    return tables(every, lambda _, run: run)


def counted(found: "Mapping[tuple[str, int], Sequence[RunRecord]]") -> dict[tuple[str, int], "PerImage"]:
    """Return the pixel counts of `complete` runs on all photos, each by the fold that did not train on it."""
    return {place: joined([run.per_image for run in of_folds]) for place, of_folds in found.items()}


def trained_on(found: "Mapping[tuple[str, int], Sequence[RunRecord]]") -> dict[str, tuple[str, str]]:
    """Return the numbers of photos and renders in the trainings of each `complete` arm, as numbers or ranges."""
    counts: dict[str, list[Mapping[str, int]]] = {}
    for (arm, _), of_folds in found.items():
        counts.setdefault(arm, []).extend(run.manifest["counts"] for run in of_folds)
    return {
        arm: (
            span([training["train_photos"] for training in of_arm]),
            span([training["train_renders"] for training in of_arm]),
        )
        for arm, of_arm in counts.items()
    }


def precision_and_recall(found: Mapping[tuple[str, int], "PerImage"]) -> dict[str, tuple[float, float]]:
    """Return mean precision and recall of each `counted` arm, over photos and runs where they are defined."""

    def mean(rates: Sequence[FloatArray]) -> float:
        known = np.concatenate(rates)
        return float(known[np.isfinite(known)].mean()) if np.isfinite(known).any() else np.nan

    result = {}
    for arm in dict.fromkeys(arm for arm, _ in found):
        of_arm = [table for (name, _), table in found.items() if name == arm]
        precision = mean([error_analysis.rate(table.tp, table.fp) for table in of_arm])
        result[arm] = (precision, mean([error_analysis.rate(table.tp, table.fn) for table in of_arm]))
    return result


def scores(found: Mapping[tuple[str, int], "PerImage"]) -> tuple[RunScores, ...]:
    """Return the scores of all `counted` tables, on all photos that any of them tests."""
    names = np.array(sorted({name for table in found.values() for name in table.image}))
    result = []
    for (arm, run), table in found.items():
        run_scores = _scores(arm, run, table)
        places = np.searchsorted(names, np.array(table.image))
        f1, iou = np.full((2, len(names)), np.nan)
        f1[places], iou[places] = run_scores.f1, run_scores.iou
        result.append(replace(run_scores, images=tuple(names.tolist()), f1=f1, iou=iou))
    return tuple(result)


def scores_across(every: Sequence[FoldStudy], name: str, digest: str) -> tuple[RunScores, ...]:
    """Return scores of each arm and run on all photos of another set: means over the folds."""
    result = []
    for (arm, run), of_folds in tables(every, lambda folder, _: external_sets.read(folder, name, digest)).items():
        of_each_fold = [_scores(arm, run, table) for table in of_folds]
        f1, iou = (
            np.mean([getattr(fold_scores, score) for fold_scores in of_each_fold], axis=0) for score in ("f1", "iou")
        )
        result.append(replace(of_each_fold[0], f1=f1, iou=iou))
    return tuple(result)


@dataclass(frozen=True, kw_only=True, eq=False)
class FalseAlarms:
    """The share of clean pixels called corrosion, (runs, units), of an arm at a place; `units` are names of spots."""

    arm: str
    where: str
    runs: tuple[int, ...]
    units: tuple[str, ...]
    shares: FloatArray

    def minus(self, other: "FalseAlarms") -> FloatArray:
        """Return the differences from another arm, of the runs and units that both have."""
        runs = [run for run in self.runs if run in other.runs]
        units = [unit for unit in self.units if unit in other.units]
        own, theirs = (
            alarms.shares[
                np.ix_([alarms.runs.index(run) for run in runs], [alarms.units.index(unit) for unit in units])
            ]
            for alarms in (self, other)
        )
        differences: FloatArray = own - theirs
        return differences


def all_false_alarms(every: Sequence[FoldStudy], photos: Photos, clean: Photos | None, side: int) -> list[FalseAlarms]:
    """Return the false alarms of each arm far from the masks of photos, and on pictures without corrosion if given.

    Parameters
    ----------
    side : side of a picture as the runs saw it, pixels.
    """
    of_own = [fold_study for fold_study in every if not fold_study.fold.tests_others_only]
    seen = [(photos, "far from masks", false_alarms(of_own, side))]
    if clean is not None:
        seen.append((clean, "without rust", false_alarms_across(every, side, clean.name, clean.data.digest)))
    return [
        FalseAlarms(
            arm=arm,
            where=f"{shown.name}, {which}",
            runs=runs,
            units=tuple(dict.fromkeys(shown.spots[name] for name in names)),
            shares=unit_means(values, [shown.spots[name] for name in names]),
        )
        for shown, which, by_arm in seen
        for arm, (runs, names, values) in by_arm.items()
        if names
    ]


def false_alarms(every: Sequence[FoldStudy], side: int) -> dict[str, ArmShares]:
    """Return, for each arm, the share of clean pixels called corrosion."""
    by_fold = tables(every, lambda folder, _: background_fp.read(folder))
    pooled = {place: joined(of_folds) for place, of_folds in by_fold.items()}
    return _by_arm({place: (table.image, background_fp.shares(table, side)) for place, table in pooled.items()})


def false_alarms_across(every: Sequence[FoldStudy], side: int, name: str, digest: str) -> dict[str, ArmShares]:
    """Return the shares on another set, of pictures without corrosion: means over the folds."""
    by_fold = tables(every, lambda folder, _: external_sets.read(folder, name, digest))
    return _by_arm(
        {
            place: (of_folds[0].image, np.mean([background_fp.shares(table, side) for table in of_folds], axis=0))
            for place, of_folds in by_fold.items()
        }
    )


def _by_arm(found: dict[tuple[str, int], tuple[tuple[str, ...], FloatArray]]) -> dict[str, ArmShares]:
    """Return the runs of each arm as rows, for pictures with a number in any of them; NaN where a run has none."""
    result = {}
    for arm in dict.fromkeys(arm for arm, _ in found):
        rows = {run: dict(zip(*found[name, run], strict=True)) for name, run in found if name == arm}
        names = sorted({name for row in rows.values() for name, value in row.items() if np.isfinite(value)})
        values = np.array([[row.get(name, np.nan) for name in names] for row in rows.values()])
        result[arm] = (tuple(rows), tuple(names), values)
    return result


def joined(of_folds: Sequence["PerImage"]) -> "PerImage":
    """Join the tables of folds, photos in alphabetical order."""
    from corrotwin.segmentation.runs import PerImage

    names = np.array([name for table in of_folds for name in table.image])
    order = np.argsort(names, kind="stable")
    columns = {
        column: np.concatenate([getattr(table, column) for table in of_folds])[order]
        for column in ("tp", "fp", "fn", "tn")
    }
    return PerImage(image=tuple(names[order].tolist()), **columns)


def _scores(arm: str, run: int, table: "PerImage") -> RunScores:
    from corrotwin.segmentation.evaluation import evaluate

    f1, iou = evaluate.scores(table.tp, table.fp, table.fn, table.tn)
    return RunScores(
        id=f"{arm}-{run + 1:02d}",
        arm=arm,
        backbone="",
        run=run,
        images=table.image,
        f1=f1,
        iou=iou,
        train_minutes=0.0,
    )


def all_rust(table: "PerImage") -> FloatArray:
    """Return the per-image F1 of calling every pixel corrosion: the baseline of any score."""
    from corrotwin.segmentation.evaluation import evaluate

    rust, rest = table.tp + table.fn, table.fp + table.tn
    f1, _ = evaluate.scores(rust, rest, np.zeros_like(rust), np.zeros_like(rust))
    return f1


def without(found: Sequence[RunScores], names: frozenset[str]) -> tuple[RunScores, ...]:
    """Return the same scores without some photos."""
    result = []
    for run_scores in found:
        keep = np.array([name not in names for name in run_scores.images])
        images = tuple(name for name in run_scores.images if name not in names)
        result.append(replace(run_scores, images=images, f1=run_scores.f1[keep], iou=run_scores.iou[keep]))
    return tuple(result)
