"""Screens and transfers of tiny sets for tests."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.benchmarks.commands.screen import screen
from corrotwin.benchmarks.commands.transfer import transfer
from corrotwin.benchmarks.stats import crossed_effects

BACKBONE = {"backbone": "mobilenet_v2", "encoder_weights": None}
SETTINGS = {"steps": 3, "size": 32, "folds": 2, **BACKBONE}
FEW = ("real-10pct", "copy-paste-10pct", "mixed50-10pct", "shuffled-mixed50-10pct")  # arms of a redraw
WHOLE = ("real", "renders", "mixed50")  # and of a fold


def give(home: Path, **changes: Any) -> int:
    """Run a transfer of one redraw and one run, with other options."""
    return transfer(**{**_options(home), "data": (home / "photos",), "redraws": 1, "runs": 1, **changes})


def give_screen(home: Path, **changes: Any) -> int:
    """Run a screen, with other options."""
    return screen(**{**_options(home), "data": home / "photos", **changes})


def _options(home: Path) -> dict[str, Any]:
    return {"renders": home / "renders", "out": home / "out", **SETTINGS}


def ids(trained: list[str], home: Path) -> list[str]:
    return [str(Path(folder).relative_to(home / "out")) for folder in trained]


def counted(home: Path, table: str) -> Iterator[tuple[str, int, str, tuple[int, ...]]]:
    """Arm, run, photo and its tp, fp, fn, tn, of all that the runs of the proof keep in a table."""
    for path in sorted((home / "out" / "photos").glob(f"run-*/*/*/runs/*/{table}")):
        run, _, _, _, key, *_ = path.relative_to(home / "out" / "photos").parts
        for row in csv.DictReader(path.read_text().splitlines()):
            counts = tuple(int(row[name]) for name in ("tp", "fp", "fn", "tn"))
            yield key.partition("-mobilenet_v2-")[0], int(run[-2:]), row["image"], counts


def by_spot(
    home: Path, table: str, score: Callable[..., float], spots: Mapping[str, str]
) -> dict[str, np.ndarray[Any, Any]]:
    """(runs, spots) means for each arm of what is `counted`, all folds together, of the photos that have a spot.

    Spots on which a run is not tested are NaN there; those on which none of the arm is are left out.
    """
    found: dict[str, dict[int, dict[str, list[float]]]] = {}
    for arm, run, image, counts in counted(home, table):
        if image in spots:
            found.setdefault(arm, {}).setdefault(run, {}).setdefault(spots[image], []).append(score(*counts))
    assert found
    tables = {}
    for arm, of_arm in found.items():
        known = sorted({spot for of_run in of_arm.values() for spot in of_run})
        tables[arm] = np.array(
            [[np.mean(of_run[spot]) if spot in of_run else np.nan for spot in known] for of_run in of_arm.values()]
        )
    return tables


def spread(values: np.ndarray[Any, Any]) -> str:
    """Mean ± SD over runs of (runs, spots) scores, as it is read."""
    means = crossed_effects.run_means(values)
    return f"{means.mean():.3f}" + (f" ± {means.std(ddof=1):.3f}" if len(means) > 1 else "")


def f1(tp: int, fp: int, fn: int, tn: int) -> float:
    return 2 * tp / (2 * tp + fp + fn)


def false_alarms(tp: int, fp: int, fn: int, tn: int) -> float:
    return fp / (fp + tn)


def in_percent(shares: np.ndarray[Any, Any]) -> tuple[str, str]:
    """The mean of (runs, units) shares and its interval, as they are read."""
    found = crossed_effects.moments(shares)
    low, high = crossed_effects.interval(crossed_effects.paired(found), 0.05)
    return f"{100 * found.mean:.1f} %", f"{100 * max(low, 0):.1f} % to {100 * high:.1f} %"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def section(markdown: str, title: str) -> str:
    """Return what stands under a heading of a report."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", markdown, flags=re.MULTILINE | re.DOTALL)
    return found[1] if found else ""
