"""Trials of a sweep under Ray Tune: the tuner, the training of one trial, the record of how each trial ended."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import to_file
from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.tuning.space import SearchSpace, SweepPlan, trial_config
from corrotwin.segmentation.tuning.trials import (
    RESULT,
    RUN,
    STARTED,
    Ended,
    Trial,
    as_json,
    history,
    started,
    trial_folder,
)
from corrotwin.twin.core import cluster
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import other_version, remove, write_json
from corrotwin.twin.core.locks import CLAIM

if TYPE_CHECKING:
    from ray import tune

RAY = "ray"  # folder of Tune's own files, deleted at the end
METRIC, TIME, FAILED, REFUSED, NO_ROOM = "best_valid_f1", "epoch", "failed", "refused", "no room"
REDUCTION = 3  # at each rung, one trial in this many continues
RETRIES = 3  # for a trial whose worker or node is lost

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SharedInputs:
    """Inputs that all trials share; the driver reads and hashes the data once."""

    out: Path
    base: TrainConfig
    space: SearchSpace
    gpus: float
    real: coco.CocoDataset
    split: splits.Split
    renders: coco.CocoDataset | None
    weights: Path | None
    begun_by: Mapping[str, str] = field(default_factory=runs.made_by)


def fit(
    shared: SharedInputs, trial_values: list[dict[str, Any]], plan: SweepPlan, workers: int | None,
    on_end: Callable[[Trial], None] | None, refused: list[str], no_room: list[str],
) -> int:  # fmt: skip
    """Run the trials with Ray Tune and return the number of lost ones.

    `refused` collects the input errors of trials, `no_room` the errors of trials that ran out of memory on their share
    of a GPU.
    """
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler

    out, base = shared.out, shared.base
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # this program handles Ctrl-C itself
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # the trials' folders hold all results
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the new reporter prints a table even at `verbose` 0
    shutil.rmtree(out / RAY, ignore_errors=True)  # left by a killed command
    scheduler = None
    if plan.scheduler == "asha" and plan.grace < base.epochs:
        scheduler = ASHAScheduler(
            time_attr=TIME, max_t=base.epochs, grace_period=plan.grace, reduction_factor=REDUCTION
        )
    if plan.search == "optuna":
        algorithm, values = _optuna(shared.space, plan, started(out))
    else:
        algorithm, values = None, tune.grid_search(trial_values)
    tuner = tune.Tuner(
        tune.with_resources(
            tune.with_parameters(run_trial, shared=shared), {"cpu": base.threads, "gpu": shared.gpus}
        ),
        param_space={"values": values},
        tune_config=tune.TuneConfig(
            metric=METRIC, mode="max", search_alg=algorithm, scheduler=scheduler,
            num_samples=1 if algorithm is None else plan.trials, max_concurrent_trials=workers,
            reuse_actors=True,  # a new process for each trial would import PyTorch again
        ),
        run_config=tune.RunConfig(
            name=RAY, storage_path=str(out), verbose=0, callbacks=[_recorder(shared, on_end, refused, no_room)],
            failure_config=tune.FailureConfig(max_failures=RETRIES),
        ),
    )  # fmt: skip
    return len(tuner.fit().errors)


def _optuna(space: SearchSpace, plan: SweepPlan, begun: list[dict[str, Any]]) -> tuple[Any, dict[str, Any]]:
    """Return Optuna's search, started with the trials of earlier commands, and the search space in Tune's form."""
    import optuna
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def range_of(ends: tuple[float, float], between: Callable[[float, float], Any]) -> Any:
        return ends[0] if ends[0] == ends[1] else between(*ends)

    def choice_of(choices: Sequence[Any]) -> Any:
        return choices[0] if len(set(choices)) == 1 else tune.choice(list(choices))

    values = {
        "learning_rate": range_of(space.learning_rate, tune.loguniform),
        "batch_size": choice_of(space.batch_size),
        "augmentation": choice_of(space.augmentation),
        "render_share": range_of(space.render_share, tune.uniform),
        "render_count": choice_of(space.render_count) if space.render_count else None,
    }
    varying = set(space.varies())
    earlier = [
        {f"values/{name}": value for name, value in trial_values.items() if name in varying} for trial_values in begun
    ]
    # The same seed would draw the earlier trials again.
    seed = plan.seed + len(earlier)
    return OptunaSearch(points_to_evaluate=earlier[: plan.trials] or None, seed=seed), values


def run_trial(parameters: Mapping[str, Any], shared: SharedInputs) -> None:
    """Run one trial in a Ray worker: report the epochs that it has already, then train the remaining ones.

    A scheduler compares trials at the same epoch, so every epoch is reported exactly once, even though a trial that
    resumes from its last checkpoint trains some epochs again. If this machine does not see the sweep's folder, or has
    another version of the program, nothing is trained or written.
    """
    import torch
    from ray import tune

    if not shared.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray shows all GPUs to a task that asks for none
    values = shared.space.rounded(parameters["values"])
    config = trial_config(shared.base, values)
    folder = trial_folder(shared.out, config)
    best, reported = 0.0, 0
    problem = ""
    if not (shared.out / CLAIM).is_file():
        problem = cluster.not_shared(os.uname().nodename, shared.out)
    elif not (folder / RESULT).exists():
        problem = other_version(shared.begun_by, runs.made_by())
    if problem:
        tune.report({TIME: config.epochs, METRIC: best, REFUSED: problem})
        return

    def report(row: Mapping[str, float]) -> None:
        nonlocal best, reported
        if row["epoch"] > reported:
            best, reported = max(best, row["valid_f1"]), int(row["epoch"])
            tune.report({TIME: reported, METRIC: best})

    if not (folder / STARTED).exists():
        write_json(folder / STARTED, {"begun": time.time(), "values": to_file(values)})
    try:
        for row in history(folder):
            report(row)
        if (folder / RESULT).exists():
            if not reported:  # failed before its first epoch; Tune refuses a trial that reports nothing
                tune.report({TIME: config.epochs, METRIC: best})
            return
        from corrotwin.segmentation.training.inputs import augmentation_workers
        from corrotwin.segmentation.training.train import train

        train(
            folder / RUN, config, real=coco.on_this_machine(shared.real), split=shared.split,
            renders=coco.on_this_machine(shared.renders) if shared.renders and config.arm.takes_renders else None,
            weights=shared.weights, workers=augmentation_workers(config.threads), on_epoch=report,
        )  # fmt: skip
    except torch.OutOfMemoryError as error:  # it would run out of memory on the same share again
        torch.cuda.empty_cache()
        reason = str(error).splitlines()[0]
        tune.report({TIME: config.epochs, METRIC: best, FAILED if shared.gpus >= 1 else NO_ROOM: reason})
    except WorkError as error:  # the loss is not a number: another try would not help
        tune.report({TIME: config.epochs, METRIC: best, FAILED: str(error)})
    except InputError as error:  # a truncated photo, a full disk: another try would not help by itself either
        tune.report({TIME: config.epochs, METRIC: best, REFUSED: str(error)})


def _recorder(
    shared: SharedInputs, on_end: Callable[[Trial], None] | None, refused: list[str], no_room: list[str]
) -> tune.Callback:
    """Return a callback that records, in the driver, how each trial ended and deletes the weights of trials.

    A trial that an input error stopped is not finished: its error goes to `refused`, and the next command tries it
    again. The same applies if this machine does not see the folder in which the trial was trained. Nor is a trial
    finished whose share of a GPU was too small: its error goes to `no_room`.
    """
    from ray import tune

    out, base, space = shared.out, shared.base, shared.space  # Tune stores only these with the callback

    class Recorder(tune.Callback):
        def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
            cluster.check()

        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            values, last = space.rounded(trial.config["values"]), trial.last_result or {}
            for key, errors in ((REFUSED, refused), (NO_ROOM, no_room)):
                if key in last:
                    if key == REFUSED and last[key] not in errors:
                        _log.warning(last[key])
                    errors.append(last[key])
                    return
            config = trial_config(base, values)
            folder = trial_folder(out, config)
            if (folder / RESULT).exists() or TIME not in last:
                return
            rows = history(folder)
            if FAILED not in last and (not rows or rows[-1]["epoch"] < last[TIME]):
                refused.append(cluster.not_shared(last["hostname"], out))
                return
            ended: Ended = "complete" if int(last[TIME]) >= base.epochs else "stopped early"
            finished = Trial(
                values=values, ended="failed" if FAILED in last else ended, epochs=len(rows),
                valid_f1=max((row["valid_f1"] for row in rows), default=None), folder=folder.name,
                error=last.get(FAILED),
            )  # fmt: skip
            for weights in (folder / RUN).glob("*.safetensors"):
                remove(weights)
            write_json(folder / RESULT, as_json(finished))
            if on_end is not None:
                on_end(finished)

    return Recorder()
