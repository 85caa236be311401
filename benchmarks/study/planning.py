"""The cost of a study before it starts, and its progress while it runs."""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Literal

from corrotwin.benchmarks.formatting.wording import render_share
from corrotwin.benchmarks.study import draws, power
from corrotwin.benchmarks.study.config import STUDIES, StudyConfig
from corrotwin.benchmarks.study.manifest import rendered
from corrotwin.benchmarks.study.placement import cost, makespan, side_by_side
from corrotwin.segmentation.config import DEFAULT_BACKBONE, TrainConfig, to_json
from corrotwin.segmentation.data.splits import PUBLISHED_SHARES
from corrotwin.twin.core.files import free_bytes, read_json, read_manifest
from corrotwin.twin.core.text import counted

if TYPE_CHECKING:
    from corrotwin.benchmarks.study.run_status import RunStatus
    from corrotwin.benchmarks.study.sources import Study
    from corrotwin.segmentation.runs import RunRecord

# Bytes of the weights of one run. During training the saved state takes four times as much: weights, two moments, best.
WEIGHTS = {
    "mobilenet_v2": 26_660_660,
    "resnet152": 269_242_476,
    "inceptionv4": 195_429_564,
    "vgg16": 95_009_188,
    DEFAULT_BACKBONE: 20_958_868,
}
UNKNOWN_WEIGHTS = 270_000_000  # for other networks: as for the largest of these
STATE = 4
PROBE_SECONDS = 60.0
PATIENCE_SECONDS = 120.0  # includes the probe's start, and steps that overrun their time


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds that a run takes, and the source of that number."""

    seconds: float
    source: Literal["measured", "probed"]


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyPlan:
    """The work of a study.

    `complete` holds the runs that are done, `blocked` those with something in their way, with the reason, `todo` the
    others. `speeds` are by backbone; a backbone without one is unknown. `slots` says how many runs of each backbone
    train at a time.
    """

    config: StudyConfig
    complete: Mapping[str, "RunRecord"]
    todo: Mapping[str, TrainConfig]
    blocked: Mapping[str, str]
    speeds: Mapping[str, Speed]
    slots: Mapping[str, int]
    free_bytes: int

    @property
    def unknown(self) -> tuple[str, ...]:
        """Backbones with runs to do but without a known speed."""
        return tuple(dict.fromkeys(run.backbone for run in self.todo.values() if run.backbone not in self.speeds))

    @property
    def seconds(self) -> float:
        """Seconds for the runs to do with a known speed, in waves as Ray would place them."""
        known = [run for run in self.todo.values() if run.backbone in self.speeds]
        return makespan((self.speeds[run.backbone].seconds * cost(run), self.slots[run.backbone]) for run in known)

    @property
    def needed_bytes(self) -> int:
        """Bytes of disk for the weights of the runs to do, and for the states of those that train at a time."""
        sizes = sorted((WEIGHTS.get(run.backbone, UNKNOWN_WEIGHTS) for run in self.todo.values()), reverse=True)
        return sum(sizes) + STATE * sum(sizes[: max(self.slots.values(), default=0)])


def plan_study(study: "Study", address: str | None) -> StudyPlan:
    """Return the plan of a study."""
    complete, todo, blocked = study.run_status()
    if study.split is not None:
        photos = {part: len(getattr(study.split, part)) for part in ("train", "valid", "test")}
    else:
        count = study.config.standin.count
        photos = dict(
            zip(("train", "valid", "test"), (round(share * count) for share in PUBLISHED_SHARES), strict=True)
        )
    return plan_runs(study.config, (complete, todo, blocked), photos, study.out, address)


def plan_runs(
    config: StudyConfig, status: "RunStatus", photos: Mapping[str, int], out: Path, address: str | None
) -> StudyPlan:
    """Plan runs of one configuration in one folder from their status; probe speeds that no complete run shows."""
    complete, todo, blocked = status
    known, gpus = speeds(complete, todo, photos, may_probe=address is None)
    names = dict.fromkeys(run.backbone for run in todo.values())
    slots = {name: side_by_side(name, config.threads, address, gpus) for name in names}
    if gpus:  # probed alone, but runs that share a card slow each other
        known = {
            name: replace(speed, seconds=speed.seconds * max(1, slots[name] / gpus))
            if speed.source == "probed"
            else speed
            for name, speed in known.items()
        }
    return StudyPlan(
        config=config,
        complete=complete,
        todo=todo,
        blocked=blocked,
        speeds=known,
        slots=slots,
        free_bytes=free_bytes(out),
    )


def speeds(
    complete: Mapping[str, "RunRecord"], todo: Mapping[str, TrainConfig], photos: Mapping[str, int], *, may_probe: bool
) -> tuple[dict[str, Speed], int]:
    """Return the seconds per run of each backbone with runs to do, and the number of GPUs of this machine.

    The study's own runs give the time; for backbones without any, a short probe on this machine does.

    Parameters
    ----------
    photos : number of photos in "train", "valid" and "test".
    may_probe : False if other machines train: this one says nothing about them, and its GPUs are not counted.
    """
    known: dict[str, list[float]] = defaultdict(list)
    for run in complete.values():
        known[run.manifest["config"]["backbone"]].append(run.manifest["train_seconds"])
    by_backbone = {name: Speed(seconds=fmean(seconds), source="measured") for name, seconds in known.items()}
    on_gpu = any(str(run.manifest.get("device")).startswith("cuda") for run in complete.values())
    unknown = {config.backbone: config for config in todo.values() if config.backbone not in by_backbone}
    if not may_probe or not (unknown or on_gpu):
        return by_backbone, 0
    cheapest = sorted(unknown.values(), key=lambda config: WEIGHTS.get(config.backbone, UNKNOWN_WEIGHTS))
    gpus, answers = probe(cheapest)
    for config, (step, image) in zip(cheapest, answers, strict=False):
        seconds = _seconds(config, photos, step, image)
        by_backbone[config.backbone] = Speed(seconds=seconds, source="probed")
    return by_backbone, gpus


def probe(configs: Sequence[TrainConfig]) -> tuple[int, list[tuple[float, float]]]:
    """Return the number of GPUs, and seconds per step and measured image of each config until time is up."""
    request = {
        "configs": [to_json(config) for config in configs],
        "seconds": PROBE_SECONDS,
        "patience": PATIENCE_SECONDS,
    }
    command = [sys.executable, "-P", "-m", "corrotwin.benchmarks.study.probe"]
    output = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, check=False).stdout
    first, *lines = output.decode().splitlines() or ["0"]
    return int(first), [(float(step), float(image)) for step, image in map(json.loads, lines)]


def _seconds(config: TrainConfig, photos: Mapping[str, int], step: float, image: float) -> float:
    """Return the time of a run from the seconds of its steps and measured images."""
    train, valid, test = (
        min(photos[part], limit or photos[part])
        for part, limit in (
            ("train", config.max_train_images),
            ("valid", config.max_eval_images),
            ("test", config.max_eval_images),
        )
    )
    return config.epochs * (ceil(train / config.batch_size) * step + valid * image) + test * image


def describe(plan: StudyPlan, study: "Study") -> str:
    """Return the plan in a few lines."""
    total = len(plan.config.grid)
    blocked = f", {len(plan.blocked)} blocked" if plan.blocked else ""
    lines = [f"{study.out}: {counted(total, 'run')}, {len(plan.complete)} complete{blocked}, {len(plan.todo)} to do"]
    by_arm: dict[str, list[str]] = defaultdict(list)
    for cell in plan.config.cells:
        mixture = f" ({render_share(cell.arm.render_share)})" if cell.mixes else ""
        by_arm[f"{cell.arm.name}{mixture}"].append(f"{cell.backbone} {cell.runs}")
    lines += [f"  {arm}: {', '.join(counts)}" for arm, counts in by_arm.items()]
    lines += renders_lines(study)
    lines += [f"  blocked: {reason}" for reason in plan.blocked.values()]
    if plan.todo:
        lines += [time_line(plan), disk_line(plan), *(f"  {line}" for line in power.lines(study))]
    lines += [f"  rendered first, not in that time: {what}" for what in _unmade(plan, study)]
    return "\n".join(lines)


def renders_lines(study: "Study") -> list[str]:
    """Say which renders a run trains on; nothing if there are none yet, or none are needed."""
    before, renders = study.renders_before, study.renders
    if study.config.render_runs == 0 or (before is None and renders is None):
        return []
    if renders is None:
        sizes = [draw["images"] for draw in (before or {}).get("draws", ())]
        whole = 0 if before is None else before["counts"]["images"]
    else:
        sizes, whole = [len(draw.photos) for draw in renders.draws], len(renders.dataset.photos)
    lines = [draws.describe(sizes, whole, STUDIES[study.config.profile].renders.count)]
    if sizes and renders is not None and not rendered(renders.dataset.inside):
        lines.append(
            f"  renders: not of `synth render`, so {renders.path.name} is divided again when it grows; leave draws for "
            "later runs with a smaller `renders_per_run`"
        )
    return lines


def _unmade(plan: StudyPlan, study: "Study") -> list[str]:
    """List the images that are rendered before the runs."""
    images = []
    if study.photos is None:
        images.append(f"a stand-in for photos, {plan.config.standin}")
    takes_renders = any(config.arm.takes_renders for config in plan.todo.values())
    before = study.renders_before
    is_there = before is not None and read_manifest(study.out / "renders", "dataset") is not None
    if is_there and before is not None and "draws" in before:
        is_there = len(before["draws"]) >= plan.config.render_runs
    if takes_renders and study.renders is None and not is_there:
        count = counted(plan.config.render_runs, "draw")
        images.append(f"renders, {count} of {plan.config.renders}")
    return images


def time_line(plan: StudyPlan) -> str:
    """Return a line on how long the runs to do will take."""
    at_a_time = _at_a_time(plan)
    named = {name: plan.speeds[name] for name in plan.config.backbones if name in plan.speeds}
    parts = [f"{name} {speed.seconds / 60:.1f} ({speed.source})" for name, speed in named.items()]
    parts += [f"{name} unknown" for name in plan.unknown]
    if set(plan.unknown) == {run.backbone for run in plan.todo.values()}:
        return f"  time: unknown until runs are complete, {at_a_time}"
    least = "at least " if plan.unknown else "about "
    return f"  time: {least}{duration(plan.seconds)}, {at_a_time}; minutes a run: {', '.join(parts)}"


def _at_a_time(plan: StudyPlan) -> str:
    """Say how many runs train side by side, and in how many waves if all are alike."""
    if max(plan.slots.values()) == 1:
        return "one at a time"
    if len(set(plan.slots.values())) > 1:
        return f"{', '.join(f'{count} of {name}' for name, count in plan.slots.items())} at a time"
    slots = next(iter(plan.slots.values()))
    waves = ceil(len(plan.todo) / slots)
    return f"{slots} at a time{f' in {waves} waves' if waves > 1 else ''}"


def disk_line(plan: StudyPlan) -> str:
    """Return a line on the disk space needed and free."""
    short = "" if plan.needed_bytes <= plan.free_bytes else " (NOT ENOUGH)"
    return f"  disk: {plan.needed_bytes / 1e9:.1f} GB needed for weights, {plan.free_bytes / 1e9:.1f} GB free{short}"


def duration(seconds: float) -> str:
    """Format a time span in minutes or hours."""
    return f"{seconds / 3600:.1f} hours" if seconds >= 5400 else f"{max(1, round(seconds / 60))} min"


@dataclass(kw_only=True)
class Progress:
    """Progress of studies. `folders` are the folders of the runs, by their keys in the plan."""

    plan: StudyPlan
    folders: Mapping[str, Path]
    ended: dict[str, float] = field(default_factory=dict)
    """Training seconds of the runs that ended during this call."""

    @property
    def total(self) -> int:
        """The number of runs, complete or not."""
        return len(self.plan.complete) + len(self.plan.todo) + len(self.plan.blocked)

    def done(self) -> int:
        """Return the number of complete runs."""
        return len(self.plan.complete) + len(self.ended)

    def end(self, key: str) -> None:
        """Count a run that has ended, unless it failed or was complete before."""
        manifest = self.folders[key] / "run.json"
        if key not in self.plan.todo or not manifest.is_file():
            return
        self.ended[key] = float(read_json(manifest, inside=manifest.parent).get("train_seconds", 0.0))

    def last(self) -> str:
        """Return the last run to end and how long it took, in a few words; empty before the first."""
        return next((f"{key} in {duration(self.ended[key])}" for key in reversed(self.ended)), "")

    def seconds_left(self) -> float | None:
        """Return the seconds left, from the runs that ended, else from the plan; None if neither knows a backbone."""
        watched: dict[str, list[float]] = defaultdict(list)
        for key, seconds in self.ended.items():
            run = self.plan.todo[key]
            watched[run.backbone].append(seconds / cost(run))
        known = {name: speed.seconds for name, speed in self.plan.speeds.items()}
        known |= {name: fmean(seconds) for name, seconds in watched.items()}
        left = [run for key, run in self.plan.todo.items() if key not in self.ended]
        if any(run.backbone not in known for run in left):
            return None
        return makespan((known[run.backbone] * cost(run), self.plan.slots[run.backbone]) for run in left)
