"""Stretches that parts occupy along a run, on the skin and in the air: where they collide, and where there is room."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from corrotwin.twin.core.errors import InputError

GAP_M = 0.003  # least gap between neighbours on the skin
AIR_M = 0.01  # least gap between parts that stand out, and below them


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A stretch of the run that a part occupies, metres from its start: on the skin, and in the air."""

    name: str
    low: float
    high: float
    air: tuple[float, float] | None


def check_claims(kind: str, claims: Sequence[Claim]) -> None:
    """Raise InputError if parts come too near to each other along a run; `kind` is that of the asset."""
    skin = sorted(((claim.low, claim.high, claim.name) for claim in claims), key=lambda span: span[:2])
    air = sorted(((*claim.air, claim.name) for claim in claims if claim.air), key=lambda span: span[:2])
    for spans, gap in ((skin, GAP_M), (air, AIR_M)):
        for (_, end, name), (begin, _, next_name) in pairwise(spans):
            if begin < end + gap:
                raise InputError(
                    f"{kind} {name} and {next_name} collide at {begin:.3f} m of its length: move one, or leave it out"
                )


def free_place(claims: Sequence[Claim], halves: tuple[float, float], target: float) -> float | None:
    """Return the free place nearest to `target` for a part occupying `halves` on the skin and in the air, or None."""
    for spare in (0.02, 0.001):  # with room to spare if possible
        taken = [(claim.low, claim.high, halves[0] + GAP_M + spare) for claim in claims]
        taken += [(*claim.air, halves[1] + AIR_M + spare) for claim in claims if claim.air]
        places = [target, *(low - gap for low, _, gap in taken), *(high + gap for _, high, gap in taken)]
        free = [x for x in places if np.isfinite(x) and not any(a - gap < x < b + gap for a, b, gap in taken)]
        if free:
            return round(float(min(free, key=lambda x: abs(x - target))), 4)
    return None
