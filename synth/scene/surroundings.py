"""Props around the steel that do not rust: grounds, walls, blocks, clutter; some of them rust-coloured."""

from collections.abc import Sequence
from dataclasses import replace
from math import pi

import numpy as np
import trimesh
from numpy.typing import NDArray

from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.ground import GROUND_COLORS, mix_colors
from corrotwin.synth.spec import Color, Matrix, Prop

Array = NDArray[np.float64]

# The range of each material's colour, linear RGB; each scene mixes the two ends.
MATERIAL_COLORS: dict[str, tuple[Color, Color]] = {
    **GROUND_COLORS,
    "brick": ((0.27, 0.09, 0.05), (0.36, 0.17, 0.10)),
    "plain": ((0.10, 0.16, 0.24), (0.70, 0.68, 0.62)),
    "plaster": ((0.10, 0.16, 0.24), (0.70, 0.68, 0.62)),  # walls of "plain" may become plaster
    "foliage": GROUND_COLORS["blade"],
    "wood": ((0.20, 0.11, 0.055), (0.34, 0.22, 0.12)),
}
LOOK_ALIKES: tuple[tuple[str, Color | None], ...] = (
    ("plain", (0.16, 0.07, 0.035)), ("plain", (0.30, 0.10, 0.03)), ("brick", None), ("wood", None), ("plain", None),
    ("concrete", None),
)  # fmt: skip


def ground(material: str, wide: float, rng: np.random.Generator, *, level: float) -> Prop:
    """Return a ground of `wide` metres a side with its surface at z = `level` metres."""
    return replace(prop("box", material, (0, 0, level - 0.5), (wide, wide, 1), rng), role="ground")


def wall(material: str, y: float, wide: float, rng: np.random.Generator) -> Prop:
    """Return a wall along x, `wide` metres long, whose face towards -y is at `y` metres."""
    return replace(prop("box", material, (0, y + 0.5, 5), (wide, 1, 10.02), rng), role="wall")


def blocks(vertices: Array, rng: np.random.Generator) -> list[Prop]:
    """Return two concrete blocks under an asset with `vertices` (n, 3) in world space."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    reach = float(max(high - low))
    props = []
    for side in (-0.32, 0.32):
        x = (low[0] + high[0]) / 2 + side * (high[0] - low[0])
        near = vertices[np.abs(vertices[:, 0] - x) < 0.08 * reach]
        if len(near):
            top, width = float(near[:, 2].min()), float(rng.uniform(0.08, 0.25))
            borne = near[near[:, 2] < top + 0.02, 1]
            size = (width, max(2 * width, float(np.ptp(borne)) + 0.06), top)
            props.append(prop("box", "concrete", (x, (borne.min() + borne.max()) / 2, top / 2), size, rng))
    return props


def plinth(vertices: Array, rng: np.random.Generator) -> Prop:
    """Return a round concrete foundation under a tank with `vertices` (n, 3) in world space."""
    low = vertices.min(axis=0)
    foot = vertices[vertices[:, 2] < low[2] + 0.002]
    middle, wide = (foot.min(axis=0) + foot.max(axis=0)) / 2, float(np.ptp(foot[:, 0]))
    wide += 2 * float(rng.uniform(0.02, 0.2))
    return prop("cylinder", "concrete", (middle[0], middle[1], low[2] / 2), (wide, wide, low[2]), rng)


def backrest(vertices: Array, lean_degrees: float, pose: Array, rng: np.random.Generator) -> Prop:
    """Return a concrete block behind an asset that leans backwards.

    Parameters
    ----------
    vertices : vertices of the asset, (n, 3), in its own coordinates.
    lean_degrees : angle by which it leans.
    pose : pose of the asset, (4, 4), from its own coordinates to world space.
    """
    high, slope = float(vertices[:, 2].max() * rng.uniform(0.4, 0.6)), float(np.tan(np.radians(lean_degrees)))
    wide, deep = float(np.ptp(vertices[:, 0]) * rng.uniform(0.5, 1.1)), float(rng.uniform(0.1, 0.3))
    touch = float((vertices[:, 1] + (high - vertices[:, 2]) * slope).max())  # of the plane behind it, at this height
    middle = trimesh.transform_points(np.array([[0.0, touch + deep / 2 + 0.003, high / 2]]), pose)[0]
    turn = float(np.arctan2(pose[1, 0], pose[0, 0]))
    return prop("box", "concrete", (middle[0], middle[1], high / 2), (wide, deep, high), rng, turn=turn)


def clutter(chosen: Preset, low: Array, high: Array, rng: np.random.Generator) -> list[Prop]:
    """Return objects of other materials behind the box between the corners `low` and `high`, (3,) metres each."""
    reach = float(max(high - low))
    props = []
    for _ in range(int(rng.integers(chosen.clutter[0], chosen.clutter[1] + 1))):
        material, color = LOOK_ALIKES[rng.integers(len(LOOK_ALIKES))]
        width, depth, height = rng.uniform(0.08, 0.6, 3)
        across, behind = rng.uniform(-1.1, 1.1) * reach, high[1] + 0.05 + depth + rng.uniform(0, 0.8)
        form = "cylinder" if material == "plain" and rng.random() < 0.5 else "box"
        place, size = (across, behind, height / 2), (width, depth, height)
        props.append(prop(form, material, place, size, rng, turn=rng.uniform(0, pi), color=color))
    return props


def prop(
    form: str, material: str, middle: Sequence[float], size: Sequence[float], rng: np.random.Generator,
    *, turn: float = 0.0, color: Color | None = None,
) -> Prop:  # fmt: skip
    """Return a box or a cylinder of a material, its middle and size in metres, turned by `turn` radians about z."""
    shade = np.array(color) if color else mix_colors(MATERIAL_COLORS[material], rng)
    pose = trimesh.transformations.rotation_matrix(turn, [0, 0, 1]) @ np.diag([*size, 1.0])
    pose[:3, 3] = middle
    return Prop(
        shape=form, pose=as_matrix(pose), material=material, color=vary(shade, rng), seed=float(rng.uniform(0, 100))
    )


def vary(color: Array, rng: np.random.Generator) -> Color:
    """Return a random colour near this one, (3,) linear RGB."""
    red, green, blue = np.clip(color * rng.uniform(0.85, 1.15) * rng.uniform(0.94, 1.06, 3), 0.005, 0.9).tolist()
    return red, green, blue


def as_matrix(pose: Array) -> Matrix:
    """Convert a (4, 4) array to nested tuples of plain numbers."""
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in pose)
