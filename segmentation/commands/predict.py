"""``corrotwin segmentation predict``: segment unlabelled photos."""

from pathlib import Path

from corrotwin.segmentation.config import Tiling
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
    """Segment unlabelled photos. Repeat the command to resume it.

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
