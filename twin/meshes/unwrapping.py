"""Unwrapping of a surface into flat charts that show it in its true size, by uvunwrap."""

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import Floats, Integers
from corrotwin.twin.geometry.charts import Charts
from corrotwin.twin.meshes.surface import Surface
from corrotwin.twin.meshes.zoning import Zoned

MOST_STRETCH = 1.1  # greatest change of a face's area, either way, before a chart is cut: texels are true within 10 %
MOST_DEGREES = 30.0  # greatest angle between a face and the mean of its chart
PAGE_TEXELS = 8192  # side of the page on which charts are made, whose corners are true to 1e-7 of the page


def unwrapped(zoned: Zoned, thickness_mm: Floats) -> tuple[Charts, float]:
    """Return a surface as charts, each in one zone, and the greatest stretch of its area.

    Parameters
    ----------
    thickness_mm : (m,) thickness at each face.

    Returns
    -------
    The charts, and the greatest factor by which a face differs in area on its chart, except for 1/1000 of the area.

    Raises
    ------
    InputError
        uvunwrap is not installed, or cannot cut the surface.
    """
    try:
        import uvunwrap
    except ImportError as error:
        raise InputError("reading a mesh needs uvunwrap; pip install 'corrotwin[mesh]'") from error
    surface = zoned.surface
    doubled = np.linalg.norm(surface.cross, axis=1)
    scale = PAGE_TEXELS / 2 / np.sqrt(max(doubled.sum() / 2, 1e-12))
    try:
        mesh = uvunwrap.Mesh(
            np.ascontiguousarray(surface.vertices, dtype=np.float32).reshape(-1),
            np.ascontiguousarray(surface.faces, dtype=np.uint32).reshape(-1),
            face_materials=np.ascontiguousarray(surface.zone, dtype=np.uint32),
        )
        atlas = uvunwrap.generate(
            [mesh], page_size=None, texels_per_unit=float(scale), padding=2, packing="fast",
            max_chart_angle=MOST_DEGREES, max_area_distortion=MOST_STRETCH,
        )  # fmt: skip
    except uvunwrap.UnwrapError as error:
        raise InputError(f"cannot be unwrapped ({error}); simplify it or repair it in a mesh editor") from error
    charted = atlas.meshes[0]
    flat = np.array(charted.corner_uvs, dtype=float).reshape(-1, 3, 2) * [atlas.width, atlas.height] / scale
    chart = np.array(charted.chart, dtype=np.int64)[np.array(charted.indices, dtype=np.int64).reshape(-1, 3)[:, 0]]
    flat, chart = _whole(surface, flat, chart)
    _, chart = np.unique(chart, return_inverse=True)
    chart = chart.reshape(-1)
    low = np.full((int(chart.max()) + 1, 2), np.inf)
    np.minimum.at(low, chart, flat.min(axis=1))
    flat = flat - low[chart][:, None, :]
    solid = surface.pieces()
    return Charts(
        vertices=surface.vertices,
        faces=surface.faces,
        flat=flat,
        face_chart=chart,
        face_zone=surface.zone,
        face_solid=solid,
        face_thickness_mm=thickness_mm,
        zone_names=surface.zone_names,
        zone_kinds=zoned.kinds,
        solid_names=tuple(f"piece {number + 1}" for number in range(int(solid.max()) + 1)),
    ), _stretch(flat, doubled)


def _area(flat: Floats) -> Floats:
    first, second = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    return np.asarray(np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]))


def _whole(surface: Surface, flat: Floats, chart: Integers) -> tuple[Floats, Integers]:
    """Lay each face that was left out, or is stretched beyond the limit, on a chart of its own, in its true size."""
    doubled = np.linalg.norm(surface.cross, axis=1)
    shown = _area(flat) / np.maximum(doubled, 1e-30)
    replaced = np.flatnonzero((chart < 0) | ~((shown > 1 / MOST_STRETCH) & (shown < MOST_STRETCH)))
    a, b, c = (surface.corners[replaced, corner] for corner in range(3))
    along = b - a
    length = np.maximum(np.linalg.norm(along, axis=1), 1e-30)
    x = ((c - a) * along).sum(axis=1) / length
    y = doubled[replaced] / length
    zero = np.zeros(len(replaced))
    flat, chart = flat.copy(), chart.copy()
    flat[replaced] = np.stack([np.stack(pair, axis=1) for pair in ((zero, zero), (length, zero), (x, y))], axis=1)
    chart[replaced] = int(chart.max()) + 1 + np.arange(len(replaced))
    return flat, chart


def _stretch(flat: Floats, doubled: Floats) -> float:
    shown = _area(flat) / np.maximum(doubled, 1e-30)
    factor = np.maximum(shown, 1 / np.maximum(shown, 1e-30))
    order = np.argsort(factor)
    below = np.cumsum(doubled[order])
    return float(factor[order][min(np.searchsorted(below, 0.999 * below[-1]), len(order) - 1)])
