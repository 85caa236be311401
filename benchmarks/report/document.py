"""The building blocks of a report: sections, each a title and blocks. Templates turn them into pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from corrotwin.benchmarks.formatting.style import Figure
from corrotwin.benchmarks.formatting.table import ReportTable


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph; a heading inside a section where `heading`, a warning at its start where `warning`."""

    text: str
    heading: bool = False
    warning: bool = False
    kind: ClassVar[str] = "text"


@dataclass(frozen=True, kw_only=True)
class Bullets:
    """A list; each item may begin with words in bold. Numbered where the order counts."""

    items: tuple[tuple[str, str], ...]
    numbered: bool = False
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Names and values under a heading."""

    title: str
    values: Mapping[str, str]
    kind: ClassVar[str] = "facts"

    @property
    def short(self) -> bool:
        """True if all values are so short that two fit beside each other."""
        return max(len(value) for value in self.values.values()) < 24


@dataclass(frozen=True, kw_only=True)
class Command:
    """A line for the shell."""

    text: str
    kind: ClassVar[str] = "command"


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A large number with its label, its interval, and the verdict that colours it."""

    label: str
    number: str
    detail: str
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Tiles side by side."""

    tiles: tuple[Tile, ...]
    kind: ClassVar[str] = "tiles"


Block = Text | Bullets | Tiles | Facts | Command | ReportTable | Figure


@dataclass(frozen=True, kw_only=True)
class ReportSection:
    """A section of the report; `key` is its anchor, `short` its name in the navigation."""

    key: str
    title: str
    short: str
    blocks: tuple[Block, ...]

    @property
    def tables(self) -> tuple[ReportTable, ...]:
        """Its tables."""
        return tuple(block for block in self.blocks if isinstance(block, ReportTable))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Its figures."""
        return tuple(block for block in self.blocks if isinstance(block, Figure))


@dataclass(frozen=True, kw_only=True)
class Page:
    """A report: the answer first, then the other sections.

    Parameters
    ----------
    title : heading of the page.
    label : what all its numbers are of, for the Markdown.
    about : the same for the page, in parts; those that are True are warnings.
    footer : where the numbers come from.
    markdown : name of the Markdown file beside the page.
    smoke : whether its numbers mean nothing.
    missing : runs that are in no number, and why.
    """

    title: str
    label: str
    about: tuple[tuple[str, bool], ...]
    sections: tuple[ReportSection, ...]
    footer: str
    markdown: str
    smoke: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures of all sections."""
        return tuple(figure for section in self.sections for figure in section.figures)


def items(*texts: str) -> tuple[tuple[str, str], ...]:
    """Return items of a list without words in bold."""
    return tuple(("", text) for text in texts)
