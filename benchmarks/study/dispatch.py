"""Spread the runs of studies over Ray tasks, each with its measurements on other sets."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.data import background_fp, external_sets
from corrotwin.benchmarks.study import placement, planning, run_status
from corrotwin.benchmarks.study.sources import RUNS, Study
from corrotwin.segmentation.config import TrainConfig
from corrotwin.synth.rendering import provenance
from corrotwin.twin.core import cluster
from corrotwin.twin.core.files import other_version

if TYPE_CHECKING:
    from corrotwin.segmentation.data.coco import CocoDataset
    from corrotwin.segmentation.data.splits import Split

_log = logging.getLogger(__name__)


def make(
    studies: Mapping[str, Study],
    plan: planning.StudyPlan,
    address: str | None,
    weights: Path | None,
    on_end: Callable[[str], None] | None = None,
) -> dict[str, str]:
    """Complete all runs of some studies at once: train unfinished runs, and measure those not yet measured.

    Parameters
    ----------
    studies : studies with their data, by the label that begins the keys of their runs in `plan`; "" for a single study.
    plan : plan of the runs of all these studies.
    on_end : called with the key of each run that has ended, done or failed.

    Returns
    -------
    The keys of the runs that failed, each with its error.
    """
    from corrotwin.segmentation import runs
    from corrotwin.synth.rendering import fanout

    for study in studies.values():
        for name, record in study.gone.items():
            where = study.out / record["folder"]
            _log.warning(f"across {name}: {where} is missing or has changed; nothing new is measured there")
    unfinished = {labelled(label, key): (study, key) for label, study in studies.items() for key in _unfinished(study)}
    if not unfinished:
        return {}
    cluster.connect(address)
    if address is not None and not cluster.has_gpus():
        _log.info("no machine of the cluster has a GPU: runs start on CPUs, and on a GPU once a machine with one joins")
    made_by = runs.made_by()
    items = [
        fanout.Item(key=name, arguments=_arguments(study, key, weights, made_by))
        for name, (study, key) in unfinished.items()
    ]
    folders = {name: study.out / RUNS / key for name, (study, key) in unfinished.items()}
    progress = planning.Progress(plan=plan, folders=folders)

    def ended(name: str) -> None:
        progress.end(name)
        if on_end is not None:
            on_end(name)

    def needs(name: str) -> "fanout.Needs":
        study, key = unfinished[name]
        return placement.needs(
            study.config.grid[key].backbone, study.config.threads, address, has_gpus=cluster.has_gpus()
        )

    failures = fanout.fan_out(
        make_run,
        items,
        is_done=lambda name: _is_finished(*unfinished[name]),
        label="training",
        needs=needs,
        address=address,
        counter=fanout.ProgressCounter(
            unit="runs",
            total=progress.total,
            done=progress.done,
            seconds_left=progress.seconds_left,
            note=progress.last,
        ),
        to=Path(os.path.commonpath([study.out for study in studies.values()])),
        on_end=ended,
    )
    return {failure.key: failure.error for failure in failures}


def labelled(label: str, key: str) -> str:
    """Return the name of a run among those of several studies."""
    return f"{label}/{key}" if label else key


def _unfinished(study: Study) -> list[str]:
    """Return the runs to train, then those to measure; log those that can no longer be measured."""
    from corrotwin.segmentation.runs import WEIGHTS

    complete, todo, _ = study.run_status()
    unmeasured = [key for key in complete if not _is_measured(study, key)]
    lost = [key for key in unmeasured if not (study.out / RUNS / key / WEIGHTS).is_file()]
    if lost:
        names = ", ".join(study.across) or background_fp.TABLE
        _log.warning(f"across {names}: not measured, since their weights are missing: {', '.join(lost)}")
    return [*todo, *(key for key in unmeasured if key not in lost)]


def _is_finished(study: Study, key: str) -> bool:
    """Return whether a run is complete and measured on all other sets."""
    folder = study.out / RUNS / key
    is_complete = run_status.find(folder, study.config.grid[key], study.digests.of(key)) is not None
    return is_complete and _is_measured(study, key)


def _is_measured(study: Study, key: str) -> bool:
    """Return whether a complete run was measured on all other sets and, if requested, for false alarms."""
    folder = study.out / RUNS / key
    return all(
        external_sets.is_measured(folder, name, external.dataset.digest) for name, external in study.across.items()
    ) and (not study.sources.false_alarms or (folder / background_fp.TABLE).is_file())


def _arguments(study: Study, key: str, weights: Path | None, made_by: Mapping[str, str]) -> tuple[Any, ...]:
    """Return the arguments of `make_run`, datasets and split as shared values."""
    from corrotwin.synth.rendering.fanout import Shared

    config, folder = study.config.grid[key], study.out / RUNS / key
    is_complete = run_status.find(folder, config, study.digests.of(key)) is not None
    renders = study.renders.of_run(key) if study.renders and config.arm.takes_renders and not is_complete else None
    data = [study.photos, study.split, renders, *(external.dataset for external in study.across.values())]
    return (
        str(folder), None if is_complete else config, weights, study.sources.false_alarms, made_by,
        tuple(study.across), *map(Shared, data),
    )  # fmt: skip


def make_run(
    folder: str,
    config: TrainConfig | None,
    weights: Path | None,
    false_alarms: bool,
    begun_by: Mapping[str, str],
    names: tuple[str, ...],
    real: "CocoDataset",
    split: "Split",
    renders: "CocoDataset | None",
    *sets: "CocoDataset",
) -> None:
    """Train one run of a grid in its folder and measure it; Ray workers execute this task.

    Parameters
    ----------
    config : None for a complete run, which is only measured.
    false_alarms : whether to count false alarms on the clean parts of its test photos.
    begun_by : `segmentation.runs.made_by` of the program that started the worker.
    names, sets : other sets to measure on.

    Raises
    ------
    OtherVersionError
        The program differs from `begun_by`, since it was changed or this is another machine.
    """
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.data import coco

    if difference := other_version(begun_by, runs.made_by()):
        raise provenance.OtherVersionError(difference)
    if config is not None:
        train_run(folder, config, coco.on_this_machine(real), split, renders and coco.on_this_machine(renders), weights)
    for name, dataset in zip(names, sets, strict=True):
        if not external_sets.is_measured(Path(folder), name, dataset.digest):
            external_sets.measure(folder, name, coco.on_this_machine(dataset))
    if false_alarms:
        background_fp.measure(Path(folder), coco.on_this_machine(real))


def train_run(
    folder: str,
    config: TrainConfig,
    real: "CocoDataset",
    split: "Split",
    renders: "CocoDataset | None",
    weights: Path | None,
) -> None:
    """Train one run of a grid in its folder, with as many workers as its task has cores."""
    from corrotwin.segmentation.training.inputs import augmentation_workers
    from corrotwin.segmentation.training.train import train

    workers = augmentation_workers(config.threads)
    train(Path(folder), config, real=real, split=split, renders=renders, weights=weights, workers=workers)
