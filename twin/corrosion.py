"""Closed-form growth of corrosion on an asset's atlas.

Corrosion starts at a texel when the first front reaches it: the least, over all defects of the coating, of birth +
distance / speed, where noise in space makes the distance ragged. What follows is a function of the time since then
alone. So nothing ever shrinks, and ten steps equal one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.assets.surface import Asset, Floats, Singles, Texels
from twin.exposure import first_year_loss_um, loss_um
from twin.files import InputError
from twin.noise import LIMIT, fractal

# How many times as many defects as on an open face, per area. Coats are thin on edges and over welds, and crevices
# stay wet (ISO 12944-3); the numbers are set by eye against photographs.
ZONE_FACTORS = {
    "covered": 0.0,
    "bore": 0.1,
    "back": 0.5,
    "elbow": 1.5,
    "side": 1.5,
    "stiffener": 2.0,
    "tear": 2.5,
    "flange": 3.0,
    "crown": 3.0,
    "rivet": 4.0,
    "edge": 6.0,
    "end": 6.0,
    "stud": 4.0,
    "weld": 6.0,
    "bolt": 7.0,
    "crevice": 10.0,
}
# Median speed of a front under the film, mm a year, and years from first rust to full cover. Set by eye: fields of
# rust on bridges of known age grow by centimetres in ten years, faster where it is wetter.
SPEED_MM = {"C1": 0.2, "C2": 1.0, "C3": 2.5, "C4": 4.0, "C5": 6.0, "CX": 9.0}
COVER_YEARS = {"C1": 6.0, "C2": 2.0, "C3": 1.0, "C4": 0.7, "C5": 0.5, "CX": 0.3}

RAGGED = 0.55  # log-scale amplitude of the noise on distance
STREAK = 0.4  # the same noise is this much slower in z: on steep faces, where water runs, it draws streaks
RAGGED_WAVELENGTHS_MM = (160.0, 80.0, 40.0, 20.0, 10.0, 5.0)
LOCAL = 0.35  # amplitude of the noise on loss
LOCAL_WAVELENGTHS_MM = (12.0, 6.0, 3.0)
FINE_WAVELENGTHS_MM = (8.0, 4.0, 2.0)
ROUND_THE_CORNER = 8.0  # distance counts this much more towards a surface that faces away from the defect
TILE = 32  # texels; a tile that other fronts reach first is settled with a defect by one comparison


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Where the asset stands: an ISO 9223 corrosivity category."""

    category: str

    def __post_init__(self) -> None:
        first_year_loss_um(self.category)


@dataclass(frozen=True, kw_only=True)
class Coating:
    """A paint system: potential defects open at Weibull times and then spread.

    Parameters
    ----------
    life_years : time by which 63 % of the potential defects have opened.
    shape : of the Weibull law; above 1 the coating ages.
    defects_per_m2 : potential defects on open faces; `ZONE_FACTORS` raise it elsewhere.
    """

    life_years: float
    shape: float = 2.5
    defects_per_m2: float = 12.0

    def __post_init__(self) -> None:
        if not (self.life_years > 0 and self.shape > 0 and self.defects_per_m2 >= 0):
            raise InputError(
                f"coating of {self.life_years} years, shape {self.shape}, {self.defects_per_m2} defects per m²: "
                "life and shape must be positive, defects not negative"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Fields:
    """State of corrosion, (H, W) float32 arrays on the atlas.

    `start_years` is inf where corrosion has not started; `age_years` is the time since it did; `rust_cover` in [0, 1]
    is what the eye sees.
    """

    start_years: Singles
    age_years: Singles
    wall_loss_mm: Singles
    rust_cover: Singles


@dataclass(frozen=True, kw_only=True, eq=False)
class Defects:
    """Defects of a coating, n of them: place, surface normal, birth, speed, and how far runoff stretches them down."""

    position_m: Floats  # (n, 3)
    normal: Floats  # (n, 3)
    birth_years: Floats  # (n,)
    speed_m: Floats  # (n,) metres a year
    stretch: Floats  # (n,) at least 1


def sample_history(rng: np.random.Generator, kind: str) -> tuple[Exposure, Coating | None, float]:
    """Draw exposure, coating (None for bare steel) and years of service for a scene."""
    exposure = Exposure(category=str(rng.choice(["C3", "C4", "C5"], p=[0.35, 0.35, 0.3])))
    bare = rng.random() < (0.12 if kind == "chain" else 0.04)
    life = float(rng.uniform(5, 15))
    defects = float(np.exp(rng.uniform(np.log(8), np.log(30))))
    years = float(np.clip(life * rng.uniform(0.9, 2.6), 3, 25))
    coating = Coating(life_years=round(life, 2), defects_per_m2=round(defects, 1))
    return exposure, None if bare else coating, round(years, 2)


def grow(
    asset: Asset, texels: Texels, *, exposure: Exposure, coating: Coating | None, years: float, seed: int
) -> Fields:
    """State after `years`, for coated (or, with `coating` None, bare) carbon steel.

    The value at a texel depends on seed, parameters and the texel's place, not on texel size, order or earlier calls.
    """
    if not (np.isfinite(years) and years >= 0):
        raise InputError(f"years {years}: must be a number, at least 0")
    streams = np.random.SeedSequence(seed).spawn(4)
    present = texels.zone >= 0
    for index, name in enumerate(asset.zone_names):
        if ZONE_FACTORS.get(name, 1.0) == 0:
            present &= texels.zone != index
    position = texels.position_m[present]
    ragged = fractal(position * np.array([1, 1, STREAK], dtype=np.float32), RAGGED_WAVELENGTHS_MM, 0.72, streams[0])
    cover_years = COVER_YEARS[exposure.category]
    if coating is None:
        started = 0.25 * cover_years * (1 + ragged / LIMIT)
    else:
        defects = birth_places(asset, exposure, coating, streams[1])
        distance_factor = np.full(texels.zone.shape, np.nan, dtype=np.float32)
        distance_factor[present] = np.exp(RAGGED * ragged)
        started = _arrival(texels, distance_factor, defects, years)[present]
    start = np.full(texels.zone.shape, np.inf, dtype=np.float32)
    start[present] = np.where(started < years, started, np.inf)
    age = np.maximum(np.float32(years) - start, 0)
    loss, cover = np.zeros_like(start), np.zeros_like(start)
    rusted = age > 0
    position = texels.position_m[rusted]
    local = 1 + LOCAL * fractal(position, LOCAL_WAVELENGTHS_MM, 0.7, streams[2])
    loss[rusted] = loss_um(age[rusted], first_year_loss_um(exposure.category) / 1000) * local
    # First rust shows as specks, each when its own share of the time to full cover has passed.
    fine = 0.5 + fractal(position, FINE_WAVELENGTHS_MM, 0.8, streams[3]) / (2 * LIMIT)
    ramp = ((age[rusted] / cover_years - 0.7 * fine) / 0.3).clip(0, 1)
    cover[rusted] = ramp * ramp * (3 - 2 * ramp)
    return Fields(start_years=start, age_years=age, wall_loss_mm=loss, rust_cover=cover)


def birth_places(asset: Asset, exposure: Exposure, coating: Coating, seed: np.random.SeedSequence) -> Defects:
    """Draw all potential defects of a coating: Poisson in area, Weibull in time, each with satellites around it."""
    rng = np.random.default_rng(seed)
    corners = asset.vertices[asset.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1) / 2
    factor = np.array([ZONE_FACTORS.get(name, 1.0) for name in asset.zone_names])[asset.face_zone]
    weight = np.cumsum(area * factor)
    count = int(rng.poisson(coating.defects_per_m2 * weight[-1]))
    face = np.searchsorted(weight, rng.uniform(0, weight[-1], count), side="right")
    a, b = np.sqrt(rng.random(count))[:, None], rng.random(count)[:, None]
    position = (1 - a) * corners[face, 0] + a * (1 - b) * corners[face, 1] + a * b * corners[face, 2]
    normal = cross[face] / (2 * area[face, None])
    birth = coating.life_years * rng.weibull(coating.shape, count)
    speed = SPEED_MM[exposure.category] / 1000 * np.exp(rng.normal(0, 0.5, count))
    stretch = 1 + rng.gamma(1.2, 1.0, count)
    satellites = rng.geometric(0.3, count) - 1
    parent = np.repeat(np.arange(count), satellites)
    offset = rng.normal(0, 0.03, (len(parent), 3))
    offset -= (offset * normal[parent]).sum(axis=1, keepdims=True) * normal[parent]
    later = rng.exponential(0.25 * coating.life_years, len(parent))
    slower = rng.uniform(0.2, 0.7, len(parent))
    return Defects(
        position_m=np.concatenate([position, position[parent] + offset]),
        normal=np.concatenate([normal, normal[parent]]),
        birth_years=np.concatenate([birth, birth[parent] + later]),
        speed_m=np.concatenate([speed, speed[parent] * slower]),
        stretch=np.concatenate([stretch, stretch[parent]]),
    )


def _arrival(texels: Texels, distance_factor: Singles, defects: Defects, years: float) -> NDArray[np.float32]:
    """(H, W) time at which the first front arrives; exact where that is before `years`, else not below it."""
    arrival = np.full(distance_factor.shape, np.inf, dtype=np.float32)
    born = np.flatnonzero(defects.birth_years < years)
    if not len(born):
        return arrival
    place = defects.position_m[born].astype(np.float32)
    normal = defects.normal[born].astype(np.float32)
    birth = defects.birth_years[born].astype(np.float32)
    speed = defects.speed_m[born].astype(np.float32)
    stretch = defects.stretch[born].astype(np.float32)
    down = np.array([0, 0, -1], dtype=np.float32) + normal[:, 2:] * normal  # -z along the surface
    slope = np.sqrt((down * down).sum(axis=1))
    down /= np.maximum(slope, 1e-6)[:, None]
    ease = 1 / (1 + (stretch - 1) * slope)  # a step down the slope costs this much of its length
    for row in range(0, arrival.shape[0], TILE):
        for column in range(0, arrival.shape[1], TILE):
            tile = (slice(row, row + TILE), slice(column, column + TILE))
            factor = distance_factor[tile]
            here = np.isfinite(factor)
            if not here.any():
                continue
            points, factor = np.ascontiguousarray(texels.position_m[tile][here].T), factor[here]
            low, high = points.min(axis=1), points.max(axis=1)
            gap = np.maximum(np.maximum(low - place, place - high), 0)
            # No texel here is reached before this; the margin covers rounding, so that tiles never change a result.
            soonest = 0.999 * (birth + np.sqrt((gap * gap).sum(axis=1)) * ease * (factor.min() / speed))
            facing = np.ascontiguousarray(texels.normal[tile][here].T)
            first = np.full(len(factor), np.inf, dtype=np.float32)
            for one in np.argsort(soonest):
                if soonest[one] > min(first.max(), years):
                    break
                x, y, z = points[0] - place[one, 0], points[1] - place[one, 1], points[2] - place[one, 2]
                square = x * x + y * y + z * z
                along = x * down[one, 0] + y * down[one, 1] + z * down[one, 2]
                downhill = np.maximum(along, 0)
                square -= downhill * downhill * (1 - ease[one] * ease[one])
                away = facing[0] * normal[one, 0] + facing[1] * normal[one, 1] + facing[2] * normal[one, 2]
                detour = 1 + ROUND_THE_CORNER * np.minimum(away, 0) ** 2
                distance = np.sqrt(np.maximum(square, 0)) * detour * factor
                np.minimum(first, birth[one] + distance / speed[one], out=first)
            block = arrival[tile]
            block[here] = first
    return arrival
