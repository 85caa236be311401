"""The folder of screens and transfers: an ordinary study for each fold.

A transfer folder holds, for each set of photos, ordinary studies of each redraw of few photos and of each fold of each
run: one of the arms of photos alone, whose runs serve all renders that are ever tried there, and one for each set of
renders.

    steel-bridges/run-01/few/photos/               a study: real-10pct, copy-paste-10pct; with unlabelled photos also
                                                   teacher-10pct, taught-real-10pct and, all labelled, real-50pct
    steel-bridges/run-01/few/renders-1a2b3c4d/     a study: mixed50-10pct, shuffled-mixed50-10pct, with the draw of
                                                   renders of this redraw
    steel-bridges/run-01/few/fitted-5e6f7a8b/      a study: fitted-mixed50-10pct, with renders of a preset fitted to its
                                                   own photos
    steel-bridges/run-01/fold-1/photos/            a study: real (or whole/photos/, where all photos train)
    steel-bridges/run-01/fold-1/renders-1a2b3c4d/  a study: renders, mixed50
    steel-bridges/screen/...                       the same for validation photos, which may be looked at
    openings.jsonl                                 every time that test photos were measured
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.benchmarks.data import external_sets, photo_groups, scenes
from corrotwin.benchmarks.study import run_status
from corrotwin.benchmarks.study.config import StudyConfig
from corrotwin.benchmarks.study.grid import GridCell
from corrotwin.benchmarks.study.sources import RUNS, Sources
from corrotwin.benchmarks.study.split_choice import SPLIT
from corrotwin.benchmarks.transfer import protocol
from corrotwin.benchmarks.transfer.protocol import FIRST, Mix, ProtocolSettings
from corrotwin.benchmarks.transfer.resampling import FEW, Fold
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json
from corrotwin.twin.core.locks import CLAIM, check_claim

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset

_log = logging.getLogger(__name__)

KIND = "transfer"


@dataclass(frozen=True, kw_only=True, eq=False)
class Photos:
    """A set of photos, its name, and the spot of each photo.

    If the set has neither a table of spots nor rendered scenes (`has_spots`), a spot is the source of copies
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
        """The spot of each photo if some photos share one; else None."""
        return self.spots if self.has_spots or self.copies else None

    def of_their_spots(self, names: frozenset[str]) -> frozenset[str]:
        """Return the photos, with all others of their spots."""
        spots = {self.spots[name] for name in names if name in self.spots}
        return frozenset(name for name, spot in self.spots.items() if spot in spots)


@dataclass(frozen=True, kw_only=True, eq=False)
class Renders:
    """The renders of a study, in a folder; `count` if it holds only the first of another folder, None for all of them.

    `whole` are all in the folder; `data` give the study its name, and are None if they are not written yet, as in a dry
    run. `draws` are the draws of its runs, run 0 first. `kind` begins the name of their studies.
    """

    path: Path
    whole: "CocoDataset | None"
    data: "CocoDataset | None"
    draws: "tuple[CocoDataset, ...]" = ()
    count: int | None = None
    kind: str = protocol.RENDERS

    @property
    def folder(self) -> str:
        """The name of the studies with these renders."""
        return f"{self.kind}-{self.data.digest[:8]}" if self.data is not None else f"renders-first-{self.count}"


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldStudy:
    """A study of one fold: the photos, the renders of its arms (None: photos alone), other sets."""

    folder: Path
    fold: Fold
    photos: Photos
    renders: Renders | None
    config: StudyConfig
    across: Mapping[str, Photos]

    @property
    def sources(self) -> Sources:
        """The images of the study, as they were read."""
        renders = self.renders
        held = {photo_set.path: photo_set.data for photo_set in (self.photos, *self.across.values())}
        if renders is not None and renders.whole is not None:
            held[renders.path] = renders.whole
        return Sources(
            data=self.photos.path,
            renders=None if renders is None else renders.path,
            draws=() if renders is None else renders.draws,
            split=self.fold.split,
            across=tuple(photo_set.path for photo_set in self.across.values()),
            classes=self.photos.data.classes,
            false_alarms=True,
            held=held,
        )

    def run_status(self) -> "run_status.RunStatus":
        """Return the runs that are complete, to do, and blocked, the last with the reason."""
        draws = () if self.renders is None else self.renders.draws
        digests = run_status.StudyDigests(
            real=self.photos.data.digest, split=self.fold.split.digest, renders=tuple(draw.digest for draw in draws)
        )
        return run_status.classify(self.folder / RUNS, self.config.grid, digests)

    def check_split(self) -> None:
        """Raise InputError if the existing study splits the photos differently, for example by other spots.

        Raises
        ------
        InputError
            The existing split is another, or damaged.
        """
        from corrotwin.segmentation.data import splits

        path = self.folder / SPLIT
        if path.exists() and splits.load(path).digest != self.fold.split.digest:
            raise InputError(
                f"{path}: divides the photos of {self.photos.path} differently; put the photos and their spots back as "
                "they were, or choose another folder (equal files are of one spot now, which they were not in an "
                "earlier version)"
            )

    def measured(self) -> set[str]:
        """Return the names of other sets on which an earlier command measured its runs."""
        return {path.stem for path in (self.folder / RUNS).glob(f"*/{external_sets.FOLDER}/*.csv")}

    def label(self, arm: str) -> str:
        """Return the name of an arm, with the number of renders if it trains only on the first of them."""
        count = self.renders.count if self.renders is not None else None
        return arm if count is None else f"{arm}{FIRST}{count})"


def read_photos(path: Path, classes: tuple[str, ...] | None = None) -> Photos:
    """Read a set of photos with its spots; `classes` names the categories that count as corrosion, None for all.

    Raises
    ------
    InputError
        It is not a usable dataset, or its table of spots leaves out a photo.
    """
    from corrotwin.segmentation.data import coco, groups

    path = path.resolve()  # Ray's workers run in folders of their own
    data = coco.read(path, classes=classes)
    spots = groups.beside(data) or scenes.group_by_scene(data)
    named = None if spots else photo_groups.group_copies(data)
    return Photos(
        name=path.name,
        path=path,
        data=data,
        spots=spots or named or {photo.file_name: photo.file_name for photo in data.photos},
        has_spots=spots is not None,
        copies=named is not None,
    )


def read_clean(path: Path) -> Photos:
    """Read a set of pictures without any corrosion.

    Raises
    ------
    InputError
        It is not a usable dataset, or has annotations.
    """
    from corrotwin.segmentation.data import coco

    path = path.resolve()
    data = coco.read(path, allow_unannotated=True)
    if annotated := [photo.file_name for photo in data.photos if photo.annotations]:
        raise InputError(f"`clean` {path}: {annotated[0]} has annotations; give pictures without corrosion")
    spots = scenes.group_by_scene(data)
    return Photos(
        name=path.name,
        path=path,
        data=data,
        spots=spots or {photo.file_name: photo.file_name for photo in data.photos},
        has_spots=spots is not None,
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
    settings: ProtocolSettings, mix: Mix, renders: Sequence[Renders], cells: tuple[GridCell, ...], *, small: bool
) -> list[tuple[Renders | None, tuple[GridCell, ...]]]:
    """Return the arms of `fold_studies`: `cells` with all renders, arms of the curve with only the first of them."""
    curve = protocol.few_mixed(settings, mix) if small else protocol.renders_only(settings)
    with_renders = [(drawn, cells if drawn.count is None else curve) for drawn in renders]
    return [(None, protocol.photos_of(settings, small=small)), *with_renders]


def check(out: Path, settings: ProtocolSettings) -> None:
    """Refuse a folder that holds something else, or runs of other settings or another backbone.

    Raises
    ------
    InputError
        The folder is another; the message names the difference.
    """
    existing = read_json(out / CLAIM, inside=out) if (out / CLAIM).exists() else {}
    kept = existing.get("configuration") if isinstance(existing, dict) and existing.get("kind") == KIND else None
    if isinstance(kept, dict):
        if FEW not in kept:
            raise InputError(
                f"{out}: an earlier version drew its few photos within folds; its runs cannot be continued, so choose "
                "another folder"
            )
        names = [
            (settings_of["backbone"], settings_of["encoder_weights"] or "none")
            for settings_of in (kept, claim(settings))
        ]
        if names[0] != names[1]:
            (old, old_weights), (new, new_weights) = names
            raise InputError(
                f"{out}: its runs are of {old!s:.60} with initial weights {old_weights!s:.40}, not of {new} with "
                f"{new_weights}; give `backbone` {old!s:.60} and `encoder_weights` {old_weights!s:.40}, or choose "
                "another folder"
            )
    check_claim(out, KIND, claim(settings))


def claim(settings: ProtocolSettings) -> dict[str, object]:
    """Return what all runs of a folder share, for `claim.json`."""
    names = {"real_fraction": "fraction"}
    shared = {name: value for name, value in asdict(settings).items() if name != "photo_steps"}  # adds an arm
    if not settings.unlabelled:
        del shared["unlabelled"]  # as before it was known
    return {**{names.get(name, name): value for name, value in shared.items()}, FEW: "all others are tested"}
