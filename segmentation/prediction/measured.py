"""Measured performance of a model on photos of a kind that it had not seen."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from corrotwin.twin.core.errors import InputError, as_read

_SHARES = ("recall", "recall_sd", "false_calls", "held", "frame_held")
_AGAIN = "install or export the model again"


@dataclass(frozen=True, kw_only=True)
class ShareTable:
    """Interval that holds the true corroded share with probability `chance`, by predicted share; linear between rows.

    `predicted` rises from 0 to 1; `low` and `high` are the ends of the interval in each row, from 0 to 1.
    """

    chance: float
    predicted: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def interval(self, share: float) -> tuple[float, float]:
        """Return the interval for a predicted share, widened if needed to contain that share."""
        low, high = (float(np.interp(share, self.predicted, ends)) for ends in (self.low, self.high))
        return min(low, share), max(high, share)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Performance on `photos` photos of a kind that the model had not learned from.

    `recall` is the share of their corroded pixels that the model finds, and `false_calls` the share of their sound
    pixels that it calls corroded: in `twin inspect`, the chances of detection and of a false call. `recall_sd` is the
    standard deviation of recall from photo to photo.
    """

    photos: int
    recall: float
    recall_sd: float
    false_calls: float
    share: ShareTable
    """Intervals for whole photos."""
    held: float
    """How often that interval, learned from one kind of photos, held the share of another."""
    frame: ShareTable
    """Intervals for parts of photos."""
    frame_held: float


def from_json(value: Any, where: str) -> Measured | None:
    """Return the measurements that a model states; None if it states none.

    Raises
    ------
    InputError
        They are damaged.
    """
    if value is None:
        return None
    try:
        measured = Measured(
            photos=int(value["photos"]),
            share=_table(value["share"]),
            frame=_table(value["frame"]),
            **{name: float(value[name]) for name in _SHARES},
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: damaged measurements ({as_read(error)}); {_AGAIN}") from error
    if measured.photos < 1 or not all(0 <= getattr(measured, name) <= 1 for name in _SHARES):
        raise InputError(f"{where}: damaged measurements; {_AGAIN}")
    return measured


def _table(value: Any) -> ShareTable:
    """Return a table of shares; raise ValueError if the value is not one."""
    predicted, low, high = (tuple(float(share) for share in value[name]) for name in ("predicted", "low", "high"))
    chance = float(value["chance"])
    rises = len(predicted) == len(low) == len(high) >= 2 and all(lower < upper for lower, upper in pairwise(predicted))
    if not rises or not all(0 <= share <= 1 for share in (chance, *predicted, *low, *high)):
        raise ValueError("no table of shares")
    return ShareTable(chance=chance, predicted=predicted, low=low, high=high)
