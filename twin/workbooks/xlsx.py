"""Inspect the XML of an XLSX workbook before a reader opens it: distant cells, formulas without values, errors.

The reader allocates all cells up to the furthest, so that one distant cell would exhaust the memory, and it returns
empty cells for formulas without values and for errors.
"""

import contextlib
import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

FORMULA, ERROR = "a formula without a value", "an error"
MOST_COLUMNS = 2_000
MOST_UNPACKED = 512 * 1024**2  # bytes of a workbook's content
_ADDRESS = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_SHEETS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


Merged = tuple[int, int, int, int]
"""Merged cells: first row, first column, last row and last column, from 1."""


class WorkbookError(Exception):
    """A problem with a workbook, described for users."""


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A cell that a reader would return as empty: row and column, from 1, and the reason."""

    row: int
    column: int
    what: str


@contextlib.contextmanager
def opened(content: bytes) -> Iterator[zipfile.ZipFile]:
    """Open a workbook that is an archive of XML, and turn errors while it is read into `WorkbookError`.

    Raises
    ------
    WorkbookError
        The content is no workbook, or is too large when unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                raise WorkbookError(f"unpacks to over {MOST_UNPACKED // 1024**2} MiB; save only the sheet of readings")
            yield archive
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, NotImplementedError, RuntimeError, OSError,
            EOFError, ValueError) as error:  # fmt: skip
        raise WorkbookError(f"is not a readable workbook ({error!s:.80}); save it again") from error


def flaws(content: bytes, *, most_rows: int) -> Mapping[str, tuple[Flaw, ...]]:
    """Return the flawed cells of each worksheet, by its name.

    Parameters
    ----------
    content : content of the workbook.
    most_rows : greatest number of a row that may have cells.

    Raises
    ------
    WorkbookError
        The content is no workbook, is too large when unpacked, or has cells beyond the size of any table.
    """
    with opened(content) as archive:
        return {name: tuple(_of_sheet(archive, name, path, most_rows)) for name, path in _paths(archive).items()}


def _paths(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the path of each worksheet in the archive, by its name (ECMA-376, part 1, 18.2.19)."""
    targets = {}
    for relation in _root(archive, "xl/_rels/workbook.xml.rels"):
        if relation.get("Type", "").endswith("/worksheet"):
            target = relation.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            targets[relation.get("Id")] = path
    paths = {}
    for sheet in _root(archive, "xl/workbook.xml").iter():
        if sheet.tag in (f"{_SHEETS}sheet", f"{_STRICT}sheet"):
            sheet_path = targets.get(sheet.get(_RELATION) or sheet.get(_STRICT_RELATION))
            if sheet_path is not None:
                paths[sheet.get("name", "")] = sheet_path
    return paths


def _root(archive: zipfile.ZipFile, path: str) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read(path))  # noqa: S314  expat limits the expansion of entities


def _of_sheet(archive: zipfile.ZipFile, name: str, path: str, most_rows: int) -> list[Flaw]:
    """Return the flawed cells of a worksheet, parsing the XML incrementally (ECMA-376, part 1, 18.3.1.4)."""
    flaws_found: list[Flaw] = []
    row, column = 0, 0
    with archive.open(path) as stream:
        for event, element in ElementTree.iterparse(stream, events=("start", "end")):  # noqa: S314  as above
            tag = element.tag.rpartition("}")[2]
            if event == "start" and tag == "row":
                row_number = element.get("r")
                row, column = int(row_number) if row_number else row + 1, 0
            elif event == "end" and tag == "row":
                element.clear()
            elif event == "end" and tag == "c":
                row, column = _address(element.get("r"), row, column + 1)
                if row > most_rows or column > MOST_COLUMNS:
                    raise WorkbookError(
                        f"sheet {name!r}: has a cell in row {row}, column {column}, beyond any table; split the "
                        "sheet or remove the cell"
                    )
                if reason := _flaw(element):
                    flaws_found.append(Flaw(row=row, column=column, what=reason))
    return flaws_found


def _address(text: str | None, row: int, column: int) -> tuple[int, int]:
    """Return the row and column of a cell from its address; without one, those after the preceding cell."""
    if text is None:
        return row, column
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f"cell {text:.20}")
    column_number = 0
    for letter in match[1]:
        column_number = 26 * column_number + ord(letter) - ord("A") + 1
    return int(match[2]), column_number


def _flaw(cell: ElementTree.Element) -> str:
    kind = cell.get("t")
    if kind == "e":
        return ERROR
    parts = {child.tag.rpartition("}")[2]: child.text for child in cell}
    # A formula may give empty text as its value.
    return FORMULA if "f" in parts and kind != "str" and not parts.get("v") and "is" not in parts else ""
