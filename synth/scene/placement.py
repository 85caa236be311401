"""What stands where in a scene, and how assets are set down and beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import trimesh

from corrotwin.synth.scene.specimen import Specimen
from corrotwin.synth.scene.surroundings import Array
from corrotwin.synth.spec import Prop
from corrotwin.twin.twin_state import TwinState

WIDE_M = 60.0  # of a ground, besides what stands on it
TRIES = 12  # places tried for another asset


class Draw(Protocol):
    """Draws the next specimen of a scene."""

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
        """One of this kind, as `specimen.draw` makes it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A specimen where it stands: `pose` (4, 4) takes its own coordinates to the world's."""

    specimen: Specimen
    pose: Array

    @property
    def vertices(self) -> Array:
        """Vertices in the world, (n, 3)."""
        return np.asarray(trimesh.transform_points(self.specimen.asset.vertices, self.pose))


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrangement:
    """What stands where, the subject first, and from which sides it can be seen.

    The ground at z = 0, a square of `wide_m`, is of one of `GROUNDS`, or "" where the props have it. `around`
    and `height` are ranges of the direction from the subject to a camera, in degrees: about the vertical (-90 is in
    front), and above the horizontal. No camera goes below `floor_m`. `heaped` is the part of the bed at z = 0 on which
    dirt lies heaped about what stands there: x from and to, y from and to; None where none does.
    """

    placed: tuple[Placed, ...]
    props: tuple[Prop, ...]
    ground: str
    wide_m: float
    around: tuple[float, float] = (-153.0, -27.0)
    height: tuple[float, float] = (-8.0, 65.0)
    floor_m: float = 0.05
    heaped: tuple[float, float, float, float] | None = None


def resting(vertices: Array, degrees: float, lift: float = 0.0) -> Array:
    """Pose of an asset turned about the vertical that rests just above z = `lift`, its middle over the origin."""
    pose: Array = trimesh.transformations.rotation_matrix(radians(degrees), [0, 0, 1])
    turned = trimesh.transform_points(vertices, pose)
    low, high = turned.min(axis=0), turned.max(axis=0)
    pose[:3, 3] = [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, lift - low[2] + 0.001]
    return pose


def corners(placed: Sequence[Placed]) -> tuple[Array, Array]:
    """Lowest and highest corner of the box about several assets."""
    boxes = [(vertices.min(axis=0), vertices.max(axis=0)) for vertices in (one.vertices for one in placed)]
    return np.min([low for low, _ in boxes], axis=0), np.max([high for _, high in boxes], axis=0)


def place_beside(
    other: Specimen, placed: Sequence[Placed], rng: np.random.Generator,
    limit: tuple[float, float, float, float] = (-np.inf, -np.inf, np.inf, np.inf),
) -> Placed | None:  # fmt: skip
    """A place for another asset, clear of the others as seen from above; behind or beside, seldom in front.

    None where none was found within `limit` (x and y from, x and y to).
    """
    boxes = [(box[0], box[1]) for box in (corners([one]) for one in placed)]
    pose = resting(other.asset.vertices, rng.uniform(-40, 40))
    turned = trimesh.transform_points(other.asset.vertices, pose)
    half = np.ptp(turned, axis=0)[:2] / 2
    low, high = boxes[0]
    for _ in range(TRIES):
        angle = rng.uniform(-10, 190) if rng.random() < 0.85 else rng.uniform(-170, -10)
        way = np.array([cos(angle * pi / 180), sin(angle * pi / 180)])
        middle = (low + high)[:2] / 2
        # Out along the way until both boxes are apart, and a little further.
        apart = ((high - low)[:2] / 2 + half) / np.maximum(np.abs(way), 1e-6)
        place = middle + way * (apart.min() + rng.uniform(0.03, 0.6))
        if (place - half < limit[:2]).any() or (place + half > limit[2:]).any():
            continue
        if all((place - half > b[:2]).any() or (place + half < a[:2]).any() for a, b in boxes):
            moved = pose.copy()
            moved[:2, 3] += place
            return Placed(specimen=other, pose=moved)
    return None
