"""The card of the model that ships: first what a stranger can rely on, then the rest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.segmentation.deployment.model_card import interval
from corrotwin.twin.core.files import write_text
from tools.shipped_model import recipe
from tools.shipped_model.look_alikes import ALARM, LookAlike
from tools.shipped_model.scores import LARGE, MISSED, FramedShare, MeasuredPhoto, MeasuredShare, crossed, missed

TEMPLATE = Path(__file__).with_name("card.md.j2")


def of(rows: Sequence[MeasuredPhoto], start: str, set_name: str = "") -> list[MeasuredPhoto]:
    """Return the rows of trainings whose names begin with `start`, for photos of a set."""
    return [row for row in rows if row.training.startswith(start) and row.photo.startswith(set_name)]


def f1(rows: Sequence[MeasuredPhoto]) -> str:
    """Return the mean F1 with its interval over spots."""
    return str(interval(np.array([row.f1 for row in rows]), [row.spot for row in rows]))


def gain(rows: Sequence[MeasuredPhoto], base: Sequence[MeasuredPhoto]) -> str:
    """Return the mean paired difference in F1 with its interval over spots."""
    base_f1 = {row.photo: row.f1 for row in base}
    difference = np.array([row.f1 - base_f1[row.photo] for row in rows])
    estimate = interval(difference, [row.spot for row in rows])
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:+.3f}"
    return f"{estimate.mean:+.3f} ({estimate.low:+.3f} to {estimate.high:+.3f})"


def worst(rows: Sequence[MeasuredPhoto]) -> str:
    """Return the F1 below which the worst tenth of photos lies."""
    return f"{np.quantile([row.f1 for row in rows], 0.1):.2f}"


def left_out(rows: Sequence[MeasuredPhoto]) -> list[list[Any]]:
    """Return a row of the card's first table for each set that is left out."""
    table = []
    for name, other_set in (recipe.SETS, recipe.SETS[::-1]):
        twin = of(rows, f"twin of {other_set}")
        alone = [row for row in rows if row.training == f"photos of {other_set}"]
        table.append([name, len(twin), f1(twin), worst(twin), missed(twin), f1(alone), gain(twin, alone)])
    return table


def own_sets(rows: Sequence[MeasuredPhoto]) -> list[list[Any]]:
    """Return the rows of the card's second table."""
    table = []
    for name in recipe.SETS:
        folds = of(rows, "fold", name)
        mixed = [row for row in folds if "photos" not in row.training]
        alone = [row for row in folds if "photos" in row.training]
        if mixed and {row.photo for row in mixed} == {row.photo for row in alone}:
            cells = [len(mixed), f1(mixed), worst(mixed), f1(alone), gain(mixed, alone)]
            table.append([f"{name}, cross-validated by spots", *cells])
        tested = of(rows, recipe.MODEL, name)
        table.append([f"{name}, test part, by the model that ships", len(tested), f1(tested), worst(tested), "", ""])
    return table


def covered(rows: Sequence[MeasuredShare]) -> str:
    """Return how often the interval of one set that was left out holds the share of the other."""
    return " and ".join(f"{100 * share:.0f} % on {name}" for name, share in sorted(crossed(rows).items()))


def write(
    path: Path,
    rows: Sequence[MeasuredPhoto],
    frames: Sequence[FramedShare],
    alikes: Sequence[LookAlike],
    manifest: Mapping[str, Any],
    again: Sequence[MeasuredPhoto] = (),
) -> None:
    """Write the card.

    Parameters
    ----------
    rows : rows of all trainings; folds may be absent.
    frames : shares in frames, by the twins.
    alikes : look-alikes as seen by the twins.
    manifest : manifest of the model.
    again : rows of twins that were trained a second time.
    """
    from jinja2 import Environment

    alarms = [row for row in alikes if row.share > ALARM]
    called, totals = Counter(row.kind for row in alarms), Counter(row.kind for row in alikes)
    kinds = sorted(totals, key=lambda kind: (-called[kind], kind))
    # Markdown, not HTML: nothing is escaped.
    template = Environment(trim_blocks=True, keep_trailing_newline=True).from_string(TEMPLATE.read_text())  # noqa: S701
    card = template.render(
        model=manifest, recipe=recipe, left_out=left_out(rows), own_sets=own_sets(rows),
        covered=covered(of(rows, "twin of")), frames_covered=covered(frames),
        large=f"{100 * LARGE:g} %", patch_missed=f"{100 * MISSED:g} %", alarm=f"{100 * ALARM:g} %",
        chance=f"{100 * manifest['measured']['share']['chance']:g} %", alikes=len(alikes), alarms=len(alarms),
        again=[f"{f1(twin_rows)} on {name}" for name in recipe.SETS if (twin_rows := of(again, "twin of", name))],
        kinds=[f"{kind} {called[kind]} of {totals[kind]}" for kind in kinds],
        versions=", ".join(f"{name} {number}" for name, number in manifest["versions"].items()),
    )  # fmt: skip
    write_text(path, card)
