"""``corrotwin segmentation rank``: which photos to label next."""

from pathlib import Path

from corrotwin.segmentation.config import Tiling
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say, say_error, say_next


def rank(
    run_folder: Path,
    photos: tuple[Path, ...],
    /,
    *,
    out: Path,
    count: int = 20,
    others: tuple[Path, ...] = (),
    labelled: tuple[Path, ...] = (),
    tiling: Tiling = "auto",
    scale: float | None = None,
) -> int:
    """Rank unlabelled photos by how unsure a run is of them, and prepare the first for labelling.

    A photo ranks high if the network is unsure of it, disagrees with itself on its mirror images, and if it is
    unlike the photos ranked before it; one photo of each spot comes first. Repeat the command to resume it or to
    add photos. Photos that cannot be read are reported and skipped; the exit status is then 1.

    Parameters
    ----------
    run_folder
        folder of a run.
    photos
        image files, or folders to search for them. Photos that trained, validated or tested the run are
        left out.
    out
        folder for ranking.csv, index.html (a page of thumbnails) and to-label/: the first photos with pre-drawn
        outlines, as COCO for CVAT and as tasks for Label Studio.
    count
        number of photos to label.
    others
        folders of other runs, such as those of other seeds, whose disagreement with the first counts as well.
    labelled
        datasets with labels of later date than the run, such as that of merge: their photos are left out, too.
    tiling, scale
        as for `predict`.
    """
    from corrotwin.segmentation.data import coco, photo_files
    from corrotwin.segmentation.labelling import folder
    from corrotwin.segmentation.prediction.predictor import Settings
    from corrotwin.segmentation.prediction.run_predictor import RunPredictor
    from corrotwin.segmentation.prediction.search import search
    from corrotwin.segmentation.training import progress

    if not photos:
        raise InputError("no photos; name image files or folders of them after the run's folder")
    if count < 1:
        raise InputError(f"--count {count} is below 1")
    settings = Settings(tiling=tiling, scale=scale)
    found = search(photos)
    predictors = [RunPredictor(path, settings) for path in (run_folder, *others)]
    for predictor in predictors:
        if predictor.note:
            say_error(f"{predictor.folder}: {predictor.note}")
    labelled_hashes = {photo.sha256 for path in labelled for photo in coco.read(path).photos}
    with progress.photos_line("ranking", len(found.photos), out) as on_photo:
        ranking = folder.rank(predictors, found.photos, out, count=count, labelled=labelled_hashes, on_photo=on_photo)
    for line in photo_files.lines(found.left_out):
        say_error(f"left out: {printable(line)}")
    first = min(count, len(ranking.photos))
    to_label, page = out / folder.TO_LABEL, out / folder.PAGE
    say(f"{out}: {len(ranking.photos)} photos ranked, the first {first} of them in {to_label}; look at {page}")
    for line in ranking.lines(out):
        say_error(line)
    say_next("segmentation", "merge", "PHOTOS", "LABELLED", "--out", "photos-2")
    return 1 if ranking.unread or found.has_losses else 0
