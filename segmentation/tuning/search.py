"""A sweep by Ray Tune: trials are drawn, trained side by side, and the poor ones stopped early.

All state lies in the trials' own folders, none of it in Tune: a command that is given again, after the loss of a driver
or a node, shows a trial that is over to Tune epoch by epoch without training it, and goes on with one that was cut off.
Only validation photos decide.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from corrotwin.segmentation.config import GPU_SHARE, TrainConfig
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.tuning import trials as sweep
from corrotwin.segmentation.tuning.trials import OVER, RUN, STARTED, Space
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import write_json, write_manifest, writing
from corrotwin.twin.core.locks import check_claim, hold

if TYPE_CHECKING:
    from ray import tune

KIND = "sweep"
RAY = "ray"  # folder of Tune's own files, deleted at the end
METRIC, TIME, FAILED, REFUSED = "best_valid_f1", "epoch", "failed", "refused"
REDUCTION = 3  # of trials that go on at each rung
RETRIES = 3  # of a trial whose worker or node is lost

Search = Literal["random", "optuna"]
Scheduler = Literal["asha", "none"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to search.

    Parameters
    ----------
    trials : how many in all, those of earlier commands on the same folder included.
    search : random draws, or Optuna's tree-structured Parzen estimator.
    scheduler : asha stops two thirds of the trials at each rung (Li et al., A System for Massively Parallel
        Hyperparameter Tuning, MLSys 2020); none trains all to the end.
    grace : epochs before the first rung.
    seed : of the draws.
    gpus : part of a GPU for a trial, which sees no card where it is 0; None for a share that fits the backbone where
        the machines have any.
    """

    trials: int
    search: Search
    scheduler: Scheduler
    grace: int
    seed: int
    gpus: float | None

    def __post_init__(self) -> None:
        if self.trials < 1 or self.grace < 1 or self.seed < 0 or (self.gpus or 0) < 0:
            raise InputError("a sweep needs at least one trial, a grace of at least one epoch, seed and GPUs from 0 on")


def run(
    out: Path,
    base: TrainConfig,
    space: Space,
    plan: Plan,
    *,
    data: Path,
    split: Path,
    renders: Path | None = None,
    classes: tuple[str, ...] = (),
    weights: Path | None = None,
    address: str | None = None,
    workers: int | None = None,
    train_options: Mapping[str, Any] | None = None,
    on_end: Callable[[sweep.Trial], None] | None = None,
) -> list[sweep.Trial]:
    """Train the trials of a sweep, and write trials.csv, sweep.md, sweep.png (with matplotlib) and sweep.json.

    Parameters
    ----------
    out : absent, empty, or of the same sweep, perhaps with fewer trials.
    base : what all trials share.
    data, split, renders, classes, weights : as for a run; every machine must see them and `out` under the same path.
    address : of a Ray cluster; None for this machine.
    workers : most trials at a time.
    train_options : options of `corrotwin segmentation train` that all trials share, for the command that is advised.
    on_end : called with each trial that ends.

    Returns
    -------
    The trials that are over, the best first.

    Raises
    ------
    InputError
        The data, the network, the space or the folder cannot be used, this machine cannot hold a trial, or Optuna is
        asked for and absent. Nothing is written.
    WorkError
        A trial failed for another reason than its own values, after retries; the others are done.
    """
    out = out.resolve()
    real = coco.read(data.resolve(), classes=classes or None)  # Tune's workers stand in folders of their own
    rendered = coco.read(renders.resolve()) if renders is not None else None
    if space.synth_share[1] > 0 and rendered is None:
        raise InputError("a synth_share above 0 needs renders; name their folder")
    parts = splits.load(split)
    splits.check(parts, real)
    if rendered is not None:
        splits.check_renders(parts, real, rendered, count=max(space.synth_count, default=None))
    every = [space.draw(plan.seed, number) for number in range(plan.trials)]
    # Of a few choices, some are drawn twice; and configuring says what is wrong with them.
    draws = list({sweep.configured(base, values).digest: values for values in every}.values())
    if plan.search == "optuna" and not {"learning_rate", "synth_share"} & set(space.varies()):
        raise InputError("--search optuna needs a range of learning rates or synth shares; random tries mere choices")
    if plan.search == "optuna" and find_spec("optuna") is None:
        raise InputError("--search optuna: optuna is not installed; pip install '.[sweep]'")
    identity = {
        "base": asdict(base), "space": asdict(space), "search": plan.search, "scheduler": plan.scheduler,
        "grace": plan.grace, "seed": plan.seed, "real": real.digest, "split": parts.digest,
        "renders": rendered.digest if rendered is not None else None,
    }  # fmt: skip
    check_claim(out, KIND, identity)
    _check_network(base, space, weights)
    from corrotwin.twin.core import cluster

    cluster.connect(address)
    gpus = plan.gpus
    if gpus is None:
        gpus = GPU_SHARE.get(base.backbone, 1.0) if cluster.has_gpus() else 0.0
    _check_room(cluster.machines(), base.threads, gpus, may_grow=address is not None)
    with writing(out), hold(out, KIND, identity):
        shared = _Shared(
            out=out, base=base, gpus=gpus, real=real, split=parts, renders=rendered,
            weights=weights.resolve() if weights is not None else None,
        )  # fmt: skip
        refused: list[str] = []
        errors = _fit(shared, draws, space, plan, workers, on_end, refused)
        trials = sweep.over(out)
        if trials:
            _report(out, trials, space, sweep.command(trials[0], train_options or {}))
        if errors or refused:
            why = f" ({refused[0]})" if refused else ""
            raise WorkError(
                f"{out}: {errors + len(refused)} trials failed{why}; the same command tries them again; logs are in "
                f"{out / RAY}"
            )
        shutil.rmtree(out / RAY, ignore_errors=True)
        write_manifest(out, KIND, {**identity, "trials": len(trials), "best": asdict(trials[0]) if trials else None})
    return trials


def _check_room(machines: Sequence[Mapping[str, float]], threads: int, gpus: float, *, may_grow: bool) -> None:
    """Refuse a trial that no machine can hold: Ray would wait for ever. On a cluster, which may grow, say so."""
    wanted = {"CPU": threads, "GPU": gpus}
    if any(all(machine.get(name, 0) >= amount for name, amount in wanted.items()) for machine in machines):
        return
    asked = f"{threads} cores and {gpus:g} of a GPU (--threads, --gpus)"
    if may_grow:
        print(f"no machine of the cluster has {asked}; waiting for one to join", file=sys.stderr)  # noqa: T201
        return
    there = " or ".join(f"{machine.get('CPU', 0):g} cores and {machine.get('GPU', 0):g} GPUs" for machine in machines)
    raise InputError(f"a trial asks for {asked}, but this machine has {there}; ask for less")


def _check_network(base: TrainConfig, space: Space, weights: Path | None) -> None:
    """Refuse a network that no trial could train; its weights are had once before all of them ask."""
    from corrotwin.segmentation.models.network import build, check_images

    network = build(
        base.backbone, architecture=base.architecture, encoder_weights=base.encoder_weights, weights=weights,
        seed=base.seed,
    )  # fmt: skip
    for batch_size in set(space.batch_size):
        check_images(network, base.size, base.size, batch_size=batch_size)


@dataclass(frozen=True, kw_only=True)
class _Shared:
    """What all trials share; the data are read and hashed once, by the driver."""

    out: Path
    base: TrainConfig
    gpus: float
    real: coco.CocoDataset
    split: splits.Split
    renders: coco.CocoDataset | None
    weights: Path | None


def _fit(
    shared: _Shared, draws: list[dict[str, Any]], space: Space, plan: Plan, workers: int | None,
    on_end: Callable[[sweep.Trial], None] | None, refused: list[str],
) -> int:  # fmt: skip
    """Let Tune run the trials; how many were lost. `refused` is given the errors of those that their input stopped."""
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler

    out, base = shared.out, shared.base
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C is ours
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # the trials' folders have it all
    shutil.rmtree(out / RAY, ignore_errors=True)  # of a command that was killed
    scheduler = None
    if plan.scheduler == "asha" and plan.grace < base.epochs:
        scheduler = ASHAScheduler(
            time_attr=TIME, max_t=base.epochs, grace_period=plan.grace, reduction_factor=REDUCTION
        )
    if plan.search == "optuna":
        algorithm, values = _optuna(space, plan, sweep.started(out))
    else:
        algorithm, values = None, tune.grid_search(draws)
    tuner = tune.Tuner(
        tune.with_resources(
            tune.with_parameters(_trial, shared=shared), {"cpu": base.threads, "gpu": shared.gpus}
        ),
        param_space={"values": values},
        tune_config=tune.TuneConfig(
            metric=METRIC, mode="max", search_alg=algorithm, scheduler=scheduler,
            num_samples=1 if algorithm is None else plan.trials, max_concurrent_trials=workers,
            reuse_actors=True,  # a process for each trial would import PyTorch anew
        ),
        run_config=tune.RunConfig(
            name=RAY, storage_path=str(out), verbose=0, callbacks=[_notes(out, base, on_end, refused)],
            failure_config=tune.FailureConfig(max_failures=RETRIES),
        ),
    )  # fmt: skip
    return len(tuner.fit().errors)


def _optuna(space: Space, plan: Plan, begun: list[dict[str, Any]]) -> tuple[Any, dict[str, Any]]:
    """Optuna's search, which begins with the trials of earlier commands, and the space as Tune has it."""
    import optuna
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def numbers(ends: tuple[float, float], between: Callable[[float, float], Any]) -> Any:
        return ends[0] if ends[0] == ends[1] else between(*ends)

    def one_of(choices: Sequence[Any]) -> Any:
        return choices[0] if len(set(choices)) == 1 else tune.choice(list(choices))

    values = {
        "learning_rate": numbers(space.learning_rate, tune.loguniform),
        "batch_size": one_of(space.batch_size),
        "augmentation": one_of(space.augmentation),
        "synth_share": numbers(space.synth_share, tune.uniform),
        "synth_count": one_of(space.synth_count) if space.synth_count else None,
    }
    drawn = set(space.varies())
    known = [{f"values/{name}": value for name, value in each.items() if name in drawn} for each in begun]
    # One seed draws one row of numbers: the same again would be the trials that are known.
    seed = plan.seed + len(known)
    return OptunaSearch(points_to_evaluate=known[: plan.trials] or None, seed=seed), values


def _trial(parameters: Mapping[str, Any], shared: _Shared) -> None:
    """One trial, in a Ray worker: shown to Tune again as far as it has come, and trained where it is not over.

    A scheduler compares trials at the same epoch, so it is told every epoch, each once: a trial that goes on from its
    last checkpoint trains some again.
    """
    from ray import tune

    if not shared.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray leaves all cards in sight of who asks for none
    config = sweep.configured(shared.base, sweep.rounded(parameters["values"]))
    folder = sweep.folder_of(shared.out, config)
    best, told = 0.0, 0

    def report(row: Mapping[str, float]) -> None:
        nonlocal best, told
        if row["epoch"] > told:
            best, told = max(best, row["valid_f1"]), int(row["epoch"])
            tune.report({TIME: told, METRIC: best})

    if not (folder / STARTED).exists():
        write_json(folder / STARTED, {"begun": time.time(), "values": sweep.rounded(parameters["values"])})
    try:
        for row in sweep.history(folder):
            report(row)
        if (folder / OVER).exists():
            return
        from corrotwin.segmentation.training.train import train, workers_of

        train(
            folder / RUN, config, real=_here(shared.real), split=shared.split,
            renders=_here(shared.renders) if shared.renders is not None and config.arm.takes_renders else None,
            weights=shared.weights, workers=workers_of(config.threads), on_epoch=report,
        )  # fmt: skip
    except WorkError as error:  # the loss is no number: no second try would mend it
        tune.report({TIME: config.epochs, METRIC: best, FAILED: str(error)})
    except InputError as error:  # a photo that breaks off, a full disk: no second try by itself would mend it either
        tune.report({TIME: config.epochs, METRIC: best, REFUSED: str(error)})


def _here(data: coco.CocoDataset) -> coco.CocoDataset:
    """A dataset as this machine has it: an archive is extracted into each machine's own cache."""
    return data if data.extracted is None else coco.read(data.folder, classes=data.classes)


def _notes(
    out: Path, base: TrainConfig, on_end: Callable[[sweep.Trial], None] | None, refused: list[str]
) -> tune.Callback:
    """What writes down, in the driver, how each trial ended; weights of trials are not kept.

    One whose input stopped it is not over: its error goes to `refused`, and the next command tries it again.
    """
    from ray import tune

    class Notes(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            values, last = sweep.rounded(trial.config["values"]), trial.last_result or {}
            if REFUSED in last:
                refused.append(last[REFUSED])
                return
            config = sweep.configured(base, values)
            folder = sweep.folder_of(out, config)
            if (folder / OVER).exists() or TIME not in last:
                return
            rows = sweep.history(folder)
            ended: sweep.Ended = "complete" if int(last[TIME]) >= base.epochs else "stopped early"
            over = sweep.Trial(
                values=values, ended="failed" if FAILED in last else ended, epochs=len(rows),
                valid_f1=max((row["valid_f1"] for row in rows), default=None), folder=folder.name,
                error=last.get(FAILED),
            )  # fmt: skip
            for weights in (folder / RUN).glob("*.safetensors"):
                weights.unlink()
            write_json(folder / OVER, asdict(over))
            if on_end is not None:
                on_end(over)

    return Notes()


def _report(out: Path, trials: list[sweep.Trial], space: Space, best_command: str) -> None:
    """The table and, with matplotlib, the picture of the trials that are over."""
    sweep.write_table(out / "trials.csv", trials)
    sweep.write_summary(out / "sweep.md", trials, best_command)
    with suppress(ModuleNotFoundError):
        sweep.plot(out / "sweep.png", trials, space)
