"""``corrotwin segmentation average``: average the weights of runs into one run."""

from pathlib import Path
from typing import Literal

from corrotwin.twin.core.console import progress
from corrotwin.twin.core.text import say, say_next


def average(
    run_folders: tuple[Path, ...],
    /,
    *,
    data: Path,
    out: Path,
    batch_norm: Literal["re-estimated", "averaged"] = "re-estimated",
) -> None:
    """Average the weights of two or more complete runs of one network on the same photos and split into one run.

    The result is measured on the test photos, so the new folder is a run like any other.

    Parameters
    ----------
    run_folders
        folders of complete runs.
    data
        the real photos that the runs were trained on.
    out
        folder of the new run.
    batch_norm
        statistics of batch normalisation: re-estimated on the runs' training photos, or averaged like the
        weights.
    """
    from corrotwin.segmentation import runs
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.training import averaging
    from corrotwin.segmentation.training.progress import scores_line

    first = averaging.checked_records(run_folders)[0]
    photos = coco.read(data, classes=tuple(first.manifest.get("classes") or ()) or None)
    with progress("averaging", to=out):
        averaging.average(run_folders, out, data=photos, batch_norm=batch_norm)
    say(scores_line(runs.load(out).per_image, "test photos"))
    say(f"{out}: the averaged run")
    say_next("segmentation", "evaluate", out, "--data", data, "--out", f"{out}-test")
