"""Report of a transfer folder: goals, arms, differences, other sets, false alarms; as a page, Markdown and CSV."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.data.photo_groups import CRITERIA
from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.formatting.table import ReportTable, formatted_table
from corrotwin.benchmarks.formatting.wording import percent, render_share
from corrotwin.benchmarks.report import build
from corrotwin.benchmarks.report.document import Block, Page, ReportSection, Text
from corrotwin.benchmarks.stats import crossed_effects, estimates
from corrotwin.benchmarks.stats.power import FEWEST_RUNS, TARGET
from corrotwin.benchmarks.stats.subgroups import unit_names
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.transfer import cv_pooling, evaluation_log, plots, protocol, resampling, targets
from corrotwin.benchmarks.transfer.cv_pooling import FalseAlarms
from corrotwin.benchmarks.transfer.layout import FoldStudy, Photos
from corrotwin.benchmarks.transfer.protocol import FITTED, RENDERS, Mix, ProtocolSettings
from corrotwin.benchmarks.transfer.targets import ArmResults, Goal
from corrotwin.twin.core.files import atomic_file, write_text
from corrotwin.twin.core.text import escape_csv, escape_markdown

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage

TABLES = "tables"
JUDGED_ALONE = (
    "Intervals of goals are each for themselves; the p-values of the differences below are adjusted together."
)
COLUMNS = ("arm", "run", "set", "image", "spot", "f1", "iou")


@dataclass(frozen=True, kw_only=True, eq=False)
class TableContext:
    """The subject of the tables: the settings, the mix, the goal of renders alone, and the sets.

    `clean` is a set of pictures without corrosion; `others` are other sets of photos. All runs were measured on them.
    `seen` are photos with which the renders may have been tuned: those that screens have shown, and others.
    """

    settings: ProtocolSettings
    mix: Mix
    renders_goal: float
    others: Mapping[str, Photos]
    clean: Photos | None
    seen: frozenset[str]


def write(out: Path, photos: Photos, renders: str, every: Sequence[FoldStudy], context: TableContext) -> str:
    """Write the report of one set and one set of renders into ``tables/``; return it as Markdown.

    Parameters
    ----------
    renders : name of the studies with the renders, which names the files.
    every : studies of all runs and folds of the set, of photos alone and with these renders.
    """
    of_own = [fold_study for fold_study in every if not fold_study.fold.tests_others_only]
    complete = cv_pooling.complete(of_own)
    counted = cv_pooling.counted(complete)
    scores = cv_pooling.scores(counted)
    across = {
        other: cv_pooling.scores_across(every, other, photo_set.data.digest)
        for other, photo_set in context.others.items()
    }
    name = "-".join([photos.name, renders, *([context.mix.name] if context.mix != Mix() else [])])
    if not scores and not any(across.values()):
        return f"# {escape_markdown(name)}\n\nNo run is complete in all of its folds.\n"
    groups = photos.groups
    floor = _floor(counted)
    results = _compare(scores, groups, context, floor)
    alarms = cv_pooling.all_false_alarms(every, photos, context.clean, context.settings.size)
    opened = len(evaluation_log.read(out))
    answer: list[Block] = [
        _goals([*results.goals, *_alarm_goals(alarms, context)], JUDGED_ALONE),
        Text(text=f"The test photos of this folder were opened {opened} {'time' if opened == 1 else 'times'} so far."),
    ]
    sections = [_section("answer", "The goals", answer)]
    if scores:
        about = f"{photos.name}: {results.photos} photos, {results.units} {results.unit}s; {renders}."
        figure = plots.ladder(name, results, about, context.settings)
        arms: list[Block] = [_trained(results, cv_pooling.trained_on(complete), counted, floor, groups), figure]
        sections.append(_section("arms", "Arms", arms))
        sections.append(_section("differences", "Differences", [_differences(results)]))
        unseen = cv_pooling.without(scores, context.seen)
        if unseen[0].images != scores[0].images:
            title = f"Without the {len(scores[0].images) - len(unseen[0].images)} photos that tuning has seen"
            sections.append(_section("unseen", title, _unseen(unseen, groups, context, floor)))
    for other, of_other in across.items():
        if of_other:
            on_other = _across(of_other, context.others[other], context)
            sections.append(_section(f"on-{other}", f"On {other}", on_other))
    if alarms:
        rows = [[alarm.arm, alarm.where, _alarm_goal(alarm).number, _alarm_goal(alarm).between] for alarm in alarms]
        headings = ("arm", "where", "pixels called rust", "95 % interval")
        table = formatted_table("Pixels without rust that are called rust", headings, rows, "", words=("arm", "where"))
        sections.append(_section("alarms", "False alarms", [table]))
    page = Page(
        title=name,
        label=_about(photos, context),
        about=((_about(photos, context), False),),
        sections=tuple(sections),
        footer=f"F1 of every arm, run and photo, those of other sets too: {name}-per-image.csv.",
        markdown=f"{name}.md",
    )
    of_others = (_rows(context.others[other], of_other) for other, of_other in across.items())
    return _write(out / TABLES, name, page, chain(_rows(photos, scores), *of_others))


def _write(folder: Path, name: str, page: Page, rows: Iterable[Sequence[object]]) -> str:
    """Write the page, its Markdown, its figures and the table of all photos; return the Markdown."""
    from corrotwin.twin.core.tables import write_own

    drawn = {figure.name: style.files(figure) for figure in page.figures}
    html, markdown = build.render(page, drawn)
    write_text(folder / page.markdown, markdown)
    write_text(folder / f"{name}.html", html)
    write_own(folder / f"{name}-per-image.csv", COLUMNS, rows)
    for kinds in drawn.values():
        for kind, content in kinds.items():
            with atomic_file(folder / f"{name}.{kind}") as stream:
                stream.write(content)
    return markdown


def _section(key: str, title: str, blocks: Sequence[Block]) -> ReportSection:
    return ReportSection(key=key, title=title, blocks=tuple(blocks))


def _compare(
    scores: Sequence[RunScores],
    groups: Mapping[str, str] | None,
    context: TableContext,
    floor: Mapping[str, float] | None = None,
    *,
    is_other_set: bool = False,
) -> ArmResults:
    return targets.compare_arms(
        scores,
        settings=context.settings,
        mix=context.mix,
        groups=groups,
        renders_goal=context.renders_goal,
        floor=floor,
        is_other_set=is_other_set,
    )


def _floor(counted: Mapping[tuple[str, int], "PerImage"]) -> dict[str, float]:
    """Return the F1 of each photo if everything is called rust."""
    floor: dict[str, float] = {}
    for table in counted.values():
        floor |= zip(table.image, cv_pooling.all_rust(table).tolist(), strict=True)
    return dict(sorted(floor.items()))


def _about(photos: Photos, context: TableContext) -> str:
    settings = context.settings
    units, unit = len(set(photos.spots.values())), "photo" if photos.groups is None else "spot"
    spots = f"{units} spots" if photos.has_spots else f"no spots known, each of {units} photos a unit"
    if photos.copies:
        spots = f"no spots known, each of {units} source photos of copies by {CRITERIA} a spot"
    whole = f"all photos are tested once a run, in {settings.folds} folds that each run draws for itself"
    if settings.folds == 1:
        whole = "all photos but those of two spots train in each run, and other sets are tested"
    few = percent(settings.real_fraction)
    return (
        f"{len(photos.data.photos)} photos, {spots}. Each run selects few photos ({few}) at random and tests all "
        f"others; {whole}. About "
        f"{settings.steps} steps of {settings.batch_size} at {settings.size} px; of each batch of {context.mix.name} "
        f"{render_share(context.mix.render_share)}. Scores are means over "
        f"{unit}s, ± SD over runs; intervals are 95 %, runs and {unit}s both samples."
    )


def _goals(found: Iterable[Goal], caption: str = "") -> ReportTable:
    rows = [[goal.question, goal.number, goal.between, goal.wanted, goal.verdict] for goal in found]
    return formatted_table(
        "Goals",
        ("goal", "found", "95 % interval", "wanted", "verdict"),
        rows,
        caption,
        words=("goal", "wanted", "verdict"),
    )


def _unseen(
    scores: Sequence[RunScores],
    groups: Mapping[str, str] | None,
    context: TableContext,
    floor: Mapping[str, float],
) -> list[Block]:
    if not scores[0].images:
        return [Text(text="No other is left.")]
    results = _compare(scores, groups, context, floor)
    of_spots = f" of {results.units} spots" if results.unit == "spot" else ""
    return [
        Text(text=f"{results.photos} photos{of_spots} are left."),
        _goals(results.goals),
        _arms_table(results),
        _difference_table(results),
    ]


def _trained(
    results: ArmResults,
    trained: Mapping[str, tuple[str, str]],
    counted: Mapping[tuple[str, int], "PerImage"],
    floor: Mapping[str, float],
    groups: Mapping[str, str] | None,
) -> ReportTable:
    """Return the arms with their numbers of training images, precision and recall."""
    rates = cv_pooling.precision_and_recall(counted)
    least = crossed_effects.unit_means(np.array(list(floor.values())), unit_names(tuple(floor), groups)).mean()
    rows = [["everything called rust", "–", "–", f"{least:.3f}", "–", "–", "–"]]
    for arm, score, runs in _arms(results):
        precision, recall = rates[arm]
        rows.append([arm, *trained[arm], score, f"{precision:.3f}", f"{recall:.3f}", runs])
    counts = {len(values) for values in results.arms.values()}
    unequal = "" if len(counts) == 1 else " Goals and differences are of those runs that both of their arms have."
    heading = ("arm", "photos that train", "renders", "per-image F1", "precision", "recall", "runs")
    return formatted_table(
        "Scores",
        heading,
        rows,
        "Photos and renders are those of one training; each fold of each run is one. Precision and recall are means "
        f"over photos, of those where something was called, or is, rust.{unequal}",
        words=("arm",),
    )


def _arms(results: ArmResults) -> list[list[str]]:
    return [[arm, targets.format_spread(values), str(len(values))] for arm, values in results.arms.items()]


def _arms_table(results: ArmResults) -> ReportTable:
    return formatted_table("Scores", ("arm", "per-image F1", "runs"), _arms(results), "", words=("arm",))


def _differences(results: ArmResults) -> Block:
    return _difference_table(
        results,
        f"With {results.units} {results.unit}s and these runs, a true difference of the size under “detectable” is "
        f"found in four of five cases; with the additional runs under “more runs”, one of {TARGET:g}. Each additional "
        "run needs another draw of the renders. A line “x − x (first n)” shows what the renders after the first n add.",
    )


def _difference_table(results: ArmResults, caption: str = "") -> Block:
    if not results.comparisons:
        return Text(text="No difference: fewer than two arms are complete.")
    heading = (
        "difference in F1", "found", "95 % interval", "p alone", "p (Holm)", "detectable", "runs",
        f"more runs for {TARGET:g}", "verdict",
    )  # fmt: skip
    return formatted_table(
        "Differences", heading, targets.comparison_rows(results.comparisons), caption, words=(heading[0], "verdict")
    )


def _across(scores: Sequence[RunScores], photos: Photos, context: TableContext) -> list[Block]:
    results = _compare(scores, photos.groups, context, is_other_set=True)
    return [
        Text(text=f"{results.photos} photos, {results.units} {results.unit}s, none of which trains in any arm."),
        _goals(results.goals),
        _arms_table(results),
        _differences(results),
    ]


def _alarm_goal(alarms: FalseAlarms) -> Goal:
    """Return the goal for the share of clean pixels that an arm calls corrosion."""
    share = estimates.mean(alarms.shares, fewest_runs=FEWEST_RUNS)
    return targets.under(f"false alarms of {alarms.arm}: {alarms.where}", share, targets.FALSE_ALARMS)


def _alarm_goals(alarms: Sequence[FalseAlarms], context: TableContext) -> list[Goal]:
    """Return the goals for false alarms: of renders alone, of all photos with renders, of few with and without."""
    few, mixed = (f"{name}{context.settings.small}" for name in ("real", context.mix.name))
    goals = [_alarm_goal(alarm) for alarm in alarms if alarm.arm in (RENDERS, context.mix.name)]
    for where in dict.fromkeys(alarm.where for alarm in alarms):
        of_arm = {alarm.arm: alarm for alarm in alarms if alarm.where == where}
        for arm in (mixed, f"{FITTED}{mixed}"):
            if {few, arm} <= of_arm.keys():
                apart = estimates.mean(of_arm[arm].minus(of_arm[few]), least=-1, fewest_runs=FEWEST_RUNS)
                goals.append(targets.under(f"false alarms, {arm} − {few}: {where}", apart, 0.0))
    return goals


def _rows(photos: Photos, scores: Sequence[RunScores]) -> Iterator[tuple[object, ...]]:
    """Yield the rows behind the tables: F1 and IoU of every arm, run and photo of a set."""
    for scored in scores:
        for name, f1, iou in zip(scored.images, scored.f1, scored.iou, strict=True):
            if np.isnan(f1):  # it trains
                continue
            spot = photos.groups[name] if photos.groups else ""
            yield scored.arm, scored.run + 1, photos.name, escape_csv(name), escape_csv(spot), float(f1), float(iou)


def screened(out: Path, photos: Photos, settings: ProtocolSettings) -> frozenset[str]:
    """Return the photos that screens of a set show, if one has been made in this folder; else none."""
    if not (out / photos.name / protocol.SCREEN).is_dir():
        return frozenset()
    return frozenset(resampling.screen(photos.data, photos.spots, settings).split.test)
