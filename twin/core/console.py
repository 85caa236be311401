"""The one rich console: tables, colours and progress bars for a terminal, in which data are never markup."""

from typing import Any

from rich.console import Console
from rich.text import Text

from corrotwin.twin.core.text import printable_lines


class _Console(Console):
    """A console that shows text literally, with control characters escaped; only styles given beside it colour it."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable_lines(text).replace("\t", " "), **options)  # a tab has no width


def rich_console(*, stderr: bool = False, wrap: bool = True) -> Console:
    """Return a console on standard output, or on standard error.

    Parameters
    ----------
    wrap : break lines at the width of the terminal; tables are fitted to it in any case.
    """
    return _Console(stderr=stderr, soft_wrap=not wrap, markup=False, emoji=False, highlight=False)
