"""``corrotwin segmentation review`` and ``accept``: go through predicted masks, and train on those that are right."""

from pathlib import Path

from corrotwin.twin.core.console import progress
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted, say, say_error


def review(
    masks: Path,
    /,
    *,
    data: Path | None = None,
    classes: tuple[str, ...] = (),
    out: Path | None = None,
    single: bool = False,
) -> None:
    """Make a page for reviewing predicted masks in a browser: accept, reject, note.

    The page sorts and filters by corroded share, confidence, brightness and size, and by F1 if true masks are
    given. Download its decisions as a file for `corrotwin segmentation accept`. Example: corrotwin segmentation
    review out/masks --data my-export

    Parameters
    ----------
    masks
        folder that `corrotwin predict` wrote.
    data
        COCO dataset with true masks of these photos, to compare with; photos are matched by content.
    classes
        names of its categories that count as corrosion; by default all.
    out
        folder for index.html and its pictures; with --single, the HTML file. By default review or review.html
        in MASKS.
    single
        write a single HTML file with small pictures embedded, for sending; otherwise the pictures lie beside
        the page and are larger.
    """
    from corrotwin.segmentation.data import coco
    from corrotwin.segmentation.review import page, predictions

    if classes and data is None:
        raise InputError("--classes: selects categories of --data; give that, too")
    target = out if out is not None else masks / (page.SINGLE if single else page.FOLDER)
    predicted = predictions.read(masks)
    truth = None if data is None else coco.read(data, classes=classes or None, allow_unannotated=True)
    page_path = target if single else target / page.PAGE
    with progress("review", len(predicted.photos), unit="photos", to=page_path) as line:
        page.write(predicted, target, truth=truth, single=single, on_photo=line.advance)
    say(f"{page_path}: {counted(len(predicted.photos), 'photo')}; open it in a browser")


def accept(masks: Path, decisions: tuple[Path, ...], /, *, out: Path) -> None:
    """Turn reviewed masks into a dataset for the next training, with the accepted ones as labels.

    Rejected photos go into its folder to-label, with outlines to correct in CVAT or Label Studio; add them
    afterwards with `corrotwin segmentation merge`. Example: corrotwin segmentation accept out/masks decisions.json
    --out labels

    Parameters
    ----------
    masks
        folder that `corrotwin predict` wrote.
    decisions
        files downloaded from its page by `corrotwin segmentation review`.
    out
        folder for images/, annotations.json (COCO), review.csv (each decision and note) and to-label/.
    """
    from corrotwin.segmentation.labelling import pre_drawn
    from corrotwin.segmentation.review import accepting, predictions
    from corrotwin.segmentation.review import decisions as decision_files

    if not decisions:
        raise InputError("no decisions; give the file that the page of corrotwin segmentation review downloaded")
    predicted = predictions.read(masks)
    decided = decision_files.read(decisions, predicted)
    labels = accepting.write(predicted, decided, out)
    to_label = f", {labels.rejected} to correct in {out / accepting.TO_LABEL}" if labels.rejected else ""
    accepted = f"{counted(labels.accepted, 'photo')} with accepted masks, {labels.clean} of them without corrosion"
    say(f"{out}: {accepted}{to_label}")
    for line in pre_drawn.lines(out / accepting.TO_LABEL, labels.earlier):
        say_error(line)
