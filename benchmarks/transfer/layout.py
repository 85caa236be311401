"""The folder of screens and transfers: an ordinary study for each fold, and the training of what is missing.

A transfer folder holds, for each set of photos, an ordinary study for each fold of each run: one of the arms of photos
alone, whose runs serve all renders that are ever tried there, and one for each set of renders.

    steel-bridges/run-01/fold-1/photos/            a study: real, real-10pct, copy-paste-10pct
    steel-bridges/run-01/fold-1/renders-1a2b3c4d/  a study: renders, mixed50-10pct, mixed50, shuffled-mixed50-10pct,
                                                   with the draw of renders of this run
    steel-bridges/screen/...                       the same for validation photos, which may be looked at
    openings.jsonl                                 every time that test photos were measured
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data import background_fp, external_sets, photo_groups, scenes
from corrotwin.benchmarks.study import planning, run_status, runner
from corrotwin.benchmarks.study.config import StudyConfig
from corrotwin.benchmarks.study.grid import GridCell
from corrotwin.benchmarks.study.sources import RUNS, Sources
from corrotwin.benchmarks.study.split_choice import SPLIT
from corrotwin.benchmarks.transfer import protocol
from corrotwin.benchmarks.transfer.protocol import FIRST, Fold, Mix, ProtocolSettings
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import PROGRESS

if TYPE_CHECKING:
    from corrotwin.segmentation.config import TrainConfig
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.runs import RunRecord

_progress_log = logging.getLogger(PROGRESS)

KIND = "transfer"


@dataclass(frozen=True, kw_only=True, eq=False)
class Photos:
    """A set of photos, its name, and the spot of each photo.

    Where the set has neither a table of spots nor rendered scenes (`has_spots`), that is the source of copies
    (`copies`), else the photo itself.
    """

    name: str
    path: Path
    data: "CocoDataset"
    spots: Mapping[str, str]
    has_spots: bool
    copies: bool = False

    @property
    def groups(self) -> Mapping[str, str] | None:
        """The spot of each photo where some share one; else None."""
        return self.spots if self.has_spots or self.copies else None

    def of_their_spots(self, names: frozenset[str]) -> frozenset[str]:
        """Return some photos with all others of their spots."""
        spots = {self.spots[name] for name in names if name in self.spots}
        return frozenset(name for name, spot in self.spots.items() if spot in spots)


@dataclass(frozen=True, kw_only=True, eq=False)
class Renders:
    """The renders of a study, in a folder; `count` where it holds the first so many of another, None for all of them.

    `data` are those that the study is called after, None where they are not written yet, which only a dry run sees.
    `draws` are those of its runs, run 0 first.
    """

    path: Path
    data: "CocoDataset | None"
    draws: "tuple[CocoDataset, ...]" = ()
    count: int | None = None

    @property
    def folder(self) -> str:
        """The name of the studies with these renders."""
        return f"renders-{self.data.digest[:8]}" if self.data is not None else f"renders-first-{self.count}"


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldStudy:
    """A study of one fold: the photos, the renders of its arms (None: photos alone), other sets."""

    folder: Path
    fold: Fold
    photos: Photos
    renders: Renders | None
    config: StudyConfig
    across: Mapping[str, Photos]

    def run_status(self) -> "run_status.RunStatus":
        """Return its runs that are complete, those to do, and those that are blocked, with the reason."""
        draws = () if self.renders is None else self.renders.draws
        digests = run_status.StudyDigests(
            real=self.photos.data.digest, split=self.fold.split.digest, renders=tuple(draw.digest for draw in draws)
        )
        return run_status.classify(self.folder / RUNS, self.config.grid, digests)

    def check_split(self) -> None:
        """Raise InputError if the study there splits the photos otherwise, as by other spots.

        Raises
        ------
        InputError
            It was; or its split is damaged.
        """
        from corrotwin.segmentation.data import splits

        path = self.folder / SPLIT
        if path.exists() and splits.load(path).digest != self.fold.split.digest:
            raise InputError(
                f"{path}: deals the photos of {self.photos.path} otherwise; put the photos and their spots back as "
                "they were, or choose another folder (equal files are of one spot now, which they were not in an "
                "earlier version)"
            )

    def measured(self) -> set[str]:
        """Return the names of other sets on which an earlier command measured its runs."""
        return {path.stem for path in (self.folder / RUNS).glob(f"*/{external_sets.FOLDER}/*.csv")}

    def label(self, arm: str) -> str:
        """Return the name of an arm, with the number of renders where it trains on the first so many."""
        count = self.renders.count if self.renders is not None else None
        return arm if count is None else f"{arm}{FIRST}{count})"


def read_photos(path: Path, classes: tuple[str, ...] | None = None) -> Photos:
    """Read a set of photos with its spots; `classes` names the categories that count as corrosion, None for all.

    Raises
    ------
    InputError
        It is no usable dataset, or its table of spots leaves out a photo.
    """
    from corrotwin.segmentation.data import coco, groups

    data = coco.read(path, classes=classes)
    known = groups.beside(data) or scenes.group_by_scene(data)
    named = None if known else photo_groups.group_copies(data)
    return Photos(
        name=path.resolve().name,
        path=path.resolve(),
        data=data,
        spots=known or named or {each.file_name: each.file_name for each in data.photos},
        has_spots=known is not None,
        copies=named is not None,
    )


def read_clean(path: Path) -> Photos:
    """Read a set of pictures without any corrosion.

    Raises
    ------
    InputError
        It is no usable dataset, or something is annotated there.
    """
    from corrotwin.segmentation.data import coco

    data = coco.read(path, allow_unannotated=True)
    if marked := [each.file_name for each in data.photos if each.annotations]:
        raise InputError(f"`clean` {path}: {marked[0]} has annotations; give pictures without corrosion")
    known = scenes.group_by_scene(data)
    return Photos(
        name=path.resolve().name,
        path=path.resolve(),
        data=data,
        spots=known or {each.file_name: each.file_name for each in data.photos},
        has_spots=known is not None,
    )


def fold_studies(
    out: Path,
    fold: Fold,
    photos: Photos,
    settings: ProtocolSettings,
    arms: Iterable[tuple[Renders | None, tuple[GridCell, ...]]],
    others: Mapping[str, Photos],
    runs: int = 1,
) -> list[FoldStudy]:
    """Return the studies of a fold: one for each set of renders (None: photos alone) and its arms."""
    return [
        FoldStudy(
            folder=out / photos.name / fold.name / ("photos" if renders is None else renders.folder),
            fold=fold,
            photos=photos,
            renders=renders,
            config=fold.study(settings, cells, runs),
            across=others,
        )
        for renders, cells in arms
    ]


def arms_of(
    settings: ProtocolSettings, mix: Mix, renders: Sequence[Renders], cells: tuple[GridCell, ...]
) -> list[tuple[Renders | None, tuple[GridCell, ...]]]:
    """Return the arms of `fold_studies`: `cells` with all renders, those of the curve with the first so many."""
    with_renders = [(each, cells if each.count is None else protocol.curve(settings, mix)) for each in renders]
    return [(None, protocol.of_photos(settings)), *with_renders]


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """The runs of all fold studies, and the time and disk that those to do need."""

    plan: planning.StudyPlan
    by_arm: Mapping[str, int]

    def describe(self, out: Path, title: str) -> str:
        """Return the plan in a few lines."""
        plan = self.plan
        blocked = f", {len(plan.blocked)} in the way" if plan.blocked else ""
        total = len(plan.complete) + len(plan.todo) + len(plan.blocked)
        lines = [f"{out}: {title}: {total} runs, {len(plan.complete)} complete{blocked}, {len(plan.todo)} to do"]
        lines += [f"  {arm}: {count}" for arm, count in self.by_arm.items()]
        lines += [f"  in the way: {reason}" for reason in plan.blocked.values()]
        return "\n".join([*lines, *([planning.time_line(plan), planning.disk_line(plan)] if plan.todo else [])])


def survey(out: Path, every: Sequence[FoldStudy], address: str | None) -> Work:
    """Find what is complete and to do in all fold studies; a probe of a minute measures the speed if no run does."""
    complete: dict[str, RunRecord] = {}
    todo: dict[str, TrainConfig] = {}
    blocked: dict[str, str] = {}
    by_arm: dict[str, int] = {}
    for fold_study in every:
        label = fold_study.folder.relative_to(out)
        for found, of_part in zip((complete, todo, blocked), fold_study.run_status(), strict=True):
            found.update({f"{label}/{key}": value for key, value in of_part.items()})  # type: ignore[attr-defined]
        for cell in fold_study.config.cells:
            arm = fold_study.label(cell.arm.name)
            by_arm[arm] = by_arm.get(arm, 0) + cell.runs
    split = every[0].fold.split
    counts = {name: len(getattr(split, name)) for name in ("train", "valid", "test")}
    plan = planning.plan_runs(every[0].config, (complete, todo, blocked), counts, out, address)
    return Work(plan=plan, by_arm=by_arm)


def train(
    out: Path, some: Iterable[FoldStudy], every: Sequence[FoldStudy], work: Work, address: str | None
) -> list[str]:
    """Train the missing runs one after another and count false alarms; return the ids of failed runs."""
    failed = []
    for fold_study in some:
        label = fold_study.folder.relative_to(out)
        if not _is_whole(fold_study):
            _progress_log.info(f"{time.strftime('%H:%M')} {label}: {_progress(every, work)}")
            sources = Sources(
                data=fold_study.photos.path,
                renders=None if fold_study.renders is None else fold_study.renders.path,
                draws=() if fold_study.renders is None else fold_study.renders.draws,
                split=fold_study.fold.split,
                across=tuple(each.path for each in fold_study.across.values()),
                classes=fold_study.photos.data.classes,
            )
            wrong = runner.run(fold_study.folder, fold_study.config, sources, address=address, whole=work.plan)
            failed += [f"{label}/{key}" for key in wrong]
        complete, _, _ = fold_study.run_status()
        for key in complete:
            background_fp.measure(fold_study.folder / RUNS / key, fold_study.photos.data)
    return failed


def _progress(every: Sequence[FoldStudy], work: Work) -> str:
    """Return how many runs are complete, and the time that the plan gives the others."""
    runs = [fold_study.folder / RUNS / key / "run.json" for fold_study in every for key in fold_study.config.grid]
    left = sum(not each.is_file() for each in runs)
    seconds = sum(each.seconds for each in work.plan.speeds.values())  # of the one backbone
    about = planning.duration(left * seconds / work.plan.slots) if seconds else "unknown time"
    return f"{len(runs) - left} of {len(runs)} runs complete, {about} left by the plan"


def _is_whole(fold_study: FoldStudy) -> bool:
    """Return whether all runs of a fold study are complete, and measured on the other sets."""
    complete, todo, blocked = fold_study.run_status()
    return not (todo or blocked) and all(
        external_sets.is_measured(fold_study.folder / RUNS / key, name, other.data.digest)
        for key in complete
        for name, other in fold_study.across.items()
    )


def claim(settings: ProtocolSettings) -> dict[str, object]:
    """Return what all runs of a folder share, as `claim.json` holds it."""
    return {"fraction" if name == "real_fraction" else name: value for name, value in asdict(settings).items()}
