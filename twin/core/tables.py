"""Tables as CSV files: the only module that reads and writes them.

`read` takes what spreadsheets and other programs write: commas, semicolons or tabs between cells, decimal points or
commas, UTF-8 or UTF-16, padded or capitalised headers, rows without content. `read_own` takes exactly what this program
writes with `write_own`. Every refusal is one line that names the file, and where it can the line, the column and the
value.

Standard library only; every package may import it.
"""

import csv
import io
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_bytes, reading, write_text
from corrotwin.twin.core.table_rows import Row, canonical, shortened

if TYPE_CHECKING:
    from _csv import Reader

SEPARATORS = (",", ";", "\t")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
MOST_BYTES = 32 * 1024**2  # of a file that somebody else wrote
MOST_OWN_BYTES = 512 * 1024**2
MOST_ROWS = 500_000  # take 0.5 GB
ADVICE = "save it as CSV UTF-8"

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ZIP = b"PK\x03\x04"  # as xlsx and ods begin
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?[,;\t ]*(?:\r\n|\r|\n|$)', re.IGNORECASE)  # Excel's own first line
_BEFORE_COMMA, _AFTER_COMMA = re.compile(r"[+-]?[0-9]+"), re.compile(r"[0-9]+")  # of a number such as 7,9
_SAMPLE = 30  # lines by which a separator is chosen where columns are not known
_END = "end of the table"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: the file, its named columns as the file writes them, and the rows that have any content."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read(
    path: Path,
    *,
    required: Sequence[str],
    optional: Sequence[str] = (),
    others: bool = True,
    inside: Path | None = None,
) -> Table:
    """Read a table that a user or another program wrote.

    The separator is the one under which the header names most of the columns asked for; a first line ``sep=;`` decides
    it. Cells and headings lose their padding; case does not matter in headings. Rows and columns without any content
    are left out.

    Parameters
    ----------
    path : CSV file in UTF-8, with or without a byte order mark, or in UTF-16 with one.
    required : columns that the header must name.
    optional : columns that it may name.
    others : whether it may have further columns; they are read, too.
    inside : folder that the table belongs to, out of which no link is followed; None for a table that the user named.

    Raises
    ------
    InputError
        The file cannot be read, is too large, or is not text; a column is missing, unknown or named twice; a quote is
        not closed; a row has more cells than there are columns.
    """
    text = _text(path, inside)
    known = [canonical(name) for name in (*required, *optional)]
    if found := _SEPARATOR_LINE.match(text):
        separator, text = found[1], "\n" + text[found.end() :]
    else:
        separator = _separator(text, [canonical(name) for name in required], known)
    records = _records(path, text, separator)
    header = records[0][1] if records else []
    names = [canonical(heading) for heading in header]
    _check_header(path, header, names, required, optional, others)
    headings = {name: heading for name, heading in zip(names, header, strict=True) if name}
    rows = []
    for line, cells in records[1:]:
        named = dict.fromkeys(headings, "") | dict(zip(names, cells, strict=False))
        row = Row(path=path, line=line, headings=headings, separator=separator, cells=named)
        if problem := surplus(names, cells, separator, others=others):
            raise row.wrong(problem)
        if "\0" in "".join(cells):
            raise row.wrong(f"holds a zero byte; {ADVICE}")
        rows.append(row)
    return Table(path=path, columns=tuple(headings.values()), rows=tuple(rows))


def cells_of(path: Path, *, most_bytes: int, most_rows: int) -> tuple[str, list[tuple[int, list[str]]]]:
    """Return the separator, and the first line and the stripped cells of each row with any content.

    The columns may be called anything.

    Text may be in UTF-8, UTF-16 with a byte order mark, or Windows-1252; the separator is the one that makes most cells
    of the first rows.

    Raises
    ------
    InputError
        The file cannot be read, is too large, has too many rows, or a quote is not closed.
    """
    text = _text(path, None, most_bytes, western=True)
    if line := _SEPARATOR_LINE.match(text):
        separator, text = line[1], "\n" + text[line.end() :]
    else:
        start = "\n".join(text.splitlines()[:_SAMPLE])
        separator = max(SEPARATORS, key=lambda sign: sum(map(len, _sampled(start, sign))))  # of equals the first
    return separator, _records(path, text, separator, most_rows)


def surplus(names: Sequence[str], cells: Sequence[str], separator: str, *, others: bool = True) -> str:
    """Return the problem of a row that has more cells than its header; empty if there is none.

    Empty cells at the end of a line do no harm, unless a decimal comma may have pushed a last empty cell there.

    Parameters
    ----------
    names : names of the columns, in order; empty under an empty heading.
    cells : cells of the row, with empty ones.
    separator : one of `SEPARATORS`.
    others : whether content is allowed under no name.
    """
    beyond = list(cells[len(names) :])
    under_none = [] if others else [cell for name, cell in zip(names, cells, strict=False) if not name]
    if content := next(filter(None, [*beyond, *under_none]), ""):
        return (
            f"more cells than columns, with {shortened(content)}; quote a cell that holds a {_NAMES[separator]}, or "
            "remove cells without a heading"
        )
    if beyond and separator == ",":
        for whole, decimals in itertools.pairwise(cells):
            if _BEFORE_COMMA.fullmatch(whole) and _AFTER_COMMA.fullmatch(decimals):
                return (
                    f"more cells than columns, and {shortened(f'{whole},{decimals}')} may be one number; quote it, or "
                    "remove the empty cells at the end of the line"
                )
    return ""


def _sampled(text: str, separator: str) -> list[list[str]]:
    try:
        return list(_reader(text, separator))
    except csv.Error:
        return []


def write_own(path: Path, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table atomically, for `read_own`. Floats keep all their bits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_own(path: Path, columns: Sequence[str]) -> dict[str, list[str]]:
    """Read a table that this program wrote: exactly these columns, commas, UTF-8, no row of another length.

    Returns
    -------
    The cells of each column, as they are written.

    Raises
    ------
    InputError
        The file cannot be read or is another table.
    """
    try:
        text = _bytes(path, path.parent, MOST_OWN_BYTES).decode()
        header, *rows = list(csv.reader(io.StringIO(text, newline=""))) or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if tuple(header) != tuple(columns) or any(len(row) != len(columns) for row in rows):
        raise InputError(f"{path}: damaged; expected the columns {', '.join(columns)}")
    return {name: [row[place] for row in rows] for place, name in enumerate(columns)}


def _bytes(path: Path, inside: Path | None, most: int) -> bytes:
    """Return the content of a file of limited size."""
    with reading(path, "check the path"):
        return read_bytes(path, inside=inside, most_bytes=most)


def _text(path: Path, inside: Path | None, most_bytes: int | None = None, *, western: bool = False) -> str:
    content = _bytes(path, inside, MOST_BYTES if most_bytes is None else most_bytes)
    if content.startswith(_ZIP):
        raise InputError(f"{path}: is an Excel workbook or another archive, not a CSV file; {ADVICE}")
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        if western and not content.startswith(_UTF16) and b"\0" not in content:
            return content.decode("cp1252", errors="replace")
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: line {line}: not a CSV file in UTF-8 ({error.reason}); {ADVICE}") from error


def _separator(text: str, required: Sequence[str], known: Sequence[str]) -> str:
    """Return the separator under which the header names most required, then known columns, then has most cells."""

    def score(separator: str) -> tuple[int, int, int]:
        try:
            header = next(row for row in _reader(text, separator) if any(cell.strip() for cell in row))
        except (StopIteration, csv.Error):
            return (0, 0, 0)
        names = {canonical(cell) for cell in header}
        return (len(names.intersection(required)), len(names.intersection(known)), len(header))

    return max(SEPARATORS, key=score)  # of equals the first


def _reader(text: str, separator: str) -> "Reader":
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)


def _records(path: Path, text: str, separator: str, most_rows: int | None = None) -> list[tuple[int, list[str]]]:
    """Return the first line and the stripped cells of each record that has any content."""
    most_rows = MOST_ROWS if most_rows is None else most_rows
    stream = _reader(f"{text}\n{_END}", separator)  # an open quote takes in all that follows, this line too
    records: list[tuple[int, list[str]]] = []
    line, last, cells = 1, 1, [""]
    try:
        for record in stream:
            last, cells = line, [cell.strip() for cell in record]
            if any(cells):
                records.append((last, cells))
            if len(records) > most_rows + 2:  # the header, and the end
                raise InputError(f"{path}: over {most_rows:,} rows, too many for a table; split it or check the path")
            line = stream.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}: line {line}: not a CSV file ({error}); look for a quote that is not closed, then {ADVICE}"
        ) from error
    if cells != [_END]:
        raise InputError(f"{path}: line {last}: a quote is opened but not closed; close it or remove it")
    return records[:-1]


def _check_header(
    path: Path,
    header: Sequence[str],
    names: Sequence[str],
    required: Iterable[str],
    optional: Iterable[str],
    others: bool,
) -> None:
    headings = list(filter(None, header))
    if missing := [name for name in required if canonical(name) not in names]:
        raise InputError(
            f"{path}: no column {missing[0]!r}; it has {_listed(headings) or 'no header'}; the first line "
            f"must name {', '.join(required)}"
        )
    known = {canonical(name) for name in (*required, *optional)}
    if not others and (unknown := [heading for heading in headings if canonical(heading) not in known]):
        raise InputError(
            f"{path}: unknown column {shortened(unknown[0])}; the known columns are {', '.join((*required, *optional))}"
        )
    if twice := sorted(name for name in known if names.count(name) > 1):
        raise InputError(f"{path}: columns that appear twice: {', '.join(twice)}; keep one of each")


def _listed(headings: Sequence[str]) -> str:
    """Return the first headings in a line, with what is not printable escaped."""
    return ", ".join([*(shortened(heading)[1:-1] for heading in headings[:12]), *(["..."] if headings[12:] else [])])
