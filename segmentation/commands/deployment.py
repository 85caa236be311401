"""The commands that put trained networks to use. Nothing heavy is imported before one of them runs."""

from collections.abc import Callable, Mapping
from pathlib import Path

from corrotwin.segmentation.config import BACKBONES, Tiling
from corrotwin.twin.core.cli import shown
from corrotwin.twin.core.errors import InputError


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
    polygons: bool = False,
) -> int:
    """Draw the masks of photos that nobody has labelled; the same command goes on where it was cut off.

    A photo that cannot be read, or is of a kind that is not, is reported and left out; the others are done, and the
    exit status is 1.

    Parameters
    ----------
    run_folder
        folder of a complete run.
    photos
        image files, or folders that are searched for them; the masks and overlays that it wrote into --out are not.
    out
        folder for masks/ (PNG, 255 where there is corrosion), overlays/, annotations.json (COCO) and predictions.csv.
    threshold
        of the corrosion probability; `corrotwin segmentation evaluate --threshold valid` finds the best.
    tiling
        auto cuts photos into overlapping tiles that are 1.5 times larger than those the run was trained on, never
        squeezes each photo whole as in training.
    scale
        pixels of the network for each pixel of a photo; that of the run's training photos if not given. Photos in which
        things appear twice as large as there want half of it. Where given, every photo has it: a run that squeezes
        whole photos takes all in by tiles then.
    overlap
        share of a tile that neighbours have in common.
    flips
        average over the photo, its mirror images and the photo upside down: four times the work.
    overlays
        write photos with their masks outlined, too.
    polygons
        outlines in place of compressed RLE in annotations.json, for tools in which people draw; they lose holes,
        polygon_iou says how much.
    """
    from rich.console import Console
    from rich.progress import Progress

    from corrotwin.segmentation.prediction import folder
    from corrotwin.segmentation.prediction.predictor import Predictor, Settings

    settings = Settings(threshold=threshold, tiling=tiling, scale=scale, overlap=overlap, flips=flips)
    if not photos:
        raise InputError("no photos; name image files or folders of them after the run's folder")
    chosen = folder.named(photos, out)
    predictor = Predictor(run_folder, settings)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("photos", total=len(chosen))

        def on_photo(wrong: InputError | None) -> None:
            progress.advance(task)
            if wrong is not None:
                console.print(f"left out: {shown(str(wrong))}")

        failed = folder.predict(predictor, chosen, out, overlays=overlays, polygons=polygons, on_photo=on_photo)
    if line := folder.about_tiles(predictor, [name for name in chosen if name not in failed], out):
        console.print(line)
    if unread := folder.unread(photos, out):
        console.print(f"left out: {shown(unread)}")
    print(f"{out}: masks of {len(chosen) - len(failed)} of {len(chosen)} photos")  # noqa: T201
    return 1 if failed or unread else 0


def export(run_folder: Path, /, *, out: Path, evaluations: tuple[Path, ...] = ()) -> None:
    """Write a complete run as one ONNX file, from photographs to probabilities, with a model card; a minute or more.

    Parameters
    ----------
    run_folder
        folder of a complete run.
    out
        folder for model.onnx, card.md and model.json.
    evaluations
        folders that `corrotwin segmentation evaluate --out` wrote, for the scores on the card, and for the threshold of
        its Python: theirs; where they differ, the one chosen on validation photos; without any, 0.5.
    """
    from rich.console import Console

    from corrotwin.segmentation.deployment.onnx_export import export as write

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

    from corrotwin.segmentation.deployment.latency import measure, table, write
    from corrotwin.segmentation.models.network import complexity

    if out is not None and (out.exists() or out.suffix != ".csv"):
        raise InputError(f"{out}: choose the name of a new .csv file for --out")
    measured = measure(backbone, size, threads=threads, repeats=repeats, onnx=onnx)
    sizes = {name: complexity(name, size) for name in backbone}
    Console(highlight=False).print(table(measured, sizes))
    if out is not None:
        write(out, measured, sizes)


COMMANDS: Mapping[str, Callable[..., int | None]] = {"predict": predict, "export": export, "latency": latency}
