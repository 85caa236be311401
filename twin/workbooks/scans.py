"""Scan grids of thickness (C-scans) as readings of one visit: the least of each of at most 6 x 6 blocks."""

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
from corrotwin.twin.workbooks.readings import NOT_MEASURED
from corrotwin.twin.workbooks.sheets import Value, WorkbookSheet

Grid = NDArray[np.float64]

BLOCKS = 6  # along each side: single points are too many to learn from, and neighbours tell the same
_FEWEST = 2  # rows and columns of a grid
_MOST_EMPTY = 4  # points of a grid for each that a file holds
_LONG = {"x": ("x", "scan", "axial", "circ"), "y": ("y", "index", "row"), "value": ("thickness", "value", "z", "t")}


@dataclass(frozen=True, kw_only=True, eq=False)
class ThicknessScan:
    """A grid of thickness in mm, (rows, columns), NaN where nothing was measured."""

    mm: Grid

    @property
    def summary(self) -> str:
        """The scan in a line: its points and its least thickness."""
        rows, columns = self.mm.shape
        measured = int(np.isfinite(self.mm).sum())
        return (
            f"scan of {rows} x {columns} points, {measured} measured: least {np.nanmin(self.mm):.2f} mm, median "
            f"{np.nanmedian(self.mm):.2f} mm"
        )

    def blocks(self) -> dict[str, float]:
        """Return the least thickness of each block by its name, mm: rows A, B, C ..., columns 1, 2, 3 ..."""
        found = {}
        for letter, band in zip(
            string.ascii_uppercase, np.array_split(self.mm, min(BLOCKS, len(self.mm))), strict=False
        ):
            parts = np.array_split(band, min(BLOCKS, self.mm.shape[1]), axis=1)
            for number, block in enumerate(parts, start=1):
                if np.isfinite(block).any():
                    found[f"{letter}{number}"] = float(np.nanmin(block))
        return found


def read_scan(path: Path, unit: str) -> ThicknessScan:
    """Read a grid of thickness: a matrix with or without its axes, or rows of x, y and thickness.

    Empty cells, 0 and words such as n/a stand for points that were not measured.

    Parameters
    ----------
    path : CSV file or workbook with one sheet.
    unit : of its values: mm, inch or mil.

    Raises
    ------
    InputError
        The file cannot be read or holds no grid, or a value is not a thickness.
    """
    read = sheets.read(path)
    if len(read) != 1:
        raise InputError(f"{path}: {counted(len(read), 'sheet')} with content; keep the one with the scan")
    sheet = read[0]
    grid = _long(sheet)
    if grid is None:
        grid = _matrix(sheet)
    grid = np.where(grid == 0, np.nan, grid) * UNITS_MM[unit]
    if np.isinf(grid).any():
        raise InputError(f"{path}: inf is not a thickness; leave cells empty where none was measured")
    if not np.isfinite(grid).any():
        raise InputError(f"{path}: nothing was measured in it")
    if np.nanmin(grid) < 0:
        raise InputError(
            f"{path}: {np.nanmin(grid):g} mm is not a thickness; leave cells empty where none was measured"
        )
    return ThicknessScan(mm=grid)


def records_of_scan(scan: ThicknessScan, *, place: str, zone: str, date: str, tool: str, source: str) -> list[Record]:
    """Return a reading for each block of a scan, at places called PLACE/A1, PLACE/A2 and so on.

    The least of many readings lies below the least wall by the scatter of the instrument: the safe side.
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


def _matrix(sheet: WorkbookSheet) -> Grid:
    """Return the rows of numbers of a sheet, without titles above them and axes beside them."""
    begun = itertools.dropwhile(lambda row: _numbers(row.cells) < _FEWEST, sheet.rows)
    rows = [(row.number, row.cells) for row in begun]
    if len(rows) < _FEWEST:
        raise InputError(f"{sheet.path}: no grid of numbers; give a row of thicknesses for each line of the scan")
    width = max(len(cells) for _, cells in rows)
    if len(rows) * width > _MOST_EMPTY * sum(len(cells) for _, cells in rows):
        raise InputError(f"{sheet.path}: rows of very different length are not a grid; export the scan on even steps")
    grid = np.full((len(rows), width), np.nan)
    for line, (number, cells) in enumerate(rows):
        for column, cell in enumerate(cells):
            grid[line, column] = _point(cell, sheet, number)
    if _is_axis(grid[0, 1:]) and _is_axis(grid[1:, 0]):
        grid = grid[1:, 1:]
    measured = np.isfinite(grid)
    grid = grid[measured.any(axis=1)][:, measured.any(axis=0)]
    if min(grid.shape, default=0) < _FEWEST:
        raise InputError(f"{sheet.path}: no grid of numbers; give a row of thicknesses for each line of the scan")
    return np.asarray(grid)


def _long(sheet: WorkbookSheet) -> Grid | None:
    """Return the grid of a sheet with rows of x, y and thickness; None where it is no such sheet."""
    for position, row in enumerate(sheet.rows[:30]):
        words = [str(cell).casefold() if isinstance(cell, str) else "" for cell in row.cells]
        at = {
            name: next((index for index, word in enumerate(words) if word.split(" ")[0].strip("()[]") in called), None)
            for name, called in _LONG.items()
        }
        x_at, y_at, value_at = at["x"], at["y"], at["value"]
        if x_at is None or y_at is None or value_at is None:
            continue
        points = []
        for below in sheet.rows[position + 1 :]:
            cells = [
                _point(below.cells[i] if i < len(below.cells) else None, sheet, below.number)
                for i in (x_at, y_at, value_at)
            ]
            points.append(cells)
        table = np.array(points, dtype=float).reshape(-1, 3)
        table = table[np.isfinite(table[:, :2]).all(axis=1)]
        xs, ys = np.unique(table[:, 0]), np.unique(table[:, 1])
        if min(len(xs), len(ys)) < _FEWEST or len(xs) * len(ys) > _MOST_EMPTY * max(len(table), 1):
            raise InputError(f"{sheet.path}: x and y are not a grid; export the scan on even steps")
        grid = np.full((len(ys), len(xs)), np.nan)
        places = np.searchsorted(ys, table[:, 1]), np.searchsorted(xs, table[:, 0])
        np.fmin.at(grid, places, table[:, 2])  # of two values of a point the least
        return grid
    return None


def _numbers(cells: Sequence[Value]) -> int:
    return sum(isinstance(_parsed(cell), float) for cell in cells)


def _parsed(cell: Value) -> float | str | None:
    """Return a cell as a number where it is one; None where it says that nothing was measured; else its text."""
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
                f"{sheet.where(row)}: {value!r:.60} is not a thickness; leave it empty where none was measured"
            )
        return np.nan
    return np.nan if value is None else value


def _is_axis(values: Grid) -> bool:
    """Return whether numbers rise or fall in even steps, as positions do and thicknesses do not."""
    steps = np.diff(values)
    return len(values) > _FEWEST and bool(
        np.isfinite(values).all() and abs(steps[0]) > 0 and np.allclose(steps, steps[0], rtol=1e-3)
    )
