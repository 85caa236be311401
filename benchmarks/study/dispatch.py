"""Spread the runs of a study, and their measurements on other sets, over Ray tasks."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.data import external_sets
from corrotwin.benchmarks.study import planning, run_status
from corrotwin.benchmarks.study.sources import RUNS, Study
from corrotwin.segmentation.config import GPU_SHARE, TrainConfig
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cli import available_cores

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split
    from corrotwin.synth.rendering.fanout import ProgressCounter

_log = logging.getLogger(__name__)


def train(
    study: Study,
    plan: planning.StudyPlan,
    real: "CocoDataset",
    split: "Split",
    address: str | None,
    weights: Path | None,
) -> dict[str, str]:
    """Train the runs to do; return the ids of those that failed, each with its error."""
    from corrotwin.synth.rendering import fanout

    progress = planning.Progress(out=study.out, plan=plan)
    items = {}
    for key, config in plan.todo.items():
        renders = study.renders.of_run(key) if study.renders and config.arm.takes_renders else None
        items[key] = (config.backbone, (str(study.out / RUNS / key), config, real, split, renders, weights))
    return _spread(
        train_run,
        items,
        is_done=lambda key: run_status.find(study.out / RUNS / key, plan.todo[key], study.digests.of(key)) is not None,
        label="training",
        counter=fanout.ProgressCounter(unit="runs", total=len(study.config.grid), done=progress.done),
        threads=study.config.threads,
        address=address,
    )


def measure_external(study: Study, address: str | None) -> dict[str, str]:
    """Measure the complete runs on the other sets where needed; return what failed, with its error."""
    from corrotwin.segmentation.runs import WEIGHTS

    for name, record in study.gone.items():
        where = study.out / record["folder"]
        _log.warning(f"across {name}: {where} is gone or has changed; nothing new is measured there")
    complete, _, _ = study.run_status()
    folders: dict[str, tuple[Path, str, CocoDataset]] = {}
    items: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for name, found in study.across.items():
        lost = []
        for key, each in complete.items():
            folder = study.out / RUNS / key
            if external_sets.is_measured(folder, name, found.dataset.digest):
                continue
            if not (folder / WEIGHTS).is_file():
                lost.append(key)
                continue
            label = f"{key} on {name}"
            folders[label] = (folder, name, found.dataset)
            items[label] = (each.manifest["config"]["backbone"], (str(folder), name, found.dataset))
        if lost:
            _log.warning(f"across {name}: not measured, since their weights are absent: {', '.join(lost)}")

    def is_done(label: str) -> bool:
        folder, name, dataset = folders[label]
        return external_sets.is_measured(folder, name, dataset.digest)

    return _spread(
        external_sets.measure,
        items,
        is_done=is_done,
        label="measuring on other sets",
        counter=None,
        threads=study.config.threads,
        address=address,
    )


def _spread(
    task: Callable[..., None],
    items: Mapping[str, tuple[str, tuple[Any, ...]]],
    *,
    is_done: Callable[[str], bool],
    label: str,
    counter: "ProgressCounter | None",
    threads: int,
    address: str | None,
) -> dict[str, str]:
    """Spread tasks over Ray, each a backbone and arguments; return the keys of failed ones with their errors."""
    from corrotwin.synth.rendering import fanout

    if not items:
        return {}
    cluster.connect(address)
    failed: dict[str, str] = {}
    shares = {backbone: _gpu_share(backbone) for backbone, _ in items.values()}
    for share in sorted(set(shares.values()), reverse=True):  # on CPUs alone: one call
        # A machine with fewer cores than `threads` still gets its turn.
        cpus = threads if address is not None else min(threads, available_cores())
        chosen = [
            fanout.Item(key=key, arguments=arguments)
            for key, (backbone, arguments) in items.items()
            if shares[backbone] == share
        ]
        for failure in fanout.fan_out(
            task,
            chosen,
            is_done=is_done,
            label=label,
            needs=fanout.Needs(cpus=cpus, gpus=share),
            address=address,
            counter=counter,
        ):
            failed[failure.key] = failure.error
    return failed


def train_run(
    folder: str,
    config: TrainConfig,
    real: "CocoDataset",
    split: "Split",
    renders: "CocoDataset | None",
    weights: Path | None,
) -> None:
    """Train one run of the grid in its folder. The task that Ray workers execute."""
    from corrotwin.segmentation.training.inputs import augmentation_workers
    from corrotwin.segmentation.training.train import train

    workers = augmentation_workers(config.threads)  # the task's cores
    train(Path(folder), config, real=real, split=split, renders=renders, weights=weights, workers=workers)


def _gpu_share(backbone: str) -> float:
    """Return the share of a GPU that a run asks for: none where the machines have none."""
    return GPU_SHARE[backbone] if cluster.has_gpus() else 0.0
