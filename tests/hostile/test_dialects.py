"""Every reader of a user's table takes every dialect of it and gives the same."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import readers

from corrotwin.benchmarks.stats import printed_table
from corrotwin.segmentation.data import coco, groups
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.inspection import readers as readings

Rows = list[list[str]]


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """What a spreadsheet makes of the rows of a plain table, and how it puts them into bytes."""

    separator: str = ","
    cells: Callable[[str], str] = str
    heading: Callable[[str], str] = str
    rows: Callable[[Rows], Rows] = list
    encoding: str = "utf-8"
    line_end: str = "\n"
    all_quoted: bool = False
    before: str = ""


def comma(text: str) -> str:
    """A number with a decimal comma."""
    return text.replace(".", ",") if text.replace(".", "").isdigit() else text


def wider(rows: Rows) -> Rows:
    """Two columns and two rows without content."""
    return [*([*row, "", ""] for row in rows), *[[""] * (len(rows[0]) + 2)] * 2]


DIALECTS = {
    "semicolons": Dialect(separator=";"),
    "tabs": Dialect(separator="\t"),
    "semicolons and decimal commas": Dialect(separator=";", cells=comma),
    "tabs and decimal commas": Dialect(separator="\t", cells=comma),
    "quoted decimal commas": Dialect(cells=comma),
    "a blank after each comma": Dialect(cells=lambda text: f" {text}", heading=lambda text: f" {text}"),
    "all quoted": Dialect(all_quoted=True),
    "capitalised headings": Dialect(heading=str.capitalize),
    "headings in capitals": Dialect(heading=str.upper),
    "padded headings and cells": Dialect(cells=lambda text: f"{text}  ", heading=lambda text: f"{text} "),
    "empty rows and columns": Dialect(rows=wider),
    "a byte order mark": Dialect(encoding="utf-8-sig"),
    "UTF-16": Dialect(encoding="utf-16", separator="\t"),
    "Windows line ends": Dialect(line_end="\r\n"),
    "a line for the separator": Dialect(separator=";", before="sep=;\n"),
    "European Excel": Dialect(
        separator=";", cells=comma, heading=str.capitalize, rows=wider, encoding="utf-8-sig", line_end="\r\n"
    ),
}
READ: dict[str, Callable[[Path], Any]] = {
    "readings": lambda folder: readings.from_csv(folder / "readings.csv"),
    "spots": lambda folder: groups.by_column(folder / "spots.csv", coco.read(folder), "spot"),
    "printed means": lambda folder: printed_table.read(folder / "means.csv"),
}


def table(name: str, folder: Path) -> tuple[Path, Rows]:
    """The file of a reader, and its rows."""
    reader = readers.TABLE_READERS[name]
    folder.mkdir()
    reader.make(folder)
    path = folder / reader.file
    return path, list(csv.reader(io.StringIO(path.read_text())))


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("name", READ)
def test_every_reader_takes_every_dialect(name: str, dialect: Dialect, tmp_path: Path) -> None:
    path, rows = table(name, tmp_path / "given")
    plain = READ[name](path.parent)
    header, *body = rows
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=dialect.separator,
        lineterminator=dialect.line_end,
        quoting=csv.QUOTE_ALL if dialect.all_quoted else csv.QUOTE_MINIMAL,
    )
    changed = [[dialect.heading(cell) for cell in header], *([dialect.cells(cell) for cell in row] for row in body)]
    writer.writerows(dialect.rows(changed))
    content = (dialect.before + text.getvalue()).encode(dialect.encoding)
    assert content != path.read_bytes() or name == "spots"  # which have no number to write otherwise
    path.write_bytes(content)
    assert READ[name](path.parent) == plain


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("name", READ)
def test_every_reader_names_file_line_column_and_value(name: str, separator: str, tmp_path: Path) -> None:
    path, rows = table(name, tmp_path / "given")
    place = {"readings": 3, "printed means": 1}.get(name)
    if place is None:  # all cells of spots are text: a cell too many is what can be wrong
        rows[2] += ["what"]
    else:
        rows[2][place] = "what"
    path.write_text("\n".join(separator.join(row) for row in rows))
    with pytest.raises(InputError) as caught:
        READ[name](path.parent)
    text = str(caught.value)
    assert text.startswith(f"{path}: line 3")
    assert "'what'" in text
    assert place is None or f"column {rows[0][place]!r}" in text
