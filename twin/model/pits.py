"""Pits: places where corroding metal is attacked deeper than around them.

Pits are born on corroding steel as a Poisson process in area, each some time after corrosion began at its place. The
depth of a pit is its own factor times the usual loss of metal there since its birth, so it follows the power law of
time with ISO 9224's mean exponent and the same changes of place (Velázquez et al., Corrosion 65, 2009: a power law with
constants for soils). Where steel keeps losing metal faster than by that law, it does so all over and pits stand out
less: by judgement, their exponent does not grow with that of the place. Factors are exponential: of many pits of one
age the deepest follows the Gumbel law exactly, its location growing with the logarithm of the area (Aziz, Corrosion 12,
1956: extreme values for pits).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Singles
from corrotwin.twin.model.coating import scatter

TILE = 32  # texels
BATCH = 32  # pits at a time
LEAST_MM = 0.01  # shallower pits are left out: the grain of the surface is as deep
ASPECT_SPREAD = 0.3  # standard deviation of the logarithm of a pit's radius over its depth
EDGE = 0.2  # cosine between the normals of a pit and a surface, above which the surface belongs to it


@dataclass(frozen=True, kw_only=True)
class Pits:
    """Number and growth of pits, set by eye against photographs.

    Parameters
    ----------
    per_m2 : potential pits per area.
    factor : mean of a pit's depth over the uniform loss since its birth.
    delay_years : mean time from the start of corrosion to a pit's birth.
    aspect : median of a pit's radius over its depth; pits widen as they deepen.
    """

    per_m2: float = 400.0
    factor: float = 0.5
    delay_years: float = 3.0
    aspect: float = 9.0

    def __post_init__(self) -> None:
        if not (0 <= self.per_m2 <= 1e5 and 0 <= self.factor <= 10 and 0 <= self.delay_years <= 1e4):
            raise InputError(
                f"pits: {self.per_m2} per m², factor {self.factor}, delay {self.delay_years} years: "
                "must not be negative; at most 100000 per m², factor 10, 10000 years"
            )
        if not 0.1 <= self.aspect <= 100:
            raise InputError(f"pits: aspect {self.aspect}: choose 0.1 to 100")


@dataclass(frozen=True, kw_only=True, eq=False)
class PitPlaces:
    """n potential pits of an asset."""

    position_m: Floats  # (n, 3)
    normal: Floats  # (n, 3)
    face: Integers  # (n,) index of the face of the asset
    delay_years: Floats  # (n,) from the start of corrosion at the place
    factor: Floats  # (n,) depth over uniform loss since birth
    aspect: Floats  # (n,) radius over depth


def pit_places(asset: AssetGeometry, pits: Pits, seed: np.random.SeedSequence) -> PitPlaces:
    """Draw all potential pits of an asset."""
    rng = np.random.default_rng(seed)
    position, normal, face = scatter(asset, pits.per_m2, rng)
    count = len(face)
    return PitPlaces(
        position_m=position,
        normal=normal,
        face=face,
        delay_years=rng.exponential(pits.delay_years, count),
        factor=rng.exponential(pits.factor, count),
        aspect=pits.aspect * np.exp(rng.normal(0, ASPECT_SPREAD, count)),
    )


def pit_loss_mm(
    position_m: Singles, normal: Singles, present: NDArray[np.bool_], places: PitPlaces, depth_mm: Floats
) -> Singles:
    """Return the depth of the deepest pit at each texel, (H, W) mm; a pit is a bowl, deepest in its middle.

    Parameters
    ----------
    position_m, normal : (H, W, 3).
    present : (H, W) where there is a corroding surface.
    places : the pits.
    depth_mm : (n,) depth of each pit in its middle.
    """
    loss = np.zeros(present.shape, dtype=np.float32)
    deep = np.flatnonzero(depth_mm > LEAST_MM)
    middle, facing = places.position_m[deep].astype(np.float32), places.normal[deep].astype(np.float32)
    depth = depth_mm[deep].astype(np.float32)
    radius = (depth_mm[deep] * places.aspect[deep] / 1000).astype(np.float32)
    inverse = 1 / (radius * radius)
    if not len(deep):
        return loss
    for row in range(0, loss.shape[0], TILE):
        for column in range(0, loss.shape[1], TILE):
            tile = (slice(row, row + TILE), slice(column, column + TILE))
            corroding = present[tile]
            if not corroding.any():
                continue
            points = position_m[tile][corroding]
            gap = np.maximum(np.maximum(points.min(axis=0) - middle, middle - points.max(axis=0)), 0)
            near = np.flatnonzero((gap * gap).sum(axis=1) < radius * radius)
            if not len(near):
                continue
            x, y, z = np.ascontiguousarray(points.T)
            a, b, c = np.ascontiguousarray(normal[tile][corroding].T)
            deepest = np.zeros(len(points), dtype=np.float32)
            for batch in np.array_split(near, -(-len(near) // BATCH)):
                p, n = middle[batch, :, None], facing[batch, :, None]
                square = (x - p[:, 0]) ** 2 + (y - p[:, 1]) ** 2 + (z - p[:, 2]) ** 2
                bowl = depth[batch, None] * (1 - square * inverse[batch, None])
                bowl *= a * n[:, 0] + b * n[:, 1] + c * n[:, 2] > EDGE
                np.maximum(deepest, bowl.max(axis=0), out=deepest)
            block = loss[tile]
            block[corroding] = deepest
    return loss


def mean_pit_mm(pits: Pits, mean_depth_mm: NDArray[np.floating[Any]]) -> Floats:
    """Return the surface mean of the depth of the deepest pit, mm, in the shape of `mean_depth_mm`.

    A pit of depth d is deeper than x on an area pi a² d (d - x), a its radius over its depth. Pits are a Poisson
    process of density c and d is exponential of mean m, so the depth at a place passes x with the chance
    1 - exp(-c pi a² m (x + 2 m) exp(-x / m)), whose integral over x is the mean.
    """
    square = pits.aspect**2 * np.exp(2 * ASPECT_SPREAD**2)
    crowding = pits.per_m2 / 1e6 * np.pi * square * np.asarray(mean_depth_mm, dtype=float) ** 2
    return np.asarray(mean_depth_mm * np.interp(crowding, *_mean_over_crowding()))


@cache
def _mean_over_crowding() -> tuple[Floats, Floats]:
    """Return a table of c pi a² m², and the mean depth in units of m at each; symbols as in `mean_pit_mm`."""
    crowding = np.concatenate([[0.0], np.geomspace(1e-4, 1e3, 200)])
    depth = np.linspace(0, 40, 4001)
    passed = 1 - np.exp(-crowding[:, None] * (depth + 2) * np.exp(-depth))
    middles = (passed[:, 1:] + passed[:, :-1]) / 2
    return crowding, middles.sum(axis=1) * (depth[1] - depth[0])
