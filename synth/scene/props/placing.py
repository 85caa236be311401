"""Put models of the user's own in the place of pieces of clutter: behind or beside the subject, clear of all else."""

from collections.abc import Sequence
from math import cos, pi, radians, sin
from pathlib import Path

import numpy as np
import trimesh

from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.placement import Arrangement, corners
from corrotwin.synth.scene.props import models
from corrotwin.synth.scene.surroundings import Array, as_matrix
from corrotwin.synth.spec import Prop

TRIES = 20  # places tried for a model; then the piece of clutter stays
Box = tuple[Array, Array]  # lowest and highest corner seen from above, (2,) metres each


def with_models(stand: Arrangement, chosen: Preset, folder: Path, rng: np.random.Generator) -> list[Prop]:
    """Return the clutter of an arrangement, a share of its pieces replaced by models, whose files go to `folder`."""
    if not chosen.props:
        return list(stand.clutter)
    replaced = [rng.random() < chosen.props_share for _ in stand.clutter]
    boxes = [_box(*corners([placed])) for placed in stand.placed]
    fixed = [*boxes, *map(_box_of, stand.props)]
    pieces = [_box_of(piece) for piece in stand.clutter]  # each in turn gives way to its model, if there is room
    result = []
    for number, (piece, new) in enumerate(zip(stand.clutter, replaced, strict=True)):
        taken = [*fixed, *pieces[:number], *pieces[number + 1 :]]
        placed = _placed(boxes[0], taken, chosen, folder, rng) if new else None
        if placed is None:
            result.append(piece)
        else:
            model, pieces[number] = placed
            result.append(model)
    return result


def _placed(
    subject: Box, taken: Sequence[Box], chosen: Preset, folder: Path, rng: np.random.Generator
) -> tuple[Prop, Box] | None:
    """Draw a model and its place, clear of the boxes `taken`, and return it with its box; None if there is no room."""
    model = models.read(chosen.props[rng.integers(len(chosen.props))])
    pose: Array = trimesh.transformations.rotation_matrix(rng.uniform(0, 2 * pi), [0, 0, 1])
    turned = trimesh.transform_points(model.vertices, pose)
    low, high = _box(turned.min(axis=0), turned.max(axis=0))
    pose[:2, 3] = -(low + high) / 2
    half, middle = (high - low) / 2, (subject[0] + subject[1]) / 2
    for _ in range(TRIES):
        angle = radians(rng.uniform(-15, 195))
        way = np.array([cos(angle), sin(angle)])
        # Out along the way until both boxes are apart, and a little further.
        apart = ((subject[1] - subject[0]) / 2 + half) / np.maximum(np.abs(way), 1e-6)
        place = middle + way * (apart.min() + rng.uniform(0.03, 0.8))
        box = (place - half, place + half)
        if _is_free(box, taken):
            pose[:2, 3] += place
            prop = Prop(
                shape="model", pose=as_matrix(pose), material="", color=(0.5, 0.5, 0.5), seed=0.0,
                file=model.write(folder),
            )  # fmt: skip
            return prop, box
    return None


def _is_free(box: Box, taken: Sequence[Box]) -> bool:
    return all((box[0] > high).any() or (box[1] < low).any() for low, high in taken)


def _box(low: Array, high: Array) -> Box:
    return low[:2], high[:2]


def _box_of(prop: Prop) -> Box:
    """Return the box of a prop whose shape is a box or a cylinder."""
    pose = np.array(prop.pose)
    half = np.abs(pose[:2, :3]).sum(axis=1) / 2
    return pose[:2, 3] - half, pose[:2, 3] + half
