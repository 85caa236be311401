"""The building blocks of a report: sections, each a title and blocks. Templates turn them into pages."""

from collections.abc import Mapping
from dataclasses import dataclass
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


def items(*texts: str) -> tuple[tuple[str, str], ...]:
    """Return items of a list without words in bold."""
    return tuple(("", text) for text in texts)
