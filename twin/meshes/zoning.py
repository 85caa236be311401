"""Zones of a surface that has no builder: edges, crevices and what is covered by its shape; names of the user's own.

Edges: within `BAND_M` of a sharp convex edge, or of the rim of an open shell, where coats are thin. The triangles there
are cut small first. Crevices: faces across a narrow gap from another piece. Covered: faces pressed on another piece or
inside it, all of the triangle: what is partly free counts as open.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.meshes.repair import open_pieces
from corrotwin.twin.meshes.surface import Surface

BAND_M = 0.004  # from a sharp edge, on either side
BAND_SHARE = 0.01  # of the diagonal, where that is less
SHARP_DEGREES = 50.0  # more than between the sides of an octagon, which stands for something round
MOST_FACES = 300_000  # after faces at edges are cut small
COARSE = 3.0  # bands: longest side of a triangle at an edge
GAP_M = 0.003  # across which a face is a crevice
PRESSED_M = 0.0003  # across which it is covered
SEEN_FROM = ((1 / 3, 1 / 3, 1 / 3), (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9))  # places on a face
EDGE, CREVICE = "edge", "crevice"
ROUNDS = 12


def by_shape(surface: Surface) -> Surface:
    """Return a surface with each zone divided into itself, its edges and its crevices, and what is covered."""
    band = min(BAND_M, BAND_SHARE * surface.diagonal_m)
    points = _sharp_points(surface, band / 2)
    surface = _refined(surface, points, band)
    centre = surface.corners.mean(axis=1)
    at_edge = _distance(points, centre) <= band
    covered, crevice = _near_others(surface)
    own = np.array(surface.zone_names, dtype=object)[surface.zone]
    for name, here in ((EDGE, at_edge), (CREVICE, crevice)):
        own[here] = [name if zone == "body" else f"{zone} {name}" for zone in own[here]]
    own[covered] = COVERED
    names, zone = np.unique(own.astype(str), return_inverse=True)
    return replace(surface, zone=zone.reshape(-1).astype(np.int64), zone_names=tuple(names.tolist()))


def _sharp_points(surface: Surface, spacing_m: float) -> Floats:
    """Return points along all sharp convex edges and rims, (k, 3)."""
    mesh = surface.mesh
    sharp = mesh.face_adjacency_convex & (mesh.face_adjacency_angles > np.radians(SHARP_DEGREES))
    edges = np.sort(surface.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    every = np.concatenate([mesh.face_adjacency_edges[sharp], unique[count == 1]])
    begin, end = surface.vertices[every[:, 0]], surface.vertices[every[:, 1]]
    pieces = np.maximum(1, np.ceil(np.linalg.norm(end - begin, axis=1) / spacing_m)).astype(int)
    number = np.repeat(np.arange(len(every)), pieces + 1)
    step = np.arange(len(number)) - np.repeat(np.cumsum(pieces + 1) - pieces - 1, pieces + 1)
    part = (step / pieces[number])[:, None]
    return np.asarray(begin[number] * (1 - part) + end[number] * part)


def _distance(points: Floats, places: Floats) -> Floats:
    """Return the distance of places to the nearest of some points, (n,); inf without points."""
    from scipy.spatial import cKDTree

    if not len(points):
        return np.full(len(places), np.inf)
    return np.asarray(cKDTree(points).query(places)[0])


def _refined(surface: Surface, points: Floats, band: float) -> Surface:
    """Cut triangles near the points until the sides of each are at most `COARSE` bands long, or there are too many."""
    for _ in range(ROUNDS):
        corners = surface.corners
        centre = corners.mean(axis=1)
        reach = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1) + band
        sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
        near = (_distance(points, centre) < reach) & (sides.max(axis=1) > COARSE * band)
        if not near.any():
            break
        finer = _split(surface, (sides > COARSE * band) & near[:, None])
        if len(finer.faces) > MOST_FACES:
            break
        surface = finer
    return surface


def _split(surface: Surface, marked: NDArray[np.bool_]) -> Surface:
    """Halve the marked sides (m, 3), side k from corner k to the next, in all faces that share them."""
    count = len(surface.vertices)
    ends = surface.faces[:, [[0, 1], [1, 2], [2, 0]]]
    key = np.sort(ends, axis=2)
    key = key[..., 0] * count + key[..., 1]
    halved = np.unique(key[marked])
    place = np.searchsorted(halved, key).clip(max=len(halved) - 1)
    is_halved = halved[place] == key
    middle = np.where(is_halved, count + place, -1)
    added = (surface.vertices[halved // count] + surface.vertices[halved % count]) / 2
    parts, sources = [], []
    number = is_halved.sum(axis=1)
    for sides in range(4):
        chosen = np.flatnonzero(number == sides)
        if not len(chosen):
            continue
        # Turn each face so that the halved sides come first: one is side 0, of two the whole one is side 2.
        mark = is_halved[chosen]
        turn = np.zeros(len(chosen), dtype=int)
        if sides == 1:
            turn = mark.argmax(axis=1)
        elif sides == 2:
            turn = ((~mark).argmax(axis=1) + 1) % 3
        order = (turn[:, None] + [[0, 1, 2]]) % 3
        a, b, c = np.take_along_axis(surface.faces[chosen], order, axis=1).T
        x, y, z = np.take_along_axis(middle[chosen], order, axis=1).T
        cut = {
            0: [(a, b, c)],
            1: [(a, x, c), (x, b, c)],
            2: [(x, b, y), (a, x, y), (a, y, c)],
            3: [(a, x, z), (x, b, y), (z, y, c), (x, y, z)],
        }[sides]
        parts.append(np.concatenate([np.stack(one, axis=1) for one in cut]))
        sources.append(np.tile(chosen, len(cut)))
    source = np.concatenate(sources)
    return replace(surface.of(source), vertices=np.concatenate([surface.vertices, added]), faces=np.concatenate(parts))


def _near_others(surface: Surface) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which faces are covered by another piece, and which are crevices, (m,) each, by rays along the normals.

    A face counts as covered where rays from all of `SEEN_FROM` say so, as a crevice where most of them do: a large
    face on which a small part stands is open to the air.
    """
    piece = surface.pieces()
    covered, crevice = np.zeros(len(piece), dtype=int), np.zeros(len(piece), dtype=int)
    if piece.max() == 0:
        return covered > 0, crevice > 0
    normal = surface.cross / np.maximum(np.linalg.norm(surface.cross, axis=1), 1e-30)[:, None]
    closed, corners, mesh, begin = ~open_pieces(surface, piece), surface.corners, surface.mesh, 1e-6
    for weights in SEEN_FROM:
        place = np.einsum("c,ncd->nd", weights, corners)
        hit, ray, face = mesh.ray.intersects_location(place + begin * normal, normal, multiple_hits=False)
        distance = np.linalg.norm(hit - place[ray], axis=1)
        other = piece[face] != piece[ray]
        leaves = (normal[face] * normal[ray]).sum(axis=1) > 0  # the ray comes out of the other piece
        inside = other & leaves & closed[piece[face]]
        facing = other & ~leaves
        covered[ray[inside | (facing & (distance <= PRESSED_M))]] += 1
        crevice[ray[facing & (distance <= GAP_M)]] += 1
    is_covered = covered == len(SEEN_FROM)
    return is_covered, (crevice > len(SEEN_FROM) / 2) & ~is_covered


def named(surface: Surface, by: str) -> Surface:
    """Return a surface whose zones are its parts or materials: `by` is "parts" or "materials"."""
    label, names = (surface.part, surface.part_names) if by == "parts" else (surface.material, surface.material_names)
    return replace(surface, zone=label, zone_names=tuple(f"{name} part" if name == COVERED else name for name in names))


def counts(surface: Surface) -> Integers:
    """Return the number of faces of each zone."""
    return np.bincount(surface.zone, minlength=len(surface.zone_names))
