"""The commands beside ``train``. Nothing heavy is imported before one of them runs."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from segmentation.config import BACKBONES, Tiling
from twin.files import InputError


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
        --groups-file); several are joined. Left out: column where --groups-file is given, else names and hash.
    groups_file
        csv file with a row for each photo: file_name, perhaps split, and the column.
    column
        of --groups-file, whose values are the groups.
    seed
        of the draw.
    """
    ways = by or (("column",) if groups_file is not None else ("names", "hash"))
    if ("column" in ways) != (groups_file is not None):
        raise InputError("--by column and --groups-file go together; give both or neither")

    from rich.console import Console

    from segmentation import coco, groups, leaks, splits

    real = coco.read(data)
    found: dict[str, dict[str, str]] = {}
    if groups_file is not None:  # first, since it is quick to be wrong
        found[column] = groups.by_column(groups_file, real, column)
    if "names" in ways:
        found["names"] = groups.by_source_name(real)
    if "hash" in ways:
        found["hash"] = groups.by_perceptual_hash(real)
    made = splits.split(real, how=how, seed=seed, groups=groups.join(*found.values()))
    report = leaks.report(real, made)
    splits.save(made, out)
    counts = f"{len(made.train)} train, {len(made.valid)} validation, {len(made.test)} test photos"
    Console(highlight=False, markup=False, soft_wrap=True).print(
        f"{out}: {counts}\n{leaks.agreement(found)}\n{leaks.markdown(report)}", end=""
    )


def evaluate(
    run_folder: Path,
    /,
    *,
    data: Path,
    classes: tuple[str, ...] = (),
    threshold: float | Literal["valid"] = 0.5,
    out: Path | None = None,
) -> None:
    """Measure a complete run on a dataset: its test photos where it was trained there, else all photos.

    A dataset without annotations counts as clean photos: what is found there is false alarm.

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
    """
    from rich.console import Console

    from segmentation import coco, progress, runs
    from segmentation.assessment import assess, describe

    classes = classes or tuple(runs.load(run_folder).manifest.get("classes") or ())
    photos = coco.read(data, classes=classes or None, allow_unannotated=True)
    assessment = assess(run_folder, photos, threshold=threshold, out=out)
    progress.print_scores(assessment.per_image, str(data))
    Console(highlight=False, markup=False, soft_wrap=True).print(describe(assessment.summary))


def predict(
    run_folder: Path,
    photos: tuple[Path, ...],
    /,
    *,
    out: Path,
    threshold: float = 0.5,
    tiling: Tiling = "auto",
    scale: float | None = None,
    overlap: float = 0.5,
    flips: bool = False,
    overlays: bool = True,
) -> int:
    """Draw the masks of photos that nobody has labelled; the same command goes on where it was cut off.

    A photo that cannot be read is reported and left out; the others are done, and the exit status is 1.

    Parameters
    ----------
    run_folder
        folder of a complete run.
    photos
        image files, or folders that are searched for them.
    out
        folder for masks/ (PNG, 255 where there is corrosion), overlays/, annotations.json (COCO) and predictions.csv.
    threshold
        of the corrosion probability; `python -m segmentation evaluate --threshold valid` finds the best.
    tiling
        auto cuts photos into overlapping tiles that are 1.5 times larger than those the run was trained on, never
        squeezes each photo whole as in training.
    scale
        pixels of the network for each pixel of a tiled photo; that of the run's training photos if not given.
        Photos in which things appear twice as large as there want half of it.
    overlap
        share of a tile that neighbours have in common.
    flips
        average over the photo, its mirror images and the photo upside down: four times the work.
    overlays
        write photos with their masks outlined, too.
    """
    from rich.console import Console
    from rich.progress import Progress

    from segmentation import predictions

    settings = predictions.Settings(threshold=threshold, tiling=tiling, scale=scale, overlap=overlap, flips=flips)
    if not photos:
        raise InputError("no photos; name image files or folders of them after the run's folder")
    chosen = predictions.named(photos)
    predictor = predictions.Predictor(run_folder, settings)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("photos", total=len(chosen))

        def on_photo(wrong: InputError | None) -> None:
            progress.advance(task)
            if wrong is not None:
                console.print(f"left out: {wrong}")

        failed = predictions.predict(predictor, chosen, out, overlays=overlays, on_photo=on_photo)
    print(f"{out}: masks of {len(chosen) - len(failed)} of {len(chosen)} photos")  # noqa: T201
    return 1 if failed else 0


def export(run_folder: Path, /, *, out: Path, evaluations: tuple[Path, ...] = ()) -> None:
    """Write a complete run as one ONNX file, from photographs to probabilities, with a model card; a minute or more.

    Parameters
    ----------
    run_folder
        folder of a complete run.
    out
        folder for model.onnx, card.md and model.json.
    evaluations
        folders that `python -m segmentation evaluate --out` wrote, for the scores on the card.
    """
    from rich.console import Console

    from segmentation.export import export as write

    with Console(stderr=True).status("exporting ..."):
        made = write(run_folder, out, evaluations=evaluations)
    print(  # noqa: T201
        f"{out}: model.onnx and card.md; sides {made['sides']}; "
        f"within {made['greatest_difference_from_torch']:.1e} of torch"
    )


def latency(
    *,
    backbone: tuple[str, ...] = BACKBONES,
    size: int = 224,
    threads: int = 2,
    repeats: int = 100,
    onnx: bool = False,
    out: Path | None = None,
) -> None:
    """Time the U-Nets on this CPU, one image at a time, beside their parameters, depth and operations.

    Parameters
    ----------
    backbone
        encoders to compare; all are timed in turn, so that noise hits all alike.
    size
        side of the image in pixels, divisible by 32.
    threads
        CPU threads.
    repeats
        timed calls of each network.
    onnx
        time onnxruntime, too, on the network as `export` writes it: from the photograph to the probability.
    out
        csv file to write.
    """
    from rich.console import Console

    from segmentation.latency import measure, table, write
    from segmentation.model import complexity

    if out is not None and (out.exists() or out.suffix != ".csv"):
        raise InputError(f"{out}: choose the name of a new .csv file for --out")
    measured = measure(backbone, size, threads=threads, repeats=repeats, onnx=onnx)
    sizes = {name: complexity(name, size) for name in backbone}
    Console(highlight=False).print(table(measured, sizes))
    if out is not None:
        write(out, measured, sizes)


def weights(*, to: Path, backbones: tuple[str, ...] = BACKBONES) -> None:
    """Download the ImageNet weights of encoders into a folder, for machines without internet.

    Parameters
    ----------
    to
        folder of the weights: weights.json and a safetensors file for each; the same command resumes, adds, repairs.
    backbones
        encoders to fetch; those of the paper if not given.
    """
    from segmentation.weights import prepare

    prepare(to, backbones)


COMMANDS: Mapping[str, Callable[..., int | None]] = {
    "split": split,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "latency": latency,
    "weights": weights,
}
