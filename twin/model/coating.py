"""Coatings and their failure: paint fails at defects, from which rust spreads; zinc is used up.

Rust under paint reaches a place when the first front does: the minimum, over all defects, of the defect's birth plus
the travel time from it, which spatial noise makes ragged. All defects are drawn at once, so results do not depend on
which places or years are evaluated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Singles
from corrotwin.twin.model import deposits, zones
from corrotwin.twin.model.exposure import METALS, Exposure, category_um
from corrotwin.twin.model.loss import PiecewiseClock, years_to_lose

# Median speed of a front under the film, mm per year, in the middle of each corrosivity category. Set by eye: on
# bridges of known age, patches of rust grow by centimetres in ten years, faster where it is wetter.
SPEED_MM = {"C1": 0.2, "C2": 1.0, "C3": 2.5, "C4": 4.0, "C5": 6.0, "CX": 9.0}
ROUND_THE_CORNER = 8.0  # factor on distance towards a surface that faces directly away from the defect, minus 1
ZINC_SPREAD = 0.12  # share by which the thickness of a zinc coat varies from place to place
TILE = 16  # texels; one comparison rules out a defect for a tile that other fronts reach first
BATCH = 128  # defects compared at a time
MOST_PER_M2 = 1e5  # potential defects on open faces


@dataclass(frozen=True, kw_only=True)
class Paint:
    """A paint system: potential defects open at Weibull times and then spread.

    Parameters
    ----------
    life_years : time by which 63 % of the potential defects have opened.
    shape : shape of the Weibull law; above 1, defects open ever faster as the coating ages.
    defects_per_m2 : potential defects on open faces; `twin.model.zones.ZONES` raises it elsewhere.
    """

    life_years: float
    shape: float = 2.5
    defects_per_m2: float = 12.0

    def __post_init__(self) -> None:
        if not 0 < self.life_years < 1e4:
            raise InputError(f"`life_years` {self.life_years}: give a paint life above 0 and below 10000 years")
        if not (0 < self.shape < 100 and 0 <= self.defects_per_m2 <= MOST_PER_M2):
            raise InputError(
                f"paint of shape {self.shape}, {self.defects_per_m2} defects per m²: the shape must be "
                "positive, and the defects must not be negative"
            )


@dataclass(frozen=True, kw_only=True)
class Zinc:
    """A zinc coat, such as hot-dip galvanising: it corrodes first, by its own law; then the steel beneath corrodes."""

    thickness_um: float

    def __post_init__(self) -> None:
        if not 0 < self.thickness_um <= 1000:
            raise InputError(f"`thickness_um` {self.thickness_um}: give a zinc thickness above 0, at most 1000 µm")


Coating = Paint | Zinc | None  # None is bare steel
COATINGS: Mapping[str, type[Paint] | type[Zinc]] = {"paint": Paint, "zinc": Zinc}


@dataclass(frozen=True, kw_only=True, eq=False)
class Defects:
    """n defects of a paint: place, surface normal, birth, speed, and stretch downwards by runoff."""

    position_m: Floats  # (n, 3)
    normal: Floats  # (n, 3)
    birth_years: Floats  # (n,)
    speed: Floats  # (n,) over the median at the place
    stretch: Floats  # (n,) at least 1


def scale_with_category(values: Mapping[str, float], first_year_um: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values at first-year losses of steel, (n,), interpolated on log scales between middles of categories."""
    middles = np.log([category_um(category) for category in values])
    return np.asarray(np.exp(np.interp(np.log(first_year_um), middles, np.log(list(values.values())))))


def front_clock(exposure: Exposure, faster: float = 1.0) -> PiecewiseClock:
    """Return a clock that shows how far a front of `faster` times median speed has advanced since year 0, mm."""
    return PiecewiseClock.of(exposure.starts(), faster * scale_with_category(SPEED_MM, exposure.first_year_um()))


def scatter(
    asset: AssetGeometry, per_m2: float, rng: np.random.Generator, weight: Floats | None = None
) -> tuple[Floats, Floats, Integers]:
    """Draw points of a Poisson process on the surface, independently of texels.

    Parameters
    ----------
    asset : the surface, m faces.
    per_m2 : density of points per m².
    rng : source of randomness.
    weight : (m,) factor on the density of each face, or None.

    Returns
    -------
    Positions (n, 3) m, normals (n, 3) and faces (n,).
    """
    corners, cross, twice = asset.triangles
    cumulative = np.cumsum(twice / 2 if weight is None else weight * twice / 2)
    count = int(rng.poisson(per_m2 * cumulative[-1]))
    face = np.searchsorted(cumulative, rng.uniform(0, cumulative[-1], count), side="right")
    a, b = np.sqrt(rng.random(count))[:, None], rng.random(count)[:, None]
    position = (1 - a) * corners[face, 0] + a * (1 - b) * corners[face, 1] + a * b * corners[face, 2]
    return position, cross[face] / twice[face, None], face


def paint_defects(asset: AssetGeometry, exposure: Exposure, paint: Paint, seed: np.random.SeedSequence) -> Defects:
    """Draw all potential defects of a paint: Poisson in area, Weibull in time, each with satellites around it.

    Additional defects from splash and debris open only while the asset stands where these occur. Those from debris on
    ledges are added and leave the others unchanged. A later move does not change any defect that opened before it.

    Raises
    ------
    InputError
        More than `MOST_PER_M2` defects on open ledges.
    """
    rng = np.random.default_rng(seed)
    most = max(zones.ZONES[name].defects for name in asset.zone_kinds) * zones.SPLASH_DEFECTS
    position, normal, face = scatter(asset, paint.defects_per_m2 * most, rng)
    mark, zone = rng.random(len(face)) * most, asset.face_zone[face]
    starts = exposure.starts()
    can_open = np.column_stack([
        mark < zones.defect_factors(asset.zone_kinds, zone, position, period.splash_m) for period in exposure.periods
    ])  # fmt: skip
    early = can_open[:, 0]
    parts = [_with_satellites(position[early], normal[early], can_open[early], starts, paint, rng)]

    def stream(number: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, number)))

    if can_open[~early].any():
        parts.append(_with_satellites(position[~early], normal[~early], can_open[~early], starts, paint, stream(1)))
    of_faces = zones.defect_factors(asset.zone_kinds, asset.face_zone, asset.triangles[0][:, 0], None)
    for debris in sorted({period.debris for period in exposure.periods} - {1}):
        extra = paint.defects_per_m2 * (debris - 1)
        if extra > MOST_PER_M2:
            raise InputError(
                f"debris {debris} on paint of {paint.defects_per_m2} defects per m²: "
                f"adds over {MOST_PER_M2:g} per m²; give less"
            )
        rng = stream(0)
        position, normal, _ = scatter(asset, extra, rng, weight=of_faces)
        kept = rng.random(len(position)) < deposits.dampness(asset, position, normal)
        in_period = np.tile([period.debris == debris for period in exposure.periods], (int(kept.sum()), 1))
        parts.append(_with_satellites(position[kept], normal[kept], in_period, starts, paint, rng))
    return Defects(**{
        field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Defects)
    })  # fmt: skip


def _with_satellites(
    position: Floats, normal: Floats, may: NDArray[np.bool_], starts: Floats, paint: Paint, rng: np.random.Generator
) -> Defects:
    """Return defects at places (n, 3) with normals (n, 3), and their satellites.

    Defects that open in a period for which `may`, (n, periods), is False are dropped; periods begin at `starts`.
    """
    count = len(position)
    birth = paint.life_years * rng.weibull(paint.shape, count)
    speed = np.exp(rng.normal(0, 0.5, count))
    stretch = 1 + rng.gamma(1.2, 1.0, count)
    satellites = rng.geometric(0.3, count) - 1
    parent = np.repeat(np.arange(count), satellites)
    offset = rng.normal(0, 0.03, (len(parent), 3))
    offset -= (offset * normal[parent]).sum(axis=1, keepdims=True) * normal[parent]
    later = rng.exponential(0.25 * paint.life_years, len(parent))
    slower = rng.uniform(0.2, 0.7, len(parent))
    opens = may[np.arange(count), np.searchsorted(starts, birth, side="right") - 1]
    opens = np.concatenate([opens, opens[parent]])
    return Defects(
        position_m=np.concatenate([position, position[parent] + offset])[opens],
        normal=np.concatenate([normal, normal[parent]])[opens],
        birth_years=np.concatenate([birth, birth[parent] + later])[opens],
        speed=np.concatenate([speed, speed[parent] * slower])[opens],
        stretch=np.concatenate([stretch, stretch[parent]])[opens],
    )


def zinc_gone_years(thickness_um: Singles, height_m: Singles, exposure: Exposure) -> Singles:
    """Return the years after which zinc coats of thickness (n,) at heights (n,) are used up, (n,), by ISO 9224."""
    starts, exponent = exposure.starts(), METALS["zinc"].exponent
    gone = years_to_lose(thickness_um, starts, exposure.first_year_um("zinc"), exponent)
    for splashed in exposure.splash_patterns():
        wet = (exposure.splashed(height_m) == splashed).all(axis=1)
        gone[wet] = years_to_lose(thickness_um[wet], starts, exposure.zinc_um(splashed), exponent)
    return gone


def arrival(
    position_m: Singles, normal: Singles, ragged: Singles, defects: Defects, clock: PiecewiseClock, years: float
) -> NDArray[np.float32]:
    """Return the reading at which the first front arrives, exact if below the reading at `years`, else any not below.

    Parameters
    ----------
    position_m, normal : (H, W, 3).
    ragged : (H, W) factor on distance; NaN where there is no surface.
    defects : defects of the paint.
    clock : `front_clock` of the exposure.
    years : now.

    Returns
    -------
    (H, W) distances, mm, that a front of median speed would have covered by then.
    """
    reading = np.full(ragged.shape, np.inf, dtype=np.float32)
    now = float(clock.reading(years))
    born = np.flatnonzero(defects.birth_years < years)
    if not len(born):
        return reading
    birth = clock.reading(defects.birth_years[born]).astype(np.float32)
    place = defects.position_m[born].astype(np.float32)
    facing = defects.normal[born].astype(np.float32)
    slowness = (1000 / defects.speed[born]).astype(np.float32)  # mm of reading for each metre
    down = np.array([0, 0, -1], dtype=np.float32) + facing[:, 2:] * facing  # -z along the surface
    slope = np.sqrt((down * down).sum(axis=1))
    down /= np.maximum(slope, 1e-6)[:, None]
    # A step down the slope takes this share of the time of a level one.
    ease = 1 / (1 + (defects.stretch[born].astype(np.float32) - 1) * slope)
    spared = 1 - ease * ease
    columns = {
        name: np.ascontiguousarray(values.T)[..., None]
        for name, values in {
            "place": place, "facing": facing, "down": down, "birth": birth, "slowness": slowness, "spared": spared
        }.items()
    }  # fmt: skip
    for row in range(0, reading.shape[0], TILE):
        for column in range(0, reading.shape[1], TILE):
            tile = (slice(row, row + TILE), slice(column, column + TILE))
            factor = ragged[tile]
            reachable = np.isfinite(factor)
            if not reachable.any():
                continue
            points, factor = np.ascontiguousarray(position_m[tile][reachable].T), factor[reachable]
            low, high = points.min(axis=1), points.max(axis=1)
            gap = np.maximum(np.maximum(low - place, place - high), 0)
            # No place here is reached before this; the margin covers rounding, so that tiles never change a result.
            soonest = 0.999 * (birth + np.sqrt((gap * gap).sum(axis=1)) * ease * (factor.min() * slowness))
            order = np.argsort(soonest)
            order = order[: np.searchsorted(soonest[order], now, side="right")]
            earliest = np.full(len(factor), np.inf, dtype=np.float32)
            towards = np.ascontiguousarray(normal[tile][reachable].T)
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                if soonest[batch[0]] > earliest.max():
                    break
                np.minimum(earliest, _readings(points, towards, factor, columns, batch), out=earliest)
            block = reading[tile]
            block[reachable] = earliest
    return reading


def _readings(
    points: Singles, towards: Singles, factor: Singles, defects: Mapping[str, Singles], some: Integers
) -> Singles:
    """Return the least reading over `some` defects at each of n points (3, n) with normals `towards` (3, n)."""
    place, down, facing = defects["place"][:, some], defects["down"][:, some], defects["facing"][:, some]
    x, y, z = points[0] - place[0], points[1] - place[1], points[2] - place[2]
    downhill = x * down[0]
    downhill += y * down[1]
    downhill += z * down[2]
    np.maximum(downhill, 0, out=downhill)
    downhill *= downhill
    downhill *= defects["spared"][some]
    x *= x
    y *= y
    z *= z
    x += y
    x += z
    x -= downhill
    np.maximum(x, 0, out=x)
    np.sqrt(x, out=x)
    x *= factor
    away = towards[0] * facing[0]
    away += towards[1] * facing[1]
    away += towards[2] * facing[2]
    np.minimum(away, 0, out=away)
    away *= away
    away *= np.float32(ROUND_THE_CORNER)
    away += 1
    x *= away
    x *= defects["slowness"][some]
    x += defects["birth"][some]
    return np.asarray(x.min(axis=0))


def describe_coating(coating: Coating) -> str:
    """Describe a coating in a few words, for a title."""
    if coating is None:
        return "bare steel"
    if isinstance(coating, Paint):
        return f"paint with a life of {coating.life_years:g} years"
    return f"{coating.thickness_um:g} µm of zinc"
