"""Closed shapes of coloured triangles from which the things around the steel are put together.

Lengths are metres, z is up; all shapes are closed and wound outward, so that a camera never sees through one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from corrotwin.synth.scene.ground import UNMOVED
from corrotwin.synth.spec import Prop
from corrotwin.twin.core.files import new_file

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

# Corners of the unit cube about the origin, and its triangles.
_CUBE = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_SIDES = np.array([
    [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
    [1, 5, 7], [1, 7, 3],
])  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """Triangles with a colour at each corner: vertices (n, 3), faces (m, 3), color (n, 3) linear RGB."""

    vertices: Array
    faces: Faces
    color: Array

    def moved(self, shift: ArrayLike = (0.0, 0.0, 0.0), *, turn: float = 0.0) -> "Shape":
        """Return the shape turned by `turn` radians about the vertical through the origin, then moved by `shift`."""
        cos, sin = np.cos(turn), np.sin(turn)
        rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        vertices = self.vertices @ rotation.T + np.asarray(shift, float)
        return Shape(vertices=vertices, faces=self.faces, color=self.color)

    @property
    def corners(self) -> tuple[Array, Array]:
        """The lowest and the highest corner, (3,) each, of the box around it."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)


def joined(parts: Sequence[Shape]) -> Shape:
    """Join shapes into one."""
    firsts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    return Shape(
        vertices=np.concatenate([part.vertices for part in parts]),
        faces=np.concatenate([part.faces + first for part, first in zip(parts, firsts, strict=True)]),
        color=np.concatenate([part.color for part in parts]),
    )


def boxes(middles: ArrayLike, sizes: ArrayLike, color: ArrayLike, *, turns: ArrayLike = 0.0) -> Shape:
    """Make boxes: middles (k, 3), sizes (k, 3), color (3,) or (k, 3), turns about the vertical (k,) or one, radians."""
    middle = np.atleast_2d(np.asarray(middles, float))
    size = np.broadcast_to(np.asarray(sizes, float), middle.shape)
    angle = np.broadcast_to(np.asarray(turns, float), len(middle))
    local = _CUBE * size[:, None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = local[..., 0] * cos - local[..., 1] * sin, local[..., 0] * sin + local[..., 1] * cos
    vertices = np.stack([x, y, local[..., 2]], axis=-1) + middle[:, None]
    return _repeated(vertices, _SIDES, color)


def tube(path: ArrayLike, radius: float, color: ArrayLike, *, sides: int = 7) -> Shape:
    """Make a tube with flat ends around a path (n, 3) that nowhere turns back on itself."""
    points = np.asarray(path, float)
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = _carried(along)
    up = np.cross(along, across)
    angle = 2 * np.pi * np.arange(sides) / sides
    ring = np.cos(angle)[:, None, None] * across + np.sin(angle)[:, None, None] * up  # (sides, n, 3)
    vertices = (points + radius * ring).transpose(1, 0, 2)
    return _capped(vertices, color)


def turned(profile: ArrayLike, color: ArrayLike, *, sides: int = 18) -> Shape:
    """Turn a profile (n, 2), radius and height upward from the foot, about the vertical, with flat ends.

    `color` is (3,), or (n, 3) of each point of the profile.
    """
    radius, height = np.asarray(profile, float).T
    angle = 2 * np.pi * np.arange(sides) / sides
    x, y = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    vertices = np.stack([x, y, np.broadcast_to(height[:, None], x.shape)], axis=-1)
    shades = np.asarray(color, float)
    return _capped(vertices, shades if shades.ndim == 1 else np.repeat(shades, sides, axis=0))


def sheet(grid: ArrayLike, below: ArrayLike, color: ArrayLike) -> Shape:
    """Make a sheet between a surface `grid` (r, c, 3), seen from above, and one `below` it of the same form."""
    top, bottom = (np.asarray(surface, float) for surface in (grid, below))
    rows, columns, _ = top.shape
    number = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    up = np.concatenate([np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, c), (a, c, d))])
    down = up[:, ::-1] + rows * columns
    rim = np.concatenate([number[:-1, 0], number[-1, :-1], number[:0:-1, -1], number[0, :0:-1]])
    following, lower = np.roll(rim, -1), rows * columns
    walls = np.concatenate([
        np.stack([rim, rim + lower, following + lower], 1), np.stack([rim, following + lower, following], 1)
    ])  # fmt: skip
    vertices = np.concatenate([top.reshape(-1, 3), bottom.reshape(-1, 3)])
    shades = np.asarray(color, float)
    shades = np.broadcast_to(shades, vertices.shape) if shades.ndim == 1 else np.tile(shades, (2, 1))
    return Shape(vertices=vertices, faces=np.concatenate([up, down, walls]), color=np.array(shades))


def written(shape: Shape, folder: Path, file: str, seed: float) -> Prop:
    """Write a shape to ``folder/file`` as one mesh and return its prop, of worn material."""
    with new_file(folder / file, replace=True) as stream:
        np.savez(
            stream, vertices=shape.vertices.astype(np.float32), faces=shape.faces.astype(np.int32),
            tone=np.full(len(shape.vertices), 0.5, np.float32), color=shape.color.astype(np.float32),
        )  # fmt: skip
    red, green, blue = shape.color.mean(axis=0).tolist()
    return Prop(shape="mesh", pose=UNMOVED, material="worn", color=(red, green, blue), seed=seed, file=file)


def tipped(shape: Shape, *, onto: str = "x") -> Shape:
    """Lay an upright shape down so that its z axis points along x (or y)."""
    x, y, z = shape.vertices.T
    laid = np.stack([z, y, -x] if onto == "x" else [x, z, -y], axis=-1)
    return Shape(vertices=laid, faces=shape.faces, color=shape.color)


def grounded(shape: Shape, *, z: float = 0.0) -> Shape:
    """Move a shape so that it stands on `z` with its middle over the origin."""
    low, high = shape.corners
    return shape.moved([-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, z - low[2]])


def _repeated(vertices: Array, faces: Faces, color: ArrayLike) -> Shape:
    """Return k copies, with vertices (k, n, 3), of one form as a single shape."""
    count, size, _ = vertices.shape
    copies = faces[None] + size * np.arange(count)[:, None, None]
    shades = np.broadcast_to(np.asarray(color, float), (count, 3))
    return Shape(vertices=vertices.reshape(-1, 3), faces=copies.reshape(-1, 3), color=np.repeat(shades, size, axis=0))


def _capped(rings: Array, color: ArrayLike) -> Shape:
    """Return rings (n, sides, 3), counter-clockwise seen from the far end, as a tube closed at both ends."""
    count, sides, _ = rings.shape
    number = np.arange(count * sides).reshape(count, sides)
    a, b = number[:-1], np.roll(number[:-1], -1, axis=1)
    c, d = np.roll(number[1:], -1, axis=1), number[1:]
    walls = [np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, c), (a, c, d))]
    foot, head = count * sides, count * sides + 1
    first, last = number[0], number[-1]
    caps: list[Any] = [
        np.stack([np.full(sides, foot), np.roll(first, -1), first], 1),
        np.stack([np.full(sides, head), last, np.roll(last, -1)], 1),
    ]
    vertices = np.concatenate([rings.reshape(-1, 3), rings[[0, -1]].mean(axis=1)])
    shades = np.asarray(color, float)
    if shades.ndim == 2:
        shades = np.concatenate([shades, shades[[0, -1]]])
    color = np.array(np.broadcast_to(shades, vertices.shape))
    return Shape(vertices=vertices, faces=np.concatenate([*walls, *caps]), color=color)


def _carried(along: Array) -> Array:
    """Return unit vectors across directions (n, 3), carried along so that a tube does not twist."""
    across = np.empty_like(along)
    side = np.eye(3)[np.abs(along[0]).argmin()]
    for number, direction in enumerate(along):
        side = side - (side @ direction) * direction
        side /= np.linalg.norm(side)
        across[number] = side
    return across
