"""``corrotwin segmentation evaluate``: measure a trained run on a dataset."""

from pathlib import Path
from typing import Literal

from corrotwin.twin.core.console import progress
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.text import say, say_error, say_next


def evaluate(
    run_folder: Path,
    /,
    *,
    data: Path,
    classes: tuple[str, ...] = (),
    threshold: float | Literal["valid"] | None = None,
    adapt: bool = False,
    out: Path | None = None,
    verify: bool = False,
) -> None:
    """Measure a run on the test photos of its own dataset, or on all unseen photos of another.

    Photos without annotations count as free of corrosion: every detection on them is a false alarm. With --verify the
    exit status is 1 if the run's own per_image.csv differs.

    Parameters
    ----------
    run_folder
        folder of a run; an unfinished run is measured with its best weights so far.
    data
        folder of a COCO dataset.
    classes
        names of the categories that count as corrosion; by default those that the run was trained on.
    threshold
        threshold on the corrosion probability: a number between 0 and 1, or valid to choose it again on the
        run's validation photos; by default the run's own, chosen on its validation photos.
    adapt
        also take the statistics of batch normalisation from these photos, as `predict --adapt` does; such
        scores are transductive.
    out
        folder for per_image.csv, curve.csv, calibration.csv and evaluation.json.
    verify
        measure the run's test photos again as training did, and compare every count with per_image.csv.
    """
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.evaluation.assessment import assess, check_threshold, describe
    from corrotwin.segmentation.evaluation.evaluate import trained_on
    from corrotwin.segmentation.evaluation.verification import verify_run
    from corrotwin.segmentation.training.progress import scores_line

    check_threshold(threshold)
    if adapt and verify:
        raise InputError("--adapt: --verify measures a run as training did; leave one out")
    run = runs.load(run_folder) if verify else runs.load_usable(run_folder)
    if run.note:
        say_error(f"{run_folder}: {run.note}")
    classes = classes or tuple(run.manifest.get("classes") or ())
    photos = coco.read(data, classes=classes or None, allow_unannotated=True)
    if verify and not trained_on(run, photos):
        raise InputError(f"--verify: {run_folder} was not trained on {data}; give the dataset on which it was trained")
    with progress("evaluating", unit="photos", to=out) as line:
        assessment = assess(
            run_folder, photos, threshold=threshold, adapt=adapt, out=out,
            on_photo=lambda done, count: line.update(done, total=count),
        )  # fmt: skip
    say(scores_line(assessment.per_image, str(data)))
    say(describe(assessment.summary))
    if verify:
        if differences := verify_run(run_folder, photos):
            raise WorkError(f"{run_folder}: {differences}; another type of processor, other versions, or changed files")
        say(f"{run_folder}: measured again, all counts of per_image.csv are the same")
    if out is not None:
        say(f"{out}: evaluation.json and tables")
    say_next("predict", "PHOTOS", "--run", run_folder, "--out", "out/masks")
