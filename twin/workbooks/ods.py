"""Inspect the XML of an ODS workbook before a reader opens it: merged cells, formulas without values, errors.

The reader returns empty cells for formulas without values, errors, and all merged cells except the first.
"""

import zipfile
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from corrotwin.twin.workbooks.xlsx import ERROR, FORMULA, Flaw, Merged, WorkbookError, opened

# Attributes with the value of a formula (OpenDocument 1.3, part 3, 19.385 and others).
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_VALUES = tuple(f"{_OFFICE}{name}" for name in ("value", "date-value", "time-value", "boolean-value"))
_CONTENT = "content.xml"
_MANIFEST = "META-INF/manifest.xml"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_ERROR_TYPE = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"


def flaws_and_merged(content: bytes) -> tuple[Mapping[str, Sequence[Flaw]], Mapping[str, Sequence[Merged]]]:
    """Return the flawed cells and the merged cells of each sheet, by its name; empty if the workbook is no ODS.

    Raises
    ------
    WorkbookError
        The content is no workbook, has a password, or is too large when unpacked.
    """
    with opened(content) as archive:
        if _MANIFEST in archive.namelist() and b"encryption-data" in archive.read(_MANIFEST):
            raise WorkbookError("is protected by a password; save it without one")
        return _found_in(archive) if _CONTENT in archive.namelist() else ({}, {})


def _found_in(archive: zipfile.ZipFile) -> tuple[Mapping[str, Sequence[Flaw]], Mapping[str, Sequence[Merged]]]:
    """Return the flawed and the merged cells of each sheet, parsing the XML incrementally."""
    flaws: dict[str, list[Flaw]] = {}
    merged: dict[str, list[Merged]] = {}
    name, depth = "", 0  # tables inside drawings have a greater depth
    row, rows_end, column_end = 0, 1, 1
    with archive.open(_CONTENT) as stream:
        for event, element in ElementTree.iterparse(stream, events=("start", "end")):  # noqa: S314  as in xlsx
            tag = element.tag.removeprefix(_TABLE)
            if event == "end":
                depth -= tag == "table"
                if tag == "table-row":
                    element.clear()
            elif tag == "table":
                depth += 1
                if depth == 1:
                    name, rows_end = element.get(f"{_TABLE}name", ""), 1
            elif depth == 1 and tag == "table-row":
                row, column_end = rows_end, 1
                rows_end += _count(element, "number-rows-repeated")
            elif depth == 1 and tag in ("table-cell", "covered-table-cell"):
                column = column_end
                column_end += _count(element, "number-columns-repeated")
                down, across = _count(element, "number-rows-spanned"), _count(element, "number-columns-spanned")
                if down * across > 1:
                    merged.setdefault(name, []).append((row, column, row + down - 1, column + across - 1))
                if reason := _flaw(element):
                    flaws.setdefault(name, []).append(Flaw(row=row, column=column, what=reason))
    return flaws, merged


def _count(element: ElementTree.Element, attribute: str) -> int:
    return int(element.get(f"{_TABLE}{attribute}", "1"))


def _flaw(cell: ElementTree.Element) -> str:
    if cell.get(_ERROR_TYPE) == "error":
        return ERROR
    # A formula may give empty text as its value.
    has_value = cell.get(f"{_OFFICE}value-type") == "string" or any(cell.get(value) for value in _VALUES)
    return FORMULA if f"{_TABLE}formula" in cell.attrib and not has_value else ""
