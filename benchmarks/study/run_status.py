"""Status of each run of a study: complete, to do, or blocked by something else in its folder."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.segmentation.arms import DataArm, from_file
from corrotwin.segmentation.config import TrainConfig, to_json
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_manifest, read_text

if TYPE_CHECKING:
    from corrotwin.segmentation.runs import RunRecord

    RunStatus = tuple[dict[str, RunRecord], dict[str, TrainConfig], dict[str, str]]  # complete, to do, in the way

Digests = Mapping[str, str | None]  # of the photos ("real"), the "split" and the "renders" of a run


@dataclass(frozen=True, kw_only=True)
class StudyDigests:
    """Digests of the data of a study's runs; None if the data are still to be made."""

    real: str | None
    split: str | None
    renders: str | tuple[str, ...] | None
    """Digests of each run's own draw, run 0 first, or the digest of the renders that all runs share."""

    def of(self, key: str) -> Digests:
        """Return the digests of one run, such as ``mixed-vgg16-02``."""
        renders = self.renders
        if isinstance(renders, tuple):
            number = run_number(key)
            renders = renders[number] if number < len(renders) else None
        return {"real": self.real, "split": self.split, "renders": renders}


def run_number(key: str) -> int:
    """Return the number of a run from its key, such as 2 from ``mixed-vgg16-02``."""
    return int(key.rpartition("-")[2])


def find(folder: Path, wanted: TrainConfig, digests: Digests) -> "RunRecord | None":
    """Return the complete run in `folder`, wherever it was trained; None if it is still to be made or finished.

    Weights are not needed. The name of the arm does not matter, only its settings.

    Raises
    ------
    InputError
        The run in the folder has other settings or data (the message names the difference), or is damaged. It blocks
        this run, since nothing is overwritten.
    """
    from corrotwin.segmentation import runs

    try:
        manifest = read_manifest(folder, runs.KIND)
        if manifest is None:
            return None
        if difference := _difference(manifest, wanted, digests):
            raise InputError(f"{folder}: {difference}")
        run = runs.load(folder)
        if damage := _damage(run, wanted):
            raise InputError(f"{folder}: damaged ({damage})")
        return run
    except InputError as error:
        raise InputError(f"{error}; delete runs/{folder.name} to train it again") from error


def classify(folder: Path, grid: Mapping[str, TrainConfig], digests: StudyDigests) -> "RunStatus":
    """Sort the runs of a grid into complete ones, those to do, and blocked ones with the reason.

    If a digest that a run needs is None, its data are still to be made, and so is the run.
    """
    complete: dict[str, RunRecord] = {}
    todo: dict[str, TrainConfig] = {}
    blocked: dict[str, str] = {}
    for key, wanted in grid.items():
        try:
            of_run = digests.of(key)
            is_open = None in (of_run[name] for name in _made_from(wanted))
            run = None if is_open else find(folder / key, wanted, of_run)
        except InputError as error:
            blocked[key] = str(error)
            continue
        if run is None:
            todo[key] = wanted
        else:
            complete[key] = run
    return complete, todo, blocked


def absent(folder: Path, epochs: int) -> str:
    """Return why a folder has no complete run, if `find` returned None."""
    if not folder.is_dir():
        return "not trained yet"
    try:
        reached = len(read_text(folder / "history.csv", inside=folder).splitlines()) - 1
    except (OSError, UnicodeDecodeError):
        reached = 0
    return f"unfinished: {max(0, reached)} of {epochs} epochs"


def _damage(run: "RunRecord", wanted: TrainConfig) -> str:
    """Return what a run's tables or manifest lack, in words; empty if a study can read all it needs."""
    epochs, images = len(run.history["epoch"]), len(run.per_image.image)
    if epochs != wanted.epochs:
        return f"history.csv has {epochs} of {wanted.epochs} epochs"
    counts = run.manifest.get("counts") or {}
    if lacking := [name for name in ("train_photos", "train_renders") if not isinstance(counts.get(name), int)]:
        return f"run.json: counts lack {lacking[0]}"
    tested = counts.get("test", images)
    if not images or images != tested:
        return f"per_image.csv has {images} of {tested} photos"
    seconds = run.manifest.get("train_seconds")
    if not isinstance(seconds, int | float) or not isfinite(seconds):
        return f"run.json: train_seconds is {seconds!r:.40}"
    return ""


def _difference(manifest: Mapping[str, Any], wanted: TrainConfig, digests: Digests) -> str:
    """Return how a run's manifest differs from the wanted run, in words; empty if it does not."""
    config, data = manifest.get("config"), manifest.get("data")
    if not isinstance(config, Mapping) or not isinstance(config.get("arm"), Mapping) or not isinstance(data, Mapping):
        return "run.json is damaged"
    recorded, expected = _defaults() | _flat(config), _defaults() | _flat(to_json(wanted))
    for name in (*expected, *(name for name in recorded if name not in expected)):
        if recorded.get(name) != expected.get(name):
            return f"{name} is {recorded.get(name)!r}, the study's is {expected.get(name)!r}"
    for name in _made_from(wanted):
        if data.get(name) != digests[name]:
            inputs = {"real": "photos", "split": "split", "renders": "renders"}[name]
            return f"made with other {inputs} ({data.get(name)}, the study's are {digests[name]})"
    return ""


def _made_from(wanted: TrainConfig) -> tuple[str, ...]:
    """Return the names of the digests that decide a run."""
    return ("real", "split", "renders") if wanted.arm.takes_renders else ("real", "split")


def _defaults() -> dict[str, Any]:
    """Return the defaults of settings that a run.json may lack."""
    arm = {f"arm {field.name}": field.default for field in fields(DataArm)}
    defaults = {field.name: field.default for field in fields(TrainConfig)} | arm
    return {name: value for name, value in defaults.items() if value is not MISSING}


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run and of its arm in one table, without the arm's name, which is only a label."""
    arm = {f"arm {name}": value for name, value in from_file(config["arm"]).items() if name != "name"}
    return {name: value for name, value in config.items() if name != "arm"} | arm
