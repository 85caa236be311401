"""A study read from its folder: its manifest, the complete runs, and why others are missing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.data import external_sets
from corrotwin.benchmarks.formatting.wording import listed, render_share
from corrotwin.benchmarks.stats.tukey import RunScores
from corrotwin.benchmarks.study import run_status
from corrotwin.benchmarks.study.config import StudyConfig, from_json
from corrotwin.benchmarks.study.grid import GridCell
from corrotwin.benchmarks.study.manifest import KIND, check, digests
from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.config import TrainConfig
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.files import read_manifest

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import PerImage, RunRecord


@dataclass(frozen=True, kw_only=True, eq=False)
class Results:
    """A study read from disk.

    `grid` holds the settings of every run by its id, with the training settings that the profile had when the study
    was made. `runs` and `scores` hold the complete runs, in the order of the grid; `missing` says why each other run is
    not among them. `groups` is the spot of each photo, None if no spots were given. `across` holds, by the name of
    another set, the scores of the complete runs on all its photos; `across_missing` says why a run has no scores there.
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
    def cells(self) -> tuple[GridCell, ...]:
        """The cells of the grid: all photos first, then by arm, then by backbone."""
        return self.config.cells

    @property
    def arms(self) -> tuple[DataArm, ...]:
        """The data arms at their fractions, all photos first, then in the order of `segmentation.arms.ARMS`."""
        return self.config.arms

    @property
    def kinds(self) -> tuple[str, ...]:
        """The arms, whatever the fraction, in the order of `segmentation.arms.ARMS`."""
        return self.config.kinds

    @property
    def real_fractions(self) -> tuple[float, ...]:
        """The fractions of the real training photos, largest last."""
        return self.config.real_fractions

    @property
    def data_folder(self) -> Path:
        """The photos: `standin/` inside the study, or the folder that was given."""
        return self.folder / str(self.manifest["data"]["folder"])

    @property
    def smoke(self) -> bool:
        """True if the profile only shows that everything works."""
        return self.config.profile == "quick"

    @property
    def smoke_backbones(self) -> tuple[str, ...]:
        """Backbones with runs that only show that they train."""
        default = self.config.backbones if self.smoke else ()
        return tuple(self.manifest.get("smoke_backbones", default))

    @property
    def photographs(self) -> bool:
        """True if the test photos are photographs; a rendered dataset stands in for them otherwise."""
        return bool(self.manifest["data"]["photographs"])

    @property
    def data_label(self) -> str:
        """The name and kind of the test photos."""
        if self.photographs:
            return f"{self.manifest['data']['name']} (photographs)"
        return "stand-in (rendered, not photographs)"

    @property
    def profile_label(self) -> str:
        """The profile, with the settings that differ from it."""
        changed = f" with {self.config.changed}" if self.config.changed else ""
        return f"{self.config.profile}{changed}{': smoke, not results' if self.smoke else ''}"

    @property
    def first_weights(self) -> dict[str, str | None]:
        """The initial weights of each backbone's encoder: imagenet, or None for random ones."""
        return {run.backbone: run.encoder_weights for run in self.grid.values()}

    @property
    def weights_label(self) -> str:
        """The initial weights of the encoders."""
        pretrained = sorted(name for name, weights in self.first_weights.items() if weights is not None)
        if not pretrained or len(pretrained) == len(self.first_weights):
            return "ImageNet" if pretrained else "random"
        return f"ImageNet for {listed(pretrained)}, else random"

    @property
    def label(self) -> str:
        """The data, the profile, the initial weights and the render share, along the foot of each figure."""
        mixing = [cell for cell in self.cells if cell.mixes]
        kinds = listed(list(dict.fromkeys(cell.kind for cell in mixing))) if mixing else ""
        mixture = f" Arm {kinds}: {render_share(mixing[0].arm.render_share)} in each batch." if mixing else ""
        about = f"Data: {self.data_label}. Profile: {self.profile_label}. Initial weights: {self.weights_label}."
        return f"{about}{mixture}"

    @property
    def test_images(self) -> tuple[str, ...]:
        """Names of the test photos that were scored; none without a complete run."""
        return self.scores[0].images if self.scores else ()


def load(folder: Path) -> Results:
    """Read the study in `folder`; absent, unfinished, damaged or different runs are named, not read.

    Weights are not needed. A study that is still being trained can be read too.

    Raises
    ------
    InputError
        There is no `study.json`, or it or the split is damaged.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder of a study")
    manifest = read_manifest(folder, KIND)
    if manifest is None:
        raise InputError(f"{folder}: no study.json: not a study, or an unfinished one; start its run command again")
    try:
        check(manifest)
        config, grid = _planned(folder, manifest)
        wanted_data = digests(manifest)
        complete: dict[str, RunRecord] = {}
        missing: dict[str, str] = {}
        for key, wanted in grid.items():
            try:
                run = run_status.find(folder / "runs" / key, wanted, wanted_data.of(key))
                reason = run_status.absent(folder / "runs" / key, wanted.epochs)
            except InputError as error:
                run, reason = None, str(error).replace(f"{folder}/", "")
            if run is not None:
                complete[key] = run
            else:
                missing[key] = manifest["failed"].get(key) or reason
        sets = {name: entry["digest"] for name, entry in manifest["across"].items()}
        measured, across_missing = _across(folder, complete, sets)
        return Results(
            folder=folder,
            manifest=manifest,
            config=config,
            grid=grid,
            runs=complete,
            scores=_scores(config, complete, {key: run.per_image for key, run in complete.items()}),
            missing=missing,
            groups=_groups(folder),
            across={name: _scores(config, complete, counts) for name, counts in measured.items()},
            across_missing=across_missing,
        )
    except InputError:
        raise  # it names its file
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{folder / 'study.json'}: {error}: damaged; start the study's run command again") from error


def _grid(config: StudyConfig, manifest: Mapping[str, Any]) -> dict[str, TrainConfig]:
    """Return the runs with the settings that the profile had when the study was made."""
    training, weights = manifest["training"], manifest.get("first_weights", {})
    changes = {cell.key: cell.changes for cell in config.cells}
    return {
        key: replace(
            run,
            **{
                **training,
                "encoder_weights": weights.get(run.backbone, training["encoder_weights"]),
                **changes[key.rpartition("-")[0]],
            },
        )
        for key, run in config.grid.items()
    }


def _planned(folder: Path, manifest: Mapping[str, Any]) -> tuple[StudyConfig, dict[str, TrainConfig]]:
    """Return the configuration of a study and its runs, by run id."""
    try:
        config = from_json(manifest["config"])
        return config, _grid(config, manifest)
    except InputError as error:
        raise InputError(
            f"{folder / 'study.json'}: {as_read(error)}: damaged; start the study's run command again"
        ) from error


def _scores(
    config: StudyConfig, runs: Mapping[str, "RunRecord"], counts: Mapping[str, "PerImage"]
) -> tuple[RunScores, ...]:
    """Return the scores of complete runs from their pixel counts, both by run id."""
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
                real_fraction=cell.real_fraction,
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
    """Return the spot of each photo, from the split; None if every photo is a group of its own."""
    from corrotwin.segmentation.data import splits

    groups = splits.load(folder / "split.json").group
    return None if all(name == group for name, group in groups.items()) else dict(groups)


def _across(
    folder: Path, found: Mapping[str, "RunRecord"], digests: Mapping[str, str]
) -> tuple[dict[str, dict[str, "PerImage"]], dict[str, dict[str, str]]]:
    """Return, for each other set, the pixel counts of the measured runs, and the reason why other runs have none."""
    from corrotwin.segmentation.runs import WEIGHTS

    tables: dict[str, dict[str, PerImage]] = {name: {} for name in digests}
    missing: dict[str, dict[str, str]] = {name: {} for name in digests}
    for name, digest in digests.items():
        for key in found:
            run = folder / "runs" / key
            try:
                table, reason = external_sets.read(run, name, digest), "not measured yet"
            except InputError as error:
                table, reason = None, str(error).replace(f"{folder}/", "")
            if table is not None:
                tables[name][key] = table
            else:
                missing[name][key] = reason if (run / WEIGHTS).is_file() else "its weights are missing"
    return tables, missing
