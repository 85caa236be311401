"""Replace pieces of clutter with the user's own models, behind or beside the subject and clear of everything else."""

from collections.abc import Sequence
from math import pi
from pathlib import Path

import numpy as np
import trimesh

from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene.clutter.footprints import Box, beside, of_prop, seen_from_above
from corrotwin.synth.scene.placement import Arrangement, corners
from corrotwin.synth.scene.props import models
from corrotwin.synth.scene.surroundings import Array, as_matrix
from corrotwin.synth.spec import Prop


def with_models(stand: Arrangement, chosen: Preset, folder: Path, rng: np.random.Generator) -> list[Prop]:
    """Return the clutter of an arrangement, a share of its pieces replaced by models, whose files go to `folder`."""
    if not chosen.props:
        return list(stand.clutter)
    replaced = [rng.random() < chosen.props_share for _ in stand.clutter]
    boxes = [seen_from_above(*corners([placed])) for placed in stand.placed]
    fixed = [*boxes, *map(of_prop, stand.props)]
    pieces = [of_prop(piece) for piece in stand.clutter]  # each in turn gives way to its model, if there is room
    result = []
    for number, (piece, is_replaced) in enumerate(zip(stand.clutter, replaced, strict=True)):
        taken = [*fixed, *pieces[:number], *pieces[number + 1 :]]
        placed = _placed(boxes[0], taken, chosen, folder, rng) if is_replaced else None
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
    low, high = seen_from_above(turned.min(axis=0), turned.max(axis=0))
    pose[:2, 3] = -(low + high) / 2
    half = (high - low) / 2
    place = beside(subject, half, taken, rng)
    if place is None:
        return None
    pose[:2, 3] += place
    prop = Prop(
        shape="model", pose=as_matrix(pose), material="", color=(0.5, 0.5, 0.5), seed=0.0, file=model.write(folder)
    )
    return prop, (place - half, place + half)
