"""Boxes seen from above, and free places beside the subject."""

from collections.abc import Sequence
from math import cos, radians, sin

import numpy as np

from corrotwin.synth.scene.surroundings import Array
from corrotwin.synth.spec import Prop

TRIES = 20  # places tried for a piece
Box = tuple[Array, Array]  # lowest and highest corner, (2,) metres each


def beside(
    subject: Box, half: Array, taken: Sequence[Box], rng: np.random.Generator, *, farthest: float = 0.8
) -> Array | None:
    """Draw the middle, (2,), of a free box with half sides `half`, (2,), behind or beside the subject.

    It is clear of all boxes `taken` and at most `farthest` metres away; None if no room was found.
    """
    middle = (subject[0] + subject[1]) / 2
    for _ in range(TRIES):
        angle = radians(rng.uniform(-15, 195))
        direction = np.array([cos(angle), sin(angle)])
        # Out along this direction until the two boxes are apart, and a little further.
        apart = ((subject[1] - subject[0]) / 2 + half) / np.maximum(np.abs(direction), 1e-6)
        place = middle + direction * (apart.min() + rng.uniform(0.03, farthest))
        if is_free((place - half, place + half), taken):
            return np.asarray(place)
    return None


def is_free(box: Box, taken: Sequence[Box]) -> bool:
    """Return True if a box overlaps none of the boxes `taken`."""
    return all((box[0] > high).any() or (box[1] < low).any() for low, high in taken)


def seen_from_above(low: Array, high: Array) -> Box:
    """Return the box, seen from above, between two corners (3,)."""
    return low[:2], high[:2]


def of_prop(prop: Prop) -> Box:
    """Return the box of a prop whose shape is a box or a cylinder."""
    return seen_from_above(*corners_of(prop))


def corners_of(prop: Prop) -> tuple[Array, Array]:
    """Return the lowest and the highest corner, (3,) each, of a prop whose shape is a box or a cylinder."""
    pose = np.array(prop.pose)
    half = np.abs(pose[:3, :3]).sum(axis=1) / 2
    return pose[:3, 3] - half, pose[:3, 3] + half
