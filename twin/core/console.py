"""The rich console: tables and colours for a terminal, in which data are never markup; and the progress line."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from corrotwin.twin.core.text import printable, printable_lines, say_error

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

Item = TypeVar("Item")

PLAIN_SECONDS = 30.0  # between two plain lines of progress, where there is no terminal
_BAR = 20  # width of a bar in letters
_PLAIN_WIDTH = 200  # of a plain line
_SHORTEST = 10  # letters that a path keeps at its end, on a narrow terminal

_WIDE = 10_000  # columns: more than any table of ours asks for


def _row_by_row(table: "Table") -> str:
    """Return a table as lines: the first cell of each row, and below it each other cell that is not empty."""
    lines = [str(table.title)] if table.title else []
    headings = [_in_line(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        first, *others = map(_in_line, row)
        lines.append(first)
        lines += [f"  {heading}: {cell}" for heading, cell in zip(headings[1:], others, strict=True) if cell]
    return "\n".join(lines)


def _in_line(cell: Any) -> str:
    return ", ".join(line.strip() for line in str(cell).splitlines() if line.strip())


def rich_console(*, stderr: bool = False, wrap: bool = True) -> "Console":
    """Return a console on standard output, or on standard error.

    Parameters
    ----------
    wrap : break lines at the width of the terminal; tables are fitted to it in any case.
    """
    return _literal_console()(stderr=stderr, soft_wrap=not wrap, markup=False, emoji=False, highlight=False)


@cache
def _literal_console() -> "type[Console]":
    """Return the class of all consoles; rich, a tenth of the time of ``--help``, is imported with the first."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    class LiteralConsole(Console):
        """A console that shows text literally, with control characters escaped; only styles beside it colour it.

        A table whose words and numbers do not fit the terminal side by side is printed row by row, so that none is cut.
        """

        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*map(self._fitted, objects), **options)

        def _fitted(self, item: Any) -> Any:
            if isinstance(item, Table):
                least = Measurement.get(self, self.options.update(width=_WIDE), item).minimum
                return _row_by_row(item) if least > self.width else item
            return item

        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(printable_lines(text).replace("\t", " "), **options)  # a tab has no width

    return LiteralConsole


class ProgressLine:
    """Progress of long work in one line: what it is, how far, its rate, the time left and where its result will be.

    A terminal shows it all the time, as wide as it is. Elsewhere it is printed every `PLAIN_SECONDS`, if there is news.
    """

    def __init__(
        self, what: str, total: float | None, unit: str, to: Path | None, done: float, how: Literal["live", "plain", ""]
    ) -> None:
        self._what, self._total, self._unit, self._how = printable(what), total, unit, how
        self._to = "" if to is None else printable(str(to))
        self._first, self._done = done, done
        self._begun = self._changed = self._printed = time.monotonic()
        self._note = ""
        self._seconds_left: float | None = None

    def update(
        self,
        done: float | None = None,
        *,
        what: str | None = None,
        total: float | None = None,
        seconds_left: float | None = None,
        note: str | None = None,
    ) -> None:
        """Report how far the work is; omitted values stay.

        Parameters
        ----------
        done, total : in the unit of the line.
        seconds_left : time left, if more is known than the mean rate tells.
        note : text at the end of the line, if there is room.
        """
        self._what = self._what if what is None else printable(what)
        self._total = self._total if total is None else total
        self._note = self._note if note is None else printable(note)
        self._seconds_left = seconds_left
        if done is not None and done != self._done:
            self._done, self._changed = done, time.monotonic()
            if self._how == "plain" and self._changed - self._printed >= PLAIN_SECONDS:
                self._printed = self._changed
                say_error(self._fitted(_PLAIN_WIDTH))

    def advance(self) -> None:
        """Report that one more is done."""
        self.update(self._done + 1)

    def end(self) -> None:
        """Print how long the work took, if plain lines have reported it."""
        if self._printed > self._begun:
            say_error(_joined(self._what, self._count(), self._unit, f"in {_clock(time.monotonic() - self._begun)}"))

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """Yield the line, fitted to the terminal, whose last column stays free."""
        from rich.text import Text

        line = self._fitted(options.max_width - 1, ascii_only=options.ascii_only)
        yield Text(line, no_wrap=True, overflow="crop", end="")

    def _fitted(self, width: int, *, ascii_only: bool = False) -> str:
        """Return the fullest form of the line that is no wider than `width`; in the barest, names are shortened."""
        filled, empty, arrow, cut, dot = ("#", "-", "-> ", "..", "") if ascii_only else ("━", "─", "→ ", "…", "· ")
        bar = ""
        if self._total and self._how == "live":
            length = min(_BAR, round(_BAR * self._done / self._total))
            bar = filled * length + empty * (_BAR - length)
        count, rate, left = self._count(), self._rate(), self._time()
        note = f"{dot}{self._note}" if self._note else ""
        where = f"{arrow}{self._to}" if self._to else ""
        full = (f"{count} {self._unit}" if count and self._unit else count, rate, left)
        bare = (count, rate, left.removesuffix(" left"))
        for form in ((bar, *full, note, where), (bar, *full, where), (*full, where), (*bare, where)):
            if len(line := _joined(self._what, *form)) <= width:
                return line
        if self._to:
            to = _shortened(self._to, max(len(self._to) - (len(line) - width), _SHORTEST), cut, from_start=True)
            where = f"{arrow}{to}"
        state = _joined(*bare, where)
        return _joined(_shortened(self._what, width - len(state) - 1, cut), state)[:width]

    def _count(self) -> str:
        if self._total is None:
            return _number(self._done) if self._done else ""
        return f"{_number(self._done)}/{_number(self._total)}"

    def _rate(self) -> str:
        """Return the rate per second, minute or hour, whichever is at least one; empty before the first."""
        seconds = self._changed - self._begun
        if self._done <= self._first or not seconds:
            return ""
        rate = (self._done - self._first) / seconds
        for unit_seconds, unit in ((1, "s"), (60, "min")):
            if rate * unit_seconds >= 1:
                return f"{rate * unit_seconds:.1f}/{unit}"
        return f"{rate * 3600:.1f}/h"

    def _time(self) -> str:
        """Return the time left, as it was given or by the mean rate until the last change; else the time so far."""
        now = time.monotonic()
        left = self._seconds_left
        if left is None and self._total is not None and self._done > self._first:
            left = (self._changed - self._begun) / (self._done - self._first) * (self._total - self._done)
        if left is None:
            return _clock(now - self._begun)
        return f"{_clock(max(0.0, left - (now - self._changed)))} left"


@contextmanager
def progress(
    what: str, total: float | None = None, *, unit: str = "", to: Path | None = None, done: float = 0
) -> Iterator[ProgressLine]:
    """Show on standard error how far the work in the block is; within another such block, show nothing.

    On a terminal the line is removed at the end, also by Ctrl-C, and other lines are printed above it. Standard output
    stays as it is, so that a table or JSON on it can be read by programs.

    Parameters
    ----------
    what : the work, in one or a few words.
    total : amount of work; None if unknown.
    unit : counted things, in the plural.
    to : place of the result.
    done : amount done before.
    """
    from rich.file_proxy import FileProxy
    from rich.live import Live

    console = rich_console(stderr=True)
    if isinstance(sys.stderr, FileProxy):  # another line is shown
        yield ProgressLine(what, total, unit, to, done, "")
    elif console.file.isatty() and not console.is_dumb_terminal:
        line = ProgressLine(what, total, unit, to, done, "live")
        with Live(line, console=console, transient=True, redirect_stdout=sys.stdout.isatty()):
            yield line
    else:
        line = ProgressLine(what, total, unit, to, done, "plain")
        yield line
        line.end()


def tracked(items: Iterable[Item], what: str, total: int, *, unit: str = "", to: Path | None = None) -> Iterator[Item]:
    """Yield the items, with a line of progress; see `progress`."""
    with progress(what, total, unit=unit, to=to) as line:
        for item in items:
            yield item
            line.advance()


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _shortened(text: str, room: int, cut: str, *, from_start: bool = False) -> str:
    """Return the text in at most `room` letters; a longer one with a sign where it was cut."""
    if len(text) <= room:
        return text
    kept = max(0, room - len(cut))
    return cut + text[len(text) - kept :] if from_start else text[:kept] + cut


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def _clock(seconds: float) -> str:
    """Return a time span as minutes and seconds, or with hours."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes}:{left:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{left:02d}"
