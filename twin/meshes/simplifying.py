"""Fewer triangles for the same shape: by quadric errors, each body by itself, checked."""

from dataclasses import replace

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.meshes import bodies, repair
from corrotwin.twin.meshes.surface import Surface

MOST_CHANGE = 0.05  # greatest change of the area of a body, of its extents and, if it is closed, of its volume
LEAST = 8  # fewest triangles that are tried


def simplified(surface: Surface, count: int) -> Surface:
    """Return a surface of about `count` triangles, or of more if fewer would change a body by over `MOST_CHANGE`.

    Raises
    ------
    InputError
        fast-simplification is not installed.
    """
    surface = bodies.parted(repair.welded(surface))
    piece = surface.pieces()
    sizes = np.bincount(piece)
    faces = np.split(np.argsort(piece, kind="stable"), np.cumsum(sizes)[:-1])
    simpler: list[Surface] = []
    before, allowed = len(surface.faces), count
    for number in np.argsort(sizes, kind="stable"):  # larger bodies spare what small ones cannot
        body = _alone(surface.of(faces[number]))
        simpler.append(_fewer(body, allowed * len(body.faces) // before))
        before, allowed = before - len(body.faces), max(0, allowed - len(simpler[-1].faces))
    begins = np.cumsum([0, *(len(body.vertices) for body in simpler)])
    labels = {name: np.concatenate([getattr(body, name) for body in simpler]) for name in ("part", "material", "zone")}
    return replace(
        surface,
        vertices=np.concatenate([body.vertices for body in simpler]),
        faces=np.concatenate([body.faces + begin for body, begin in zip(simpler, begins, strict=False)]),
        **labels,
    )


def reduced(surface: Surface, count: int) -> Surface:
    """Return a surface of about `count` triangles, whatever becomes of its shape; labels are of the nearest before.

    Raises
    ------
    InputError
        fast-simplification is not installed.
    """
    from scipy.spatial import cKDTree

    try:
        import fast_simplification
    except ImportError as error:
        raise InputError("`simplify` needs fast-simplification; pip install 'corrotwin[mesh]'") from error
    points, faces = fast_simplification.simplify(
        surface.vertices.astype(np.float32), surface.faces.astype(np.int32), target_count=count
    )
    points, faces = np.asarray(points, dtype=float), np.asarray(faces, dtype=np.int64).reshape(-1, 3)
    _, nearest = cKDTree(surface.corners.mean(axis=1)).query(points[faces].mean(axis=1))
    return replace(surface.of(nearest), vertices=points, faces=faces)


def _alone(surface: Surface) -> Surface:
    """Return a surface without the points that none of its faces uses."""
    used, faces = np.unique(surface.faces, return_inverse=True)
    return replace(surface, vertices=surface.vertices[used], faces=faces.reshape(-1, 3))


def _fewer(body: Surface, count: int) -> Surface:
    """Return a body of as few triangles as keep its shape, but no fewer than `count`."""
    count = max(LEAST, count)
    while count < len(body.faces):
        tried = bodies.parted(repair.welded(reduced(body, count)))
        if len(tried.faces) and _alike(body, tried):
            return tried
        count += count // 2
    return body


def _alike(before: Surface, after: Surface) -> bool:
    """Return whether a body is still one, as open as before, and has kept its area, extents and, if closed, volume."""
    piece = after.pieces()
    is_open = bodies.open_pieces(before, np.zeros(len(before.faces), dtype=np.int64))
    if not np.array_equal(bodies.open_pieces(after, piece), is_open):
        return False
    old, new = (
        np.array([np.linalg.norm(surface.cross, axis=1).sum(), *np.ptp(surface.vertices, axis=0), _volume(surface)])
        for surface in (before, after)
    )
    near = MOST_CHANGE * np.abs(old) + 1e-6 * before.diagonal_m ** np.array([2, 1, 1, 1, 3])
    near[4] = np.inf if is_open[0] else near[4]
    return bool((np.abs(new - old) <= near).all())


def _volume(surface: Surface) -> float:
    middle = surface.vertices.mean(axis=0)
    return float(((surface.corners[:, 0] - middle) * surface.cross).sum() / 6)
