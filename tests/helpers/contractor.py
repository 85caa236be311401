"""Files as contractors send them, and a small pipe that they are of."""

import csv
from collections.abc import Sequence
from pathlib import Path

import openpyxl

from corrotwin.twin import store
from corrotwin.twin.creation import shaped, specify

Rows = Sequence[Sequence[object]]


def pipe(folder: Path, *, seed: int = 1) -> Path:
    """Write a pipe of 8.18 mm with zone body, in service since 2005, into a folder."""
    drawn = shaped("pipe", {"nps": 8, "schedule": 40, "run_m": 0.6}, seed=seed, texel_mm=12.0, random=False)
    twin = specify(
        drawn, years=18.0, built="2005-06-01", category="C4", climate=None, splash=None, debris=1.0, coating_life=8.0,
        zinc_um=None, bare=False, mechanisms=None, random=False,
    )  # fmt: skip
    store.save(twin, folder)
    return folder


def workbook(path: Path, **named: Rows) -> Path:
    """Write a workbook with the named sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in named.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def table(path: Path, rows: Rows, *, separator: str = ",", encoding: str = "utf-8") -> Path:
    """Write a CSV file."""
    with path.open("w", newline="", encoding=encoding) as stream:
        csv.writer(stream, delimiter=separator).writerows(rows)
    return path
