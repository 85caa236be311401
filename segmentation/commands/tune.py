"""``corrotwin segmentation tune``: search for good training settings."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from corrotwin.segmentation.arms import Augmentation
from corrotwin.segmentation.config import DEFAULT_BACKBONE, Profile, check_weights
from corrotwin.twin.core.console import progress, rich_console
from corrotwin.twin.core.text import printable, say, say_error


def tune(
    *,
    data: Path,
    split: Path,
    out: Path,
    renders: Path | None = None,
    classes: tuple[str, ...] = (),
    backbone: str = DEFAULT_BACKBONE,
    profile: Profile = "small",
    epochs: int | None = None,
    size: int | None = None,
    real_fraction: float = 1.0,
    learning_rate: tuple[float, float] = (1e-4, 1e-2),
    batch_size: tuple[int, ...] = (8,),
    augmentation: tuple[Augmentation, ...] = ("standard",),
    render_share: tuple[float, float] = (0.0, 0.0),
    render_count: tuple[int, ...] = (),
    trials: int = 16,
    search: Literal["random", "optuna"] = "random",
    scheduler: Literal["asha", "none"] = "asha",
    grace: int = 5,
    seed: int = 0,
    weights: Path | None = None,
    threads: int = 1,
    gpus: float | None = None,
    workers: int | None = None,
    address: str | None = None,
    mlflow: str | None = None,
) -> None:
    """Search for good settings by validation F1, stopping poor trials early.

    Repeat the command to resume an interrupted sweep, or with more --trials to extend it; no trial is trained
    twice.

    Parameters
    ----------
    data, classes, backbone, profile, epochs, size, real_fraction
        as for train; the same in all trials.
    split
        file written by `corrotwin segmentation split`; its validation part decides, its test part is never
        used.
    out
        folder for trials.csv, sweep.md, sweep.png and the trials, without their weights.
    renders
        a rendered dataset, for a --render-share above 0.
    learning_rate
        range of the learning rate, sampled uniformly in its logarithm.
    batch_size
        batch sizes to choose from.
    augmentation
        strengths to choose from: standard, strong.
    render_share
        range of the fraction of each batch that is renders.
    render_count
        numbers of renders to choose from.
    trials
        total number of trials.
    seed
        random seed of the sampled settings and of all trainings.

    Other Parameters
    ----------------
    search
        random, or optuna, which learns from finished trials (requires the extra sweep: pip install 'corrotwin[sweep]').
    scheduler
        asha stops two thirds of the trials at epochs G, 3 G, 9 G ... for --grace G; none stops no trial.
    grace
        minimum number of epochs of each trial.
    weights
        folder prepared by `corrotwin segmentation weights`; refused if the initial weights are random.
    threads
        CPU threads of each trial.
    gpus
        fraction of a GPU per trial, such as 0.25; by default a fraction that fits the backbone if there are
        GPUs. 0 trains on CPUs only.
    workers
        maximum number of parallel trials; by default as many as fit.
    address
        address of a Ray cluster, such as auto; by default this machine.
    mlflow
        address of an MLflow server or database that receives the trials at the end, as for train.
    """
    from corrotwin.segmentation.arms import REAL
    from corrotwin.segmentation.config import configure
    from corrotwin.segmentation.training.tracking import Status, Tracking
    from corrotwin.segmentation.tuning.search import run
    from corrotwin.segmentation.tuning.space import SearchSpace, SweepPlan
    from corrotwin.segmentation.tuning.trials import RUN, TRIALS, Trial, describe, finished, table, train_command

    space = SearchSpace(
        learning_rate=learning_rate, batch_size=batch_size, augmentation=augmentation, render_share=render_share,
        render_count=render_count,
    )  # fmt: skip
    changes = {name: value for name, value in (("epochs", epochs), ("size", size)) if value is not None}
    base = configure(
        profile,
        backbone=backbone,
        arm=replace(REAL, real_fraction=real_fraction),
        seed=seed,
        threads=threads,
        **changes,
    )
    check_weights(weights, base.encoder_weights, instead="`profile` paper")
    tracked = Tracking(mlflow)
    plan = SweepPlan(trials=trials, search=search, scheduler=scheduler, grace=grace, seed=seed, gpus=gpus)
    # For the advised command, with another seed, which does not inherit the sweep's luck.
    options = {
        "data": data, "split": split, "renders": renders, "classes": classes, "backbone": backbone, "profile": profile,
        "threads": threads, "real_fraction": real_fraction if real_fraction < 1 else None, "weights": weights,
        **changes, "out": "out/run", "seed": seed + 1,
    }  # fmt: skip
    with progress("tuning", trials, unit="trials", to=out / "sweep.md", done=len(finished(out))) as line:

        def on_end(trial: Trial) -> None:
            line.advance()
            line.update(note=f"the last {describe(trial)}")
            if trial.error:
                say_error(printable(f"trial {trial.folder}: {describe(trial)}"))

        ranked = run(
            out, base, space, plan, data=data, split=split, renders=renders, classes=classes, weights=weights,
            address=address, workers=workers, train_options=options, on_end=on_end,
        )  # fmt: skip
    with tracked:
        for trial in ranked:
            status: Status = "FAILED" if trial.error else "FINISHED"
            tracked.send(out / TRIALS / trial.folder / RUN, f"{out.name}/{trial.folder}", status)
    rich_console(wrap=False).print(table(ranked, space))
    say(f"{out / 'sweep.md'}: all of them. The best score of many is too high by chance; train that one again:")
    say(train_command(ranked[0], options))
