"""Prefixes of a rendering, and the scores of both arms as CSV, as a table and as a figure."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from corrotwin.twin.core.files import write_text, writing
from corrotwin.twin.core.plotting import import_matplotlib
from corrotwin.twin.core.tables import write_own
from tools.documented.rendering import DOCUMENTED, OURS, Arm

SHARES = (1 / 8, 1 / 4, 1 / 3, 1 / 2, 1.0)  # of the documented arm's time; ours has a third of it
OURS_SHARE = 1 / 3


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """F1 of one network: mean over the validation photos of `photos`."""

    arm: Arm
    core_seconds: float
    pictures: int
    seed: int
    photos: str
    f1: float


def prefixes(arm: Arm, documented_seconds: float) -> list[float]:
    """Return the core-seconds at which an arm is scored, ascending."""
    most = OURS_SHARE if arm == OURS else 1.0
    return [share * documented_seconds for share in SHARES if share <= most]


def mean_f1(rows: Sequence[ScoreRow], arm: Arm, core_seconds: float) -> tuple[float, float]:
    """Return the mean and SD over seeds of the F1 of an arm, with all sets of photos weighted equally.

    The SD is NaN for a single seed; both are NaN without rows.
    """
    selected = [row for row in rows if row.arm == arm and np.isclose(row.core_seconds, core_seconds)]
    by_seed = [
        np.mean([row.f1 for row in selected if row.seed == seed]) for seed in sorted({row.seed for row in selected})
    ]
    if not by_seed:
        return float("nan"), float("nan")
    return float(np.mean(by_seed)), float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else float("nan")


def table(rows: Sequence[ScoreRow], documented_seconds: float) -> str:
    """Return the scores as Markdown, and whether ours reached the documented arm's in a third of its time."""
    sets = list(dict.fromkeys(row.photos for row in rows))
    lines = [
        f"| arm | core-minutes | pictures | {' | '.join(f'F1, {name}' for name in sets)} | F1, mean (SD of seeds) |",
        "|---" * (4 + len(sets)) + "|",
    ]
    for arm in (DOCUMENTED, OURS):
        for limit in prefixes(arm, documented_seconds):
            selected = [row for row in rows if row.arm == arm and np.isclose(row.core_seconds, limit)]
            if not selected:
                continue
            mean, sd = mean_f1(rows, arm, limit)
            set_means = [f"{np.mean([row.f1 for row in selected if row.photos == name]):.3f}" for name in sets]
            spread = "" if np.isnan(sd) else f" ({sd:.3f})"
            lines.append(
                f"| {arm} | {limit / 60:.1f} | {selected[0].pictures} | {' | '.join(set_means)} | {mean:.3f}{spread} |"
            )
    documented_mean, _ = mean_f1(rows, DOCUMENTED, documented_seconds)
    our_mean, _ = mean_f1(rows, OURS, OURS_SHARE * documented_seconds)
    if np.isfinite(documented_mean) and np.isfinite(our_mean):
        verdict = "reached" if our_mean >= documented_mean else "not reached"
        lines += [
            "",
            f"Ours after {OURS_SHARE * documented_seconds / 60:.1f} core-minutes {our_mean:.3f}, documented after "
            f"{documented_seconds / 60:.1f} {documented_mean:.3f}: {verdict}.",
        ]
    return "\n".join(lines) + "\n"


def write(out: Path, rows: Sequence[ScoreRow], documented_seconds: float) -> None:
    """Write scores.csv, scores.md and scores.svg."""
    with writing(out):
        write_own(out / "scores.csv", [field.name for field in fields(ScoreRow)], [list(astuple(row)) for row in rows])
        write_text(out / "scores.md", table(rows, documented_seconds))
        _draw(out / "scores.svg", rows)


def _draw(path: Path, rows: Sequence[ScoreRow]) -> None:
    import_matplotlib()
    from matplotlib.figure import Figure

    sets = list(dict.fromkeys(row.photos for row in rows))
    figure = Figure(figsize=(4.2 * len(sets), 3.4), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(sets), sharey=True)), sets, strict=True):
        for arm in (DOCUMENTED, OURS):
            selected = [row for row in rows if row.arm == arm and row.photos == name]
            times = sorted({row.core_seconds for row in selected})
            line = [np.mean([row.f1 for row in selected if row.core_seconds == seconds]) for seconds in times]
            (curve,) = axes.plot([seconds / 60 for seconds in times], line, "-", label=arm)
            axes.plot(
                [row.core_seconds / 60 for row in selected],
                [row.f1 for row in selected],
                "o",
                ms=3,
                color=curve.get_color(),
            )
        axes.set(title=name, xlabel="core-minutes of rendering", ylabel="F1 on validation photos")
        axes.legend()
    figure.savefig(path, metadata={"Date": None})
