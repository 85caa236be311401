"""The trials of a sweep on disk, and their table, plot and summary.

Each trial has a folder, `trials/<digest of its configuration>`: `trial.json` is written before training, `run/` is the
training run, and `result.json` is written when the trial has finished: complete, stopped early, or failed.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import FILE_KEYS, from_file, to_file
from corrotwin.segmentation.config import TrainConfig
from corrotwin.segmentation.tuning.space import PARAMETERS, SearchSpace
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, read_json, write_text
from corrotwin.twin.core.plotting import import_matplotlib
from corrotwin.twin.core.text import counted

if TYPE_CHECKING:
    from rich.table import Table

_T = TypeVar("_T")

TRIALS = "trials"
STARTED, RUN, RESULT = "trial.json", "run", "result.json"
Ended = Literal["complete", "stopped early", "failed"]
COLUMNS = ("trial", *PARAMETERS, "ended", "epochs", "valid_f1", "folder")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A finished trial.

    Parameters
    ----------
    values : the values of its settings.
    ended, epochs : the way in which it ended, and the number of its epochs.
    valid_f1 : F1 on the validation photos in the best epoch; None if it failed before the first.
    folder : name of its folder below `TRIALS`.
    error : reason of a failure.
    """

    values: Mapping[str, Any]
    ended: Ended
    epochs: int
    valid_f1: float | None
    folder: str
    error: str | None = None


def describe(trial: Trial) -> str:
    """Return a short description of how a trial ended."""
    f1 = "–" if trial.valid_f1 is None else f"{trial.valid_f1:.4f}"
    failure = f" ({trial.error})" if trial.error else ""
    return f"{trial.ended} after {counted(trial.epochs, 'epoch')}, best validation F1 {f1}{failure}"


def history(folder: Path) -> list[dict[str, float]]:
    """Return the epochs of a trial so far, from the history of its run."""
    path = folder / RUN / runs.HISTORY
    if not path.exists():
        return []
    columns = runs.read_history(path)
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]


def trial_folder(out: Path, config: TrainConfig) -> Path:
    """Return the folder of a trial."""
    return out / TRIALS / config.digest


def started(out: Path) -> list[dict[str, Any]]:
    """Return the values of the started trials in the order of their start."""
    pairs = _read_each(out, STARTED, lambda content: (float(content["begun"]), _check_values(content["values"])))
    return [values for _, values in sorted(pairs, key=lambda pair: pair[0])]


def finished(out: Path) -> list[Trial]:
    """Return the finished trials, the best first; failed ones are last, whatever F1 they had reached."""
    return sorted(
        _read_each(out, RESULT, _as_trial),
        key=lambda trial: (trial.ended == "failed", -(trial.valid_f1 or 0.0), trial.folder),
    )


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the best of `finished` trials; None if there are none, or all failed."""
    return next((trial for trial in trials if trial.ended != "failed"), None)


def _read_each(out: Path, name: str, what: Callable[[Any], _T]) -> Iterator[_T]:
    """Yield the result of `what` for the content of the file `name` of every trial that has this file."""
    for path in (out / TRIALS).glob(f"*/{name}"):
        content = read_json(path, inside=out)
        try:
            yield what(content)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{path}: damaged ({error!r:.80}); delete {path.parent} to train it again") from error


def _check_values(values: Any) -> dict[str, Any]:
    """Return the values of a trial by parameter; raise KeyError or TypeError if one is missing."""
    if not isinstance(values, Mapping):
        raise TypeError(f"values are {values!r:.40}")
    known = from_file(values)
    return {**known, **{name: known[name] for name in PARAMETERS}}


def _as_trial(content: Any) -> Trial:
    """Return a finished trial; raise KeyError or TypeError if `content` is not one."""
    trial = Trial(**{**content, "values": _check_values(content["values"])})
    if not isinstance(trial.valid_f1, int | float | None) or not isinstance(trial.folder, str):
        raise TypeError("valid_f1 or folder is of another type")
    return trial


def as_json(trial: Trial) -> dict[str, Any]:
    """Return the content of `result.json` for a trial."""
    return {**asdict(trial), "values": to_file(trial.values)}


def _rows(trials: Sequence[Trial]) -> Iterator[list[Any]]:
    for place, trial in enumerate(trials, 1):
        f1 = None if trial.valid_f1 is None else round(trial.valid_f1, 5)
        yield [place, *(trial.values[name] for name in PARAMETERS), trial.ended, trial.epochs, f1, trial.folder]


def write_table(path: Path, trials: Sequence[Trial]) -> None:
    """Write the trials as CSV, the best first."""
    tables.write_own(path, [FILE_KEYS.get(name, name) for name in COLUMNS], _rows(trials))


def table(trials: Sequence[Trial], space: SearchSpace, *, most: int = 10) -> "Table":
    """Return the best trials as a table for the terminal, without the settings that are the same in all."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, title=f"{len(trials)} trials, the best first", pad_edge=False)
    columns = [COLUMNS.index(name) for name in ("trial", *space.varies(), "ended", "epochs", "valid_f1")]
    for index in columns:
        shown.add_column(COLUMNS[index].replace("_", " "), justify="right", no_wrap=True)
    for row in list(_rows(trials))[:most]:
        shown.add_row(*("–" if row[index] is None else str(row[index]) for index in columns))
    return shown


def plot(path: Path, trials: Sequence[Trial], space: SearchSpace) -> None:
    """Plot best validation F1 against each setting that varied, as PNG; needs matplotlib."""
    import_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = space.varies() or ("learning_rate",)
    figure = Figure(figsize=(3.2 * len(names), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    measured = [trial for trial in trials if trial.valid_f1 is not None]
    colours: dict[Ended, str] = {"complete": "#0072B2", "stopped early": "#9aa3ab", "failed": "#D55E00"}
    for index, (axes, name) in enumerate(zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True)):
        choices = sorted({trial.values[name] for trial in measured}, key=lambda value: (value is None, value))
        is_range = name in ("learning_rate", "render_share")
        for ended, colour in colours.items():
            shown = [trial for trial in measured if trial.ended == ended]
            values = [trial.values[name] if is_range else choices.index(trial.values[name]) for trial in shown]
            axes.scatter(
                values, [trial.valid_f1 for trial in shown], s=18, color=colour, label=ended if shown else None
            )
        if not is_range:
            axes.set_xticks(range(len(choices)), ["all" if value is None else str(value) for value in choices])
            axes.margins(x=0.2)
        if name == "learning_rate":
            axes.set_xscale("log")
        axes.set(xlabel=name.replace("_", " "))
        if index == 0:
            axes.set(ylabel="best F1 on validation photos")
            axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    with atomic_file(path) as stream:
        figure.savefig(stream, format="png", dpi=120)


def train_command(best: Trial, given: Mapping[str, Any]) -> str:
    """Return the `train` command of a trial with the options that all trials share.

    A tuple becomes several words; None and empty tuples are left out.
    """
    values = {**given, **{name: best.values[name] for name in ("learning_rate", "batch_size", "augmentation")}}
    if best.values["render_share"]:
        values |= {name: best.values[name] for name in ("render_share", "render_count")}
    else:
        values.pop("renders", None)
    words = ["corrotwin", "segmentation", "train"]
    for name, value in values.items():
        if value is not None and value != ():
            words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)


def write_summary(path: Path, trials: Sequence[Trial], best_command: str | None) -> None:
    """Write the sweep as Markdown, with the `train` command of its best trial; None if all failed."""
    advice = (
        "All failed."
        if best_command is None
        else "Chosen by best F1 on validation photos; the best score of many is too high by chance. Train that trial "
        f"again with other seeds:\n\n    {best_command}"
    )
    lines = [
        f"# {counted(len(trials), 'trial')}",
        "",
        advice,
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
        *(f"| {' | '.join('' if cell is None else str(cell) for cell in row)} |" for row in _rows(trials)),
    ]
    write_text(path, "\n".join(lines) + "\n")
