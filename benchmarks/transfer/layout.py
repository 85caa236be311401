"""What renders are worth on photographs nobody has seen, by one fixed recipe: screens while they are tuned, then proof.

A transfer folder holds, for each set of photos, an ordinary study for each fold of each run: one of the arms of photos
alone, whose runs serve all renders that are ever tried there, and one for each set of renders.

    steel-bridges/run-01/fold-1/photos/            a study: real, real-10pct, copy-paste-10pct
    steel-bridges/run-01/fold-1/renders-1a2b3c4d/  a study: renders, mixed50-10pct, mixed50, shuffled-mixed50-10pct
    steel-bridges/screen/...                       the same for validation photos, which may be looked at
    openings.jsonl                                 every time that test photos were measured
"""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data import background_fp, scenes
from corrotwin.benchmarks.data import external_sets as across
from corrotwin.benchmarks.data import photo_groups as copies
from corrotwin.benchmarks.study import planning, run_status, runner
from corrotwin.benchmarks.study.config import Cell, StudyConfig
from corrotwin.benchmarks.study.sources import RUNS, Sources
from corrotwin.benchmarks.study.splitting import SPLIT
from corrotwin.benchmarks.transfer import protocol
from corrotwin.benchmarks.transfer.protocol import FIRST, Fold, Mix, Recipe
from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from corrotwin.segmentation.config import TrainConfig
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.runs import RunRecord

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
        """Some photos, and all others of their spots."""
        spots = {self.spots[name] for name in names if name in self.spots}
        return frozenset(name for name, spot in self.spots.items() if spot in spots)


@dataclass(frozen=True, kw_only=True, eq=False)
class Renders:
    """A folder of renders; `count` where it holds the first so many of another, None for all of them.

    `data` is None where they are not written yet, which only a dry run sees.
    """

    path: Path
    data: "CocoDataset | None"
    count: int | None = None

    @property
    def folder(self) -> str:
        """The name of the studies with these renders."""
        return f"renders-{self.data.digest[:8]}" if self.data is not None else f"renders-first-{self.count}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One study of a transfer folder: a fold, the photos, the renders of its arms (None: photos alone), other sets."""

    folder: Path
    fold: Fold
    photos: Photos
    renders: Renders | None
    config: StudyConfig
    across: Mapping[str, Photos]

    def standing(self) -> "run_status.Standing":
        """Its runs that are complete, those to do, and those that something is in the way of, with the reason."""
        renders = self.renders.data if self.renders is not None else None
        digests = {
            "real": self.photos.data.digest,
            "split": self.fold.split.digest,
            "renders": None if renders is None else renders.digest,
        }
        return run_status.standing(self.folder / RUNS, self.config.grid, digests)

    def check_split(self) -> None:
        """Refuse a study there whose photos were dealt otherwise, as by other spots.

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
        """The names of other sets on which an earlier command measured its runs."""
        return {path.stem for path in (self.folder / RUNS).glob(f"*/{across.FOLDER}/*.csv")}

    def label(self, arm: str) -> str:
        """What an arm is called, with the number of renders where it is trained on the first so many."""
        count = self.renders.count if self.renders is not None else None
        return arm if count is None else f"{arm}{FIRST}{count})"


def read_photos(path: Path, classes: tuple[str, ...] | None = None) -> Photos:
    """A set of photos with its spots; `classes` names the categories that count as corrosion, None for all.

    Raises
    ------
    InputError
        It is no usable dataset, or its table of spots leaves out a photo.
    """
    from corrotwin.segmentation.data import coco, groups

    data = coco.read(path, classes=classes)
    known = groups.beside(data) or scenes.of(data)
    named = None if known else copies.of(data)
    return Photos(
        name=path.resolve().name,
        path=path.resolve(),
        data=data,
        spots=known or named or {each.file_name: each.file_name for each in data.photos},
        has_spots=known is not None,
        copies=named is not None,
    )


def read_clean(path: Path) -> Photos:
    """A set of pictures without any corrosion.

    Raises
    ------
    InputError
        It is no usable dataset, or something is annotated there.
    """
    from corrotwin.segmentation.data import coco

    data = coco.read(path, allow_unannotated=True)
    if marked := [each.file_name for each in data.photos if each.annotations]:
        raise InputError(f"--clean {path}: {marked[0]} has annotations; give pictures without corrosion")
    known = scenes.of(data)
    return Photos(
        name=path.resolve().name,
        path=path.resolve(),
        data=data,
        spots=known or {each.file_name: each.file_name for each in data.photos},
        has_spots=known is not None,
    )


def parts(
    out: Path,
    fold: Fold,
    photos: Photos,
    settings: Recipe,
    arms: Sequence[tuple[Renders | None, tuple[Cell, ...]]],
    others: Mapping[str, Photos],
    runs: int = 1,
) -> list[Part]:
    """The studies of a fold: one for each set of renders (None: photos alone) and its arms."""
    return [
        Part(
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
    settings: Recipe, mix: Mix, renders: Sequence[Renders], cells: tuple[Cell, ...]
) -> list[tuple[Renders | None, tuple[Cell, ...]]]:
    """What `parts` trains to judge renders: `cells` with all of them, the curve's with the first so many."""
    with_renders = [(each, cells if each.count is None else protocol.curve(settings, mix)) for each in renders]
    return [(None, protocol.of_photos(settings)), *with_renders]


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """The runs of all parts, and how long and how much disk those to do need."""

    plan: planning.Plan
    by_arm: Mapping[str, int]

    def describe(self, out: Path, title: str) -> str:
        """The plan in a few lines."""
        plan = self.plan
        blocked = f", {len(plan.blocked)} in the way" if plan.blocked else ""
        total = len(plan.complete) + len(plan.todo) + len(plan.blocked)
        lines = [f"{out}: {title}: {total} runs, {len(plan.complete)} complete{blocked}, {len(plan.todo)} to do"]
        lines += [f"  {arm}: {count}" for arm, count in self.by_arm.items()]
        lines += [f"  in the way: {reason}" for reason in plan.blocked.values()]
        return "\n".join([*lines, *([planning.time_line(plan), planning.disk_line(plan)] if plan.todo else [])])


def survey(out: Path, every: Sequence[Part], address: str | None) -> Work:
    """What is complete of all parts and what is to do. A probe of a minute tells how long, where no run does."""
    complete: dict[str, RunRecord] = {}
    todo: dict[str, TrainConfig] = {}
    blocked: dict[str, str] = {}
    by_arm: dict[str, int] = {}
    for part in every:
        label = part.folder.relative_to(out)
        for found, of_part in zip((complete, todo, blocked), part.standing(), strict=True):
            found.update({f"{label}/{key}": value for key, value in of_part.items()})  # type: ignore[attr-defined]
        for cell in part.config.cells:
            arm = part.label(cell.arm.name)
            by_arm[arm] = by_arm.get(arm, 0) + cell.runs
    split = every[0].fold.split
    counts = {name: len(getattr(split, name)) for name in ("train", "valid", "test")}
    plan = planning.of(every[0].config, (complete, todo, blocked), counts, out, address)
    return Work(plan=plan, by_arm=by_arm)


def train(out: Path, some: Iterable[Part], every: Sequence[Part], work: Work, address: str | None) -> list[str]:
    """Do what is missing of some of all parts, one after another, and count false alarms; the names of what failed."""
    failed = []
    for part in some:
        label = part.folder.relative_to(out)
        if not _is_whole(part):
            print(f"{time.strftime('%H:%M')} {label}: {_progress(every, work)}", file=sys.stderr)  # noqa: T201
            sources = Sources(
                data=part.photos.path,
                synth=None if part.renders is None else part.renders.path,
                split=part.fold.split,
                across=tuple(each.path for each in part.across.values()),
                classes=part.photos.data.classes,
            )
            wrong = runner.run(part.folder, part.config, sources, address=address, whole=work.plan)
            failed += [f"{label}/{key}" for key in wrong]
        complete, _, _ = part.standing()
        for key in complete:
            background_fp.measure(part.folder / RUNS / key, part.photos.data)
    return failed


def _progress(every: Sequence[Part], work: Work) -> str:
    """How many runs are complete, and the time that the plan gives the others."""
    runs = [part.folder / RUNS / key / "run.json" for part in every for key in part.config.grid]
    left = sum(not each.is_file() for each in runs)
    seconds = sum(each.seconds for each in work.plan.speeds.values())  # of the one backbone
    about = planning.duration(left * seconds / work.plan.slots) if seconds else "unknown time"
    return f"{len(runs) - left} of {len(runs)} runs complete, {about} left by the plan"


def _is_whole(part: Part) -> bool:
    """Whether all runs of a part are complete, and measured on the other sets."""
    complete, todo, blocked = part.standing()
    return not (todo or blocked) and all(
        across.is_measured(part.folder / RUNS / key, name, other.data.digest)
        for key in complete
        for name, other in part.across.items()
    )


def claim(settings: Recipe) -> dict[str, object]:
    """What all runs of a folder share."""
    return asdict(settings)
