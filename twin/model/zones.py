"""Local severity of corrosion by zone of the part, facing and height.

The numbers are set by eye against photographs, from what standards and inspectors say in words: coats are thin on edges
and over welds, crevices stay wet (ISO 12944-3); dust and water lie on upward faces, drops hang from lower rims.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.geometry.atlas import AssetGeometry, Singles, Texels
from corrotwin.twin.geometry.solids import COVERED


@dataclass(frozen=True)
class Zone:
    """Factors of a zone relative to an open face: on the coating's defects per area, and on metal lost to the air."""

    defects: float
    loss: float = 1.0


ZONES = {
    COVERED: Zone(0.0, 0.0),
    "bore": Zone(0.1, 0.0),  # rust shows where it can be seen; metal is lost to the fluid in it (`twin.mechanisms`)
    "back": Zone(0.5),
    "face": Zone(1.0),
    "body": Zone(1.0),
    "web": Zone(1.0),
    "bar": Zone(1.0),
    "rail": Zone(1.0),
    "post": Zone(1.0),
    "skirt": Zone(1.0),
    "elbow": Zone(1.5),
    "head": Zone(1.5),
    "nozzle": Zone(1.5),
    "side": Zone(1.5),
    "stringer": Zone(1.5),
    "chord": Zone(1.5),
    "brace": Zone(1.5),
    "gusset": Zone(2.0),
    "lacing": Zone(2.0),
    "stiffener": Zone(2.0),
    "rocker": Zone(2.0),
    "tear": Zone(2.5),
    "tread": Zone(2.5),
    "flange": Zone(3.0),
    "crown": Zone(3.0),
    "clamp": Zone(3.0),
    "rivet": Zone(4.0),
    "stud": Zone(4.0),
    "edge": Zone(6.0, 1.2),
    "end": Zone(6.0, 1.2),
    "hole": Zone(6.0, 1.2),
    "weld": Zone(6.0, 1.2),
    "bolt": Zone(7.0, 1.1),
    "thread": Zone(8.0, 1.3),
    "contact": Zone(8.0, 1.5),
    "crevice": Zone(10.0, 1.6),
}
DRIPPING = {
    "bar",
    "body",
    "brace",
    "chord",
    "clamp",
    "crown",
    "edge",
    "elbow",
    "rail",
    "side",
}  # parts with drops hanging from their lower rim
UPWARD = 0.35  # more loss where a surface faces straight up
DRIP = 0.45  # more loss on a lower rim
SPLASH_DEFECTS = 3.0  # times as many defects between the heights that sea water splashes
STEEP = 0.8  # least |z of the normal| of a surface that counts as facing up or down


def defect_factors(
    zone_names: tuple[str, ...],
    zone: NDArray[np.integer[Any]],
    position_m: NDArray[np.floating[Any]],
    splash_m: tuple[float, float] | None,
) -> NDArray[np.float64]:
    """Return the relative density of a coating's defects at places, (n,).

    Parameters
    ----------
    zone_names : kind of zone as which each zone of the asset corrodes (`AssetGeometry.zone_kinds`).
    zone : (n,) index into them.
    position_m : (n, 3).
    splash_m : heights between which sea water splashes, or None.
    """
    factor = np.array([ZONES[name].defects for name in zone_names])[zone]
    if splash_m is not None:
        factor = np.where(in_splash(position_m[:, 2], splash_m), SPLASH_DEFECTS * factor, factor)
    return np.asarray(factor)


def loss_factors(zone_names: tuple[str, ...], zone: NDArray[np.integer[Any]], normal: Singles) -> Singles:
    """Return the relative loss of metal at places, (n,): by zone, more on upward faces and lower rims.

    Parameters
    ----------
    zone_names, zone : as for `defect_factors`.
    normal : (n, 3) unit normals.
    """
    upward, downward = np.maximum(normal[:, 2], 0), np.maximum(-normal[:, 2], 0)
    drips = np.array([name in DRIPPING for name in zone_names], dtype=np.float32)[zone]
    facing = 1 + np.float32(UPWARD) * upward**2 + np.float32(DRIP) * drips * downward**8
    return np.asarray(np.array([ZONES[name].loss for name in zone_names], dtype=np.float32)[zone] * facing)


def in_splash(height_m: NDArray[np.floating[Any]], splash_m: tuple[float, float]) -> NDArray[np.bool_]:
    """Return whether heights above the lowest point are in the splash zone, in the shape of `height_m`."""
    return np.asarray((height_m >= splash_m[0]) & (height_m < splash_m[1]))


def regions(
    asset: AssetGeometry, texels: Texels, splash_m: tuple[float, float] | None
) -> list[tuple[str, str, NDArray[np.bool_]]]:
    """Return the regions in which inspectors report, as (by, name, (H, W) mask); those of one `by` do not overlap.

    Regions are the zones of parts, the top, side and bottom faces, the splash zone, and all surface in the air.
    """
    in_air = texels.area_mm2 > 0
    named_masks = []
    for index, name in enumerate(asset.zone_names):
        in_zone = texels.zone == index
        if name == COVERED:
            in_air &= ~in_zone
        else:
            named_masks.append(("part", name, in_zone & in_air))
    normal_z = texels.normal[..., 2]
    named_masks += [
        ("facing", "top", in_air & (normal_z > STEEP)),
        ("facing", "side", in_air & (np.abs(normal_z) <= STEEP)),
        ("facing", "bottom", in_air & (normal_z < -STEEP)),
    ]
    if splash_m is not None:
        named_masks.append(("height", "splash", in_air & in_splash(texels.position_m[..., 2], splash_m)))
    return [*((by, name, mask) for by, name, mask in named_masks if mask.any()), ("all", "all", in_air)]
