"""Report of calibration scores: tables and a figure of how often P5 to P95 held the truth."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from corrotwin.twin.calibration.coverage import CoverageSummary, Score
from corrotwin.twin.core import files
from corrotwin.twin.forecast.projection import ALL
from corrotwin.twin.geometry.atlas import Floats


def summarise(scores: Sequence[Score]) -> list[CoverageSummary]:
    """Return one summary for each arm, zone, quantity and number of visits, in order of appearance."""
    groups: dict[tuple[str, str, str, int], list[Score]] = {}
    for score in scores:
        groups.setdefault((score.arm, score.zone, score.quantity, score.visits), []).append(score)
    table = []
    for (arm, zone, quantity, visits), group in groups.items():
        truth, low, middle, high = np.array([(member.truth, member.p5, member.p50, member.p95) for member in group]).T
        inside: Floats = ((truth >= low) & (truth <= high)).astype(float)
        sound = np.array([not member.conflict for member in group])
        table.append(
            CoverageSummary(
                arm=arm, zone=zone, quantity=quantity, visits=visits, count=len(group), coverage=float(inside.mean()),
                coverage_unflagged=float(inside[sound].mean()) if sound.any() else float("nan"),
                width=float((high - low).mean()), error=float(np.abs(middle - truth).mean()),
                flagged=float(1 - sound.mean()),
            )
        )  # fmt: skip
    return table


def report(folder: Path, scores: Sequence[Score]) -> None:
    """Write calibration.csv, calibration.md and, if matplotlib is installed, calibration.png into a folder."""
    from importlib.util import find_spec

    table = summarise(scores)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CoverageSummary.__dataclass_fields__)
    for row in table:
        writer.writerow(f"{value:.4g}" if isinstance(value, float) else value for value in astuple(row))
    files.write_text(folder / "calibration.csv", text.getvalue())
    files.write_text(folder / "calibration.md", markdown(table))
    if find_spec("matplotlib") is not None:
        from corrotwin.twin.calibration import plots

        plots.coverage(folder / "calibration.png", table)


def markdown(table: Sequence[CoverageSummary]) -> str:
    """Return two tables: the effect of each visit where all is as assumed, and the last visit in every arm."""
    lines = [
        "| forecast of | zone | inspections | P5 to P95 covers % | mean width | mean error of P50 |",
        "|---|---|---|---|---|---|",
    ]
    first = table[0].arm
    lines += [
        f"| {row.quantity} | {row.zone} | {row.visits} | {100 * row.coverage:.1f} | {row.width:.3f} | {row.error:.3f} |"
        for row in table
        if row.arm == first
    ]
    last = max(row.visits for row in table)
    lines += [
        "",
        f"| truth | forecast of, after {last} | covers % | covers % where no conflict | mean width | mean error | "
        "conflict reported % |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.arm} | {row.quantity} | {100 * row.coverage:.1f} | {100 * row.coverage_unflagged:.1f} "
        f"| {row.width:.3f} | {row.error:.3f} | {100 * row.flagged:.0f} |"
        for row in table
        if row.visits == last and row.zone == ALL
    ]
    return f"{table[0].count} simulated assets each; losses in mm.\n\n" + "\n".join(lines) + "\n"
