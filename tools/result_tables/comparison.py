"""Arms of a transfer, their differences and their false alarms, computed again from the tables of `transfer`.

The functions and the test are those that wrote the pages of that transfer, and the pairs of arms are those that its
protocol compared. Few photos were then drawn within the folds, so all arms are scored on the same photos.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.data import background_fp
from corrotwin.benchmarks.formatting.table import NONE
from corrotwin.benchmarks.formatting.wording import span
from corrotwin.benchmarks.stats import comparison, crossed_effects, estimates
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.stats.power import FEWEST_RUNS
from corrotwin.benchmarks.stats.subgroups import unit_names
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.transfer import cv_pooling, targets
from corrotwin.benchmarks.transfer.protocol import SCREEN
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from tools.result_tables.transfer import TestedPixels

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

Place = tuple[str, int]  # an arm and a run
SIDE = 128  # pixels of a picture as the trainings saw it


def pairs(mix: str) -> list[tuple[str, str]]:
    """Return the pairs of arms, (base, arm), that the protocol of that transfer compared, for a way of mixing."""
    few, pasted, mixed, shuffled = "real-10pct", "copy-paste-10pct", f"{mix}-10pct", f"shuffled-{mix}-10pct"
    return [
        ("real", "renders"), (few, "renders"), (few, mixed), ("renders", mixed), (pasted, mixed), ("real", mixed),
        ("real", mix), (few, shuffled), (shuffled, mixed), (few, pasted), (few, "real"),
        *([("mixed50-10pct", mixed)] if mix != "mixed50" else []),
    ]  # fmt: skip


def markdown(
    counts: Sequence[TestedPixels],
    elsewhere: Mapping[str, Mapping[int, "PerImage"]],
    spots: Path,
    renders: str,
    mix: str = "mixed50",
    seen: Sequence[str] = (),
) -> str:
    """Return tables of the arms, their differences, and their false alarms, as Markdown.

    Parameters
    ----------
    counts, elsewhere : counts for one set, as `transfer.read_counts` and `transfer.read_elsewhere` return them.
    spots : table with the columns ``file_name`` and ``spot`` of its photos.
    renders : first digits of the digest of the renders.
    mix : the arm that trains on all photos and renders, such as ``mixed50``.
    seen : patterns of photos that tuning has seen, such as ``train/*``: these, all others of their spots, and the
        photos of screens are left out, and false alarms are not counted. By default all photos take part.

    Raises
    ------
    InputError
        The table of spots is absent or damaged or lacks a photo, or no training used these renders.
    """
    groups = {row["file_name"]: row["spot"] for row in tables.read(spots, required=("file_name", "spot")).rows}
    digests = sorted({pixels.training.renders for pixels in counts if pixels.training.renders})
    if renders not in digests:
        raise InputError(f"--renders {renders}: no training used them; choose from {', '.join(digests)}")
    if lacking := [photo for pixels in counts for photo in pixels.tested.image if photo not in groups]:
        raise InputError(f"{spots}: has no spot of {lacking[0]}; give the table of these photos")
    chosen = _chosen(counts, renders, mix)
    counted = {place: cv_pooling.joined([fold.tested for fold in folds]) for place, folds in chosen.items()}
    scores = cv_pooling.scores(counted)
    heading: tuple[str, ...] = ("arm", "photos that train", "renders", "per-image F1", "precision", "recall", "runs")
    arms = list(_arms(chosen, counted, scores, groups))
    if seen:
        heading = ("arm", "per-image F1", "runs")
        scores = cv_pooling.without(scores, _seen(counts, groups, seen))
        arms = [[arm, targets.format_spread(values), str(len(values))] for arm, values in by_arm(scores, groups)]
    scored = {run.arm for run in scores}
    compared = [pair for pair in pairs(mix) if scored.issuperset(pair)]
    tests = comparison.arms(scores, pairs=compared, score="f1", groups=groups, fewest_runs=FEWEST_RUNS)
    alarms = table(
        ("arm", "where", "pixels called rust", "95 % interval"),
        _alarms(counts[0].training.set, chosen, elsewhere, groups),
    )
    return "\n".join([table(heading, arms), differences(tests), *([] if seen else [alarms])])


def _chosen(counts: Iterable[TestedPixels], renders: str, mix: str) -> Mapping[Place, list[TestedPixels]]:
    """Return the folds of each arm and run, of photos alone and with these renders, in the order of the protocol."""
    folds: dict[Place, list[TestedPixels]] = defaultdict(list)
    for pixels in counts:
        training = pixels.training
        if training.part != SCREEN and training.renders in ("", renders):
            folds[training.arm, int(training.part.removeprefix("run-")) - 1].append(pixels)
    few = [f"{prefix}{mix}-10pct" for prefix in ("", "shuffled-")]
    order = ["real", "real-10pct", "copy-paste-10pct", mix, "renders", "mixed50-10pct", *few]
    return {place: folds[place] for arm in dict.fromkeys(order) for place in sorted(folds) if place[0] == arm}


def _seen(counts: Sequence[TestedPixels], groups: Mapping[str, str], patterns: Sequence[str]) -> frozenset[str]:
    """Return the photos of screens, and those that a pattern names with all others of their spots."""
    screened = {photo for pixels in counts if pixels.training.part == SCREEN for photo in pixels.tested.image}
    spots = {spot for photo, spot in groups.items() if any(fnmatchcase(photo, pattern) for pattern in patterns)}
    return frozenset(screened) | {photo for photo, spot in groups.items() if spot in spots}


def by_arm(scores: Sequence[RunScores], groups: Mapping[str, str]) -> Iterable[tuple[str, FloatArray]]:
    """Yield each arm with its scores, (runs, spots)."""
    for arm in dict.fromkeys(run.arm for run in scores):
        f1 = np.array([run.f1 for run in scores if run.arm == arm])
        yield arm, crossed_effects.unit_means(f1, unit_names(scores[0].images, groups))


def _arms(
    found: Mapping[Place, Sequence[TestedPixels]],
    counted: Mapping[Place, "PerImage"],
    scores: Sequence[RunScores],
    groups: Mapping[str, str],
) -> Iterable[list[str]]:
    """Yield a row for calling everything rust, and one for each arm."""
    first = next(iter(counted.values()))
    floor = crossed_effects.unit_means(cv_pooling.all_rust(first), unit_names(first.image, groups)).mean()
    yield ["everything called rust", NONE, NONE, f"{floor:.3f}", NONE, NONE, NONE]
    rates = cv_pooling.precision_and_recall(counted)
    for arm, values in by_arm(scores, groups):
        trainings = [fold.training for (name, _), folds in found.items() if name == arm for fold in folds]
        counts = (
            span([training.train_photos for training in trainings]),
            span([training.train_renders for training in trainings]),
        )
        shares = [f"{rate:.3f}" for rate in rates[arm]]
        yield [arm, *counts, targets.format_spread(values), *shares, str(len(values))]


def _alarms(
    name: str,
    found: Mapping[Place, Sequence[TestedPixels]],
    elsewhere: Mapping[str, Mapping[int, "PerImage"]],
    groups: Mapping[str, str],
) -> Iterable[list[str]]:
    """Yield the share of pixels without rust that each arm calls rust: far from masks, and on each other set."""
    arms = list(dict.fromkeys(arm for arm, _ in found))
    clear = {place: [fold.clear for fold in folds if fold.clear is not None] for place, folds in found.items()}
    shares = {place: _by_photo(cv_pooling.joined(counts)) for place, counts in clear.items() if counts}
    yield from _alarm_rows(arms, f"{name}, far from masks", shares, groups)
    for other_set, measured in elsewhere.items():
        means = {
            place: _mean([_by_photo(measured[fold.training.training]) for fold in folds])
            for place, folds in found.items()
            if all(fold.training.training in measured for fold in folds)
        }
        yield from _alarm_rows(arms, f"{other_set}, without rust", means, _scenes(next(iter(measured.values())).image))


def _scenes(pictures: Sequence[str]) -> Mapping[str, str]:
    """Return the scene of each rendered picture as its spot; in the sets of that transfer, a scene has two views."""
    return {picture: str(int(Path(picture).stem) // 2) for picture in pictures}


def _alarm_rows(
    arms: Sequence[str], where: str, shares: Mapping[Place, Mapping[str, float]], groups: Mapping[str, str]
) -> Iterable[list[str]]:
    for arm in arms:
        rows = [values for (name, _), values in shares.items() if name == arm]
        names = sorted({photo for row in rows for photo, value in row.items() if np.isfinite(value)})
        values = np.array([[row.get(photo, np.nan) for photo in names] for row in rows])
        share = estimates.mean(crossed_effects.unit_means(values, [groups[photo] for photo in names]))
        goal = targets.under("", share, targets.FALSE_ALARMS)
        yield [arm, where, goal.number, goal.between]


def _by_photo(counts: "PerImage") -> dict[str, float]:
    return dict(zip(counts.image, background_fp.shares(counts, SIDE).tolist(), strict=True))


def _mean(tables_of_folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {photo: float(np.mean([shares[photo] for shares in tables_of_folds])) for photo in tables_of_folds[0]}


def differences(tests: Sequence[comparison.Comparison]) -> str:
    """Return a table of differences in F1, as Markdown."""
    columns = ("difference in F1", "found", "95 % interval", "p alone", "p (Holm)", "detectable", "runs", "verdict")
    return table(columns, ([*row[:7], row[8]] for row in targets.comparison_rows(tests)))


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)
