"""Objects outside the picture that cast shadows on the steel: railings, lattices, edges of roofs, branches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh

from corrotwin.synth.scene.clutter import looks, plants
from corrotwin.synth.scene.clutter.shapes import Array, Shape, boxes, joined, written
from corrotwin.synth.scene.visibility import ViewingSpace, in_picture
from corrotwin.synth.spec import Light, Prop, View

SHARE = 0.5  # share of the scenes in the sun where a place for one is sought; about three of four have one
TRIES = 6
POINTS = 4000  # on its surface; none of these, and no corner, may be in a picture
Rng = np.random.Generator


def thrown(
    light: Light, space: ViewingSpace, views: Sequence[View], folder: Path, name: str, rng: np.random.Generator
) -> list[Prop]:
    """Return a prop that no view shows but whose shadow falls where one of them looks; [] if none fits.

    The mesh is written to ``folder/<name>.npz``.
    """
    if light.lamp != "sun" or rng.random() >= SHARE or not views:
        return []
    sun = np.array(light.lamp_from)
    sun /= np.linalg.norm(sun)
    aims = [_aim(space, view) for view in views]
    for _ in range(TRIES):
        aim = aims[int(rng.integers(len(aims)))]
        if aim is None:
            continue
        distance, kind = rng.uniform(0.8, 3.5), str(rng.choice(list(_MAKERS)))
        shape = _facing(_MAKERS[kind](rng), sun, aim + distance * sun)
        solid = trimesh.Trimesh(shape.vertices, shape.faces, process=False)
        if (
            shape.vertices[:, 2].min() < 0.1
            or _meets(solid, space)
            or any(in_picture(view, _points(solid)).any() for view in views)
        ):
            continue
        reached, _, _ = space.solid.ray.intersects_location((aim + 0.01 * sun)[None], sun[None], multiple_hits=False)
        if len(reached):
            continue  # this point is already in the shade
        return [written(shape, folder, f"{name}.npz", seed=0.0)]
    return []


def _points(solid: trimesh.Trimesh) -> Array:
    """Return the corners of a mesh and points all over it, (n, 3)."""
    points, _ = trimesh.sample.sample_surface(solid, POINTS, seed=0)
    return np.concatenate([solid.vertices, points])


def _aim(space: ViewingSpace, view: View) -> Array | None:
    """Return the point that the middle of a picture shows, (3,), or None."""
    pose = np.array(view.pose)
    hits, _, _ = space.solid.ray.intersects_location(pose[None, :3, 3], -pose[None, :3, 2], multiple_hits=False)
    return np.asarray(hits[0]) if len(hits) else None


def _meets(solid: trimesh.Trimesh, space: ViewingSpace) -> bool:
    """Return True if the box of a mesh overlaps that of an asset."""
    low, high = solid.bounds
    return any(
        (low < target.vertices.max(axis=0)).all() and (high > target.vertices.min(axis=0)).all()
        for target in space.targets
    )


def _facing(shape: Shape, sun: Array, middle: Array) -> Shape:
    """Turn a shape in the plane of x and z so that it stands upright across the sun's direction, about `middle`."""
    turn = np.arctan2(sun[1], sun[0]) + np.pi / 2
    return shape.moved(turn=float(turn)).moved(middle)


def _railing(rng: Rng) -> Shape:
    """Make rails and balusters."""
    long, pitch = rng.uniform(2, 5), rng.uniform(0.09, 0.3)
    x = np.arange(-long / 2, long / 2, pitch)
    bars = boxes(
        np.stack([x, 0 * x, 0 * x], 1), [rng.uniform(0.012, 0.04), 0.02, rng.uniform(0.8, 1.6)], looks.draw("dark", rng)
    )
    rails = np.linspace(-0.5, 0.5, int(rng.integers(2, 5)))
    return _askew(joined([bars, boxes([[0, 0, z] for z in rails], [long, 0.04, 0.05], looks.draw("dark", rng))]), rng)


def _lattice(rng: Rng) -> Shape:
    """Make a frame of crossing members, like a scaffold or a truss."""
    count = int(rng.integers(3, 8))
    turns = rng.choice([0.0, np.pi / 2, rng.uniform(0.4, 1.2), -rng.uniform(0.4, 1.2)], count)
    parts = []
    for turn, shift in zip(turns, rng.uniform(-0.8, 0.8, (count, 2)), strict=True):
        bar = boxes([0, 0, 0], [4.0, 0.05, rng.uniform(0.03, 0.16)], looks.draw("dark", rng)).vertices
        cos, sin = np.cos(turn), np.sin(turn)
        x, y, z = bar.T
        tilted = np.stack([x * cos - z * sin + shift[0], y, x * sin + z * cos + shift[1]], 1)
        parts.append(boxes([0, 0, 0], [1, 1, 1], looks.draw("dark", rng)))
        parts[-1] = Shape(vertices=tilted, faces=parts[-1].faces, color=parts[-1].color)
    return joined(parts)


def _slab(rng: Rng) -> Shape:
    """Make the edge of a roof or a wall, beyond which everything is in shade."""
    return _askew(boxes([0, 0, rng.uniform(0.75, 1.1)], [5.0, 0.1, 1.6], looks.draw("block", rng)), rng)


def _leaves(rng: Rng) -> Shape:
    """Make a branch with leaves."""
    count = int(rng.integers(3, 7))
    places = rng.normal(0, 0.55, (count, 3)) * [1, 0.3, 1]
    shrub = plants.shrubs(rng, places, rng.uniform(0.4, 0.9, count), leaf_m=0.07, budget=1200, level=-50.0)
    color = np.broadcast_to(looks.draw("green plastic", rng), shrub.vertices.shape)
    return Shape(vertices=shrub.vertices.astype(float), faces=shrub.faces.astype(np.int64), color=np.array(color))


def _askew(shape: Shape, rng: Rng) -> Shape:
    """Tilt a shape in its plane."""
    angle = rng.uniform(-0.7, 0.7)
    cos, sin = np.cos(angle), np.sin(angle)
    x, y, z = shape.vertices.T
    return Shape(vertices=np.stack([x * cos - z * sin, y, x * sin + z * cos], 1), faces=shape.faces, color=shape.color)


_MAKERS = {"railing": _railing, "lattice": _lattice, "slab": _slab, "leaves": _leaves}
