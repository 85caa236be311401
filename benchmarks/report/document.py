"""The building blocks of a report: sections, each a title and blocks. Templates turn them into pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from corrotwin.benchmarks.formatting.style import Figure
from corrotwin.benchmarks.formatting.table import ReportTable

if TYPE_CHECKING:
    from corrotwin.twin.pages.pictures import EncodedPicture


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph, or with `heading` a heading inside a section, or with `warning` a warning at its start."""

    text: str
    heading: bool = False
    warning: bool = False
    kind: ClassVar[str] = "text"


@dataclass(frozen=True, kw_only=True)
class Bullets:
    """A list; each item may begin with words in bold."""

    items: tuple[tuple[str, str], ...]
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
class PageLink:
    """A link to a page beside the report; `about` says what it shows."""

    text: str
    href: str
    about: str
    kind: ClassVar[str] = "link"


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoColumn:
    """A photo of a grid: why it is shown, its name, the address of its page (empty for none), its F1 and pictures."""

    heading: str
    name: str
    href: str
    cells: "tuple[tuple[str, EncodedPicture], ...]"


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoGrid:
    """Photos with outlined regions; each column shows one photo, each row one model."""

    name: str
    title: str
    caption: str
    columns: tuple[PhotoColumn, ...]
    rows: tuple[str, ...]
    kind: ClassVar[str] = "photos"


Block = Text | Bullets | Facts | Command | PageLink | PhotoGrid | ReportTable | Figure


@dataclass(frozen=True, kw_only=True)
class ReportSection:
    """A section of the report; `key` is its anchor."""

    key: str
    title: str
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
    label : data and profile behind all its numbers, for the Markdown.
    about : the same for the page, in parts; parts with True are warnings.
    footer : where the numbers come from.
    markdown : name of the Markdown file beside the page.
    tag : a few words of warning for each table and figure, such as "Smoke, not results."
    missing : runs that no number includes, and why.
    """

    title: str
    label: str
    about: tuple[tuple[str, bool], ...]
    sections: tuple[ReportSection, ...]
    footer: str
    markdown: str
    tag: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures of all sections."""
        return tuple(figure for section in self.sections for figure in section.figures)
