"""A study: a grid of training runs (backbone x data arm x run) over one split of the photos, in one folder.

The folder holds `split.json`, `runs/<id>/`, the renders, the stand-in where no photos are given, `report/`, and
`study.json`, written last. Whatever is complete there is not made again.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from segmentation.config import BACKBONES, MIXED, PROFILES, REAL, DataArm, Profile, TrainConfig, configure
from twin.files import InputError, check_claim, hold, read_manifest, versions, write_manifest

if TYPE_CHECKING:
    from segmentation.coco import Dataset
    from segmentation.splits import Split

KIND = "study"
STANDIN_SEED_OFFSET = 1_000_000  # the stand-in shares no scene with the renders that train
# Part of a GPU that one run occupies: a U-Net at 224 px does not fill one.
GPU_SHARE: Mapping[str, float] = {"mobilenet_v2": 0.25, "inceptionv4": 0.5, "resnet152": 0.5, "vgg16": 0.5}
VERSIONED = (
    "corrotwin",
    "numpy",
    "torch",
    "segmentation-models-pytorch",
    "albumentations",
    "statsmodels",
    "ray",
    "bpy",
)


@dataclass(frozen=True, kw_only=True)
class RenderPlan:
    """A rendered dataset: preset of the scenes, number of images, side of an image in pixels."""

    preset: str
    count: int
    size: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.size < 1:
            raise InputError(f"renders: count {self.count} and size {self.size} must be at least 1")


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """What a study consists of. The training settings are those of the profile in `segmentation.config`."""

    profile: Profile
    """quick: minutes, smoke. small: honest, on a CPU over night. paper: as published."""
    runs: int
    """Runs per backbone and arm; run r of every cell has seed `seed` + r, so that arms can be compared in pairs."""
    renders: RenderPlan
    """The images that the mixed arm trains on beside the photos."""
    standin: RenderPlan
    """Rendered in place of the photos where none are given."""
    threads: int
    """CPU threads of one training run."""
    backbones: tuple[str, ...] = BACKBONES
    arms: tuple[DataArm, ...] = (REAL, MIXED)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("runs", "threads"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)} is below 1")
        if self.seed < 0:
            raise InputError(f"seed {self.seed} is negative")
        if unknown := [name for name in self.backbones if name not in BACKBONES]:
            raise InputError(f"backbone {unknown[0]!r} is not the paper's; choose one of {', '.join(BACKBONES)}")
        for what, names in (("backbones", self.backbones), ("arms", tuple(arm.name for arm in self.arms))):
            if not names or len(set(names)) != len(names):
                raise InputError(f"{what}: needs at least one, each once, not {', '.join(names) or 'none'}")

    @property
    def grid(self) -> dict[str, TrainConfig]:
        """The runs by id, such as ``mixed-vgg16-02``; the first run of every cell first."""
        return {
            f"{arm.name}-{backbone}-{run:02d}": configure(
                self.profile, backbone=backbone, arm=arm, seed=self.seed + run, threads=self.threads
            )
            for run in range(self.runs)
            for backbone in self.backbones
            for arm in self.arms
        }


STUDIES: Mapping[Profile, StudyConfig] = {
    "quick": StudyConfig(
        profile="quick",
        runs=2,
        threads=1,
        renders=RenderPlan(preset="balanced", count=36, size=192),
        standin=RenderPlan(preset="standin", count=72, size=192),
    ),
    "small": StudyConfig(
        profile="small",
        runs=3,
        threads=1,
        renders=RenderPlan(preset="balanced", count=120, size=320),
        standin=RenderPlan(preset="standin", count=240, size=320),
    ),
    "paper": StudyConfig(
        profile="paper",
        runs=10,
        threads=2,
        renders=RenderPlan(preset="balanced", count=1000, size=640),
        standin=RenderPlan(preset="standin", count=1000, size=640),
    ),
}


def config_from_json(value: Mapping[str, Any]) -> StudyConfig:
    """The configuration that `dataclasses.asdict` turned into `value`.

    Raises
    ------
    InputError
        A field is missing, unknown or invalid.
    """
    try:
        nested = {name: RenderPlan(**value[name]) for name in ("renders", "standin")}
        arms = tuple(DataArm(**arm) for arm in value["arms"])
        return StudyConfig(**{**value, **nested, "arms": arms, "backbones": tuple(value["backbones"])})
    except (KeyError, TypeError) as error:
        raise InputError(f"study configuration: a field is missing or unknown ({error})") from error


def run(
    out: Path, config: StudyConfig, *, data: Path | None, address: str | None, weights: Path | None = None
) -> list[str]:
    """Do whatever is missing of a study in `out`, write its manifest, and return the ids of runs that failed.

    Parameters
    ----------
    out : the study's folder; absent, empty, or of the same study, which is then resumed.
    data : folder of real photos; None renders a stand-in.
    address : of a Ray cluster; None for this machine.
    weights : folder of prepared ImageNet weights; None asks the hub, where the profile wants them.

    Raises
    ------
    InputError
        The photos are unusable, or `out` holds something else. Nothing is written then.
    """
    from segmentation import coco, dataset, splits
    from synth import fanout

    out = out.resolve()
    weights = weights and weights.resolve()
    real = split = None
    if address is not None:
        fanout.connect(address)
    if data is not None:  # everything that can be wrong with the photos is found before the folder is claimed
        data = data.resolve()
        real = coco.read(data)
        split = split_of(real, config)
    training = {f"training {name}": value for name, value in PROFILES[config.profile].items()}
    wanted = {**asdict(config), **training, "data": real.digest if real else None}
    check_claim(out, KIND, wanted)
    if real is not None:  # decode every photo; the runs find it done
        dataset.arrays(real, PROFILES[config.profile]["size"], cache=dataset.cache_folder())
    with hold(out, KIND, wanted):
        if real is None or split is None:
            _render(out / "standin", config.standin, config.seed + STANDIN_SEED_OFFSET, address)
            real = coco.read(out / "standin")
            split = split_of(real, config)
        renders: Dataset | None = None
        if any(arm.takes_renders for arm in config.arms):
            _render(out / "renders", config.renders, config.seed, address)
            renders = coco.read(out / "renders")
        splits.save(split, out / "split.json")

        failed = _train(out, config, real, split, renders, address, weights)
        for key, error in failed.items():
            print(f"run {key} failed: {error}", file=sys.stderr)  # noqa: T201
        write_manifest(out, KIND, manifest_of(out, config, data, real, split, renders, failed))
    return list(failed)


def _train(
    out: Path,
    config: StudyConfig,
    real: "Dataset",
    split: "Split",
    renders: "Dataset | None",
    address: str | None,
    weights: Path | None,
) -> dict[str, str]:
    """Train what is missing of the grid; the ids of the runs that failed, each with its error."""
    from segmentation import runs
    from synth import fanout

    grid = config.grid

    def is_done(key: str) -> bool:
        return runs.is_complete(out / "runs" / key, grid[key], real, split, _for(grid[key], renders))

    if all(map(is_done, grid)):
        return {}
    fanout.connect(address)
    failed: dict[str, str] = {}
    shares = {backbone: _gpu_share(backbone) for backbone in config.backbones}
    for share in sorted(set(shares.values()), reverse=True):  # on CPUs alone: one call
        items = [
            fanout.Item(key=key, arguments=(str(out / "runs" / key), each, real, split, _for(each, renders), weights))
            for key, each in grid.items()
            if shares[each.backbone] == share
        ]
        # A machine with fewer cores than `threads` still gets its turn.
        cpus = config.threads if address is not None else min(config.threads, fanout.available_cores())
        needs = fanout.Needs(cpus=cpus, gpus=share)
        for failure in fanout.fan_out(
            train_run, items, is_done=is_done, label="training", needs=needs, address=address
        ):
            failed[failure.key] = failure.error
    return failed


def train_run(
    folder: str,
    config: TrainConfig,
    real: "Dataset",
    split: "Split",
    renders: "Dataset | None",
    weights: Path | None,
) -> None:
    """Train one run of the grid in its folder. The task that Ray workers execute."""
    from segmentation.train import train

    train(Path(folder), config, real=real, split=split, renders=renders, weights=weights)


def split_of(real: "Dataset", config: StudyConfig) -> "Split":
    """The export's own split where it has one; the published random split in `paper` and everywhere else."""
    from segmentation import coco, splits

    own = {photo.split for photo in real.photos} == set(coco.SPLITS)
    how: Literal["own", "published"] = "own" if own and config.profile != "paper" else "published"
    return splits.split(real, how=how, seed=config.seed)


def _render(folder: Path, plan: RenderPlan, seed: int, address: str | None) -> None:
    from synth import render
    from synth.config import RenderConfig

    config = RenderConfig(preset=plan.preset, size=plan.size, seed=seed)
    render.render(folder, config, count=plan.count, address=address)


def _for(config: TrainConfig, renders: "Dataset | None") -> "Dataset | None":
    return renders if config.arm.takes_renders else None


def _gpu_share(backbone: str) -> float:
    """The share of a GPU that a run asks for: none where the machines have none."""
    import ray

    machines: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return GPU_SHARE[backbone] if machines.get("GPU", 0) > 0 else 0.0


def manifest_of(
    out: Path,
    config: StudyConfig,
    data: Path | None,
    real: "Dataset",
    split: "Split",
    renders: "Dataset | None",
    failed: Mapping[str, str],
) -> dict[str, Any]:
    """The content of `study.json`. Scores, counts of photos used and times stay where they are: in the runs."""
    return {
        "config": asdict(config),
        "training": PROFILES[config.profile],
        "seed": config.seed,
        "versions": versions(*VERSIONED),
        "data": {
            "folder": "standin" if data is None else os.path.relpath(data, out),
            "name": "stand-in" if data is None else data.name,
            "photographs": not _rendered(real.folder),
            "digest": real.digest,
            "counts": {
                "images": len(real.photos),
                "annotations": sum(len(photo.annotations) for photo in real.photos),
                **{part: len(getattr(split, part)) for part in ("train", "valid", "test")},
            },
        },
        "split": {"how": split.how, "seed": split.seed, "digest": split.digest},
        "renders": None
        if renders is None
        else {
            "folder": "renders",
            "digest": renders.digest,
            "counts": {
                "images": len(renders.photos),
                "annotations": sum(len(photo.annotations) for photo in renders.photos),
            },
        },
        "failed": dict(failed),
    }


def _rendered(folder: Path) -> bool:
    """Whether a dataset is of our own rendering; a stranger's `dataset.json` may be anything."""
    try:
        return read_manifest(folder, "dataset") is not None
    except InputError:
        return False
