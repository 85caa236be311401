"""Lines of progress for trainings and predictions, and a line with the scores of a run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.segmentation.runs import PerImage
from corrotwin.twin.core.console import progress
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable, say_error


@contextmanager
def epochs_line(what: str, epochs: int, to: Path) -> Iterator[Callable[[dict[str, float]], None]]:
    """Show a line of progress; yield a function to call after each epoch with its row of the history."""
    with progress(what, epochs, unit="epochs", to=to) as line:

        def on_epoch(row: dict[str, float]) -> None:
            f1 = f", val F1 {row['valid_f1']:.4f}" if "valid_f1" in row else ""
            note = f"loss {row['train_loss']:.4f}{f1}, {row['images_per_second']:.1f} images/s"
            line.update(row["epoch"], seconds_left=row["seconds_left"], note=note)

        yield on_epoch


@contextmanager
def photos_line(what: str, count: int, to: Path) -> Iterator[Callable[[InputError | None], None]]:
    """Show a line of progress; yield a function to call after each photo, with the error if it was left out."""
    with progress(what, count, unit="photos", to=to) as line:

        def on_photo(error: InputError | None) -> None:
            line.advance()
            if error is not None:
                say_error(f"left out: {printable(str(error))}")

        yield on_photo


def scores_line(table: PerImage, where: str) -> str:
    """Return a line with mean F1 and IoU of a table, and the number of images correctly predicted free of corrosion."""
    f1, iou = scores(table.tp, table.fp, table.fn, table.tn)
    empty = int((table.tp + table.fp + table.fn == 0).sum())
    return f"{where}: {len(f1)} images, mean F1 {f1.mean():.4f}, mean IoU {iou.mean():.4f}, {empty} rightly found empty"
