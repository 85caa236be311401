"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as GitHub reads it, a line for each row; bars and line ends within cells do not end them."""
    lines = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in (headings, *rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (lines[0], ["---"] * len(headings), *lines[1:]))
