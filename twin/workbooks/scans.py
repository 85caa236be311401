"""Scan grids of thickness (C-scans) as readings of one visit: the least value of each of at most 6 x 6 blocks."""

import itertools
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import counted
from corrotwin.twin.inspection.records import UNITS_MM, Record
from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.cells import NOT_MEASURED
from corrotwin.twin.workbooks.columns import canonical, names
from corrotwin.twin.workbooks.even_steps import is_even, lines_of
from corrotwin.twin.workbooks.sheets import Value, WorkbookSheet

Grid = NDArray[np.float64]

BLOCKS = 6  # along each side; single points are too many to learn from, and neighbours are redundant
_FEWEST = 2  # rows and columns of a grid
_MOST_EMPTY = 4  # points of a grid for each point that a file holds
_FEW = 5  # so few numbers may be thicknesses in even steps by chance
_ROUND = ("circ", "circumferential", "circumference")
_LONG = {  # words in the headings of rows of points, the surest first; each column is used once
    "value": (
        "thickness", "thicknesses", "wall", "remaining", "rwt", "wt", "thk", "reading", "value", "measured", "t", "z",
    ),
    "y": ("y", "index", "row", *_ROUND),
    "x": ("x", "scan", "axial", "column", *_ROUND),
}  # fmt: skip
_NO_WALL = {"loss", "depth", "nominal", "required"}  # words that mean something other than remaining thickness


@dataclass(frozen=True, kw_only=True, eq=False)
class ThicknessScan:
    """A grid of thickness in mm, (rows, columns), NaN where nothing was measured; `positions` describes its axes."""

    mm: Grid
    positions: str

    @property
    def summary(self) -> str:
        """The scan in a line: its points, and its least and median thickness."""
        rows, columns = self.mm.shape
        measured = int(np.isfinite(self.mm).sum())
        return (
            f"scan of {rows} x {columns} points, {measured} measured: least {np.nanmin(self.mm):.2f} mm, median "
            f"{np.nanmedian(self.mm):.2f} mm; {self.positions}"
        )

    def blocks(self) -> dict[str, float]:
        """Return the least thickness of each block, mm, by name: rows A, B, C ..., columns 1, 2, 3 ..."""
        least = {}
        for letter, rows in zip(
            string.ascii_uppercase, np.array_split(self.mm, min(BLOCKS, len(self.mm))), strict=False
        ):
            blocks = np.array_split(rows, min(BLOCKS, self.mm.shape[1]), axis=1)
            for number, block in enumerate(blocks, start=1):
                if np.isfinite(block).any():
                    least[f"{letter}{number}"] = float(np.nanmin(block))
        return least


def read_scan(path: Path, unit: str) -> ThicknessScan:
    """Read a grid of thickness: a matrix with or without axes, or rows of x, y and thickness.

    A first row or column in even steps is an axis. Empty cells, 0 and words such as n/a mark unmeasured points.

    Parameters
    ----------
    path : CSV file or workbook with one sheet.
    unit : unit of its values: mm, inch or mil.

    Raises
    ------
    InputError
        The file cannot be read or holds no grid, a value is not a thickness, or it is unclear which values are
        positions.
    """
    read = sheets.read(path)
    if len(read) != 1:
        raise InputError(f"{path}: has {counted(len(read), 'sheet')} with content; keep only the one with the scan")
    sheet = read[0]
    grid, positions = _long(sheet) or _matrix(sheet)
    grid = np.where(grid == 0, np.nan, grid) * UNITS_MM[unit]
    if np.isinf(grid).any():
        raise InputError(f"{path}: inf is not a thickness; leave cells empty where nothing was measured")
    if not np.isfinite(grid).any():
        raise InputError(f"{path}: contains no measured thickness")
    if np.nanmin(grid) < 0:
        raise InputError(
            f"{path}: {np.nanmin(grid):g} mm is not a thickness; leave cells empty where nothing was measured"
        )
    return ThicknessScan(mm=grid, positions=positions)


def records_of_scan(scan: ThicknessScan, *, place: str, zone: str, date: str, tool: str, source: str) -> list[Record]:
    """Return a reading for each block of a scan, at places named PLACE/A1, PLACE/A2 and so on.

    Because of the instrument's scatter, the least of many readings is below the least wall: the safe side.
    """
    return [
        Record(
            date=date,
            zone=zone,
            kind="ultrasonic",
            value=value,
            tool=tool,
            place=f"{place}/{name}",
            source=f"{source}: block {name}",
        )
        for name, value in scan.blocks().items()
    ]


def _matrix(sheet: WorkbookSheet) -> tuple[Grid, str]:
    """Return the numbers of a sheet as a grid without titles and axes, and a description of the omitted axes.

    A line of the grid without measurements is kept if its position on an axis, cells that say so, or the lines on both
    sides reveal it.
    """
    rows = _lines(sheet)
    _check_headings(sheet, rows)
    if len(rows) < _FEWEST:
        raise InputError(f"{sheet.path}: no grid of numbers; give a row of thicknesses for each line of the scan")
    width = max(len(cells) for _, cells in rows)
    if len(rows) * width > _MOST_EMPTY * sum(len(cells) for _, cells in rows):
        raise InputError(f"{sheet.path}: the rows differ too much in length; export the scan as a regular grid")
    grid = np.full((len(rows), width), np.nan)
    for line, (number, cells) in enumerate(rows):
        for column, cell in enumerate(cells):
            grid[line, column] = _point(cell, sheet, number)
    row_indices = np.flatnonzero([_numbers(cells) or _is_lost(cells) for _, cells in rows])
    columns = itertools.zip_longest(*(rows[line][1] for line in row_indices))
    column_indices = np.flatnonzero([_numbers(cells) or _is_lost(cells) for cells in columns])
    grid = grid[np.ix_(row_indices, column_indices)]
    row_is_axis, column_is_axis = _axes(grid, sheet) if min(grid.shape, default=0) else (False, False)
    grid = grid[int(row_is_axis) :, int(column_is_axis) :]
    if not column_is_axis:
        numbers = np.array([rows[line][0] for line in row_indices], dtype=int)
        grid = _spread(grid, numbers[int(row_is_axis) :], sheet)
    if not row_is_axis:
        grid = _spread(grid.T, column_indices[int(column_is_axis) :], sheet).T
    if min(grid.shape, default=0) < _FEWEST:
        raise InputError(f"{sheet.path}: no grid of numbers; give a row of thicknesses for each line of the scan")
    axes = [name for name, is_axis in (("row", row_is_axis), ("column", column_is_axis)) if is_axis]
    return grid, f"first {' and '.join(axes)} left out as positions" if axes else "no positions"


def _lines(sheet: WorkbookSheet) -> list[tuple[int, tuple[Value, ...]]]:
    """Return the rows of a sheet from the first row of its grid, with their numbers in the sheet."""
    rows = [(row.number, row.cells) for row in sheet.rows]
    grid_lines = (line for line, (_, cells) in enumerate(rows) if _numbers(cells) >= _FEWEST or _is_lost(cells))
    begin = next(grid_lines, len(rows))
    first = np.array([value if isinstance(value := _parsed(cells[0]), float) else np.nan for _, cells in rows])
    end = 1 + max(np.flatnonzero(np.isfinite(first)), default=-1)  # a line of text may follow
    while begin and not any(rows[begin - 1][1][1:]) and is_even(first[begin - 1 : end]):
        begin -= 1  # a line with only a position
    return rows[begin:]


def _is_lost(cells: Sequence[Value]) -> bool:
    """Return whether the cells of a line, after an optional position, say that nothing was measured."""
    filled = [cell for cell in cells if cell is not None]
    values = filled[1:] if filled and isinstance(_parsed(filled[0]), float) else filled
    return len(values) >= _FEWEST and all(_parsed(cell) is None and isinstance(cell, str) for cell in values)


def _spread(grid: Grid, places: NDArray[np.int64], sheet: WorkbookSheet) -> Grid:
    """Return a grid with rows of NaN for gaps between its rows, which have these places in a sheet.

    If all gaps are equal, as in a sheet that uses every other line, no row is missing.
    """
    if len(places) < _FEWEST:
        return grid
    lines = (places - places[0]) // np.gcd.reduce(np.diff(places))
    if lines[-1] >= _MOST_EMPTY * len(lines):
        raise InputError(f"{sheet.path}: the numbers are too far apart for a grid; keep only the scan in the sheet")
    spread = np.full((lines[-1] + 1, grid.shape[1]), np.nan)
    spread[lines] = grid
    return spread


def _check_headings(sheet: WorkbookSheet, rows: Sequence[tuple[int, tuple[Value, ...]]]) -> None:
    """Raise InputError if numbers have unknown headings: their first columns are positions, not thicknesses."""
    above = [row for row in sheet.rows if rows and row.number < rows[0][0]][-1:]
    width = max((len(cells) for _, cells in rows), default=0)
    for row in above:
        headings = [cell for cell in row.cells if isinstance(cell, str)]
        if len(headings) >= width:
            raise InputError(
                f"{sheet.where(row.number)}: unknown headings {names(headings)}; call the columns x, y and "
                "thickness, or remove this row if a matrix of thicknesses follows"
            )


def _axes(grid: Grid, sheet: WorkbookSheet) -> tuple[bool, bool]:
    """Return whether the first row and the first column of a matrix are positions.

    Raises
    ------
    InputError
        One rises or falls in even steps, but may be thicknesses too.
    """
    labelled = bool(np.isnan(grid[0, 0]))
    both = is_even(grid[0, 1:]) and is_even(grid[1:, 0])
    begin = int(labelled or both)
    lines = grid[0, begin:], grid[begin:, 0]
    are_axes = both or is_even(lines[0]), both or is_even(lines[1])
    inside = grid[int(are_axes[0]) :, int(are_axes[1]) :]
    alike = [_is_alike(line, inside) for line, is_axis in zip(lines, are_axes, strict=True) if is_axis]
    if (both and labelled) or not alike or not all(alike):
        return are_axes
    name, line = ("row", lines[0]) if are_axes[0] else ("column", lines[1])
    if len(line) < _FEW:
        return False, False
    raise InputError(
        f"{sheet.path}: the first {name} rises or falls in even steps, so it may be positions or thicknesses; remove "
        "positions, or give them in the first row and the first column, with an empty corner"
    )


def _long(sheet: WorkbookSheet) -> tuple[Grid, str] | None:
    """Return the grid of a sheet with rows of x, y and thickness, and the columns used; None for another sheet."""
    for position, row in enumerate(sheet.rows[:30]):
        index_of = _columns_of([set(canonical(cell).split()) if isinstance(cell, str) else set() for cell in row.cells])
        if len(index_of) < len(_LONG):
            continue
        x_index, y_index, value_index = index_of["x"], index_of["y"], index_of["value"]
        points = []
        for point_row in sheet.rows[position + 1 :]:
            cells = [
                _point(point_row.cells[i] if i < len(point_row.cells) else None, sheet, point_row.number)
                for i in (x_index, y_index, value_index)
            ]
            points.append(cells)
        table = np.array(points, dtype=float).reshape(-1, 3)
        table = table[np.isfinite(table[:, :2]).all(axis=1)]
        lines = lines_of(table[:, 1]), lines_of(table[:, 0])
        rows, columns = (1 + int(line_numbers.max(initial=-1)) for line_numbers in lines)
        if min(rows, columns) < _FEWEST or rows * columns > _MOST_EMPTY * len(table):
            raise InputError(
                f"{sheet.path}: x and y are not a grid, or most of it is missing: {counted(len(table), 'row')} for "
                f"{rows} x {columns} points; export the scan in even steps, with a row for each point, even if "
                "nothing was measured there"
            )
        grid = np.full((rows, columns), np.nan)
        np.fmin.at(grid, lines, table[:, 2])  # the least of repeated values of a point
        return (
            grid,
            f"positions from {names([row.cells[x_index], row.cells[y_index]])}, values from {row.cells[value_index]!r}",
        )
    return None


def _columns_of(words: Sequence[set[str]]) -> dict[str, int]:
    """Return the columns of thickness and of positions by the words in their headings."""
    columns: dict[str, int] = {}
    for name, known_words in _LONG.items():
        free = [index for index in range(len(words)) if index not in columns.values()]
        for word in known_words:
            matches = [index for index in free if word in words[index] and not words[index] & _NO_WALL]
            if matches:
                columns[name] = matches[0]
                break
    return columns


def _numbers(cells: Sequence[Value]) -> int:
    return sum(isinstance(_parsed(cell), float) for cell in cells)


def _parsed(cell: Value) -> float | str | None:
    """Return a cell as a number if it is one; None if it says that nothing was measured; else its text."""
    if isinstance(cell, float):
        return cell
    if not isinstance(cell, str) or cell.casefold() in NOT_MEASURED | {"nan", "nd", "---"}:
        return None
    try:
        return float(cell.replace(",", "."))
    except ValueError:
        return cell


def _point(cell: Value, sheet: WorkbookSheet, row: int) -> float:
    value = _parsed(cell)
    if isinstance(value, str):
        if any(letter.isdigit() for letter in value):
            raise InputError(
                f"{sheet.where(row)}: {value!r:.60} is not a thickness; leave the cell empty if nothing was measured"
            )
        return np.nan
    return np.nan if value is None else value


def _is_alike(line: Grid, others: Grid) -> bool:
    """Return whether a line is within the range of other numbers, extended by the width of that range on each side."""
    measured = others[np.isfinite(others) & (others != 0)]
    if not len(measured):
        return False
    low, high = measured.min(), measured.max()
    return bool(line.min() >= 2 * low - high and line.max() <= 2 * high - low)
