"""A screen: a model trained only on renders, tested on validation photos, and a report of its failures."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from corrotwin.benchmarks.data import background_fp, external_sets
from corrotwin.benchmarks.formatting.table import NONE
from corrotwin.benchmarks.formatting.wording import interval
from corrotwin.benchmarks.stats import estimates
from corrotwin.benchmarks.stats.comparison import arms
from corrotwin.benchmarks.stats.crossed_effects import FloatArray, unit_means
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.study.grid import GridCell
from corrotwin.benchmarks.study.preparation import check_backbones
from corrotwin.benchmarks.study.sources import RUNS
from corrotwin.benchmarks.transfer import (
    cv_pooling,
    error_analysis,
    layout,
    protocol,
    render_draws,
    resampling,
    targets,
    work,
)
from corrotwin.benchmarks.transfer.inputs import Inputs
from corrotwin.benchmarks.transfer.layout import FoldStudy, Photos, Renders
from corrotwin.benchmarks.transfer.protocol import RENDERS, SCREEN_RUNS, Mix, ProtocolSettings
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_text
from corrotwin.twin.core.locks import hold

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import RunRecord

_log = logging.getLogger(__name__)

FOLDER, TEXT = "failures", "screen.txt"


def run(inputs: Inputs, settings: ProtocolSettings, mix: Mix | None, *, reference: bool) -> list[str]:
    """Train on renders alone, score validation photos and report the failures; return the names of failed runs.

    With a mix, the small part of the photos is trained too, with and without renders.

    Raises
    ------
    InputError
        As for `benchmarks.transfer.inputs.read` and `benchmarks.study.runner.run`.
    """
    if len(inputs.sets) > 1:
        raise InputError("a screen looks at one set of photos; give one folder")
    photos = inputs.sets[0]
    check_backbones((settings.backbone,), "`backbone`")
    layout.check(inputs.out, settings)
    fold = resampling.screen(photos.data, photos.spots, settings)
    folder = inputs.out / photos.name / fold.name / inputs.renders.folder
    renders = render_draws.of_screen(inputs.renders, folder, seed=settings.seed)

    def study_of(cells: tuple[GridCell, ...], of: Renders | None) -> FoldStudy:
        (fold_study,) = layout.fold_studies(
            inputs.out, fold, photos, settings, [(of, cells)], inputs.external_sets, runs=SCREEN_RUNS
        )
        return fold_study

    alone = study_of(protocol.renders_only(settings), renders)
    whole = study_of(protocol.photos_of(settings, small=False), None)
    few = None
    if mix is not None:
        without, beside = protocol.photos_of(settings, small=True)[:1], protocol.few_mixed(settings, mix)
        part = settings.real_fraction
        few = (
            study_of(protocol.drawn(without, part), None),
            study_of(protocol.drawn(beside, part), renders),
        )
    known, todo, blocked = whole.run_status()
    reference = reference or bool(inputs.clean and known and not todo and not blocked)  # it may lack the clean pictures
    wanted = [alone, *([whole] if reference else []), *(few or ())]
    for fold_study in wanted:
        fold_study.check_split()
    planned_work = work.survey(inputs.out, wanted, inputs.address)
    _log.info(planned_work.describe(inputs.out, f"screen of {photos.name}"))
    if inputs.dry_run:
        return []
    work.decode(inputs, settings, [renders])
    with hold(inputs.out, layout.KIND, layout.claim(settings)):
        failed = work.train(wanted, planned_work, inputs, lambda _: None)
        _log.info(report(alone, whole, few, settings, inputs.clean))
    return failed


def report(
    fold_study: FoldStudy,
    reference: FoldStudy,
    few: tuple[FoldStudy, FoldStudy] | None,
    settings: ProtocolSettings,
    without_rust: Photos | None,
) -> str:
    """Write the failure sheet and the table of photos of a screen, and return its text.

    Parameters
    ----------
    fold_study : the study of renders only on validation photos.
    reference : the study of all real photos, tested on the same ones, whether or not it has runs.
    few : the studies of few photos without renders and with them, tested on the same ones; or None.
    settings : settings of the screen.
    without_rust : pictures on which all runs were measured to count false alarms; or None.
    """
    folder = fold_study.folder / FOLDER
    complete, _, _ = fold_study.run_status()
    groups = [fold_study.photos.spots[name] for name in fold_study.fold.split.test]
    if not complete:
        return "\n".join(["no run of renders alone is complete", *_of_few(few, groups)])
    own = _f1(list(complete.values()), groups)
    all_rust = cv_pooling.all_rust(next(iter(complete.values())).per_image)
    baseline = float(unit_means(all_rust, groups).mean())
    estimate = estimates.mean(own)
    between = "" if estimate.low is None else f" (95 % interval {estimate.low:.3f} to {estimate.high:.3f})"
    unit = "spots" if fold_study.photos.groups else "photos"
    lines = [
        f"{fold_study.photos.name}, {len(groups)} validation photos, {len(set(groups))} {unit}: "
        f"per-image F1 of {RENDERS} only {targets.format_spread(own)}{between}",
        f"everything called rust: {baseline:.3f}; renders only is {_percent(own.mean() / baseline)} of that",
    ]
    reference_runs, _, _ = reference.run_status()
    if reference_runs:
        real = _f1(list(reference_runs.values()), groups)
        share = estimates.ratio(*_of_shared_runs(complete, reference_runs, groups))
        interval_text = "" if share.low is None else f" (95 % interval {_percent(share.low)} to {_percent(share.high)})"
        lines.append(
            f"all real: {targets.format_spread(real)}; renders only is {_percent(share.value)} of that{interval_text}"
        )
    else:
        lines.append("all real: not trained on this fold; --reference trains it, once for all renders")
    lines += _of_few(few, groups)
    if without_rust is not None:
        lines += _on_clean([fold_study, reference, *(few or ())], without_rust, settings)
    errors = _causes(fold_study, complete, settings, all_rust)
    lines.append(
        error_analysis.describe(
            errors, _causes(reference, reference_runs, settings, all_rust) if reference_runs else None
        )
    )
    lines += _others(fold_study, groups)
    text = "\n".join(lines) + "\n"
    first = next(iter(complete))
    run = fold_study.folder / RUNS / first
    error_analysis.write_table(folder / error_analysis.TABLE, errors)
    shown = ""
    if _has_weights(run):
        title = f"{fold_study.photos.name}: worst first; numbers are means over the runs, outlines of run {first}"
        error_analysis.sheet(folder / error_analysis.SHEET, fold_study.photos, errors, run, title)
        shown = f"{folder / error_analysis.SHEET}, "
    write_text(folder / TEXT, text)
    return f"{text}{shown}{folder / error_analysis.TABLE}"


def _of_few(few: tuple[FoldStudy, FoldStudy] | None, groups: Sequence[str]) -> list[str]:
    """Return lines on few photos without renders, and on the gain of each screened way of mixing."""
    if few is None:
        return []
    (alone, plain), (with_renders, mixed) = (
        (fold_study.folder, fold_study.config.cells[0].arm.name) for fold_study in few
    )
    scores = [scored for scored in results.load(alone).scores if scored.arm == plain]
    scores += [scored for scored in results.load(with_renders).scores if scored.arm != RENDERS]
    ways = sorted({scored.arm for scored in scores} - {plain}, key=lambda arm: (arm != mixed, arm))
    gains = arms(scores, pairs=[(plain, way) for way in ways], score="f1", groups=few[0].photos.spots)
    spreads = {
        arm: targets.format_spread(unit_means(np.array([scored.f1 for scored in scores if scored.arm == arm]), groups))
        for arm in {scored.arm for scored in scores}
    }
    lines = [f"{plain}: {spreads.get(plain, 'no run is complete')}"]
    for pair in gains:
        gain = targets.format_value(pair.difference, percent=False)
        lines.append(f"{pair.second}: {spreads[pair.second]}, {gain} (95 % interval {interval(pair.low, pair.high)})")
    return lines


def _on_clean(every: Sequence[FoldStudy], pictures: Photos, settings: ProtocolSettings) -> list[str]:
    """Return lines on the share of pixels that each arm calls corrosion on pictures without any."""
    by_arm: dict[str, list[FloatArray]] = {}
    for fold_study in every:
        for key, run in fold_study.config.grid.items():
            counts = external_sets.read(fold_study.folder / RUNS / key, pictures.name, pictures.data.digest)
            if counts is not None:
                of_photos = background_fp.shares(counts, settings.size)
                groups = [pictures.spots[name] for name in counts.image]
                by_arm.setdefault(run.arm.name, []).append(unit_means(of_photos, groups))
    lines = []
    for arm, values in by_arm.items():
        share = targets.under(arm, estimates.mean(np.array(values)), targets.FALSE_ALARMS)
        between = f"(95 % interval {share.between})"
        lines.append(f"{arm}: {share.number} of the pixels of {pictures.name} called rust {between}")
    return lines


def _f1(found: "Sequence[RunRecord]", groups: Sequence[str]) -> FloatArray:
    """Return (runs, spots) F1."""
    from corrotwin.segmentation.evaluation import evaluate

    rows = [run.per_image for run in found]
    return unit_means(np.array([evaluate.scores(table.tp, table.fp, table.fn, table.tn)[0] for table in rows]), groups)


def _of_shared_runs(
    complete: "Mapping[str, RunRecord]", others: "Mapping[str, RunRecord]", groups: Sequence[str]
) -> tuple[FloatArray, FloatArray]:
    """Return (runs, spots) F1 of two studies, of the runs whose number both have."""
    one, other = ({key.rpartition("-")[2]: run for key, run in runs.items()} for runs in (complete, others))
    shared = [number for number in one if number in other]
    if not shared:
        return np.empty((0, 0)), np.empty((0, 0))
    return _f1([one[number] for number in shared], groups), _f1([other[number] for number in shared], groups)


def _causes(
    fold_study: FoldStudy, complete: "Mapping[str, RunRecord]", settings: ProtocolSettings, all_rust: FloatArray
) -> error_analysis.PhotoErrors:
    alarms = [_alarms(fold_study, key, settings.size) for key in complete]
    return error_analysis.photo_errors(
        fold_study.photos, [run.per_image for run in complete.values()], alarms, all_rust
    )


def _alarms(fold_study: FoldStudy, key: str, side: int) -> FloatArray:
    counts = background_fp.read(fold_study.folder / RUNS / key)
    if counts is None:
        return np.full(len(fold_study.fold.split.test), np.nan)
    return background_fp.shares(counts, side)


def _has_weights(run: Path) -> bool:
    from corrotwin.segmentation import runs

    return (run / runs.WEIGHTS).is_file()


def _others(fold_study: FoldStudy, groups: Sequence[str]) -> list[str]:
    """Return lines on other renders with the same photos and masks, best first, and the difference to each."""
    ours = _of_renders(results.load(fold_study.folder))
    rows = []
    sources = {"data": fold_study.photos.data.digest, "split": fold_study.fold.split.digest}
    for folder in fold_study.folder.parent.glob(f"{RENDERS}-*"):
        if folder == fold_study.folder:
            continue
        try:
            other = results.load(folder)
        except InputError:  # unfinished
            continue
        if any(other.manifest[source]["digest"] != digest for source, digest in sources.items()):  # other masks since
            continue
        if of_other := _of_renders(other):
            mean = float(unit_means(np.array(list(of_other.values())), groups).mean())
            name = (folder / str(other.manifest["renders"]["folder"])).resolve()
            shared = sorted(ours.keys() & of_other.keys())
            apart = unit_means(np.array([ours[run] - of_other[run] for run in shared]), groups) if shared else None
            rows.append((mean, f"  {mean:.3f}  {_added(apart)}  {name}"))
    heading = "other renders screened here, and these minus those (95 % interval, by runs and photos):"
    return [heading, *(line for _, line in sorted(rows)[::-1])] if rows else []


def _of_renders(study: results.Results) -> dict[int, FloatArray]:
    return {run_scores.run: run_scores.f1 for run_scores in study.scores if run_scores.arm == RENDERS}


def _added(apart: FloatArray | None) -> str:
    """Format the mean of (runs, units) differences with its interval, where there are two runs."""
    if apart is None:
        return "no run in common"
    estimate = estimates.mean(apart, least=-1)
    within = None if estimate.low is None or estimate.high is None else interval(estimate.low, estimate.high)
    return f"{targets.format_value(estimate.value, percent=False)} ({within or 'of one run or spot: no interval'})"


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{100 * share:.0f} %"
