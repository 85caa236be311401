"""Reports of calibration: of simulated assets, tables and a figure; of published exposure series, tables."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from corrotwin.twin.calibration import published
from corrotwin.twin.calibration.coverage import LARGEST, LEAST_LEFT, LOSSES, CoverageSummary, Score
from corrotwin.twin.calibration.published import LossPrior, PublishedForecast, PublishedSummary
from corrotwin.twin.calibration.scoring import brier, failure_rate, reliability
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
        unsafe = failure_rate([member.unsafe for member in group])
        chance = np.array([member.chance for member in group])
        happened = np.array([member.happened for member in group])
        judged = not np.isnan(chance).any()
        table.append(
            CoverageSummary(
                arm=arm, zone=zone, quantity=quantity, visits=visits, count=len(group), coverage=float(inside.mean()),
                coverage_unflagged=float(inside[sound].mean()) if sound.any() else float("nan"),
                unsafe=unsafe.share, unsafe_low=unsafe.low, unsafe_high=unsafe.high,
                width=float((high - low).mean()), error=float(np.abs(middle - truth).mean()),
                flagged=float(1 - sound.mean()), chance=float(chance.mean()),
                happened=float(happened.mean()) if judged else float("nan"), brier=brier(chance, happened),
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
    files.write_text(folder / "calibration.md", markdown(table) + markdown_chances(scores))
    if find_spec("matplotlib") is not None:
        from corrotwin.twin.calibration import plots

        plots.coverage(folder / "calibration.png", table)


def markdown(table: Sequence[CoverageSummary]) -> str:
    """Return two tables: the effect of each visit where all is as assumed, and the last visit in every arm."""
    lines = [
        "| forecast of | zone | inspections | % worse than the level to act on (5 expected) | P5 to P95 covers % "
        "| mean width | mean error of P50 |",
        "|---|---|---|---|---|---|---|",
    ]
    first = table[0].arm
    lines += [
        f"| {row.quantity} | {row.zone} | {row.visits} | {_unsafe(row)} | {100 * row.coverage:.1f} | {row.width:.3f} "
        f"| {row.error:.3f} |"
        for row in table
        if row.arm == first
    ]
    last = max(row.visits for row in table)
    lines += [
        "",
        f"| truth | forecast of, after {last} | zone | % worse than the level to act on (5 expected) | covers % "
        "| covers % where no conflict | mean width | mean error | conflict reported % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.arm} | {row.quantity} | {row.zone} | {_unsafe(row)} | {100 * row.coverage:.1f} "
        f"| {100 * row.coverage_unflagged:.1f} | {row.width:.3f} | {row.error:.3f} | {100 * row.flagged:.0f} |"
        for row in table
        if row.visits == last and (row.zone == ALL or row.quantity not in LOSSES)
    ]
    return (
        f"{table[0].count} simulated assets in each arm; losses and thickness in mm, life in years, pressure in "
        "MPa. The level to act on is P95 of a loss, and P5 of a remaining thickness, a life or a pressure; the 95 % "
        "interval is in brackets. Truths come from the twin's own model, except for what an arm adds: this shows that "
        "forecasts agree with themselves, not with the world (`published.md`).\n\n" + "\n".join(lines) + "\n"
    )


def markdown_chances(scores: Sequence[Score]) -> str:
    """Return two tables of chances that less is left than required, after the last visit: by arm, and by their size."""
    last = max(score.visits for score in scores)
    judged = [
        score for score in scores if score.visits == last and (score.zone, score.quantity) == (LARGEST, LEAST_LEFT)
    ]
    lines = [
        "",
        f"| truth | chance below required, after {last}: mean % | happened % | Brier score |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.arm} | {100 * row.chance:.1f} | {100 * row.happened:.1f} | {row.brier:.3f} |"
        for row in summarise(judged)
    ]
    first = judged[0].arm
    group = [score for score in judged if score.arm == first]
    lines += [
        "",
        f"| {first}: chance from, to % | forecasts | mean chance % | happened % (95 % interval) |",
        "|---|---|---|---|",
    ]
    for part in reliability([score.chance for score in group], [score.happened for score in group]):
        rate = part.happened
        if not rate.count:
            continue
        lines.append(
            f"| {100 * part.low:.0f} to {100 * part.high:.0f} | {rate.count} | {100 * part.predicted:.1f} "
            f"| {100 * rate.share:.1f} ({100 * rate.low:.0f} to {100 * rate.high:.0f}) |"
        )
    return "\n".join(lines) + "\n"


def _unsafe(row: CoverageSummary) -> str:
    return f"{100 * row.unsafe:.1f} ({100 * row.unsafe_low:.0f} to {100 * row.unsafe_high:.0f})"


def report_published(folder: Path) -> None:
    """Judge the priors on the published exposure series; write published.csv and published.md into a folder."""
    series = published.read_series()
    fitted = published.fit(series)
    forecasts = [
        forecast
        for prior in (published.STANDARD, fitted, published.CURRENT)
        for forecast in published.forecasts(prior, series)
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PublishedForecast.__dataclass_fields__)
    for row in forecasts:
        writer.writerow(f"{value:.4g}" if isinstance(value, float) else value for value in astuple(row))
    files.write_text(folder / "published.csv", text.getvalue())
    files.write_text(folder / "published.md", markdown_published(fitted, published.judge(forecasts)))


def markdown_published(fitted: LossPrior, table: Sequence[PublishedSummary]) -> str:
    """Return a table of how the twin's prior and a fitted one forecast the published series."""
    standard = published.STANDARD
    lines = [
        "Bare carbon steel in the open air, published series of up to 16 years: the last loss forecast from what was "
        "known after the first year. Data and protocol: `twin/calibration/published.py`.",
        "",
        f"Exponent of time: ISO 9224's {standard.exponent:.3g} ± {standard.exponent_sd:.2g}; fitted "
        f"{fitted.exponent:.2f} ± {fitted.exponent_sd:.2f}, with a spread of {fitted.rate:.2f} of the rate within a "
        f"category and a scatter of {fitted.scatter:.2f} of a reading (both of logarithms).",
        "",
        "| prior | known | sites | losses worse than P95 (5 % expected; 95 % interval) | sites with any such loss "
        "| P5 to P95 covers % | interval score, µm | of logarithms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table:
        failed, by_site = row.failures, row.failing_sites
        lines.append(
            f"| {row.prior} | {row.given} | {row.use} | {failed.failures} of {failed.count} "
            f"({100 * failed.low:.0f} to {100 * failed.high:.0f} %) | {by_site.failures} of {by_site.count} "
            f"| {100 * row.coverage:.0f} | {row.score_um:.0f} | {row.score_log:.2f} |"
        )
    return "\n".join(lines) + "\n"
