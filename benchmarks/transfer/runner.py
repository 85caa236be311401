"""Run a transfer: its plan, its fits and trainings, its tables."""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from corrotwin.benchmarks.data import photo_groups
from corrotwin.benchmarks.stats.power import describe_power
from corrotwin.benchmarks.study import draws
from corrotwin.benchmarks.study.grid import GridCell
from corrotwin.benchmarks.study.preparation import check_backbones
from corrotwin.benchmarks.study.sources import RUNS
from corrotwin.benchmarks.transfer import (
    evaluation_log,
    fitted_renders,
    layout,
    protocol,
    render_draws,
    resampling,
    tables,
    work,
)
from corrotwin.benchmarks.transfer.inputs import Inputs
from corrotwin.benchmarks.transfer.layout import FoldStudy, Photos, Renders
from corrotwin.benchmarks.transfer.protocol import Mix, ProtocolSettings
from corrotwin.benchmarks.transfer.resampling import Counts, Fold
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.locks import hold

_log = logging.getLogger(__name__)


def confirm(
    inputs: Inputs,
    settings: ProtocolSettings,
    mix: Mix,
    *,
    mixed_only: bool,
    counts: Counts,
    renders_goal: float,
    command: str,
) -> list[str]:
    """Train on few photos in redraws and on all in cross-validation, log the use of test photos, and write the tables.

    With `mixed_only`, renders are only mixed with few photos, so that another mix costs one arm. The tables hold all
    complete runs in the folder, also of other arms and of more runs than these.

    Raises
    ------
    InputError
        As for `benchmarks.transfer.inputs.read` and `benchmarks.study.runner.run`. Then no test photo is opened.
    """
    out = inputs.out
    if counts.fits and inputs.address is not None:
        raise InputError("`fits` are made on this machine alone; leave out `address`")
    check_backbones((settings.backbone,), "`backbone`")
    layout.check(out, settings)
    splits = {
        photos.name: resampling.splits_of(out / photos.name, photos.data, photos.spots, settings, counts)
        for photos in inputs.sets
    }
    most = max((fold.run + 1 for of_set in splits.values() for fold in of_set), default=0)
    wanted = max(counts.redraws, counts.runs)
    dealt = render_draws.of_transfer(
        inputs.renders, out, runs=wanted, most=most, size=inputs.renders_per_run, seed=settings.seed
    )
    trained = _Arms(settings=settings, mix=mix, mixed_only=mixed_only, shown=False)
    shown = replace(trained, mixed_only=False, shown=True)

    def parts(arms: "_Arms", *, dry_run: bool) -> dict[str, list[FoldStudy]]:
        """Return the studies of each set: of what this command trains, or of all that its tables show."""
        renders = render_draws.first(dealt, inputs.counts, out, dry_run=dry_run)
        return {
            photos.name: [
                fold_study
                for fold in splits[photos.name]
                if arms.shown or fold.run < (counts.redraws if fold.is_few else counts.runs)
                for fold_study in arms.studies(inputs, photos, fold, renders, counts)
            ]
            for photos in inputs.sets
        }

    planned = parts(trained, dry_run=True)
    fold_studies = [fold_study for of_set in planned.values() for fold_study in of_set]
    for fold_study in fold_studies:
        fold_study.check_split()
    planned_work = work.survey(out, fold_studies, inputs.address)
    sets = ", ".join(f"{photos.name} ({len(photos.data.photos)} photos)" for photos in inputs.sets)
    _log.info(planned_work.describe(out, f"{resampling.describe(settings, counts)} of {sets}"))
    _log.info(_of_draws(inputs, dealt[:wanted]))
    in_tables = parts(shown, dry_run=True)
    for photos in inputs.sets:
        if photos.copies:
            _log.info(f"  {photos.name}: no spots.csv; {photo_groups.describe_copies(photos.spots)}")
        elif not photos.has_spots:
            _log.info(f"  {photos.name}: no spots.csv, so every photo counts as a spot of its own")
        for line in _power(photos, settings, mix, planned[photos.name], in_tables[photos.name], counts):
            _log.info(f"  {photos.name}: {line}")
    to_fit = [
        (photos, fold)
        for photos in inputs.sets
        for fold in splits[photos.name]
        if fold.is_few and fold.run < counts.fits
        if fitted_renders.made(out, photos, fold, counts.renders_of_fit) is None
    ]
    for photos, fold in to_fit:
        fitted_renders.check(photos, fold)
    if to_fit:
        hours = len(to_fit) * fitted_renders.MINUTES / 60
        _log.info(
            f"  {len(to_fit)} presets to fit and render first, about {hours:.1f} h of two cores, and their arm then"
        )
    for line in _left_out(inputs, dealt, fold_studies, may_count=not mixed_only and mix == Mix()):
        _log.info(f"  {line}")
    if inputs.dry_run:
        return []
    work.decode(inputs, settings, {drawn.folder: drawn for drawn in dealt[:wanted]}.values())
    with hold(out, layout.KIND, layout.claim(settings)):
        for photos, fold in to_fit:
            fitted_renders.make(out, photos, fold, counts.renders_of_fit)
        opened = {
            "sets": {photos.name: photos.data.digest for photos in (*inputs.sets, *inputs.others.values())},
            "renders": {
                "folder": os.path.relpath(inputs.renders.path, out),
                "digests": {"all": inputs.renders.data and inputs.renders.data.digest},
                "draws": [drawn.draws[0].digest for drawn in dealt[:wanted]],
                "first": list(inputs.counts),
            },
            "redraws": counts.redraws,
            "runs": counts.runs,
            "fits": counts.fits,
        }
        evaluation_log.log(out, command, opened)
        every, of_tables = parts(trained, dry_run=False), parts(shown, dry_run=False)

        def write_tables(photos: Photos) -> str:
            return _tables(inputs, photos, of_tables[photos.name], settings, mix, renders_goal)

        def tell(ended: FoldStudy) -> None:
            """Write the tables whenever all splits of a run are complete; after the last run they follow at the end."""
            if ended.fold.run == wanted - 1:
                return
            of_run = (fold_study for fold_study in every[ended.photos.name] if fold_study.fold.run == ended.fold.run)
            if all(map(work.is_whole, of_run)):
                write_tables(ended.photos)

        by_run = sorted(
            (fold_study for of_set in every.values() for fold_study in of_set),
            key=lambda fold_study: fold_study.fold.run,
        )
        failed = work.train(by_run, planned_work, inputs, tell)
        for photos in inputs.sets:
            _log.info(write_tables(photos))
    return failed


@dataclass(frozen=True, kw_only=True)
class _Arms:
    """The arms that a command trains, or that its tables show."""

    settings: ProtocolSettings
    mix: Mix
    mixed_only: bool
    shown: bool

    def cells(self, *, small: bool) -> tuple[GridCell, ...]:
        """Return the arms with renders of a redraw, or of a fold."""
        if self.mixed_only:
            return protocol.few_mixed(self.settings, self.mix) if small else ()
        own = protocol.renders_of(self.settings, self.mix, small=small)
        others = protocol.few_mixed(self.settings, Mix()) if self.shown and small else ()
        return tuple(dict.fromkeys(own + others))

    def studies(
        self, inputs: Inputs, photos: Photos, fold: Fold, renders: Sequence[tuple[Renders, ...]], counts: Counts
    ) -> list[FoldStudy]:
        """Return the studies of one split; runs beyond the draws of renders have the arms of photos alone."""
        of_run = renders[fold.run] if fold.run < len(renders) else ()
        arms = layout.arms_of(self.settings, self.mix, of_run, self.cells(small=fold.is_few), small=fold.is_few)
        if fold.is_few and (self.shown or fold.run < counts.fits):
            of_fit = fitted_renders.made(inputs.out, photos, fold, counts.renders_of_fit)
            arms += [] if of_fit is None else [(of_fit, protocol.fitted(self.settings, self.mix))]
        return layout.fold_studies(
            inputs.out, fold, photos, self.settings, [arm for arm in arms if arm[1]], inputs.external_sets
        )


def _of_draws(inputs: Inputs, found: Sequence[Renders]) -> str:
    """Return the line of the plan that describes the draws of the runs."""
    whole = 0 if inputs.renders.data is None else len(inputs.renders.data.photos)
    is_shared = found[0].data is inputs.renders.data
    return draws.describe([] if is_shared else [len(renders.draws[0].photos) for renders in found], whole)


def _power(
    photos: Photos,
    settings: ProtocolSettings,
    mix: Mix,
    planned: Sequence[FoldStudy],
    in_tables: Sequence[FoldStudy],
    counts: Counts,
) -> Iterator[str]:
    """Yield lines on the detectable gain at each fraction of the photos that is trained with renders.

    The family is that of the tables: all pairs of arms that are planned or were trained before.
    """
    names = {
        fold_study.label(cell.arm.name): None
        for fold_study in planned
        if not fold_study.fold.tests_others_only
        for cell in fold_study.config.cells
    }
    before = {
        fold_study.label(cell.arm.name): None
        for fold_study in in_tables
        if not fold_study.fold.tests_others_only
        for cell in fold_study.config.cells
        if (fold_study.folder / RUNS / f"{cell.key}-00" / "run.json").exists()
    }
    comparisons = len(protocol.compared_pairs(names | before, settings, mix))
    units, unit = len(set(photos.spots.values())), "photo" if photos.groups is None else "spot"
    for arm, fraction, runs in (
        (f"{mix.name}{settings.small}", settings.real_fraction, counts.redraws), (mix.name, 1.0, counts.runs)
    ):  # fmt: skip
        if arm in names:
            yield describe_power(runs=runs, units=units, unit=unit, real_fraction=fraction, comparisons=comparisons)


def _left_out(
    inputs: Inputs, dealt: Sequence[Renders], fold_studies: Sequence[FoldStudy], *, may_count: bool
) -> Iterator[str]:
    """Yield notes on earlier measurements that the tables of this command will not have.

    `may_count` tells whether the option that includes the curve would train nothing new.
    """
    tried = {
        count for renders in dealt for draw in renders.draws for count in render_draws.existing_counts(inputs.out, draw)
    }
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
