"""Shape of a car door below its window: outline, pressed surface with swage line and handle recess, and its grid."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from corrotwin.twin.geometry.atlas import Floats

# By eye, metres.
COARSE, FINE = 0.03, 0.006  # lines of the mesh: in general, and at the handle
RIM = (0.006, 0.012, 0.016, 0.022, 0.03, 0.04, 0.052)  # lines of the mesh from the edge inwards
UPPER = 0.025  # radius of the upper corners
BARREL, SWEEP = 1.6, 7.0  # radii of the curvature up and along the door
STEP = 0.014  # height over which the swage line steps
TUCK = 0.14  # slope below the lower crease
RECESS = (0.062, 0.036, 0.012)  # half length, half height and depth of the recess behind the handle


@dataclass(frozen=True, kw_only=True)
class DoorShape:
    """A door's outer skin, metres: x from the front edge backwards, z from the lower edge up; it faces -y.

    Parameters
    ----------
    width, height : size of the skin.
    front, rear : radius of the lower corners; the rear one of a rear door makes room for the wheel.
    swage : height of the swage line, above which the skin steps back, and the depth of that step.
    crease : height below which the skin leans inwards.
    """

    width: float
    height: float
    front: float
    rear: float
    swage: tuple[float, float]
    crease: float

    @property
    def handle(self) -> tuple[float, float]:
        """Middle of the handle, x and z."""
        return self.width - 0.16, self.height - 0.1

    def sides(self, z: Floats) -> tuple[Floats, Floats]:
        """Return the x of the front and of the rear edge at heights `z`."""

        def inset(radius: float, from_corner: Floats) -> Floats:
            into = np.maximum(radius - from_corner, 0)
            return np.asarray(radius - np.sqrt(np.maximum(radius**2 - into**2, 0)))

        upper = inset(UPPER, self.height - z)
        return inset(self.front, z) + upper, self.width - inset(self.rear, z) - upper

    @cached_property
    def grid(self) -> tuple[Floats, Floats]:
        """The x and z of the mesh, (rows, columns) each."""
        x0, z0 = self.handle
        turn = np.linspace(0, np.pi / 2, 9)
        rim, zero = np.array(RIM), np.array([0.0])
        corners = [radius * (1 - np.cos(turn)) for radius in (self.front, self.rear)]
        rows = [*corners, self.height - UPPER * (1 - np.cos(turn)), rim, self.height - rim]
        rows += [zero, zero + self.crease, zero + self.height]
        rows += [self.swage[0] + STEP * np.linspace(0, 1, 5), z0 + _about(RECESS[1])]
        z = _spread(np.concatenate(rows), self.height)
        columns = [zero, zero + self.width, rim, self.width - rim, x0 + _about(RECESS[0])]
        u = _spread(np.concatenate(columns), self.width) / self.width
        first, last = self.sides(z)
        return first[:, None] + u * (last - first)[:, None], np.repeat(z[:, None], len(u), axis=1)

    def surface(self, x: Floats, z: Floats, *, recessed: bool = True) -> Floats:
        """Return the points (..., 3) of the outer skin at places `x` and `z`."""
        level, deep = self.swage
        step = np.clip((z - level) / STEP, 0, 1)
        y = (z - 0.6 * self.height) ** 2 / (2 * BARREL) + (x - self.width / 2) ** 2 / (2 * SWEEP)
        y = y + deep * step * step * (3 - 2 * step) + TUCK * np.maximum(self.crease - z, 0)
        if recessed:
            x0, z0 = self.handle
            away = np.sqrt(((x - x0) / RECESS[0]) ** 2 + ((z - z0) / RECESS[1]) ** 2)
            inside = np.clip((1 - away) / 0.6, 0, 1)
            y = y + RECESS[2] * inside * inside * (3 - 2 * inside)
        return np.stack([x, y, z], axis=-1)


def _about(half: float) -> Floats:
    return np.linspace(-half, half, 2 * round(half / FINE) + 1)


def _spread(wanted: Floats, length: float) -> Floats:
    """Return lines at the wanted places, none within 1 mm of another, and others between them where there is room."""
    fixed = np.unique(np.clip(wanted, 0, length))
    kept = [0.0]
    for place in fixed[1:]:
        if place - kept[-1] > 0.0011 and (length - place > 0.0011 or place == length):
            kept.append(float(place))
    lines: list[float] = []
    for low, high in pairwise(kept):
        lines += np.linspace(low, high, max(1, int(np.ceil((high - low) / COARSE))) + 1)[:-1].tolist()
    return np.array([*lines, kept[-1]])


def border(grid: Floats) -> Floats:
    """Return the border of a grid (rows, columns, n), counter-clockwise; the last point repeats the first."""
    loop = np.concatenate([grid[0, :-1], grid[:-1, -1], grid[-1, :0:-1], grid[:0:-1, 0]])
    return np.concatenate([loop, loop[:1]])
