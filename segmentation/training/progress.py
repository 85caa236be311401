"""Terminal output of a training run and its scores."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from corrotwin.segmentation.evaluation.evaluate import scores
from corrotwin.segmentation.runs import PerImage
from corrotwin.twin.core.console import rich_console
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import printable


@contextmanager
def bar(title: str, epochs: int) -> Iterator[Callable[[dict[str, float]], None]]:
    """Show a progress bar on a terminal; yield a function to call after each epoch, which prints a line."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = rich_console(stderr=True, wrap=False)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=epochs)

        def on_epoch(row: dict[str, float]) -> None:
            progress.update(task, completed=row["epoch"])
            minutes, seconds = divmod(round(row["seconds_left"]), 60)
            of_photos = "valid_f1" in row
            measured = f"val loss {row['valid_loss']:.4f}  val F1 {row['valid_f1']:.4f}  " if of_photos else ""
            console.print(
                f"epoch {row['epoch']:.0f}/{epochs}  loss {row['train_loss']:.4f}  {measured}"
                f"{row['images_per_second']:.1f} images/s  {minutes}:{seconds:02d} left"
            )

        yield on_epoch


@contextmanager
def files_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal; yield a function to call with the number of files done, and of all."""
    console = rich_console(stderr=True, wrap=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title)
        yield lambda done, count: progress.update(task, completed=done, total=count)


@contextmanager
def photos_bar(count: int) -> Iterator[Callable[[InputError | None], None]]:
    """Show a progress bar on a terminal; yield a function to call after each photo, with the error of one left out."""
    console = rich_console(stderr=True, wrap=False)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("photos", total=count)

        def on_photo(wrong: InputError | None) -> None:
            progress.advance(task)
            if wrong is not None:
                console.print(f"left out: {printable(str(wrong))}")

        yield on_photo


def scores_line(table: PerImage, where: str) -> str:
    """Return a line with mean F1 and IoU of a table, and the number of images correctly found without corrosion."""
    f1, iou = scores(table.tp, table.fp, table.fn, table.tn)
    empty = int((table.tp + table.fp + table.fn == 0).sum())
    return f"{where}: {len(f1)} images, mean F1 {f1.mean():.4f}, mean IoU {iou.mean():.4f}, {empty} rightly found empty"
