"""``corrotwin segmentation predict``: segment unlabelled photos."""

from pathlib import Path

from corrotwin.segmentation.config import Tiling
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say, say_error


def predict(
    run_folder: Path,
    photos: tuple[Path, ...],
    /,
    *,
    out: Path,
    threshold: float | None = None,
    tiling: Tiling = "auto",
    scale: float | None = None,
    overlap: float = 0.5,
    flips: bool = False,
    adapt: bool = False,
    overlays: bool = True,
    polygons: bool = False,
) -> int:
    """Segment unlabelled photos. Repeat the command to resume it.

    Photos that cannot be read or are in an unsupported format, linked folders and unreadable folders are reported and
    skipped; the exit status is then 1. Hidden files and images that corrotwin wrote are reported and skipped, too.

    Parameters
    ----------
    run_folder
        folder of a run; an unfinished one predicts with its best weights so far.
    photos
        image files, or folders to search for them.
    out
        folder for masks/ (PNG, 255 where there is corrosion), overlays/, annotations.json (COCO), predictions.csv and,
        if anything was skipped, left_out.csv.
    threshold
        threshold on the corrosion probability; default: that of the run, which its validation photos chose.
    tiling
        always cuts every photo into overlapping tiles; never resizes each whole photo, as in training; auto does what
        the training says: whole photos if it resized them, tiles of 1,024 pixels if it took crops. If photos are much
        larger than those of training, auto asks for the choice.
    scale
        pixels of the network per pixel of a photo; default: the scale of the run's training photos. If objects appear
        twice as large as in training, give half of it. A given scale applies to every photo, so a run that resizes
        whole photos then cuts all of them into tiles.
    overlap
        fraction of a tile shared with its neighbour.
    flips
        average over the photo and its flips (horizontal, vertical, both): four times the work.
    adapt
        take the statistics of batch normalisation from these photos, as far as there are many: for photos that look
        otherwise than those of training. The same photos in another company then have other masks.
    overlays
        also write photos with their masks outlined.
    polygons
        write polygons instead of compressed RLE to annotations.json, for drawing tools; they lose holes, and
        polygon_iou says how much.
    """
    from corrotwin.segmentation.data import photo_files
    from corrotwin.segmentation.prediction import folder
    from corrotwin.segmentation.prediction.predictor import Predictor, Settings
    from corrotwin.segmentation.prediction.search import search
    from corrotwin.segmentation.training import progress

    settings = Settings(threshold=threshold, tiling=tiling, scale=scale, overlap=overlap, flips=flips, adapt=adapt)
    if not photos:
        raise InputError("no photos; name image files or folders of them after the run's folder")
    found = search(photos)
    chosen = found.photos
    predictor = Predictor(run_folder, settings)
    if predictor.note:
        say_error(f"{run_folder}: {predictor.note}")
    with progress.photos_bar(len(chosen)) as on_photo:
        failed = folder.predict(
            predictor, chosen, out, left_out=found.left_out, overlays=overlays, polygons=polygons, on_photo=on_photo
        )
    for line in photo_files.lines(found.left_out):
        say_error(f"left out: {printable(line)}")
    say(f"{out}: masks of {len(chosen) - len(failed)} of {len(chosen)} photos, at threshold {predictor.threshold:.3g}")
    return 1 if failed or found.has_losses else 0
