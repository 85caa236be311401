"""Cells of a study's grid: equal runs of one backbone, data arm and fraction of the real photos.

Standard library only, so that the command line pays nothing for it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType
from typing import Any

from corrotwin.segmentation.arms import ARMS, DataArm
from corrotwin.segmentation.config import BACKBONES
from corrotwin.twin.core.errors import InputError


def is_name(text: Any) -> bool:
    """Return whether a text from a file is a safe name for a file or folder inside ours."""
    return isinstance(text, str) and re.fullmatch(r"[^./\\\s\x00-\x1f][^/\\\x00-\x1f]{0,99}", text) is not None


MOST_RUNS = 10_000  # of a cell; more is a mistake


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """The runs of one backbone in one data arm at one fraction of the real training photos.

    `kind` is the arm's name in `segmentation.arms.ARMS`. `arm` is that arm at the fraction, with a name of its own
    where the fraction is below 1, such as ``real-10pct``. `study.json` keeps the arm, so that a study outlives a
    change of `ARMS`. `changes` are training settings of these runs in place of the study's.
    """

    kind: str
    real_fraction: float
    arm: DataArm
    backbone: str
    runs: int
    changes: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.runs, int) or not 1 <= self.runs <= MOST_RUNS:
            raise InputError(f"`runs` {self.runs!r:.40} is not a whole number from 1 to {MOST_RUNS}")
        if not is_name(self.arm.name):
            raise InputError(f"arm {self.arm.name!r:.60} cannot name a folder")
        if not is_name(self.backbone):
            raise InputError(f"backbone {self.backbone!r:.60} cannot name a folder")
        if self.arm.real_fraction != self.real_fraction:
            raise InputError(
                f"cell {self.key}: real_fraction {self.real_fraction}, but its arm has {self.arm.real_fraction}"
            )

    @property
    def key(self) -> str:
        """The start of the ids of its runs, such as ``mixed-10pct-vgg16``."""
        return f"{self.arm.name}-{self.backbone}"

    @property
    def mixes(self) -> bool:
        """True for an arm of photos and renders that takes the study's one render share."""
        return self.kind in ARMS and ARMS[self.kind].takes_renders


def cells(
    kinds: Sequence[str],
    real_fractions: Sequence[float],
    backbones: Sequence[str],
    runs: int,
    changes: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> tuple[GridCell, ...]:
    """Return the cells of all given arms, fractions of the real training photos and backbones, with equally many runs.

    Parameters
    ----------
    changes : by backbone, training settings in place of the study's.

    Raises
    ------
    InputError
        A name is unknown or appears twice, a fraction is not in (0, 1], or there is nothing to train.
    """
    for name, values in (("arms", kinds), ("real_fractions", real_fractions), ("backbones", backbones)):
        if not values or len(set(values)) != len(values):
            raise InputError(f"`{name}`: needs at least one, each once, not {', '.join(map(str, values)) or 'none'}")
    if unknown := [kind for kind in kinds if kind not in ARMS]:
        raise InputError(f"`arms` {unknown[0]!r} is unknown; choose from {', '.join(ARMS)}")
    if outside := [fraction for fraction in real_fractions if not 0 < fraction <= 1]:
        raise InputError(f"`real_fractions` {outside[0]:g} is not in (0, 1]")
    return in_order(
        GridCell(
            kind=kind,
            real_fraction=float(fraction),
            arm=arm_at(kind, float(fraction)),
            backbone=backbone,
            runs=runs,
            changes=dict(changes.get(backbone, {})),
        )
        for kind, fraction, backbone in product(kinds, real_fractions, backbones)
    )


def arm_at(kind: str, fraction: float) -> DataArm:
    """Return an arm of `segmentation.arms.ARMS` at a fraction of the real training photos."""
    if fraction == 1:
        return ARMS[kind]
    return replace(ARMS[kind], name=f"{kind}-{100 * fraction:g}pct", real_fraction=fraction)


def backbone_place(name: str) -> tuple[int, str]:
    """Return the sort key of a backbone: the paper's come first, in their order, then others by name."""
    return (BACKBONES.index(name), "") if name in BACKBONES else (len(BACKBONES), name)


def in_order(found: Iterable[GridCell]) -> tuple[GridCell, ...]:
    """Sort cells as a study lists them: all photos first, then by arm, then by backbone."""
    kinds = list(ARMS)

    def place(cell: GridCell) -> tuple[float, int, str, int, str]:
        known = kinds.index(cell.kind) if cell.kind in kinds else len(kinds)
        return (-cell.real_fraction, known, cell.kind, *backbone_place(cell.backbone))

    return tuple(sorted(found, key=place))
