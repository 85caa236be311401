"""Thickness of the metal behind each face: stated for all, for each part, or found by rays through the solid."""

from collections.abc import Mapping

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.meshes.bodies import open_pieces
from corrotwin.twin.meshes.surface import Surface

LEAST_MM, MOST_MM = 0.1, 2000.0
RAYS = "rays"
CONE_DEGREES = 60.0  # from minus the normal: how far rays lean
LEANING = 6  # rays that lean so far, and as many that lean half as far
OF_PLATE = 1 / np.cos(np.radians(CONE_DEGREES / 2))  # the median over all rays through a plate, in its thicknesses
ALONG = 2.0  # times that median: a ray straight in that is longer runs along a plate, from its cut edge
INSIDE_M = 1e-5  # depth below the surface at which rays begin
FOUND = 0.98  # share of the area on which rays must find the far side
THICKER = 1.1  # times the least extent of a closed part: a greater thickness is impossible
LOW = 0.05  # where rays find no far side, the thickness is this quantile of those found


def stated(surface: Surface, given: float | Mapping[str, float]) -> Floats:
    """Return the thickness of each face, mm, (m,): one value, or one for each part.

    Raises
    ------
    InputError
        A value is impossible, a part is unknown, or one has no value.
    """
    by_part = dict(given) if isinstance(given, Mapping) else dict.fromkeys(surface.part_names, float(given))
    if unknown := [name for name in by_part if name not in surface.part_names]:
        names = ", ".join(surface.part_names[:20])
        raise InputError(f"`thickness` {unknown[0]}: not a part of the mesh; choose from {names}")
    if lacking := [name for name in surface.part_names if name not in by_part]:
        raise InputError(f"`thickness`: part {lacking[0]} has no value; give one for all, or one for each part")
    for name, value in by_part.items():
        if not LEAST_MM <= value <= MOST_MM:
            raise InputError(f"`thickness` {value:g}: give {LEAST_MM:g} to {MOST_MM:g} mm (part {name})")
    piece = surface.pieces()
    is_open = open_pieces(surface, piece)
    for number, name in enumerate(surface.part_names):
        in_part = surface.part == number
        if in_part.any() and not is_open[piece[in_part]].any():
            least = 1000 * float(np.ptp(surface.corners[in_part].reshape(-1, 3), axis=0).min())
            if least > LEAST_MM and by_part[name] > THICKER * least:
                raise InputError(
                    f"`thickness` {by_part[name]:g}: part {name} is {least:.3g} mm across; check units and value"
                )
    return np.array([by_part[name] for name in surface.part_names])[surface.part]


def by_rays(surface: Surface) -> Floats:
    """Return the thickness of each face, mm, (m,): straight in, or, at the cut edge of a plate, that of the plate.

    Rays that lean show the second case: half of them are short there, as in the shape diameter function of Shapira et
    al. (The Visual Computer 24, 2008).

    Raises
    ------
    InputError
        More than a fiftieth of the surface belongs to open pieces, or rays find no far side behind as much.
    """
    doubled = np.linalg.norm(surface.cross, axis=1)
    piece = surface.pieces()
    is_open = open_pieces(surface, piece)
    share = float(doubled[is_open[piece]].sum() / doubled.sum())
    if share > 1 - FOUND:  # a ray would cross the room within the shell and take it for metal
        raise InputError(
            f"`thickness`: {100 * share:.0f} % of the surface belongs to open pieces, which have no far side; give a "
            "thickness in mm"
        )
    inwards = -surface.cross / np.maximum(doubled, 1e-30)[:, None]
    centre = surface.corners.mean(axis=1)
    across = np.cross(inwards, np.where(np.abs(inwards[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]]))
    across /= np.linalg.norm(across, axis=1)[:, None]
    along = np.cross(inwards, across)
    mesh = surface.mesh
    leans = [(0.0, 0.0)] + [
        (np.radians(CONE_DEGREES) * fraction, 2 * np.pi * number / LEANING)
        for fraction in (0.5, 1.0)
        for number in range(LEANING)
    ]
    lengths = np.full((len(leans), len(doubled)), np.inf)
    for place, (lean, turn) in enumerate(leans):
        sideways = np.cos(turn) * across + np.sin(turn) * along
        way = np.cos(lean) * inwards + np.sin(lean) * sideways
        hit, ray, _ = mesh.ray.intersects_location(centre + INSIDE_M * inwards, way, multiple_hits=False)
        lengths[place, ray] = np.linalg.norm(hit - centre[ray], axis=1)
    usual = np.sort(lengths, axis=0)[len(leans) // 2] / OF_PLATE
    thickness_m = np.where(lengths[0] <= ALONG * usual, lengths[0], usual)
    seen = np.isfinite(thickness_m)
    share = float(doubled[~seen].sum() / doubled.sum())
    if share > 1 - FOUND:
        raise InputError(f"`thickness`: rays find no far side behind {100 * share:.0f} % of the surface; give it in mm")
    thickness_m[~seen] = np.quantile(thickness_m[seen], LOW)
    return np.asarray((1000 * thickness_m).clip(LEAST_MM, MOST_MM))
