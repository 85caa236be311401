"""Zones of a surface that has no builder: edges, crevices and covered faces by its shape; names of the user's own.

Edges: within `BAND_M` of a sharp edge that stands out, or of the rim of an open shell, where coats are thin. Crevices:
faces across a narrow gap from another piece, and bands of `BAND_M` along the rim of a contact, on either side. Covered:
faces pressed on another piece or inside it; a triangle that is partly free counts as open. Triangles at edges and rims
are cut small first.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.geometry.charts import spread
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.meshes.bodies import open_pieces
from corrotwin.twin.meshes.surface import Surface

BAND_M = 0.004  # width of the band at a sharp edge or the rim of a contact, on either side
BAND_SHARE = 0.01  # share of the diagonal, if that is less
SHARP_DEGREES = 50.0  # more than between the sides of an octagon, which may stand for a circle
MORE_FACES = 300_000  # how many more there may be after faces at edges are cut small
COARSE = 3.0  # longest side of a triangle at an edge, in bands
GAP_M = 0.003  # gap across which a face is a crevice
PRESSED_M = 0.00002  # gap across which it is covered
ROUNDS = 12
SEEN_FROM = ((1 / 3, 1 / 3, 1 / 3), (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9))  # places on a face
BODY, EDGE, CREVICE = "body", "edge", "crevice"
SHAPES = (BODY, EDGE, CREVICE, COVERED)


@dataclass(frozen=True, kw_only=True, eq=False)
class Zoned:
    """A surface divided into zones, as which of `SHAPES` each corrodes, and whether all edges were cut small."""

    surface: Surface
    kinds: tuple[str, ...]
    whole: bool


def by_shape(surface: Surface) -> Zoned:
    """Divide each zone of a surface into itself, its edges and its crevices; covered faces are one zone."""
    band, most = min(BAND_M, BAND_SHARE * surface.diagonal_m), len(surface.faces) + MORE_FACES
    points = _sharp_points(surface, band / 2)
    surface, all_cut = _refined(surface, points, band, most)
    covered, _ = _near_others(surface)
    if covered.any():
        surface, rims_cut = _refined(surface, _rims(surface, covered, band / 2), band, most)
        all_cut = all_cut and rims_cut
    covered, gap = _near_others(surface)
    rims = _rims(surface, covered, band / 2)
    crevice = gap | _within(surface, rims, band, all_cut)
    at_edge = _within(surface, points, band, all_cut)
    shape = np.select([crevice, covered, at_edge], [SHAPES.index(name) for name in (CREVICE, COVERED, EDGE)], 0)
    label = surface.zone * len(SHAPES) + shape
    label[shape == SHAPES.index(COVERED)] = SHAPES.index(COVERED)  # one zone for all
    numbers, zone = np.unique(label, return_inverse=True)
    kinds = tuple(SHAPES[number % len(SHAPES)] for number in numbers)
    names = tuple(
        _name(surface.zone_names[number // len(SHAPES)], kind) for number, kind in zip(numbers, kinds, strict=True)
    )
    return Zoned(
        surface=replace(surface, zone=zone.reshape(-1).astype(np.int64), zone_names=names), kinds=kinds, whole=all_cut
    )


def _name(zone: str, kind: str) -> str:
    if kind in (BODY, COVERED):
        return zone if kind == BODY else COVERED
    return kind if zone == BODY else f"{zone} {kind}"


def own_name(name: str) -> str:
    """Return a user's name for a zone, which no zone found by shape can have."""
    return f"{name} part" if name.rpartition(" ")[2] in SHAPES and name != BODY else name


def named(surface: Surface, by: str) -> Surface:
    """Return a surface whose zones are its parts or materials: `by` is "parts" or "materials"."""
    label, names = (surface.part, surface.part_names) if by == "parts" else (surface.material, surface.material_names)
    return replace(surface, zone=label, zone_names=tuple(map(own_name, names)))


def _within(surface: Surface, points: Floats, band: float, whole: bool) -> NDArray[np.bool_]:
    """Return which faces lie within a band of points, (m,); if not all were cut small, those that reach into it."""
    corners = surface.corners
    centre = corners.mean(axis=1)
    reach = 0.0 if whole else np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1)
    return np.asarray(_distance(points, centre) <= band + reach)


def _sharp_points(surface: Surface, spacing_m: float) -> Floats:
    """Return points along all sharp edges and rims, (k, 3); for closed pieces only along those that stand out."""
    mesh, piece = surface.mesh, surface.pieces()
    is_open = open_pieces(surface, piece)[piece[mesh.face_adjacency[:, 0]]]
    sharp = (mesh.face_adjacency_convex | is_open) & (mesh.face_adjacency_angles > np.radians(SHARP_DEGREES))
    edges = np.sort(surface.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    return _along(surface, np.concatenate([mesh.face_adjacency_edges[sharp], unique[count == 1]]), spacing_m)


def _rims(surface: Surface, covered: NDArray[np.bool_], spacing_m: float) -> Floats:
    """Return points along the edges between faces that are covered and faces that are not, (k, 3)."""
    mesh = surface.mesh
    differ = covered[mesh.face_adjacency[:, 0]] != covered[mesh.face_adjacency[:, 1]]
    return _along(surface, mesh.face_adjacency_edges[differ], spacing_m)


def _along(surface: Surface, edges: Integers, spacing_m: float) -> Floats:
    """Return points along edges (n, 2), no farther apart than a spacing."""
    begin, end = surface.vertices[edges[:, 0]], surface.vertices[edges[:, 1]]
    pieces = np.maximum(1, np.ceil(np.linalg.norm(end - begin, axis=1) / spacing_m)).astype(int)
    number, step = spread(pieces + 1)
    share = (step / pieces[number])[:, None]
    return np.asarray(begin[number] * (1 - share) + end[number] * share)


def _distance(points: Floats, places: Floats) -> Floats:
    """Return the distance of places to the nearest of some points, (n,); inf without points."""
    from scipy.spatial import cKDTree

    if not len(points):
        return np.full(len(places), np.inf)
    return np.asarray(cKDTree(points).query(places)[0])


def _refined(surface: Surface, points: Floats, band: float, most: int) -> tuple[Surface, bool]:
    """Cut triangles near the points until their sides are short; return whether that took no more than `most`."""
    for _ in range(ROUNDS):
        corners = surface.corners
        centre = corners.mean(axis=1)
        reach = np.linalg.norm(corners - centre[:, None], axis=2).max(axis=1) + band
        sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
        near = (_distance(points, centre) < reach) & (sides.max(axis=1) > COARSE * band)
        if not near.any():
            return surface, True
        finer = _split(surface, (sides > COARSE * band) & near[:, None])
        if len(finer.faces) > most:
            return surface, False
        surface = finer
    return surface, False


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
        # Turn each face so that the halved sides come first: a single one is side 0; of two, the whole one is side 2.
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
        parts.append(np.concatenate([np.stack(triangle, axis=1) for triangle in cut]))
        sources.append(np.tile(chosen, len(cut)))
    source = np.concatenate(sources)
    return replace(surface.of(source), vertices=np.concatenate([surface.vertices, added]), faces=np.concatenate(parts))


def _near_others(surface: Surface) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which faces are covered by another piece, and which are crevices, (m,) each, by rays along the normals.

    A face counts as covered if rays from all of `SEEN_FROM` say so, as a crevice if most of them do: a large
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
