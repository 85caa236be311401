"""What a study's folder holds: its manifest, the runs that are complete, and why others are missing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.data import external_sets as across
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.study import run_status
from corrotwin.benchmarks.study.config import Cell, StudyConfig, from_json
from corrotwin.benchmarks.study.manifest import KIND, check, digests
from corrotwin.segmentation.config import DataArm, TrainConfig
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage, RunRecord


@dataclass(frozen=True, kw_only=True, eq=False)
class Results:
    """A study read from disk.

    `grid` holds the settings of every run by its id, with the training settings that the profile had when the study
    was made. `runs` and `scores` hold the complete runs, in the order of the grid; `missing` says of every other run
    why it is not among them. `groups` is the spot of each photo, None where nobody gave spots. `across` holds, by the
    name of another set, the scores of the complete runs on all its photos; `across_missing` says of each run without
    them why.
    """

    folder: Path
    manifest: Mapping[str, Any]
    config: StudyConfig
    grid: Mapping[str, TrainConfig]
    runs: Mapping[str, "RunRecord"]
    scores: tuple[RunScores, ...]
    missing: Mapping[str, str]
    groups: Mapping[str, str] | None
    across: Mapping[str, tuple[RunScores, ...]]
    across_missing: Mapping[str, Mapping[str, str]]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the grid: all photos first, then by arm, then by backbone."""
        return self.config.cells

    @property
    def arms(self) -> tuple[DataArm, ...]:
        """The data arms at their fractions, all photos first, then in the order of `segmentation.config.ARMS`."""
        return self.config.arms

    @property
    def kinds(self) -> tuple[str, ...]:
        """The arms, whatever the fraction, in the order of `segmentation.config.ARMS`."""
        return self.config.kinds

    @property
    def fractions(self) -> tuple[float, ...]:
        """The fractions of the real training photos, largest last."""
        return self.config.fractions

    @property
    def data_folder(self) -> Path:
        """The photos: `standin/` inside the study, or the folder that was given."""
        return self.folder / str(self.manifest["data"]["folder"])

    @property
    def smoke(self) -> bool:
        """Whether the profile only shows that everything works."""
        return self.config.profile == "quick"

    @property
    def photographs(self) -> bool:
        """Whether the test photos are photographs; a rendered dataset stands in for them otherwise."""
        return bool(self.manifest["data"]["photographs"])

    @property
    def data_label(self) -> str:
        """What the test photos are, as every caption says it."""
        if self.photographs:
            return f"{self.manifest['data']['name']} (photographs)"
        return "stand-in (rendered, not photographs)"

    @property
    def profile_label(self) -> str:
        """The profile with the settings that are not its own, as every caption says it."""
        changed = f" with {self.config.changed}" if self.config.changed else ""
        return f"{self.config.profile}{changed}{': smoke, not results' if self.smoke else ''}"

    @property
    def label(self) -> str:
        """Whose data and which profile: the end of every caption and the foot of every figure."""
        return f"Data: {self.data_label}. Profile: {self.profile_label}."

    def caption(self, text: str) -> str:
        """The caption of a table or figure: what it shows, then `label`."""
        return f"{text} {self.label}"

    @property
    def test_images(self) -> tuple[str, ...]:
        """Names of the test photos that were scored; none without a complete run."""
        return self.scores[0].images if self.scores else ()


def load(folder: Path) -> Results:
    """Read the study in `folder`; runs that are absent, unfinished, damaged or of other settings are named, not read.

    Weights are not needed. A study that is still being trained can be read too.

    Raises
    ------
    InputError
        There is no `study.json`, or it or the split is damaged.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give --out the folder of a study")
    manifest = read_manifest(folder, KIND)
    if manifest is None:
        raise InputError(f"{folder}: no study.json: not a study, or an unfinished one; start its run command again")
    try:
        check(manifest)
        config = _config(folder, manifest)
        grid = {key: replace(each, **manifest["training"]) for key, each in config.grid.items()}
        wanted_data = digests(manifest)
        found: dict[str, RunRecord] = {}
        missing: dict[str, str] = {}
        for key, wanted in grid.items():
            try:
                run = run_status.find(folder / "runs" / key, wanted, wanted_data)
                reason = run_status.absent(folder / "runs" / key, wanted.epochs)
            except InputError as error:
                run, reason = None, str(error).replace(f"{folder}/", "")
            if run is not None:
                found[key] = run
            else:
                missing[key] = manifest["failed"].get(key) or reason
        sets = {name: each["digest"] for name, each in manifest["across"].items()}
        measured, across_missing = _across(folder, found, sets)
        return Results(
            folder=folder,
            manifest=manifest,
            config=config,
            grid=grid,
            runs=found,
            scores=_scores(config, found, {key: run.per_image for key, run in found.items()}),
            missing=missing,
            groups=_groups(folder),
            across={name: _scores(config, found, counts) for name, counts in measured.items()},
            across_missing=across_missing,
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{folder / 'study.json'}: {error}: damaged; start the study's run command again") from error


def _config(folder: Path, manifest: Mapping[str, Any]) -> StudyConfig:
    try:
        return from_json(manifest["config"])
    except InputError as error:
        raise InputError(f"{folder / 'study.json'}: {error}: damaged; start the study's run command again") from error


def _scores(
    config: StudyConfig, runs: Mapping[str, "RunRecord"], counts: Mapping[str, "PerImage"]
) -> tuple[RunScores, ...]:
    """The scores of complete runs from the pixel counts of each, both by the id of the run."""
    from corrotwin.segmentation.evaluation import evaluate

    cells = {cell.key: cell for cell in config.cells}
    result = []
    for key, table in counts.items():
        begin, _, number = key.rpartition("-")
        cell = cells[begin]
        f1, iou = evaluate.scores(table.tp, table.fp, table.fn, table.tn)
        result.append(
            RunScores(
                id=key,
                kind=cell.kind,
                fraction=cell.fraction,
                arm=cell.arm.name,
                backbone=cell.backbone,
                run=int(number),
                images=table.image,
                f1=f1,
                iou=iou,
                train_minutes=runs[key].manifest["train_seconds"] / 60,
            )
        )
    return tuple(result)


def _groups(folder: Path) -> dict[str, str] | None:
    """The spot of each photo, from the split; None where every photo is a group of its own."""
    from corrotwin.segmentation.data import splits

    groups = splits.load(folder / "split.json").group
    return None if all(name == group for name, group in groups.items()) else dict(groups)


def _across(
    folder: Path, found: Mapping[str, "RunRecord"], digests: Mapping[str, str]
) -> tuple[dict[str, dict[str, "PerImage"]], dict[str, dict[str, str]]]:
    """For each other set, the pixel counts of the runs that were measured there, and why others have none."""
    from corrotwin.segmentation.runs import WEIGHTS

    tables: dict[str, dict[str, PerImage]] = {name: {} for name in digests}
    missing: dict[str, dict[str, str]] = {name: {} for name in digests}
    for name, digest in digests.items():
        for key in found:
            run = folder / "runs" / key
            try:
                table, reason = across.read(run, name, digest), "not measured yet"
            except InputError as error:
                table, reason = None, str(error).replace(f"{folder}/", "")
            if table is not None:
                tables[name][key] = table
            else:
                missing[name][key] = reason if (run / WEIGHTS).is_file() else "its weights are absent"
    return tables, missing
