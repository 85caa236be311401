"""What a sweep draws, and what it leaves: trials by number, their table, their picture.

A trial has a folder of its own, `trials/<digest of its configuration>`: `trial.json` is written before it is trained,
`run/` is its training run, and `result.json` is written when it is over: complete, stopped early, or failed.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import Augmentation, DataArm, TrainConfig
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_text

if TYPE_CHECKING:
    from rich.table import Table

_T = TypeVar("_T")

TRIALS = "trials"
STARTED, RUN, OVER = "trial.json", "run", "result.json"
Ended = Literal["complete", "stopped early", "failed"]
NAMES = ("learning_rate", "batch_size", "augmentation", "synth_share", "synth_count")
COLUMNS = ("trial", *NAMES, "ended", "epochs", "valid_f1", "folder")
DIGITS = 3  # of a drawn number


@dataclass(frozen=True, kw_only=True)
class Space:
    """What may vary. One value, or equal ends of a range, stay fixed.

    Parameters
    ----------
    learning_rate : range, drawn uniformly in its logarithm.
    batch_size, augmentation : choices.
    synth_share : range of the part of each batch that is renders.
    synth_count : choices of the number of renders to use; empty for all.
    """

    learning_rate: tuple[float, float]
    batch_size: tuple[int, ...]
    augmentation: tuple[Augmentation, ...]
    synth_share: tuple[float, float] = (0.0, 0.0)
    synth_count: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        low, high = self.learning_rate
        if not 0 < low <= high:
            raise InputError(f"learning rates from {low:g} to {high:g}: give two above 0, the lower first")
        low, high = self.synth_share
        if not 0 <= low <= high <= 1:
            raise InputError(f"synth shares from {low:g} to {high:g}: give two from 0 to 1, the lower first")
        for name in ("batch_size", "augmentation"):
            if not getattr(self, name):
                raise InputError(f"{name}: give at least one")
        if self.synth_count and self.synth_share[1] == 0:
            raise InputError("synth_count needs a synth_share above 0")

    def varies(self) -> tuple[str, ...]:
        """Names of what is drawn."""
        ends = {"learning_rate": self.learning_rate, "synth_share": self.synth_share}
        several = {name: len(set(values)) > 1 for name, values in ends.items()}
        several |= {name: len(set(getattr(self, name))) > 1 for name in NAMES if name not in ends}
        return tuple(name for name in NAMES if several[name])

    def draw(self, seed: int, number: int) -> dict[str, Any]:
        """The values of a trial: of its number alone, so that a longer sweep begins with a shorter one."""
        rng = np.random.default_rng([seed, number])
        low, high = self.learning_rate
        return rounded(
            {
                "learning_rate": exp(rng.uniform(log(low), log(high))),
                "batch_size": int(rng.choice(self.batch_size)),
                "augmentation": str(rng.choice(self.augmentation)),
                "synth_share": rng.uniform(*self.synth_share),
                "synth_count": int(rng.choice(self.synth_count)) if self.synth_count else None,
            }
        )


def rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as a person would write them: numbers of three digits."""
    ranges = {name: float(f"{values[name]:.{DIGITS}g}") for name in ("learning_rate", "synth_share")}
    return {**values, **ranges}


def configured(base: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """The run of a trial.

    Raises
    ------
    InputError
        A value is not valid.
    """
    share = values["synth_share"]
    arm = DataArm(
        name="mixed" if share else "real",
        real_fraction=base.arm.real_fraction,
        synth_share=share,
        synth_count=values["synth_count"] if share else None,
        augmentation=values["augmentation"],
    )
    return replace(base, arm=arm, learning_rate=values["learning_rate"], batch_size=values["batch_size"])


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial that is over.

    Parameters
    ----------
    values : that were drawn.
    ended, epochs : how, and after how many.
    valid_f1 : the best of its epochs, on the validation photos; None if it failed before the first.
    folder : its name below `TRIALS`.
    error : why it failed.
    """

    values: Mapping[str, Any]
    ended: Ended
    epochs: int
    valid_f1: float | None
    folder: str
    error: str | None = None


def history(folder: Path) -> list[dict[str, float]]:
    """The epochs of a trial so far, from the table of its run."""
    path = folder / RUN / runs.HISTORY
    if not path.exists():
        return []
    columns = runs.read_history(path)
    return [
        dict(zip(columns, row, strict=True)) for row in zip(*(each.tolist() for each in columns.values()), strict=True)
    ]


def folder_of(out: Path, config: TrainConfig) -> Path:
    """The folder of a trial."""
    return out / TRIALS / config.digest


def started(out: Path) -> list[dict[str, Any]]:
    """Values of the trials that were begun, in their order."""
    found = _each(out, STARTED, lambda content: (float(content["begun"]), _named(content["values"])))
    return [values for _, values in sorted(found, key=lambda each: each[0])]


def over(out: Path) -> list[Trial]:
    """Trials that are over, the best first."""
    return sorted(
        _each(out, OVER, _trial),
        key=lambda each: (-(each.valid_f1 if each.valid_f1 is not None else -1.0), each.folder),
    )


def _each(out: Path, name: str, what: Callable[[Any], _T]) -> Iterator[_T]:
    """What the files of this name of all trials hold."""
    for path in (out / TRIALS).glob(f"*/{name}"):
        try:
            yield what(read_json(path))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{path}: damaged ({error!r:.80}); delete {path.parent} to train it again") from error


def _named(values: Any) -> dict[str, Any]:
    """The values of a trial, with all names that one has; KeyError or TypeError where it has not."""
    return {**values, **{name: values[name] for name in NAMES}}


def _trial(content: Any) -> Trial:
    """A trial that is over; KeyError or TypeError where it is none."""
    trial = Trial(**content)
    if not isinstance(trial.valid_f1, int | float | None) or not isinstance(trial.folder, str):
        raise TypeError("valid_f1 or folder is of another type")
    _named(trial.values)
    return trial


def _rows(trials: Sequence[Trial]) -> Iterator[list[Any]]:
    for place, each in enumerate(trials, 1):
        f1 = None if each.valid_f1 is None else round(each.valid_f1, 5)
        yield [place, *(each.values[name] for name in NAMES), each.ended, each.epochs, f1, each.folder]


def write_table(path: Path, trials: Sequence[Trial]) -> None:
    """The trials as CSV, the best first."""
    runs.write_table(path, COLUMNS, _rows(trials))


def table(trials: Sequence[Trial], space: Space, *, most: int = 10) -> "Table":
    """The best trials for people, without what was the same in all."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, title=f"{len(trials)} trials, the best first", pad_edge=False)
    columns = [COLUMNS.index(name) for name in ("trial", *space.varies(), "ended", "epochs", "valid_f1")]
    for index in columns:
        shown.add_column(COLUMNS[index].replace("_", " "), justify="right", no_wrap=True)
    for row in list(_rows(trials))[:most]:
        shown.add_row(*("–" if row[index] is None else str(row[index]) for index in columns))
    return shown


def plot(path: Path, trials: Sequence[Trial], space: Space) -> None:
    """Best validation F1 against each value that was drawn, as PNG; needs matplotlib."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from corrotwin.twin.core.files import atomic_file

    names = space.varies() or ("learning_rate",)
    figure = Figure(figsize=(3.2 * len(names), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    done = [each for each in trials if each.valid_f1 is not None]
    colours: dict[Ended, str] = {"complete": "#0072B2", "stopped early": "#9aa3ab", "failed": "#D55E00"}
    for index, (axes, name) in enumerate(zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True)):
        choices = sorted({each.values[name] for each in done}, key=lambda value: (value is None, value))
        is_range = name in ("learning_rate", "synth_share")
        for ended, colour in colours.items():
            own = [each for each in done if each.ended == ended]
            values = [each.values[name] if is_range else choices.index(each.values[name]) for each in own]
            axes.scatter(values, [each.valid_f1 for each in own], s=18, color=colour, label=ended if own else None)
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
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120)
    with atomic_file(path) as file:
        file.write(stream.getvalue())


def command(best: Trial, given: Mapping[str, Any]) -> str:
    """The `train` command of a trial, with what was given for all; tuples become several words, None and () none."""
    values = {**given, **{name: best.values[name] for name in ("learning_rate", "batch_size", "augmentation")}}
    if best.values["synth_share"]:
        values |= {name: best.values[name] for name in ("synth_share", "synth_count")}
    else:
        values.pop("renders", None)
    words = ["corrotwin", "segmentation", "train"]
    for name, value in values.items():
        if value is not None and value != ():
            words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)


def write_summary(path: Path, trials: Sequence[Trial], best_command: str) -> None:
    """The sweep in Markdown."""
    lines = [
        f"# {len(trials)} trials",
        "",
        "Chosen by best F1 on validation photos; the best of many is too good by luck. Train it anew by other seeds:",
        "",
        f"    {best_command}",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
        *(f"| {' | '.join('' if cell is None else str(cell) for cell in row)} |" for row in _rows(trials)),
    ]
    write_text(path, "\n".join(lines) + "\n")
