"""Run a screen of some renders or a transfer, both in one folder."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from corrotwin.benchmarks.data import photo_groups
from corrotwin.benchmarks.stats.power import describe_power
from corrotwin.benchmarks.study import draws, runner
from corrotwin.benchmarks.study.grid import GridCell
from corrotwin.benchmarks.study.preparation import check_backbones
from corrotwin.benchmarks.study.sources import RUNS
from corrotwin.benchmarks.transfer import (
    evaluation_log,
    layout,
    protocol,
    render_draws,
    screening,
    subset,
    tables,
    work,
)
from corrotwin.benchmarks.transfer.inputs import Inputs
from corrotwin.benchmarks.transfer.layout import FoldStudy, Photos, Renders
from corrotwin.benchmarks.transfer.protocol import SCREEN_RUNS, Fold, Mix, ProtocolSettings
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.locks import hold

_log = logging.getLogger(__name__)


def screen(inputs: Inputs, settings: ProtocolSettings, mix: Mix | None, *, reference: bool) -> list[str]:
    """Train on renders alone, score validation photos and report the failures; return the names of failed runs.

    With a mix, the small part of the photos is trained too, with and without renders.

    Raises
    ------
    InputError
        As of `benchmarks.transfer.inputs.read` and of `benchmarks.study.runner.run`.
    """
    if len(inputs.sets) > 1:
        raise InputError("a screen looks at one set of photos; give one folder")
    photos = inputs.sets[0]
    check_backbones((settings.backbone,), "`backbone`")
    layout.check(inputs.out, settings)
    fold = protocol.screen(photos.data, photos.spots, settings)
    folder = inputs.out / photos.name / fold.name / inputs.renders.folder
    renders = render_draws.of_screen(inputs.renders, folder, seed=settings.seed)

    def study_of(cells: tuple[GridCell, ...], of: Renders | None) -> FoldStudy:
        (found,) = layout.fold_studies(
            inputs.out, fold, photos, settings, [(of, cells)], inputs.external_sets, runs=SCREEN_RUNS
        )
        return found

    alone, whole = study_of(protocol.renders_only(settings), renders), study_of(protocol.all_real(settings), None)
    few = (
        (study_of(protocol.few_real(settings), None), study_of(protocol.few_mixed(settings, mix), renders))
        if mix
        else None
    )
    known, todo, blocked = whole.run_status()
    reference = reference or bool(inputs.clean and known and not todo and not blocked)  # it may lack the clean pictures
    wanted = [alone, *([whole] if reference else []), *(few or ())]
    for each in wanted:
        each.check_split()
    planned_work = work.survey(inputs.out, wanted, inputs.address)
    _log.info(planned_work.describe(inputs.out, f"screen of {photos.name}"))
    if inputs.dry_run:
        return []
    _decode(inputs, settings, [renders])
    with hold(inputs.out, layout.KIND, layout.claim(settings)):
        failed = work.train(wanted, planned_work, inputs, lambda _: None)
        _log.info(screening.report(alone, whole, few, settings, inputs.clean))
    return failed


def confirm(
    inputs: Inputs,
    settings: ProtocolSettings,
    mix: Mix,
    *,
    mixed_only: bool,
    runs: int,
    renders_goal: float,
    command: str,
) -> list[str]:
    """Train all arms in cross-validation, log the use of test photos, and write the tables after each run.

    With `mixed_only` renders come beside the small part of the photos alone, so that another mix costs one arm.
    The tables hold all that is complete in the folder, of other arms and of more runs than these, too.

    Raises
    ------
    InputError
        As of `benchmarks.transfer.inputs.read` and of `benchmarks.study.runner.run`. Nothing is opened then.
    """
    out = inputs.out
    check_backbones((settings.backbone,), "`backbone`")
    layout.check(out, settings)
    folds = {
        photos.name: [
            protocol.folds(photos.data, photos.spots, settings, run)
            for run in range(max(runs, protocol.runs_in(out / photos.name)))
        ]
        for photos in inputs.sets
    }
    wanted_folds = {name: of_runs[:runs] for name, of_runs in folds.items()}
    trained = (protocol.few_mixed if mixed_only else protocol.of_renders)(settings, mix)
    shown = tuple(dict.fromkeys(protocol.of_renders(settings, mix) + protocol.few_mixed(settings, Mix())))
    most = max(map(len, folds.values()))
    dealt = render_draws.of_transfer(
        inputs.renders, out, runs=runs, most=most, size=inputs.renders_per_run, seed=settings.seed
    )
    renders = render_draws.first(dealt, inputs.counts, out, dry_run=True)
    planned = _parts(inputs, settings, mix, trained, wanted_folds, renders)
    fold_studies = [fold_study for of_set in planned.values() for fold_study in of_set]
    for fold_study in fold_studies:
        fold_study.check_split()
    planned_work = work.survey(out, fold_studies, inputs.address)
    sets = ", ".join(f"{each.name} ({len(each.data.photos)} photos)" for each in inputs.sets)
    _log.info(planned_work.describe(out, f"{runs} runs of {settings.folds} folds of {sets}"))
    _log.info(_of_draws(inputs, dealt[:runs]))
    for photos in inputs.sets:
        if photos.copies:
            _log.info(f"  {photos.name}: no spots.csv; {photo_groups.describe_copies(photos.spots)}")
        elif not photos.has_spots:
            _log.info(f"  {photos.name}: no spots.csv, so every photo counts as a spot of its own")
        shown_parts = _parts(inputs, settings, mix, shown, folds, renders)[photos.name]
        for line in _power(photos, settings, mix, planned[photos.name], shown_parts, runs):
            _log.info(f"  {photos.name}: {line}")
    for line in _left_out(inputs, dealt, fold_studies, may_count=not mixed_only and mix == Mix()):
        _log.info(f"  {line}")
    if inputs.dry_run:
        return []
    _decode(inputs, settings, {each.folder: each for each in dealt[:runs]}.values())
    with hold(out, layout.KIND, layout.claim(settings)):
        renders = render_draws.first(dealt, inputs.counts, out, dry_run=False)
        opened = {
            "sets": {each.name: each.data.digest for each in (*inputs.sets, *inputs.others.values())},
            "renders": {
                "folder": os.path.relpath(inputs.renders.path, out),
                "digests": {"all": inputs.renders.data and inputs.renders.data.digest},
                "draws": [each.draws[0].digest for each in dealt[:runs]],
                "first": list(inputs.counts),
            },
            "runs": runs,
        }
        evaluation_log.log(out, command, opened)
        every = _parts(inputs, settings, mix, trained, wanted_folds, renders)
        in_tables = _parts(inputs, settings, mix, shown, folds, renders)

        def write_tables(photos: Photos) -> str:
            return _tables(inputs, photos, in_tables[photos.name], settings, mix, renders_goal)

        def tell(ended: FoldStudy) -> None:
            """Write the tables whenever a run has all its folds; those with the last one are written at the end."""
            if ended.fold.run == runs - 1:
                return
            of_run = (each for each in every[ended.photos.name] if each.fold.run == ended.fold.run)
            if all(map(work.is_whole, of_run)):
                write_tables(ended.photos)

        by_run = sorted((each for of_set in every.values() for each in of_set), key=lambda each: each.fold.run)
        failed = work.train(by_run, planned_work, inputs, tell)
        for photos in inputs.sets:
            _log.info(write_tables(photos))
    return failed


def _of_draws(inputs: Inputs, found: Sequence[Renders]) -> str:
    """Return the line of the plan on the draws of the runs."""
    whole = 0 if inputs.renders.data is None else len(inputs.renders.data.photos)
    is_shared = found[0].data is inputs.renders.data
    return draws.describe([] if is_shared else [len(each.draws[0].photos) for each in found], whole)


def _power(
    photos: Photos,
    settings: ProtocolSettings,
    mix: Mix,
    planned: Sequence[FoldStudy],
    in_tables: Sequence[FoldStudy],
    runs: int,
) -> Iterator[str]:
    """Yield the gain that would be found at each fraction of the photos that is trained with renders.

    The family is that of the tables: all pairs of arms that are planned, or were trained before.
    """
    names = {each.label(cell.arm.name): None for each in planned for cell in each.config.cells}
    before = {
        each.label(cell.arm.name): None
        for each in in_tables
        for cell in each.config.cells
        if (each.folder / RUNS / f"{cell.key}-00" / "run.json").exists()
    }
    comparisons = len(protocol.compared_pairs(names | before, settings, mix))
    units, unit = len(set(photos.spots.values())), "photo" if photos.groups is None else "spot"
    for arm, fraction in ((f"{mix.name}{settings.small}", settings.real_fraction), (mix.name, 1.0)):
        if arm in names:
            yield describe_power(runs=runs, units=units, unit=unit, real_fraction=fraction, comparisons=comparisons)


def _decode(inputs: Inputs, settings: ProtocolSettings, renders: Iterable[Renders]) -> None:
    """Decode all pictures before anything is claimed, logged or trained."""
    sets = (*inputs.sets, *inputs.external_sets.values())
    runner.decode([*(draw for each in renders for draw in each.draws), *(each.data for each in sets)], settings.size)


def _left_out(
    inputs: Inputs, dealt: Sequence[Renders], fold_studies: Sequence[FoldStudy], *, may_count: bool
) -> Iterator[str]:
    """Yield notes on earlier measurements that the tables of this command will not have.

    `may_count` is whether the option that takes the curve in would train nothing new.
    """
    tried = {count for each in dealt for draw in each.draws for count in subset.existing_counts(inputs.out, draw)}
    counts = sorted(tried - set(inputs.counts))
    names = sorted(
        {name for fold_study in fold_studies for name in fold_study.measured()} - inputs.external_sets.keys()
    )
    if counts:
        numbers = " ".join(map(str, counts))
        advice = f": give --render-counts {numbers}, too" if may_count else ""
        yield f"tables will be without the first {numbers} renders, tried before{advice}"
    if names:
        yield f"tables will be without {', '.join(names)}, measured before and not named now"


def _parts(
    inputs: Inputs,
    settings: ProtocolSettings,
    mix: Mix,
    cells: tuple[GridCell, ...],
    folds: Mapping[str, Sequence[Sequence[Fold]]],
    renders: Sequence[tuple[Renders, ...]],
) -> dict[str, list[FoldStudy]]:
    """Return the studies of each set, by run, fold and renders.

    Parameters
    ----------
    cells : the arms with the whole draw of a run.
    folds : of each set, by run.
    renders : of each run; runs beyond them, of other renders, have the arms of photos alone.
    """
    arms = [
        layout.arms_of(settings, mix, renders[run] if run < len(renders) else (), cells)
        for run in range(max(map(len, folds.values())))
    ]
    return {
        photos.name: [
            fold_study
            for of_run in folds[photos.name]
            for fold in of_run
            for fold_study in layout.fold_studies(
                inputs.out, fold, photos, settings, arms[fold.run], inputs.external_sets
            )
        ]
        for photos in inputs.sets
    }


def _tables(
    inputs: Inputs,
    photos: Photos,
    every: Sequence[FoldStudy],
    settings: ProtocolSettings,
    mix: Mix,
    renders_goal: float,
) -> str:
    about = tables.TableContext(
        settings=settings,
        mix=mix,
        renders_goal=renders_goal,
        others=inputs.others,
        clean=inputs.clean,
        seen=photos.of_their_spots(inputs.seen | tables.screened(inputs.out, photos, settings)),
    )
    return tables.write(inputs.out, photos, inputs.renders.folder, every, about)
