"""The one rich console: tables, colours and progress bars for a terminal, in which data are never markup."""

from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from corrotwin.twin.core.text import printable_lines

_WIDE = 10_000  # columns: more than any table of ours asks for


class _Console(Console):
    """A console that shows text literally, with control characters escaped; only styles given beside it colour it.

    A table whose words and numbers do not fit the terminal side by side is printed row by row, so that none is cut.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*map(self._fitted, objects), **options)

    def _fitted(self, one: Any) -> Any:
        if isinstance(one, Table):
            least = Measurement.get(self, self.options.update(width=_WIDE), one).minimum
            return _row_by_row(one) if least > self.width else one
        return one

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable_lines(text).replace("\t", " "), **options)  # a tab has no width


def _row_by_row(table: Table) -> str:
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


def rich_console(*, stderr: bool = False, wrap: bool = True) -> Console:
    """Return a console on standard output, or on standard error.

    Parameters
    ----------
    wrap : break lines at the width of the terminal; tables are fitted to it in any case.
    """
    return _Console(stderr=stderr, soft_wrap=not wrap, markup=False, emoji=False, highlight=False)
