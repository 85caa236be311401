"""The tables of a transfer folder: goals, arms, differences, other sets, false alarms; as Markdown, CSV, a figure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data.photo_groups import TOLD
from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.stats import crossed_effects
from corrotwin.benchmarks.stats.subgroups import unit_names
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.transfer import cv_pooling, plots, protocol, targets, test_access_log
from corrotwin.benchmarks.transfer.layout import Part, Photos
from corrotwin.benchmarks.transfer.protocol import RENDERS, Mix, Recipe
from corrotwin.benchmarks.transfer.targets import Goal, Judged
from corrotwin.twin.core import markdown
from corrotwin.twin.core.files import atomic_file, write_text

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

TABLES = "tables"
ARMS = ("arm", "per-image F1", "runs")
JUDGED_ALONE = (
    "Intervals of goals are each for themselves; the p-values of the differences below are adjusted together.\n"
)
COLUMNS = ("arm", "run", "image", "spot", "f1", "iou")


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What the tables are about: the recipe, the mix, the share of the all-real score that renders alone should reach.

    `clean` is a set of pictures without corrosion, `others` are other sets of photos, on which all runs were measured.
    `seen` are photos by which the renders may have been tuned: those that screens have shown, and others.
    """

    settings: Recipe
    mix: Mix
    renders_goal: float
    others: Mapping[str, Photos]
    clean: Photos | None
    seen: frozenset[str]


def write(out: Path, photos: Photos, renders: str, every: Sequence[Part], asked: Asked) -> str:
    """Write the tables and the figure of one set and one set of renders into ``tables/``; the tables as Markdown.

    Parameters
    ----------
    renders : the name of the studies with the renders, which the files are called after.
    every : the studies of all runs and folds of the set, of photos alone and with these renders.
    """
    folds = asked.settings.folds
    complete = cv_pooling.complete(every, folds)
    counted = cv_pooling.counted(complete)
    scores = cv_pooling.scores(counted)
    name = "-".join([photos.name, renders, *([asked.mix.name] if asked.mix != Mix() else [])])
    if not scores:
        return f"# {name}\n\nNo run is complete in all {folds} folds.\n"
    groups = photos.groups
    judged = _judge(scores, groups, asked)
    alarms = _false_alarms(every, photos, asked)
    text = [f"# {name}\n", _about(judged, photos, asked), f"![The arms]({name}.svg)\n"]
    text += [_goals([*judged.goals, *_alarm_goals(alarms, asked)]), JUDGED_ALONE]
    text += ["## Arms\n", _trained(judged, cv_pooling.trained_on(complete), counted, groups)]
    text += ["## Differences\n", _differences(judged)]
    unseen = cv_pooling.without(scores, asked.seen)
    if unseen[0].images != scores[0].images:
        text.append(f"## Without the {len(scores[0].images) - len(unseen[0].images)} photos that tuning has seen\n")
        text += _unseen(_judge(unseen, groups, asked)) if unseen[0].images else ["No other is left.\n"]
    for other, found in asked.others.items():
        of_other = cv_pooling.scores_across(every, folds, other, found.data.digest)
        if of_other:
            text += [f"## On {other}\n", *_across(of_other, found, asked)]
    if alarms:
        rows = [[arm, where, goal.number, goal.between] for arm, where, goal in alarms]
        text += ["## False alarms\n", markdown.table(("arm", "where", "pixels called rust", "95 % interval"), rows)]
    opened = len(test_access_log.read(out))
    text.append(f"The test photos of this folder were opened {opened} {'time' if opened == 1 else 'times'} so far.\n")
    page = "\n".join(text)
    from corrotwin.segmentation.runs import write_table

    write_text(out / TABLES / f"{name}.md", page)
    write_table(out / TABLES / f"{name}-per-image.csv", COLUMNS, _rows(scores, groups))
    about = f"{photos.name}: {judged.photos} photos, {judged.units} {judged.unit}s; {renders}."
    for kind, content in style.files(plots.ladder(name, judged, about, asked.settings)).items():
        with atomic_file(out / TABLES / f"{name}.{kind}") as stream:
            stream.write(content)
    return page


def _judge(scores: Sequence[RunScores], groups: Mapping[str, str] | None, asked: Asked) -> Judged:
    return targets.judge(scores, settings=asked.settings, mix=asked.mix, groups=groups, renders_goal=asked.renders_goal)


def _about(judged: Judged, photos: Photos, asked: Asked) -> str:
    settings = asked.settings
    spots = f"{judged.units} spots" if photos.has_spots else f"no spots known, each of {judged.units} photos a unit"
    if photos.copies:
        spots = f"no spots known, each of {judged.units} source photos of copies by {TOLD} a spot"
    return (
        f"{judged.photos} photos, {spots}; each tested once a run, in {settings.folds} folds dealt anew. About "
        f"{settings.steps} steps of {settings.batch_size} at {settings.size} px. Scores are means over "
        f"{judged.unit}s, ± SD over runs; intervals are 95 %, runs and {judged.unit}s both samples.\n"
    )


def _goals(found: Iterable[Goal]) -> str:
    rows = [[each.question, each.number, each.between, each.wanted, each.verdict] for each in found]
    return markdown.table(("goal", "found", "95 % interval", "wanted", "verdict"), rows)


def _unseen(judged: Judged) -> list[str]:
    of_spots = f" of {judged.units} spots" if judged.unit == "spot" else ""
    return [f"{judged.photos} photos{of_spots} are left.\n", _goals(judged.goals), markdown.table(ARMS, _arms(judged))]


def _trained(
    judged: Judged,
    trained: Mapping[str, tuple[str, str]],
    counted: Mapping[tuple[str, int], "PerImage"],
    groups: Mapping[str, str] | None,
) -> str:
    """The arms with what they train on, and their precision and recall."""
    rates = cv_pooling.precision_and_recall(counted)
    rows = [["everything called rust", "–", "–", f"{_baseline(counted, groups):.3f}", "–", "–", "–"]]
    for arm, score, runs in _arms(judged):
        precision, recall = rates[arm]
        rows.append([arm, *trained[arm], score, f"{precision:.3f}", f"{recall:.3f}", runs])
    counts = {len(values) for values in judged.arms.values()}
    unequal = "" if len(counts) == 1 else " Goals and differences are of those runs that both of their arms have."
    heading = ("arm", "photos that train", "renders", "per-image F1", "precision", "recall", "runs")
    return markdown.table(heading, rows) + (
        "\nPhotos and renders are those of one training; each fold of each run is one. Precision and recall are means "
        f"over photos, of those where something was called, or is, rust.{unequal}\n"
    )


def _arms(judged: Judged) -> list[list[str]]:
    return [[arm, targets.spread(values), str(len(values))] for arm, values in judged.arms.items()]


def _differences(judged: Judged) -> str:
    heading = ("difference in F1", "found", "95 % interval", "p (Holm)", "detectable", "runs", "verdict")
    note = "" if judged.comparisons else "None: fewer than two arms are complete.\n"
    return note or markdown.table(heading, targets.comparison_rows(judged.comparisons)) + (
        f"\nThe {judged.units} {judged.unit}s and the runs so far find a true difference of the size under "
        "“detectable” in four cases of five. A line “x − x (first n)” says what the renders after the first n add.\n"
    )


def _baseline(counted: Mapping[tuple[str, int], "PerImage"], groups: Mapping[str, str] | None) -> float:
    table = next(iter(counted.values()))
    return float(crossed_effects.unit_means(cv_pooling.all_rust(table), unit_names(table.image, groups)).mean())


def _across(scores: Sequence[RunScores], photos: Photos, asked: Asked) -> list[str]:
    judged = _judge(scores, photos.groups, asked)
    return [
        f"{judged.photos} photos, {judged.units} {judged.unit}s, none of which trains in any arm.\n",
        markdown.table(ARMS, _arms(judged)),
        _differences(judged),
    ]


def _false_alarms(every: Sequence[Part], photos: Photos, asked: Asked) -> list[tuple[str, str, Goal]]:
    """Arm, where, and the share of clean pixels called corrosion beside the goal for it."""
    folds, side = asked.settings.folds, asked.settings.size
    seen = [(photos, "far from masks", cv_pooling.false_alarms(every, folds, side))]
    if (clean := asked.clean) is not None:
        of_clean = cv_pooling.false_alarms_across(every, folds, side, clean.name, clean.data.digest)
        seen.append((clean, "without rust", of_clean))
    result = []
    for shown, which, by_arm in seen:
        where = f"{shown.name}, {which}"
        for arm, (names, values) in by_arm.items():
            if names:
                share = targets.mean(crossed_effects.unit_means(values, [shown.spots[name] for name in names]))
                goal = targets.under(f"false alarms of {arm}: {where}", share, targets.FALSE_ALARMS)
                result.append((arm, where, goal))
    return result


def _alarm_goals(alarms: Sequence[tuple[str, str, Goal]], asked: Asked) -> list[Goal]:
    """The goals for false alarms of the model that sees no photo in training, and of the one that sees all."""
    return [goal for arm, _, goal in alarms if arm in (RENDERS, asked.mix.name)]


def _rows(scores: Sequence[RunScores], groups: Mapping[str, str] | None) -> Iterator[tuple[object, ...]]:
    """All that the tables rest on: F1 of every arm, run and photo."""
    for each in scores:
        for name, f1, iou in zip(each.images, each.f1, each.iou, strict=True):
            yield each.arm, each.run + 1, name, groups[name] if groups else "", float(f1), float(iou)


def screened(out: Path, photos: Photos, settings: Recipe) -> frozenset[str]:
    """The photos that screens of a set show, where one has been made in this folder; else none."""
    if not (out / photos.name / protocol.SCREEN).is_dir():
        return frozenset()
    return frozenset(protocol.screen(photos.data, photos.spots, settings).split.test)
