"""What a study's folder holds: its manifest, the runs that are complete, and why others are missing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import study
from benchmarks.statistics import RunScores
from segmentation.config import DataArm, TrainConfig
from twin.files import InputError, read_manifest

if TYPE_CHECKING:
    from segmentation.runs import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Results:
    """A study read from disk.

    `grid` holds the settings of every run by its id, with the training settings that the profile had when the study
    was made. `runs` and `scores` hold the complete runs, in the order of the grid; `missing` says of every other run
    why it is not among them.
    """

    folder: Path
    manifest: Mapping[str, Any]
    config: study.StudyConfig
    grid: Mapping[str, TrainConfig]
    runs: Mapping[str, "Run"]
    scores: tuple[RunScores, ...]
    missing: Mapping[str, str]

    @property
    def arms(self) -> tuple[DataArm, ...]:
        """The data arms, in the order of the configuration."""
        return self.config.arms

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
        """The profile, as every caption says it."""
        return "quick: smoke, not results" if self.smoke else self.config.profile

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

    Raises
    ------
    InputError
        There is no `study.json`, or it is damaged.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give --out the folder of a study")
    manifest = read_manifest(folder, study.KIND)
    if manifest is None:
        raise InputError(f"{folder}: no study.json: not a study, or an unfinished one; start its run command again")
    try:
        config = study.config_from_json(manifest["config"])
        grid = {key: replace(each, **manifest["training"]) for key, each in config.grid.items()}
        found: dict[str, tuple[Run, RunScores]] = {}
        missing: dict[str, str] = {}
        for key, wanted in grid.items():
            try:
                found[key] = _read_run(folder, key, wanted, manifest)
            except InputError as error:
                missing[key] = manifest["failed"].get(key) or str(error).replace(f"{folder}/", "")
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / 'study.json'}: {error}: damaged; start the study's run command again") from error
    return Results(
        folder=folder,
        manifest=manifest,
        config=config,
        grid=grid,
        runs={key: run for key, (run, _) in found.items()},
        scores=tuple(scores for _, scores in found.values()),
        missing=missing,
    )


def _read_run(folder: Path, key: str, wanted: TrainConfig, manifest: Mapping[str, Any]) -> tuple["Run", RunScores]:
    """A complete run of the study and its scores; refused where its settings or data are not the study's."""
    from segmentation import evaluate, runs

    run = runs.load(folder / "runs" / key)
    config, data = run.manifest["config"], run.manifest["data"]
    for name, value in asdict(wanted).items():
        if config.get(name) != value:
            raise InputError(f"{key}: {name} is {config.get(name)!r}, the study's is {value!r}; run the study again")
    digests = {"real": manifest["data"]["digest"], "split": manifest["split"]["digest"]}
    if wanted.arm.takes_renders:
        digests["renders"] = manifest["renders"]["digest"]
    for name, digest in digests.items():
        if data.get(name) != digest:
            raise InputError(f"{key}: made with other data ({name}); run the study again")
    counts = run.per_image
    f1, iou = evaluate.scores(counts.tp, counts.fp, counts.fn, counts.tn)
    scores = RunScores(
        id=key,
        arm=wanted.arm.name,
        backbone=wanted.backbone,
        run=wanted.seed - manifest["config"]["seed"],
        images=counts.image,
        f1=f1,
        iou=iou,
        train_minutes=run.manifest["train_seconds"] / 60,
    )
    return run, scores
