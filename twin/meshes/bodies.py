"""The bodies that make up a surface: those that merely touch are separated, and each is turned to face outwards."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.meshes.surface import Surface

ANGLES = 6000  # steps of a full turn: faces at an edge that differ by less lie on each other
FLAT = 1e-6  # volume, as a share of area ** 1.5, below which a piece is a sheet
WITHIN_CLOSED, WITHIN_OPEN = 0.75, 0.25  # least mean winding number, around places of a piece, of another that holds it
PLACES = 8
NEAR = 1e-6  # share of the diagonal by which a piece may reach out of the box of one that holds it
PAIR = 0.5  # least size of the inner skin of an open wall, as a share of its outer skin


def open_pieces(surface: Surface, piece: Integers) -> NDArray[np.bool_]:
    """Return whether each piece has an edge that is not shared by two faces, (pieces,)."""
    _, edge, count = _edges(surface)
    return _with_rim(piece, edge, count)


def _with_rim(piece: Integers, edge: Integers, count: Integers) -> NDArray[np.bool_]:
    has_rim = np.zeros(int(piece.max()) + 1, dtype=bool)
    has_rim[np.repeat(piece, 3)[count[edge] % 2 == 1]] = True
    return has_rim


def _edges(surface: Surface) -> tuple[Integers, Integers, Integers]:
    """Return the sides of the faces: their ends (3 m, 2), the edge of each (3 m,), and how many each edge has."""
    ends = surface.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    key = ends.min(axis=1) * len(surface.vertices) + ends.max(axis=1)
    _, edge, count = np.unique(key, return_inverse=True, return_counts=True)
    return ends, edge.reshape(-1), count


def parted(surface: Surface) -> Surface:
    """Give each closed body points of its own, also where it shares a corner, an edge or a face with another."""
    from trimesh.graph import connected_component_labels

    ends, edge, count = _edges(surface)
    several = ((count > 2) & (count % 2 == 0))[edge]
    order = np.argsort(edge, kind="stable")
    order = order[~several[order]]
    next_to = np.flatnonzero(edge[order[1:]] == edge[order[:-1]])
    pairs = np.stack([order[next_to], order[next_to + 1]], axis=1) // 3
    if several.any():
        pairs = np.concatenate([pairs, _paired(surface, ends, edge, np.flatnonzero(several))])
    body = np.asarray(connected_component_labels(pairs, len(surface.faces)), dtype=np.int64)
    body[_with_rim(body, edge, count)[body]] = -1  # open bodies hold together by their points
    owner, most = np.repeat(body + 1, 3), int(body.max()) + 2
    keys, number = np.unique(surface.faces.reshape(-1) * most + owner, return_inverse=True)
    return replace(surface, vertices=surface.vertices[keys // most], faces=number.reshape(-1, 3))


def _paired(surface: Surface, ends: Integers, edge: Integers, sides: Integers) -> Integers:
    """Return the pairs of faces (k, 2) that bound the same metal, of sides whose edges have four faces or more.

    Around such an edge each face opens a wedge of metal or closes the last one opened. Of faces that lie on each other,
    those that close a wedge come first: they are two bodies in contact, or the two sides of a sheet.
    """
    sides = sides[np.argsort(edge[sides], kind="stable")]
    _, begins, group = np.unique(edge[sides], return_index=True, return_inverse=True)
    opens = ends[sides, 0] > ends[sides, 1]
    low, high = surface.vertices[ends[sides].min(axis=1)], surface.vertices[ends[sides].max(axis=1)]
    axis = (high - low) / np.linalg.norm(high - low, axis=1)[:, None]
    away = surface.vertices[surface.faces[sides // 3, (sides + 2) % 3]] - low
    first = (away - (away * axis).sum(axis=1)[:, None] * axis)[begins[group]]
    angle = np.arctan2((away * np.cross(axis, first)).sum(axis=1), (away * first).sum(axis=1))
    order = np.lexsort([opens, np.round(angle / (2 * np.pi) * ANGLES).astype(int) % ANGLES, group])
    pairs = []
    for around in np.split(order, begins[1:]):
        waiting: list[int] = []
        closing: list[int] = []
        for face, is_opening in zip((sides[around] // 3).tolist(), opens[around].tolist(), strict=True):
            if is_opening:
                waiting.append(face)
            elif waiting:
                pairs.append((waiting.pop(), face))
            else:
                closing.append(face)  # it closes what the last face opens
        pairs += zip(reversed(waiting), closing, strict=False)
        unpaired = [*waiting[: max(0, len(waiting) - len(closing))], *closing[len(waiting) :]]
        pairs += pairwise(unpaired)
    return np.array(pairs, dtype=np.int64)


def inwards(surface: Surface, piece: Integers) -> NDArray[np.bool_]:
    """Return which pieces face inwards, (pieces,).

    A closed piece does if its volume is negative, an open one if more of it faces its middle than away from it. A piece
    in the metal of another is the wall of a cavity, or a body in a body: relative to that one it stays as in the file.
    So does the inner skin of an open wall, but not a small open piece within an open shell.
    """
    corners, cross, is_open = surface.corners, surface.cross, open_pieces(surface, piece)
    doubled = np.linalg.norm(cross, axis=1)
    area = np.maximum(np.bincount(piece, doubled), 1e-30)
    sums = [np.bincount(piece, doubled * corners[:, :, axis].mean(axis=1)) for axis in range(3)]
    middle = np.stack(sums, axis=1) / area[:, None]
    volume = np.bincount(piece, weights=((corners[:, 0] - middle[piece]) * cross).sum(axis=1))
    negative = volume < -FLAT * area**1.5
    if not negative.any():
        return negative
    faces = np.split(np.argsort(piece, kind="stable"), np.cumsum(np.bincount(piece))[:-1])
    low = np.array([corners[members].min(axis=(0, 1)) for members in faces])
    high = np.array([corners[members].max(axis=(0, 1)) for members in faces])
    size, near, turned = np.linalg.norm(high - low, axis=1), NEAR * surface.diagonal_m, negative.copy()
    larger = np.argsort(-size, kind="stable")
    for place, number in enumerate(larger):
        candidates = larger[:place]
        candidates = candidates[
            (is_open[candidates] == is_open[number])
            & (low[candidates] <= low[number] + near).all(axis=1)
            & (high[candidates] >= high[number] - near).all(axis=1)
            & (~is_open[candidates] | (size[number] > PAIR * size[candidates]))
        ]
        if not negative[number] and not turned[candidates].any():
            continue
        seen = faces[number][np.linspace(0, len(faces[number]) - 1, PLACES).astype(int)]
        places = corners[seen].mean(axis=1)
        winding = np.array([np.mean([_winding(corners[faces[holder]], at) for at in places]) for holder in candidates])
        within = WITHIN_OPEN if is_open[number] else WITHIN_CLOSED
        holding = candidates[np.abs(winding) > within]
        if len(holding) and (winding * np.where(turned[candidates], -1, 1)).sum() > within:
            turned[number] = turned[holding[-1]]
    return turned


def _winding(corners: Floats, place: Floats) -> float:
    """Return how often triangles (m, 3, 3) wind around a place: 1 within a closed body, 0 outside.

    By their solid angles (Van Oosterom and Strackee, IEEE Transactions on Biomedical Engineering 30, 1983).
    """
    a, b, c = np.moveaxis(corners - place, 1, 0)
    to_a, to_b, to_c = (np.linalg.norm(vector, axis=1) for vector in (a, b, c))
    volume = (a * np.cross(b, c)).sum(axis=1)
    ab, bc, ca = (a * b).sum(axis=1), (b * c).sum(axis=1), (c * a).sum(axis=1)
    return float(np.arctan2(volume, to_a * to_b * to_c + ab * to_c + bc * to_a + ca * to_b).sum() / (2 * np.pi))
