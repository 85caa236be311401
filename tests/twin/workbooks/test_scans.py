"""Scan grids: matrices with axes and without, rows of points, blocks by hand, and what is refused."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contractor import Rows, pipe, table

from corrotwin.twin.inspection import log
from corrotwin.twin.workbooks.scans import read_scan

Command = Callable[..., subprocess.CompletedProcess[str]]
GRID = np.round(8.0 - 0.01 * np.arange(96).reshape(8, 12) - 0.001 * (np.arange(96).reshape(8, 12) % 7), 3)


def with_axes(corner: str) -> Rows:
    return [[corner, *range(0, 120, 10)], *([5 * row, *GRID[row]] for row in range(8))]


def of_points(*headings: str) -> Rows:
    return [list(headings), *([column, row, GRID[row, column]] for row in range(8) for column in range(12))]


SHAPES: dict[str, Rows] = {
    "matrix": GRID.tolist(),
    "axes": with_axes("mm"),
    "axes with a corner": with_axes("0"),
    "title": [["C-scan of line 7"], [], *with_axes("")],
    "rounded axes": [
        ["", *(round(1.27 * column, 1) for column in range(12))],
        *([round(0.254 * row, 1), *GRID[row]] for row in range(8)),
    ],
    "numbered columns": [[*range(1, 13)], *GRID.tolist()],
    "numbered rows": [[row + 1, *GRID[row]] for row in range(8)],
    "rows": of_points("X (mm)", "Y (mm)", "Thickness"),
    "rows of walls": of_points("X (mm)", "Y (mm)", "Wall thickness (mm)"),
    "rows around": of_points("Axial (mm)", "Circ (mm)", "Thickness (mm)"),
    "rows of a wall": of_points("x", "y", "wall"),
    "rows in space": [
        ["x", "y", "z", "Wall loss", "Remaining"],
        *([column, row, 3.0, 8.0 - GRID[row, column], GRID[row, column]] for row in range(8) for column in range(12)),
    ],
}
POSITIONS = {
    "matrix": "no positions", "axes": "first row and column left out as positions",
    "numbered columns": "first row left out as positions", "numbered rows": "first column left out as positions",
    "rows around": "positions from 'Axial (mm)', 'Circ (mm)', values from 'Thickness (mm)'",
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_all_shapes_of_a_grid_are_one(shape: str, tmp_path: Path) -> None:
    found = read_scan(table(tmp_path / "scan.csv", SHAPES[shape]), "mm")
    np.testing.assert_allclose(found.mm, GRID)
    assert found.summary.endswith(f"; {POSITIONS.get(shape, '')}") or shape not in POSITIONS
    blocks = found.blocks()
    assert len(blocks) == 36
    # 8 rows in 6 blocks: 2, 2, 1, 1, 1, 1; 12 columns in 6 blocks of 2. The grid falls along both.
    assert blocks["A1"] == GRID[1, 1]
    assert blocks["C6"] == GRID[4, 11]
    assert blocks["F6"] == GRID.min()


def test_a_few_thicknesses_in_even_steps_are_no_positions(tmp_path: Path) -> None:
    found = read_scan(table(tmp_path / "scan.csv", [[8.2, 8.1, 8.0], [8.1, 8.0, 7.9], [8.1, 8.0, 7.9]]), "mm")
    assert found.summary == "scan of 3 x 3 points, 9 measured: least 7.90 mm, median 8.00 mm; no positions"


def test_of_two_values_of_a_point_the_least_counts(tmp_path: Path) -> None:
    rows: Rows = [*SHAPES["rows"], [0, 0, 3.0], [0, 0, 8.0]]
    assert read_scan(table(tmp_path / "scan.csv", rows), "mm").blocks()["A1"] == 3.0


def test_what_was_not_measured_counts_for_nothing(tmp_path: Path) -> None:
    rows: list[list[object]] = [list(row) for row in GRID.tolist()]
    rows[0][0], rows[0][1], rows[1][0], rows[1][1] = 0, "", "n/a", ""
    rows[7][11] = "nan"
    found = read_scan(table(tmp_path / "scan.csv", rows), "mm")
    assert "A1" not in found.blocks()
    assert np.isfinite(found.mm).sum() == 96 - 5
    rows[1][1] = 2.1  # alone in its block
    assert read_scan(table(tmp_path / "thin.csv", rows), "mm").blocks()["A1"] == 2.1
    assert found.blocks()["F6"] == GRID[7, 10]


AXES, NUMBERS = [5 * row for row in range(8)], [10 * column for column in range(12)]


@pytest.mark.parametrize(
    ("rows", "columns", "word", "of_rows", "of_columns"),
    [
        ([0, 1], [10, 11], "", AXES, NUMBERS), ([2, 3, 7], [0, 1], "", AXES, NUMBERS), ([0, 1], [], "", AXES, []),
        ([], [0, 1], "", [], NUMBERS), ([0, 1, 7], [0, 11], "n/a", [], []), ([2, 3], [4, 5], "", [], []),
        ([0, 1], [0], "nd", AXES, []),
    ],
)  # fmt: skip
def test_lines_that_were_not_measured_keep_their_place(
    rows: list[int], columns: list[int], word: str, of_rows: list[int], of_columns: list[int], tmp_path: Path
) -> None:
    """So that a block is of the same steel in each scan of a place."""
    expected = GRID.copy()
    expected[rows], expected[:, columns] = np.nan, np.nan
    lines = [[word if np.isnan(value) else value for value in row] for row in expected.tolist()]
    if of_rows:
        lines = [[position, *line] for position, line in zip(of_rows, lines, strict=True)]
    header: Rows = [["", *of_columns] if of_rows else of_columns] if of_columns else []
    title: Rows = [["C-scan of line 7"], ["Gauge", "-"], []]
    footer: Rows = [["Operator", "Smith"], ["Approved"]]
    found = read_scan(table(tmp_path / "scan.csv", [*title, *header, *lines, *footer]), "mm")
    np.testing.assert_allclose(found.mm, expected)


@pytest.mark.parametrize("step", [10.0, 1.27])
@pytest.mark.parametrize(("rows", "columns"), [([4, 5], []), ([1], [3, 4, 8]), ([], [2])])
def test_points_left_out_keep_their_place(rows: list[int], columns: list[int], step: float, tmp_path: Path) -> None:
    expected = GRID.copy()
    expected[rows], expected[:, columns] = np.nan, np.nan
    points = [
        [round(step * column, 1), round(step * row, 1), expected[row, column]]
        for row, column in np.argwhere(np.isfinite(expected))
    ]
    found = read_scan(table(tmp_path / "scan.csv", [["x", "y", "thickness"], *points]), "mm")
    np.testing.assert_allclose(found.mm, expected)


def test_a_grid_on_every_other_line_lacks_none(tmp_path: Path) -> None:
    rows = [line for row in GRID.tolist() for line in (row, [])]
    np.testing.assert_allclose(read_scan(table(tmp_path / "scan.csv", rows), "mm").mm, GRID)


def test_a_scan_becomes_readings_of_one_visit(tmp_path: Path, command: Command) -> None:
    folder, path = pipe(tmp_path / "spool"), table(tmp_path / "scan.csv", SHAPES["axes"])
    words = (folder, path, "--place", "S-1", "--date", "2016-05-31", "--tool", "PAUT", "--unit", "mm")
    assert "give --zone" in command("scan", *words).stderr
    dry = command("scan", *words, "--zone", "body", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "scan of 8 x 12 points, 96 measured: least 7.05 mm, median 7.52 mm" in dry.stdout
    assert "S-1/F6: 7.05 mm" in dry.stdout
    assert log.read(folder)[0] == []
    wrong = command("scan", *words[:-1], "inch", "--zone", "body")
    assert wrong.returncode == 2
    assert "scan.csv: block A1: " in wrong.stderr
    assert log.read(folder)[0] == []


@pytest.mark.slow
def test_a_scan_teaches(tmp_path: Path, command: Command) -> None:
    folder, path = pipe(tmp_path / "spool"), table(tmp_path / "scan.csv", SHAPES["axes"])
    words = ("--place", "S-1", "--date", "2016-05-31", "--tool", "PAUT", "--unit", "mm", "--zone", "body")
    done = command("scan", folder, path, *words)
    assert done.returncode == 0, done.stderr
    assert {record.place for record in log.read(folder)[0]} == {
        f"S-1/{row}{column}" for row in "ABCDEF" for column in range(1, 7)
    }
    assert "0 of 36 records added" in command("scan", folder, path, *words).stdout


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["a", "b"], ["c", "d"]], "no grid of numbers"),
        ([[7.0, 7.1, 7.2]], "no grid of numbers"),
        ([[0, 0], [0, 0]], "contains no measured thickness"),
        ([[7.0, -7.1], [7.2, 7.3]], "-7.1 mm is not a thickness"),
        ([[7.0, 7.1], [7.2, "7.1mm"], [7.2, 7.3]], "'7.1mm' is not a thickness; leave the cell empty"),
        ([[7.0, "inf"], [7.2, 7.3]], "inf is not a thickness"),
        ([["a", "b", "c"], [0, 0, 8], [1, 0, 8], [0, 1, 8]], "line 1: unknown headings 'a', 'b', 'c'; call the"),
        ([[*range(1, 9)], [8, 8, 8, 2, 8, 8, 8, 8], [8] * 8], "first row rises or falls in even steps"),
        ([[7.0] * 5_000, *[[7.0, 7.1]] * 5_000], "the rows differ too much in length"),
        ([[7.0, 7.1], [7.2, 7.3], *[[]] * 20, [7.2, 7.3]], "the numbers are too far apart for a grid"),
        ([["x", "y", "t"], [0, 0, 7], [13, 1, 7], [2, 7, 7], [5, 5, 7], [9, 8, 7]], "x and y are not a grid"),
        ([["x", "y", "t"], *[[at, at, 7] for at in range(9)]], "missing: 9 rows for 9 x 9 points; .* a row for each"),
    ],
)
def test_what_is_no_scan_is_refused(rows: Rows, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_scan(table(tmp_path / "scan.csv", rows), "mm")
