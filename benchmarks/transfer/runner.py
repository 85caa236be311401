"""The two ways to use a transfer folder: a screen of some renders, and their confirmation."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from corrotwin.benchmarks.data import photo_groups
from corrotwin.benchmarks.study import runner
from corrotwin.benchmarks.study.config import Cell
from corrotwin.benchmarks.transfer import layout, protocol, screening, subset, tables, test_access_log
from corrotwin.benchmarks.transfer.inputs import Given
from corrotwin.benchmarks.transfer.layout import Part, Photos, Renders
from corrotwin.benchmarks.transfer.protocol import SCREEN_RUNS, Fold, Mix, Recipe
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.locks import check_claim, hold


def screen(asked: Given, settings: Recipe, mix: Mix | None, *, reference: bool) -> list[str]:
    """Train on renders alone, look at validation photos, and say where it fails; the names of runs that failed.

    With a mix, the small part of the photos is trained too, with and without renders.

    Raises
    ------
    InputError
        As of `benchmarks.transfer.inputs.read` and of `benchmarks.study.runner.run`.
    """
    if len(asked.sets) > 1:
        raise InputError("--screen looks at one set; give one folder with --data")
    photos, renders = asked.sets[0], asked.renders[0]
    check_claim(asked.out, layout.KIND, layout.claim(settings))
    fold = protocol.screen(photos.data, photos.spots, settings)

    def part(cells: tuple[Cell, ...], of: Renders | None) -> Part:
        (found,) = layout.parts(asked.out, fold, photos, settings, [(of, cells)], asked.measured_too, runs=SCREEN_RUNS)
        return found

    alone, whole = part(protocol.renders_only(), renders), part(protocol.all_real(), None)
    few = (part(protocol.few_real(settings), None), part(protocol.few_mixed(settings, mix), renders)) if mix else None
    known, todo, blocked = whole.standing()
    reference = reference or bool(asked.clean and known and not todo and not blocked)  # it may lack the clean pictures
    wanted = [alone, *([whole] if reference else []), *(few or ())]
    for each in wanted:
        each.check_split()
    work = layout.survey(asked.out, wanted, asked.address)
    print(work.describe(asked.out, f"screen of {photos.name}"), flush=True)  # noqa: T201
    if asked.dry_run:
        return []
    _decode(asked, settings)
    with hold(asked.out, layout.KIND, layout.claim(settings)):
        failed = layout.train(asked.out, wanted, wanted, work, asked.address)
        print(screening.report(alone, whole, few, settings, asked.clean))  # noqa: T201
    return failed


def confirm(
    asked: Given, settings: Recipe, mix: Mix, *, few_only: bool, runs: int, renders_goal: float, command: str
) -> list[str]:
    """Train all arms in cross-validation, log that test photos are opened, and write the tables after each run.

    With `few_only` renders come beside the small part of the photos alone, so that another mix costs one arm.
    The tables hold all that is complete in the folder, of other arms and of more runs than these, too.

    Raises
    ------
    InputError
        As of `benchmarks.transfer.inputs.read` and of `benchmarks.study.runner.run`. Nothing is opened then.
    """
    out = asked.out
    check_claim(out, layout.KIND, layout.claim(settings))
    folds = {
        photos.name: [
            protocol.folds(photos.data, photos.spots, settings, run)
            for run in range(max(runs, protocol.runs_in(out / photos.name)))
        ]
        for photos in asked.sets
    }
    asked_folds = {name: of_runs[:runs] for name, of_runs in folds.items()}
    trained = (protocol.few_mixed if few_only else protocol.of_renders)(settings, mix)
    shown = tuple(dict.fromkeys(protocol.of_renders(settings, mix) + protocol.few_mixed(settings, Mix())))
    planned = _parts(asked, settings, mix, trained, asked_folds, _written(asked, dry_run=True))
    parts = [part for of_set in planned.values() for part in of_set]
    for part in parts:
        part.check_split()
    work = layout.survey(out, parts, asked.address)
    sets = ", ".join(f"{each.name} ({len(each.data.photos)} photos)" for each in asked.sets)
    print(work.describe(out, f"{runs} runs of {settings.folds} folds of {sets}"), flush=True)  # noqa: T201
    for photos in asked.sets:
        if photos.copies:
            print(f"  {photos.name}: no spots.csv; {photo_groups.said(photos.spots)}")  # noqa: T201
        elif not photos.has_spots:
            print(f"  {photos.name}: no spots.csv, so every photo counts as a spot of its own")  # noqa: T201
    for line in _left_out(asked, parts, may_count=not few_only and mix == Mix()):
        print(f"  {line}")  # noqa: T201
    if asked.dry_run:
        return []
    _decode(asked, settings)
    with hold(out, layout.KIND, layout.claim(settings)):
        renders = _written(asked, dry_run=False)
        opened = {
            "sets": {each.name: each.data.digest for each in (*asked.sets, *asked.others.values())},
            "renders": {
                "folder": os.path.relpath(asked.renders[0].path, out),
                "digests": {str(each.count or "all"): each.data.digest for each in renders if each.data},
            },
            "runs": runs,
        }
        test_access_log.log(out, command, opened)
        every = _parts(asked, settings, mix, trained, asked_folds, renders)
        in_tables = _parts(asked, settings, mix, shown, folds, renders)
        whole = [part for of_set in every.values() for part in of_set]
        failed: list[str] = []
        for run in range(runs):
            for photos in asked.sets:
                of_run = [part for part in every[photos.name] if part.fold.run == run]
                failed += layout.train(out, of_run, whole, work, asked.address)
                page = _tables(asked, photos, in_tables[photos.name], settings, mix, renders_goal)
                if run == runs - 1:
                    print(page)  # noqa: T201
    return failed


def _decode(asked: Given, settings: Recipe) -> None:
    """Decode all pictures before anything is claimed, opened or trained."""
    sets = (*asked.sets, *asked.measured_too.values())
    renders = [each.data for each in asked.renders if each.data is not None]
    runner.decode([*renders, *(each.data for each in sets)], settings.size)


def _left_out(asked: Given, parts: Sequence[Part], *, may_count: bool) -> Iterator[str]:
    """What an earlier command has measured and the tables of this one will not have, since it was not asked for.

    `may_count` tells whether the option that takes the curve in would train nothing new.
    """
    whole = asked.renders[0].data
    kept = {each.count for each in asked.renders}
    counts = [] if whole is None else sorted(set(subset.written(asked.out, whole)) - kept)
    names = sorted({name for part in parts for name in part.measured()} - asked.measured_too.keys())
    if counts:
        numbers = " ".join(map(str, counts))
        advice = f": give --render-counts {numbers}, too" if may_count else ""
        yield f"tables will be without the first {numbers} renders, tried before{advice}"
    if names:
        yield f"tables will be without {', '.join(names)}, measured before and not named now"


def _written(asked: Given, *, dry_run: bool) -> tuple[Renders, ...]:
    """The renders, with the folders of the first so many written; a dry run takes those that are there."""
    from corrotwin.segmentation.data import coco

    whole, *parts = asked.renders
    result = [whole]
    for each in parts:
        if whole.data is None or each.count is None:
            continue
        folder = subset.folder_of(asked.out, whole.data, each.count)
        if not dry_run:
            subset.write(asked.out, whole.data, each.count)
        is_there = (folder / subset.ANNOTATIONS).exists()
        result.append(replace(each, path=folder, data=coco.read(folder) if is_there else None))
    return tuple(result)


def _parts(
    asked: Given,
    settings: Recipe,
    mix: Mix,
    cells: tuple[Cell, ...],
    folds: Mapping[str, Sequence[Sequence[Fold]]],
    renders: Sequence[Renders],
) -> dict[str, list[Part]]:
    """The studies of each set, by run, fold and renders; `cells` are the arms with all of the renders."""
    arms = layout.arms_of(settings, mix, renders, cells)
    return {
        photos.name: [
            part
            for of_run in folds[photos.name]
            for fold in of_run
            for part in layout.parts(asked.out, fold, photos, settings, arms, asked.measured_too)
        ]
        for photos in asked.sets
    }


def _tables(
    asked: Given, photos: Photos, every: Sequence[Part], settings: Recipe, mix: Mix, renders_goal: float
) -> str:
    about = tables.Asked(
        settings=settings,
        mix=mix,
        renders_goal=renders_goal,
        others=asked.others,
        clean=asked.clean,
        seen=photos.of_their_spots(asked.seen | tables.screened(asked.out, photos, settings)),
    )
    return tables.write(asked.out, photos, asked.renders[0].folder, every, about)
