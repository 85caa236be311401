"""Hyperparameter sweep: trials are drawn, trained in parallel, and poor ones stopped early.

All state lies in the trials' own folders, none of it in Tune. When the command is repeated after the loss of a driver
or a node, a finished trial is reported to Tune epoch by epoch without training, and an interrupted trial resumes.
Only validation photos decide.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from corrotwin.segmentation.arms import to_file
from corrotwin.segmentation.config import GPU_SHARE, TrainConfig, to_json
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.tuning import ray_tune
from corrotwin.segmentation.tuning.space import SearchSpace, SweepPlan, trial_config
from corrotwin.segmentation.tuning.trials import (
    Trial,
    as_json,
    best_of,
    finished,
    plot,
    train_command,
    write_summary,
    write_table,
)
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import write_manifest, writing
from corrotwin.twin.core.locks import check_claim, hold
from corrotwin.twin.core.text import counted

_log = logging.getLogger(__name__)

KIND = "sweep"


def run(
    out: Path,
    base: TrainConfig,
    space: SearchSpace,
    plan: SweepPlan,
    *,
    data: Path,
    split: Path,
    renders: Path | None = None,
    classes: tuple[str, ...] = (),
    weights: Path | None = None,
    address: str | None = None,
    workers: int | None = None,
    train_options: Mapping[str, Any] | None = None,
    on_end: Callable[[Trial], None] | None = None,
) -> list[Trial]:
    """Train the trials of a sweep; write trials.csv, sweep.md, sweep.png (with matplotlib) and sweep.json.

    Parameters
    ----------
    out : absent, empty, or holding the same sweep, possibly with fewer trials.
    base : settings that all trials share.
    data, split, renders, classes, weights : as for a run; every machine must see them and `out` under the same path.
    address : address of a Ray cluster; None for this machine.
    workers : maximum number of parallel trials.
    train_options : options of `corrotwin segmentation train` that all trials share, for the advised command.
    on_end : called with each trial that ends.

    Returns
    -------
    The finished trials, the best first.

    Raises
    ------
    InputError
        The data, the network, the space or the folder cannot be used, this machine cannot hold a trial, or Optuna is
        needed but not installed. Nothing is written.
    WorkError
        A trial failed, after retries, for a reason other than its own values; the other trials are finished. Or all
        failed by their own values.
    """
    if workers is not None and workers < 1:
        raise InputError(f"`workers` {workers} is below 1")
    out = out.resolve()
    real = coco.read(data.resolve(), classes=classes or None)  # Tune's workers run in folders of their own
    rendered = coco.read(renders.resolve()) if renders is not None else None
    if space.render_share[1] > 0 and rendered is None:
        raise InputError("a `render_share` above 0 needs `renders`; name their folder")
    parts = splits.load(split)
    splits.check(parts, real)
    if rendered is not None:
        splits.check_renders(parts, real, rendered, count=max(space.render_count, default=None))
    drawn_values = [space.draw(plan.seed, number) for number in range(plan.trials)]
    # With few choices some values are drawn twice. Making the configuration also validates the values.
    trial_values = list({trial_config(base, values).digest: values for values in drawn_values}.values())
    if plan.search == "optuna" and not {"learning_rate", "render_share"} & set(space.varies()):
        raise InputError(
            "`search` optuna needs a range of learning rates or render shares; choose random, which tries lists of "
            "choices"
        )
    if plan.search == "optuna" and find_spec("optuna") is None:
        raise InputError("`search` optuna: optuna is not installed; pip install 'corrotwin[sweep]'")
    identity = {
        "base": to_json(base), "space": to_file(asdict(space)), "search": plan.search, "scheduler": plan.scheduler,
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
        shared = ray_tune.SharedInputs(
            out=out, base=base, space=space, gpus=gpus, real=real, split=parts, renders=rendered,
            weights=weights.resolve() if weights is not None else None,
        )  # fmt: skip
        while True:
            refused: list[str] = []
            no_room: list[str] = []
            errors = ray_tune.fit(shared, trial_values, plan, workers, on_end, refused, no_room)
            if not no_room:
                break
            # Finished trials are only reported to Tune again, not trained.
            share = min(1.0, 2 * shared.gpus)
            _log.warning(
                f"{counted(len(no_room), 'trial')} ran out of memory on {shared.gpus:g} of a GPU ({no_room[0]:.100}); "
                f"trying again on {share:g}"
            )
            shared = replace(shared, gpus=share)
        trials = finished(out)
        best = best_of(trials)
        if trials:
            _report(out, trials, space, None if best is None else train_command(best, train_options or {}))
        if errors or refused:
            reason = f" ({refused[0]})" if refused else ""
            raise WorkError(
                f"{out}: {errors + len(refused)} trials failed{reason}; the same command tries them again; logs are in "
                f"{out / ray_tune.RAY}"
            )
        shutil.rmtree(out / ray_tune.RAY, ignore_errors=True)
        write_manifest(out, KIND, {**identity, "trials": len(trials), "best": best and as_json(best)})
    if trials and best is None:
        raise WorkError(f"{out}: all trials failed ({trials[0].error}); {out / 'trials.csv'} lists them")
    return trials


def _check_room(machines: Sequence[Mapping[str, float]], threads: int, gpus: float, *, may_grow: bool) -> None:
    """Raise InputError if no machine can hold a trial, since Ray would wait for ever; a cluster may still grow."""
    needed = {"CPU": threads, "GPU": gpus}
    if any(all(machine.get(name, 0) >= amount for name, amount in needed.items()) for machine in machines):
        return
    request = f"{threads} cores and {gpus:g} of a GPU"
    if may_grow:
        _log.warning(f"no machine of the cluster has {request} (--threads, --gpus); waiting for one to join")
        return
    available = " or ".join(
        f"{machine.get('CPU', 0):g} cores and {machine.get('GPU', 0):g} GPUs" for machine in machines
    )
    raise InputError(f"a trial needs {request} (`threads`, `gpus`), but this machine has {available}; reduce them")


def _check_network(base: TrainConfig, space: SearchSpace, weights: Path | None) -> None:
    """Raise InputError if no trial could train the network; this also fetches its weights once for all trials."""
    from corrotwin.segmentation.models.network import build, check_images

    network = build(
        base.backbone, architecture=base.architecture, encoder_weights=base.encoder_weights, weights=weights,
        seed=base.seed,
    )  # fmt: skip
    for batch_size in set(space.batch_size):
        check_images(network, base.size, base.size, batch_size=batch_size)


def _report(out: Path, trials: list[Trial], space: SearchSpace, best_command: str | None) -> None:
    """Write the table and the summary of finished trials, and, with matplotlib, the plot if any trial has an F1."""
    write_table(out / "trials.csv", trials)
    write_summary(out / "sweep.md", trials, best_command)
    with suppress(ModuleNotFoundError):
        if any(trial.valid_f1 is not None for trial in trials):
            plot(out / "sweep.png", trials, space)
