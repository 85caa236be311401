"""The commands round ``train``: data, weights, search, scores. Nothing heavy is imported before one of them runs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from corrotwin.segmentation.config import BACKBONES, Augmentation, Profile, TrainConfig
from corrotwin.twin.core.errors import InputError, WorkError


def split(
    *,
    data: Path,
    out: Path,
    how: Literal["grouped", "published", "own"] = "grouped",
    by: tuple[Literal["names", "hash", "column"], ...] = (),
    groups_file: Path | None = None,
    column: str = "spot",
    seed: int = 0,
) -> None:
    """Write a split for the --split of train, and print what leaks from training into validation and test.

    Parameters
    ----------
    data
        folder of real photos: a Roboflow COCO export, or one COCO json and its images.
    out
        json file to write; one that holds something else is left alone.
    how
        grouped (70/15/15 by whole groups), published (70/15/15 photo by photo) or own (the export's folders).
    by
        what makes photos a group: names (Roboflow's copies of one photo), hash (photos that look alike), column (of
        --groups-file); several are joined. Left out: column where --groups-file is given or DATA has a spots.csv,
        else names and hash.
    groups_file
        csv file with a row for each photo: file_name, perhaps split, and the column. Left out, as is --by: spots.csv
        in DATA where there is one.
    column
        of --groups-file, whose values are the groups.
    seed
        of the draw.
    """
    ways = by or (("column",) if groups_file is not None else ("names", "hash"))
    if ("column" in ways) != (groups_file is not None):
        raise InputError("--by column and --groups-file go together; give both or neither")

    from rich.console import Console

    from corrotwin.segmentation.data import coco, groups, leakage, splits

    real = coco.read(data)
    found: dict[str, dict[str, str]] = {}
    renamed = 0
    found_beside = not by and groups_file is None and (real.inside / groups.SPOTS).is_file()
    if found_beside:
        groups_file, column, ways = real.inside / groups.SPOTS, groups.SPOT, ("column",)
    if groups_file is not None:  # first, since it is quick to be wrong
        found[column] = groups.by_column(groups_file, real, column)
        renamed = groups.renamed_by_roboflow(groups_file, real, column)
    if "names" in ways:
        found["names"] = groups.by_source_name(real)
    if "hash" in ways:
        found["hash"] = groups.by_perceptual_hash(real)
    made = splits.split(real, how=how, seed=seed, groups=groups.join(*found.values()))
    report = leakage.report(real, made)
    splits.save(made, out)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if found_beside:
        console.print(f"{groups_file}: its column {column} says what goes together")
    if renamed:
        console.print(f"{groups_file}: {renamed} of {len(real.photos)} photos matched by their names before Roboflow's")
    counts = f"{len(made.train)} train, {len(made.valid)} validation, {len(made.test)} test photos"
    console.print(f"{out}: {counts}\n{leakage.agreement(found)}\n{leakage.markdown(report)}", end="")


def evaluate(
    run_folder: Path,
    /,
    *,
    data: Path,
    classes: tuple[str, ...] = (),
    threshold: float | Literal["valid"] = 0.5,
    out: Path | None = None,
    verify: bool = False,
) -> None:
    """Measure a complete run on a dataset: its test photos where it was trained there, else all photos it has not seen.

    A dataset without annotations counts as clean photos: what is found there is false alarm. With --verify the exit
    status is 1 where the run's own per_image.csv says something else.

    Parameters
    ----------
    run_folder
        folder of a complete run.
    data
        folder of a COCO dataset.
    classes
        names of the categories that count as corrosion; those that the run was trained on if not given.
    threshold
        of the corrosion probability: a number between 0 and 1, or valid, the one of best mean F1 on the run's
        validation photos.
    out
        folder for per_image.csv, curve.csv, calibration.csv and evaluation.json.
    verify
        measure the run's test photos once more as training did, and compare every count with per_image.csv.
    """
    from rich.console import Console

    from corrotwin.segmentation import runs
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.evaluation.assessment import assess, describe
    from corrotwin.segmentation.evaluation.evaluate import measured_again, trained_on
    from corrotwin.segmentation.training import progress

    run = runs.load(run_folder)
    classes = classes or tuple(run.manifest.get("classes") or ())
    photos = coco.read(data, classes=classes or None, allow_unannotated=True)
    if verify and not trained_on(run, photos):
        raise InputError(f"--verify: {run_folder} was not trained on {data}; give that on which it was trained")
    assessment = assess(run_folder, photos, threshold=threshold, out=out)
    progress.print_scores(assessment.per_image, str(data))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(describe(assessment.summary))
    if verify:
        if differences := measured_again(run_folder, photos):
            raise WorkError(f"{run_folder}: {differences}; another type of processor, other versions, or changed files")
        console.print(f"{run_folder}: measured again, all counts of per_image.csv are the same")


def check_weights(weights: Path | None, config: TrainConfig, add: str) -> None:
    """Refuse a folder of ImageNet weights that a training would not look into; `add` are the options that make it."""
    if weights is not None and config.encoder_weights is None:
        raise InputError(f"--weights {weights}: first weights are random here; add {add}, or leave out --weights")


def tune(
    *,
    data: Path,
    split: Path,
    out: Path,
    renders: Path | None = None,
    classes: tuple[str, ...] = (),
    backbone: str = "mobilenet_v2",
    profile: Profile = "small",
    epochs: int | None = None,
    size: int | None = None,
    real_fraction: float = 1.0,
    learning_rate: tuple[float, float] = (1e-4, 1e-2),
    batch_size: tuple[int, ...] = (8,),
    augmentation: tuple[Augmentation, ...] = ("standard",),
    synth_share: tuple[float, float] = (0.0, 0.0),
    synth_count: tuple[int, ...] = (),
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
) -> None:
    """Search for good settings by validation F1: trials are drawn, trained, and stopped early where they lag.

    The same command goes on where it was cut off, and with more --trials it goes further; no trial is trained twice.

    Parameters
    ----------
    data, classes, backbone, profile, epochs, size, real_fraction
        as for train; what all trials share.
    split
        file that `corrotwin segmentation split` wrote; its validation part decides, its test part is not looked at.
    out
        folder for trials.csv, sweep.md, sweep.png and the trials, without weights.
    renders
        a rendered dataset, for a synth_share above 0.
    learning_rate
        range; drawn uniformly in its logarithm.
    batch_size
        choices of images per optimiser step.
    augmentation
        choices: standard, strong.
    synth_share
        range of the part of each batch that is renders.
    synth_count
        choices of the number of renders.
    trials
        how many in all.
    search
        random, or optuna, which learns from trials that are over (an extra: pip install '.[sweep]').
    scheduler
        asha stops two thirds of the trials at epochs grace, 3 grace, 9 grace ...; none stops none.
    grace
        epochs that every trial gets.
    seed
        of the draws and, the same, of all trainings.
    weights
        folder that `corrotwin segmentation weights` prepared; needs --profile paper.
    threads
        CPU threads of a trial.
    gpus
        part of a GPU that a trial takes, such as 0.25; if not given, a share that fits the backbone where the machines
        have any. 0 trains on CPUs alone.
    workers
        most trials at a time; as many as fit if not given.
    address
        of a Ray cluster, such as auto; this machine if not given.
    """
    import sys

    from rich.console import Console

    from corrotwin.segmentation.config import REAL, configure
    from corrotwin.segmentation.tuning import trials as sweep
    from corrotwin.segmentation.tuning.search import Plan, run

    space = sweep.Space(
        learning_rate=learning_rate, batch_size=batch_size, augmentation=augmentation, synth_share=synth_share,
        synth_count=synth_count,
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
    check_weights(weights, base, "--profile paper")
    plan = Plan(trials=trials, search=search, scheduler=scheduler, grace=grace, seed=seed, gpus=gpus)
    count = 0

    def on_end(trial: sweep.Trial) -> None:
        nonlocal count
        count += 1
        f1 = "–" if trial.valid_f1 is None else f"{trial.valid_f1:.4f}"
        said = f"{trial.ended} after {trial.epochs} epochs, best validation F1 {f1}"
        print(f"trial {count} of this command: {said}{f' ({trial.error})' if trial.error else ''}", file=sys.stderr)  # noqa: T201

    # For the command that is advised, with another seed: the sweep's own luck is not to be kept.
    options = {
        "data": data, "split": split, "renders": renders, "classes": classes, "backbone": backbone, "profile": profile,
        "threads": threads, "real_fraction": real_fraction if real_fraction < 1 else None, "weights": weights,
        **changes, "out": "out/run", "seed": seed + 1,
    }  # fmt: skip
    found = run(
        out, base, space, plan, data=data, split=split, renders=renders, classes=classes, weights=weights,
        address=address, workers=workers, train_options=options, on_end=on_end,
    )  # fmt: skip
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(sweep.table(found, space))
    console.print(f"{out / 'sweep.md'}: all of them. The best of many is too good by luck; train it anew:")
    console.print(sweep.command(found[0], options))


def weights(*, to: Path, backbones: tuple[str, ...] = BACKBONES) -> None:
    """Download the ImageNet weights of encoders into a folder, for machines without internet.

    Parameters
    ----------
    to
        folder of the weights: weights.json and a safetensors file for each; the same command resumes, adds, repairs.
    backbones
        encoders to fetch; those of the paper if not given.
    """
    from corrotwin.segmentation.models.weights import prepare

    prepare(to, backbones)


COMMANDS: Mapping[str, Callable[..., int | None]] = {
    "split": split,
    "evaluate": evaluate,
    "tune": tune,
    "weights": weights,
}
