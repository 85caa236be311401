"""``corrotwin predict``: outline corrosion on photos."""

from pathlib import Path

from tyro.conf import Positional

from corrotwin.segmentation.config import Tiling
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say, say_error, say_next


def predict(
    photos: Positional[tuple[Path, ...]] = (),
    *,
    out: Path = Path("out/predictions"),
    run: tuple[Path, ...] = (),
    frame: tuple[float, float, float, float] | None = None,
    threshold: float | None = None,
    tiling: Tiling = "auto",
    scale: float | None = None,
    overlap: float = 0.5,
    flips: bool = False,
    adapt: bool = False,
    overlays: bool = True,
    polygons: bool = False,
    card: bool = False,
) -> int:
    """Outline corrosion on photos, with the built-in model or your own. Repeat the command to resume it.

    Example: corrotwin predict photo.jpg, or: corrotwin predict photos walk.mp4 --run out/run --out out/masks

    Photos that cannot be read or are in an unsupported format, linked folders and unreadable folders are reported and
    skipped; the exit status is then 1. Hidden files and images that corrotwin wrote are reported and skipped, too.

    Parameters
    ----------
    photos
        image files, zip archives, videos (one frame per second), or folders to search for photos and videos.
    out
        folder for index.html, masks/ (PNG, 255 where there is corrosion), overlays/, annotations.json (COCO),
        predictions.csv and, if anything was skipped, left_out.csv.
    run
        folders of runs, or of models written by `corrotwin segmentation export`, instead of the built-in model;
        probabilities of several are averaged. An unfinished run predicts with its best weights so far.
    frame
        left, top, right and bottom edge of a part of each photo that shows nothing but a steel surface, as
        fractions from 0 to 1: its corroded share and degree of rusting (ISO 4628-3) are reported as well.
    threshold
        threshold on the corrosion probability; by default that of the model or run, chosen on validation
        photos.
    overlays
        also write photos with outlined masks.
    card
        print the card of the built-in model (its measured quality, and what it is not for) and stop.

    Other Parameters
    ----------------
    tiling
        always cuts every photo into overlapping tiles; never resizes each whole photo, as in training; auto
        follows the training: whole photos if it resized them, tiles of 1,024 pixels if it took crops. If photos
        are much larger than those of training, auto asks you to choose; exported models and the built-in one
        take photos whole, and long ones in squares.
    scale
        pixels of the network per pixel of a photo; by default the scale of the run's training photos. If
        objects appear twice as large as in training, give half of that. A given scale applies to every photo,
        so a run that resizes whole photos then cuts all of them into tiles.
    overlap
        fraction of a tile shared with its neighbour.
    flips
        average over the photo and its flips (horizontal, vertical, both), at four times the cost.
    adapt
        take the statistics of batch normalisation from these photos, as far as there are enough, for photos
        that look different from those of training. A photo's mask then depends on which photos it is predicted
        with.
    polygons
        write polygons instead of compressed RLE to annotations.json, for drawing tools; polygons lose holes,
        and polygon_iou says how much.
    """
    from corrotwin.segmentation import shipped
    from corrotwin.segmentation.data import photo_files
    from corrotwin.segmentation.prediction import folder
    from corrotwin.segmentation.prediction.loading import predictor_of
    from corrotwin.segmentation.prediction.page import PAGE
    from corrotwin.segmentation.prediction.parts import FramedPart
    from corrotwin.segmentation.prediction.predictor import Settings
    from corrotwin.segmentation.prediction.search import search
    from corrotwin.segmentation.training import progress
    from corrotwin.twin.core.files import read_text

    if card:
        say(read_text(shipped.CARD), end="")
        return 0
    settings = Settings(threshold=threshold, tiling=tiling, scale=scale, overlap=overlap, flips=flips, adapt=adapt)
    framed = None if frame is None else FramedPart(left=frame[0], top=frame[1], right=frame[2], bottom=frame[3])
    if not photos:
        raise InputError("no photos; name image files, folders of them, zip archives or videos")
    found = search(photos)
    chosen = found.photos
    predictor = predictor_of(run, settings)
    if predictor.note:
        say_error(f"{predictor.folder}: {predictor.note}")
    with progress.photos_line("predicting", len(chosen), out) as on_photo:
        failed = folder.predict(
            predictor, chosen, out, left_out=found.left_out, overlays=overlays, polygons=polygons, frame=framed,
            on_photo=on_photo,
        )  # fmt: skip
    for line in photo_files.lines(found.left_out):
        say_error(f"left out: {printable(line)}")
    say(
        f"{out}: masks of {len(chosen) - len(failed)} of {len(chosen)} photos, at threshold {predictor.threshold:.3g}; "
        f"look at {out / PAGE}"
    )
    if len(failed) < len(chosen):
        say_next("segmentation", "review", out)
    return 1 if failed or found.has_losses else 0
