"""A pipeline as sections of one register."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from contractor import Rows, table

from corrotwin.twin import store
from corrotwin.twin.inspection import register as registers

Command = Callable[..., subprocess.CompletedProcess[str]]
ROWS: Rows = [
    [
        "Section",
        "From km",
        "To km",
        "OD (inch)",
        "Wall (inch)",
        "Required (inch)",
        "Built",
        "Soil",
        "Coating life",
        "Inside",
    ],
    ["KP-0", "0.000", "1.000", 20, 0.375, 0.2, 1998, "natural", 15, "none"],
    ["KP-1", 1, 2.5, 20, 0.375, "", "2001-05-31", "aggressive fill", "", "process rate_mm_year=0.02"],
]


@pytest.mark.ci
def test_a_twin_a_section(tmp_path: Path, command: Command) -> None:
    path, out = table(tmp_path / "line.csv", ROWS), tmp_path / "line"
    dry = command("sections", path, out, "--dry-run")
    assert "KP-1: 1 to 2.5 km, 508 x 9.525 mm, since 2001-05-31" in dry.stdout
    assert not out.exists()
    done = command("sections", path, out)
    assert "2 sections of 2.5 km, 2 new" in done.stdout, done.stderr
    first, second = (store.read(out / name) for name in ("KP-0", "KP-1"))
    assert (first.parameters["run_m"], second.parameters["run_m"]) == (1000.0, 1500.0)
    assert [mechanism.kind for mechanism in first.mechanisms] == ["soil"]
    assert first.mechanisms[0].after_years == 15
    assert sorted(mechanism.kind for mechanism in second.mechanisms) == ["process", "soil"]
    assert f"{first.built:%Y-%m-%d}" == "1998-01-01"
    assert registers.read(out / "KP-0").required_by_zone() == {"body": pytest.approx(0.2 * 25.4)}
    assert "0 new" in command("sections", path, out).stdout
    more = [ROWS[0], ["KP-X", 3, 4, *ROWS[1][3:]], [*ROWS[1][:5], 0.25, *ROWS[1][6:]], ROWS[2]]
    again = command("sections", table(tmp_path / "more.csv", more), out)
    assert "3 sections of 3.5 km, 1 new" in again.stdout, again.stderr
    assert registers.read(out / "KP-0").required_by_zone() == {"body": pytest.approx(0.25 * 25.4)}
    other = [ROWS[0], ["KP-0", 0, 1, 24, *ROWS[1][4:]]]
    refused = command("sections", table(tmp_path / "other.csv", other), out)
    assert refused.returncode == 2
    assert "KP-0: holds a twin that differs from the table" in refused.stderr


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, "../x", "line 2, column 'Section': '../x' cannot be the name of a folder"),
        (0, "KP-1", "line 3, column 'Section': 'KP-1' is in two rows"),
        (0, "kp-1", "line 3, column 'Section': 'KP-1' is the same name as 'kp-1'"),
        (0, "K" * 300, "cannot be the name of a folder"),
        (0, "K\x1b[2J", "cannot be the name of a folder"),
        (2, 0, "line 2, column 'To km': 0 km: must be beyond 0 km"),
        (2, 1.2, "KP-0 ends at 1.2 km, and KP-1 begins at 1 km"),
        (2, "1,500", "line 2, column 'To km': '1,500' could be 1.5000 or 1500; write the one that you mean"),
        (3, 200, "line 2: pipe od_mm"),
        (5, 0.5, "required_mm 12.7 is not below nominal_mm 9.525"),
        (6, "05/06/1998", "line 2, column 'Built': '05/06/1998' could be either of two dates"),
        (6, "soon", "line 2, column 'Built': 'soon' is not a date"),
        (6, "", "line 2: 'Built' is empty; fill it in"),
        (7, "moor", "line 2, column 'Soil': 'moor' is not a soil class of EN 1993-5"),
        (9, "magic", "line 2: mechanism magic: unknown"),
    ],
)
def test_a_wrong_row_is_one_line_and_nothing_is_made(
    column: int, value: object, message: str, tmp_path: Path, command: Command
) -> None:
    rows = [list(row) for row in ROWS]
    rows[1][column] = value
    refused = command("sections", table(tmp_path / "line.csv", rows), tmp_path / "line")
    assert refused.returncode == 2
    assert message in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "line").exists()
