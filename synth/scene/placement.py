"""The layout of a scene: placed assets, and functions that set assets down or beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import trimesh

from corrotwin.synth.scene.clutter.footprints import is_free, seen_from_above
from corrotwin.synth.scene.specimen import Specimen
from corrotwin.synth.scene.surroundings import Array
from corrotwin.synth.spec import Prop
from corrotwin.twin.twin_state import TwinState

WIDE_M = 60.0  # side of a ground, in addition to the extent of the assets
BACKDROP_HEIGHT = (-10.0, 30.0)  # degrees, of cameras before a photograph: level or slightly down, as most are taken
TRIES = 12  # positions tried for another asset


class DrawSpecimen(Protocol):
    """A function that draws the next specimen of a scene."""

    def __call__(
        self,
        kind: str,
        *,
        beside: TwinState | None = None,
        subject: bool = True,
        like: Specimen | None = None,
        where: Mapping[str, Any] = MappingProxyType({}),
        **changes: Any,
    ) -> Specimen:
        """Draw a specimen of this kind; the arguments are those of `specimen.draw`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A specimen with its pose (4, 4), which maps its coordinates to world space."""

    specimen: Specimen
    pose: Array

    @property
    def vertices(self) -> Array:
        """Vertices in world space, (n, 3) metres."""
        return np.asarray(trimesh.transform_points(self.specimen.asset.vertices, self.pose))


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrangement:
    """Placed assets, the subject first, with props, clutter, ground and the directions from which cameras may look.

    The ground at z = 0, a square of `wide_m`, is one of `GROUNDS`, or "" if it is among the props. `around` and
    `height` are ranges of the direction from the subject to a camera, in degrees: about the vertical (-90 is in front),
    and above the horizontal. No camera goes below `floor_m`. `heaped` is the area at z = 0 where dirt lies heaped
    around the assets, (x from, x to, y from, y to); None if there is none. `free` is the area at z = 0, in the same
    form, where other things may stand; None if they may stand anywhere. The land around lies at `level_m`.
    """

    placed: tuple[Placed, ...]
    props: tuple[Prop, ...]
    ground: str
    wide_m: float
    around: tuple[float, float] = (-153.0, -27.0)
    height: tuple[float, float] = (-8.0, 65.0)
    floor_m: float = 0.05
    heaped: tuple[float, float, float, float] | None = None
    clutter: tuple[Prop, ...] = ()
    free: tuple[float, float, float, float] | None = None
    level_m: float = 0.0


def resting(vertices: Array, degrees: float, lift: float = 0.0) -> Array:
    """Return the pose (4, 4) of an asset that is turned about the vertical and rests just above z = `lift`.

    Its middle is over the origin; `vertices` are (n, 3) metres.
    """
    pose: Array = trimesh.transformations.rotation_matrix(radians(degrees), [0, 0, 1])
    turned = trimesh.transform_points(vertices, pose)
    low, high = turned.min(axis=0), turned.max(axis=0)
    pose[:3, 3] = [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, lift - low[2] + 0.001]
    return pose


def corners(placed: Sequence[Placed]) -> tuple[Array, Array]:
    """Return the lowest and the highest corner, (3,) each, of the box around several assets."""
    boxes = [(vertices.min(axis=0), vertices.max(axis=0)) for vertices in (asset.vertices for asset in placed)]
    return np.min([low for low, _ in boxes], axis=0), np.max([high for _, high in boxes], axis=0)


def place_beside(
    other: Specimen, placed: Sequence[Placed], rng: np.random.Generator,
    limit: tuple[float, float, float, float] = (-np.inf, -np.inf, np.inf, np.inf),
    *, taken: Sequence[tuple[Array, Array]] = (),
) -> Placed | None:  # fmt: skip
    """Place another asset clear of the others as seen from above; behind or beside them, seldom in front.

    It is clear of the boxes `taken`, too, each given as two corners (3,). Returns None if no position within `limit`
    (x and y from, x and y to) was found.
    """
    boxes = [*(corners([asset]) for asset in placed), *taken]
    footprints = [seen_from_above(*box) for box in boxes]
    pose = resting(other.asset.vertices, rng.uniform(-40, 40))
    turned = trimesh.transform_points(other.asset.vertices, pose)
    half = np.ptp(turned, axis=0)[:2] / 2
    low, high = boxes[0]
    for _ in range(TRIES):
        angle = rng.uniform(-10, 190) if rng.random() < 0.85 else rng.uniform(-170, -10)
        direction = np.array([cos(angle * pi / 180), sin(angle * pi / 180)])
        middle = (low + high)[:2] / 2
        # Out along this direction until the two boxes are apart, and a little further.
        apart = ((high - low)[:2] / 2 + half) / np.maximum(np.abs(direction), 1e-6)
        place = middle + direction * (apart.min() + rng.uniform(0.03, 0.6))
        if (place - half < limit[:2]).any() or (place + half > limit[2:]).any():
            continue
        if is_free((place - half, place + half), footprints):
            moved = pose.copy()
            moved[:2, 3] += place
            return Placed(specimen=other, pose=moved)
    return None
