"""The two ways to use a transfer folder: a screen of some renders, and their confirmation."""

import fnmatch
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import classes as categories
from benchmarks import copies, first, openings, recipe, standing, transfer
from benchmarks import screen as screening
from benchmarks.config import Cell, is_name
from benchmarks.recipe import SCREEN_RUNS, Fold, Mix, Recipe
from benchmarks.transfer import Part, Photos, Renders
from twin.files import InputError, read_manifest
from twin.holding import check_claim, hold

if TYPE_CHECKING:
    from segmentation.coco import Dataset


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What a transfer command is about, read and checked.

    `renders` are all first, then the first so many; `seen` are photos by which they were tuned, of any set.
    """

    out: Path
    sets: tuple[Photos, ...]
    renders: tuple[Renders, ...]
    others: Mapping[str, Photos]
    clean: Photos | None
    seen: frozenset[str]
    address: str | None
    dry_run: bool

    @property
    def measured_too(self) -> dict[str, Photos]:
        """The sets besides its own that every run is measured on, by name."""
        return {**self.others, **({self.clean.name: self.clean} if self.clean else {})}


def given(
    out: Path,
    *,
    synth: Path,
    data: Sequence[Path],
    across: Sequence[Path],
    clean: Path | None,
    seen: Sequence[str],
    classes: tuple[str, ...] | None,
    counts: Sequence[int],
    address: str | None,
    dry_run: bool,
) -> Given:
    """Read all that a command names.

    Raises
    ------
    InputError
        Something is unusable, or stands twice. Nothing is written.
    """
    from segmentation import coco

    if not data:
        raise InputError("--data: give at least one folder of real photos")
    for path in (out, synth, *data, *across, *([clean] if clean else [])):
        if not path.resolve().as_posix().isprintable():
            raise InputError(f"{path}: its name cannot stand in a table; rename it")
    try:
        renders = coco.read(synth)
    except InputError as error:
        raise InputError(f"--synth {error}") from error
    for count in counts:
        first.check(renders, count)
    sets = tuple(transfer.read_photos(path, classes) for path in data)
    others = tuple(transfer.read_photos(path, classes) for path in across)
    without_rust = None if clean is None else transfer.read_clean(clean)
    every = [*sets, *others, *([without_rust] if without_rust else [])]
    for kind in ("name", "path"):
        values = [str(getattr(each, kind)) for each in every]
        if twice := [value for value in values if values.count(value) > 1]:
            raise InputError(f"{twice[0]}: given twice, or two sets have this name; each needs its own folder name")
    for each in every:
        if each not in sets and not is_name(each.name):
            raise InputError(f"{each.path}: {each.name!r:.60} cannot name a set in a table; rename the folder")
        if each.name in (first.FOLDER, standing.TABLES):
            raise InputError(f"{each.path}: the transfer folder keeps something else under this name; rename the set")
        if each.data.digest == renders.digest:
            raise InputError(f"{each.path}: these are the renders themselves; they cannot judge themselves")
    pictures = [("--synth", renders), *(("--across", each.data) for each in others)]
    for each in sets:
        _check_unseen(each, [*pictures, *([("--clean", without_rust.data)] if without_rust else [])])
    for each in others:
        _check_unseen(each, [("--synth", renders)])
    measured = [("--data", sets), ("--across", others), ("--clean", [without_rust] if without_rust else [])]
    for option, of in measured:
        for each in of:
            _check_apart(renders, option, each)
            if each is not without_rust:
                categories.tell(each.data, option)
    return Given(
        out=out.resolve(),
        sets=sets,
        renders=(
            Renders(path=synth.resolve(), data=renders),
            *(Renders(path=synth.resolve(), data=None, count=count) for count in sorted(set(counts))),
        ),
        others={each.name: each for each in others},
        clean=without_rust,
        seen=_seen(sets, seen),
        address=address,
        dry_run=dry_run,
    )


def _seen(sets: Sequence[Photos], patterns: Sequence[str]) -> frozenset[str]:
    """The photos whose file name is like one of some patterns."""
    names = {photo.file_name for each in sets for photo in each.data.photos}
    found = {pattern: fnmatch.filter(names, pattern) for pattern in patterns}
    if empty := [pattern for pattern, those in found.items() if not those]:
        raise InputError(f"--seen {empty[0]}: no photo of --data is called so; one is called {min(names)}")
    return frozenset(name for those in found.values() for name in those)


def _check_unseen(photos: Photos, others: "Sequence[tuple[str, Dataset]]") -> None:
    """Refuse pictures, by their option, among which a photo lies: it is tested in one fold and trains in the others."""
    known = {photo.sha256 for photo in photos.data.photos}
    for option, other in others:
        if shared := [photo.file_name for photo in other.photos if photo.sha256 in known]:
            raise InputError(
                f"{option} {other.folder}: photos of {photos.path} are among them, such as {shared[0]}; take them out"
            )


def _check_apart(renders: "Dataset", option: str, pictures: Photos) -> None:
    """Refuse pictures that show the scenes of the renders: a model would have seen them.

    Presets that differ in nothing but how many scenes are clean make the same scenes of one seed.
    """
    trained = {photo.sha256 for photo in renders.photos}
    shared = [photo.file_name for photo in pictures.data.photos if photo.sha256 in trained]
    scenes = [_scenes(each) for each in (renders, pictures.data)]
    if shared or (scenes[0] is not None and scenes[0] == scenes[1]):
        such = f"pictures such as {shared[0]} are among" if shared else "its scenes are those of"
        raise InputError(f"{option} {pictures.path}: {such} the renders that train; render it with another --seed")


def _scenes(data: "Dataset") -> object:
    """What decides what a rendered dataset shows, but for whether it is clean; None of any other dataset."""
    try:
        card = read_manifest(data.inside, "dataset") or {}
    except InputError:
        return None
    stated = card.get("preset")
    if not isinstance(stated, dict) or "twin" in card:
        return None
    other = ("clean_every", "description", "labels", "samples")
    return card.get("seed"), {name: value for name, value in stated.items() if name not in other}


def screen(asked: Given, settings: Recipe, mix: Mix | None, *, reference: bool) -> list[str]:
    """Train on renders alone, look at validation photos, and say where it fails; the names of runs that failed.

    With a mix, the small part of the photos is trained too, with and without renders.

    Raises
    ------
    InputError
        As of `given` and of `benchmarks.study.run`.
    """
    if len(asked.sets) > 1:
        raise InputError("--screen looks at one set; give one folder with --data")
    photos, renders = asked.sets[0], asked.renders[0]
    check_claim(asked.out, transfer.KIND, transfer.claim(settings))
    fold = recipe.screen(photos.data, photos.spots, settings)

    def part(cells: tuple[Cell, ...], of: Renders | None) -> Part:
        (found,) = transfer.parts(
            asked.out, fold, photos, settings, [(of, cells)], asked.measured_too, runs=SCREEN_RUNS
        )
        return found

    alone, whole = part(recipe.renders_only(), renders), part(recipe.all_real(), None)
    few = (part(recipe.few_real(settings), None), part(recipe.few_mixed(settings, mix), renders)) if mix else None
    known, todo, blocked = whole.standing()
    reference = reference or bool(asked.clean and known and not todo and not blocked)  # it may lack the clean pictures
    wanted = [alone, *([whole] if reference else []), *(few or ())]
    for each in wanted:
        each.check_split()
    work = transfer.survey(asked.out, wanted, asked.address)
    print(work.describe(asked.out, f"screen of {photos.name}"), flush=True)  # noqa: T201
    if asked.dry_run:
        return []
    _decode(asked, settings)
    with hold(asked.out, transfer.KIND, transfer.claim(settings)):
        failed = transfer.train(asked.out, wanted, wanted, work, asked.address)
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
        As of `given` and of `benchmarks.study.run`. Nothing is opened then.
    """
    out = asked.out
    check_claim(out, transfer.KIND, transfer.claim(settings))
    folds = {
        photos.name: [
            recipe.folds(photos.data, photos.spots, settings, run)
            for run in range(max(runs, recipe.runs_in(out / photos.name)))
        ]
        for photos in asked.sets
    }
    asked_folds = {name: of_runs[:runs] for name, of_runs in folds.items()}
    trained = (recipe.few_mixed if few_only else recipe.of_renders)(settings, mix)
    shown = tuple(dict.fromkeys(recipe.of_renders(settings, mix) + recipe.few_mixed(settings, Mix())))
    planned = _parts(asked, settings, mix, trained, asked_folds, _written(asked, dry_run=True))
    parts = [part for of_set in planned.values() for part in of_set]
    for part in parts:
        part.check_split()
    work = transfer.survey(out, parts, asked.address)
    sets = ", ".join(f"{each.name} ({len(each.data.photos)} photos)" for each in asked.sets)
    print(work.describe(out, f"{runs} runs of {settings.folds} folds of {sets}"), flush=True)  # noqa: T201
    for photos in asked.sets:
        if photos.copies:
            print(f"  {photos.name}: no spots.csv; {copies.said(photos.spots)}")  # noqa: T201
        elif not photos.has_spots:
            print(f"  {photos.name}: no spots.csv, so every photo counts as a spot of its own")  # noqa: T201
    for line in _left_out(asked, parts):
        print(f"  {line}")  # noqa: T201
    if asked.dry_run:
        return []
    _decode(asked, settings)
    with hold(out, transfer.KIND, transfer.claim(settings)):
        renders = _written(asked, dry_run=False)
        opened = {
            "sets": {each.name: each.data.digest for each in (*asked.sets, *asked.others.values())},
            "renders": {
                "folder": os.path.relpath(asked.renders[0].path, out),
                "digests": {str(each.count or "all"): each.data.digest for each in renders if each.data},
            },
            "runs": runs,
        }
        openings.log(out, command, opened)
        every = _parts(asked, settings, mix, trained, asked_folds, renders)
        in_tables = _parts(asked, settings, mix, shown, folds, renders)
        whole = [part for of_set in every.values() for part in of_set]
        failed: list[str] = []
        for run in range(runs):
            for photos in asked.sets:
                of_run = [part for part in every[photos.name] if part.fold.run == run]
                failed += transfer.train(out, of_run, whole, work, asked.address)
                page = _tables(asked, photos, in_tables[photos.name], settings, mix, renders_goal)
                if run == runs - 1:
                    print(page)  # noqa: T201
    return failed


def _decode(asked: Given, settings: Recipe) -> None:
    """Decode all pictures before anything is claimed, opened or trained: the runs find it done."""
    from segmentation import dataset

    pictures = [asked.renders[0].data, *(each.data for each in (*asked.sets, *asked.measured_too.values()))]
    for each in pictures:
        if each is not None:
            dataset.arrays(each, settings.size, cache=dataset.cache_folder())


def _left_out(asked: Given, parts: Sequence[Part]) -> Iterator[str]:
    """What an earlier command has measured and the tables of this one will not have, since it was not asked for."""
    whole = asked.renders[0].data
    kept = {each.count for each in asked.renders}
    counts = [] if whole is None else sorted(set(first.written(asked.out, whole)) - kept)
    names = sorted({name for part in parts for name in part.measured()} - asked.measured_too.keys())
    if counts:
        numbers = " ".join(map(str, counts))
        yield f"tables will be without the first {numbers} renders, tried before: give --render-counts {numbers}, too"
    if names:
        yield f"tables will be without {', '.join(names)}, measured before: give these by --across or --clean, too"


def _written(asked: Given, *, dry_run: bool) -> tuple[Renders, ...]:
    """The renders, with the folders of the first so many written; a dry run takes those that are there."""
    from segmentation import coco

    whole, *parts = asked.renders
    result = [whole]
    for each in parts:
        if whole.data is None or each.count is None:
            continue
        folder = first.folder_of(asked.out, whole.data, each.count)
        if not dry_run:
            first.write(asked.out, whole.data, each.count)
        is_there = (folder / first.ANNOTATIONS).exists()
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
    arms = transfer.arms_of(settings, mix, renders, cells)
    return {
        photos.name: [
            part
            for of_run in folds[photos.name]
            for fold in of_run
            for part in transfer.parts(asked.out, fold, photos, settings, arms, asked.measured_too)
        ]
        for photos in asked.sets
    }


def _tables(
    asked: Given, photos: Photos, every: Sequence[Part], settings: Recipe, mix: Mix, renders_goal: float
) -> str:
    about = standing.Asked(
        settings=settings,
        mix=mix,
        renders_goal=renders_goal,
        others=asked.others,
        clean=asked.clean,
        seen=asked.seen | standing.screened(asked.out, photos, settings),
    )
    return standing.write(asked.out, photos, asked.renders[0].folder, every, about)
