"""Rust water: a stain that runs down from rust spots, above all from joints, and bleeds into the paint around them.

Whether a stain counts as corrosion depends on the annotator (`synth.presets.schema.LabelRule.stain`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.geometry.atlas import Floats, Integers, Singles
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.noise import fractal
from corrotwin.twin.model.zones import ZONES

SOURCES = 1500  # most points from which water can run, if they are in rust
SPACING_MM2 = 250.0  # surface area for each point
SEEN = 0.5  # rust cover from which a point counts as rusted
STEEP = 0.75  # |z of the normal| up to which water runs down a surface
# Joints, edges, welds and fasteners have at least this many weak spots for each one of an open face. They hold water:
# rust runs from them sooner, and reaches the faces below whichever way the joint itself faces.
JOINT = 4.0
GROWN_YEARS, JOINT_GROWN_YEARS = 6.0, 3.0  # age of the rust at which its streak has its full length
FACES, JOINT_FACES = 0.3, -0.3  # least cosine between the normals of a source and of a surface that its streak stains
SLANT = 12.0  # a streak reaches this many times as far down as to its sides
COLUMN_M = 0.02
REACH_M = (0.005, 0.05)  # distance at which bleeding has faded to 1 / e; estimated by eye from photographs
FACING = 2.0  # points with opposite normals count as twice this many reaches apart
CELLS = 4  # grid cells per reach, the resolution of the outline of rust


def stain(asset: AssetGeometry, texels: Texels, fields: Fields, rng: np.random.Generator) -> Singles:
    """Return the share of rust colour that water running down leaves at each texel, (H, W) in [0, 1]; it never fades.

    Points are drawn over the whole surface, as dense as the zones of `twin.model.zones` have weak spots of paint. Once
    rusted, each leaves a streak straight down along surfaces that face the same way, or, below a joint, along all but
    those that face away; the streak grows for some years. Widths and lengths are estimated by eye from photographs of
    bridges: 8 to 80 mm wide, 0.1 to 0.8 m long.

    Parameters
    ----------
    asset, texels : the surface; z is up.
    fields : corrosion fields of the asset.
    rng : draws positions, widths and lengths, independently of the age.
    """
    result = np.zeros(fields.rust_cover.shape, dtype=np.float32)
    steep = np.abs(texels.normal[..., 2]) < STEEP
    weakness = np.array([ZONES[kind].defects for kind in asset.zone_kinds])[texels.zone]
    solid = (texels.area_mm2 > 0) & (texels.zone >= 0) & (weakness > 0)
    open_air = np.flatnonzero(solid & steep)
    sources = np.flatnonzero(solid & (steep | (weakness >= JOINT)))
    if not len(open_air):
        return result
    weak = weakness.reshape(-1)[sources]
    area = texels.area_mm2.reshape(-1)[sources].astype(float)
    count = int(min(SOURCES, area.sum() / SPACING_MM2 + 1))
    chosen = rng.choice(len(sources), count, p=area * weak / (area * weak).sum())
    drawn, joint = sources[chosen], weak[chosen] >= JOINT
    width = np.exp(rng.uniform(np.log(0.004), np.log(0.04), count))  # half of it, m
    length = rng.uniform(0.1, 0.8, count)
    strength = rng.uniform(0.3, 1.0, count)
    strength[joint] = np.sqrt(strength[joint])
    noise_seed = np.random.SeedSequence(int(rng.integers(2**31)))
    age = fields.age_years.reshape(-1)[drawn]
    rusted = (fields.rust_cover.reshape(-1)[drawn] > SEEN) & (age > 0)
    if not rusted.any():
        return result
    grown = np.minimum(age / np.where(joint, JOINT_GROWN_YEARS, GROWN_YEARS), 1.0)
    faces = np.where(joint, JOINT_FACES, FACES)
    place, normal = texels.position_m.reshape(-1, 3), texels.normal.reshape(-1, 3)
    ground = _Columns.of(place[open_air])
    open_place = place[open_air[ground.order]]
    x, y, z = np.ascontiguousarray(open_place.T)
    open_normal = np.ascontiguousarray(normal[open_air[ground.order]].T)
    values = np.zeros(len(open_air), dtype=np.float32)
    streaks = (column[rusted].tolist() for column in (drawn, width, length, strength, grown, faces))
    for at, half, full_length, strong, share, least in zip(*streaks, strict=True):
        down = full_length * share
        # In space shrunk along z the reach of a streak is a ball.
        radius = max(3 * half, down / 2 / SLANT + half)
        near = ground.near(place[at], radius, below=down, above=half)
        fall = place[at, 2] - z[near]
        aside = (x[near] - place[at, 0]) ** 2 + (y[near] - place[at, 1]) ** 2  # squared
        reached = (aside + ((fall - down / 2) / SLANT) ** 2 <= radius**2) & (fall > -half) & (fall < down)
        facing = sum(axis[near] * component for axis, component in zip(open_normal, normal[at], strict=True))
        keep = np.flatnonzero(reached & (facing > least))
        near, fall, aside = near[keep], fall[keep], aside[keep]
        spread = half * (0.6 + 0.8 * np.clip(fall / full_length, 0, 1))
        strength_left = strong * np.exp(-aside / spread**2) * np.clip(1 - fall / down, 0, 1) ** 0.7
        values[near] = np.maximum(values[near], strength_left)
    wet_at = np.flatnonzero(values)
    stretched = open_place[wet_at] * np.array([1, 1, 0.08], dtype=np.float32)
    wave = 0.75 + 0.3 * fractal(stretched, (40.0, 14.0, 6.0), 0.8, noise_seed)
    result.reshape(-1)[open_air[ground.order[wet_at]]] = values[wet_at] * wave.clip(0, 1)
    return result


def bleeding(texels: Texels, fields: Fields, rng: np.random.Generator, *, strength: tuple[float, float]) -> Singles:
    """Return the share of rust colour that bleeds from rust spots, (H, W) in [0, 1], decreasing with distance.

    It never fades.

    Parameters
    ----------
    texels, fields : texels and corrosion fields of the asset.
    rng : draws how far and how strongly it bleeds, independently of the age.
    strength : range of the share at the spot itself, before noise. An asset that draws 0 or less does not bleed.
    """
    result = np.zeros(fields.rust_cover.shape, dtype=np.float32)
    reach = float(np.exp(rng.uniform(*np.log(REACH_M))))
    strong = float(rng.uniform(*strength))
    noise_seed = np.random.SeedSequence(int(rng.integers(2**31)))
    if strong <= 0:
        return result
    surface = np.flatnonzero(texels.area_mm2 > 0)
    rusted = fields.rust_cover.reshape(-1)[surface] > SEEN
    if not rusted.any():
        return result
    place = texels.position_m.reshape(-1, 3)[surface]
    facing = np.concatenate([place, np.float32(FACING * reach) * texels.normal.reshape(-1, 3)[surface]], axis=1)
    size = np.float32(reach / CELLS)
    spots = np.unique(np.floor(facing[rusted] / size).astype(np.int32), axis=0)
    distance = np.zeros(len(surface))
    tree = cKDTree((spots + np.float32(0.5)) * size)
    distance[~rusted], _ = tree.query(facing[~rusted], distance_upper_bound=4 * reach)
    near = np.isfinite(distance)
    wave = 0.75 + 0.5 * fractal(place[near], (400.0, 120.0, 40.0, 12.0), 0.7, noise_seed)
    result.reshape(-1)[surface[near]] = (strong * np.exp(-distance[near] / reach) * wave).clip(0, 1)
    return result


@dataclass(frozen=True, kw_only=True, eq=False)
class _Columns:
    """Points sorted into vertical columns of `COLUMN_M` square, and by height within each column."""

    order: Integers  # (n,) indices of the places, sorted
    key: Floats  # (n,) number of the column, plus the height as a share of `high`
    low: Floats  # (3,) metres, the lowest coordinates of all places
    high: float  # metres, a little more than the height of the highest place above the lowest
    rows: int  # columns along x
    lines: int  # columns along y

    @classmethod
    def of(cls, place_m: Singles) -> "_Columns":
        place = place_m.astype(float)
        low = place.min(axis=0)
        high = float(place[:, 2].max() - low[2]) + 1e-3
        x, y = ((place[:, axis] - low[axis]) // COLUMN_M for axis in (0, 1))
        rows, lines = int(x.max()) + 1, int(y.max()) + 1
        key = x * lines + y + (place[:, 2] - low[2]) / high
        order = np.argsort(key)
        return cls(order=order, key=key[order], low=low, high=high, rows=rows, lines=lines)

    def near(self, place_m: Singles, aside_m: float, *, below: float, above: float) -> Integers:
        """Return positions in `order` that include all points within `aside_m`, from `below` to `above` the place."""
        x, y, z = place_m - self.low
        first, last = (
            np.floor((np.array([x, y]) + sign * (aside_m + 1e-6)) / COLUMN_M).astype(int) for sign in (-1, 1)
        )
        rows = np.arange(max(first[0], 0), min(last[0], self.rows - 1) + 1)
        lines = np.arange(max(first[1], 0), min(last[1], self.lines - 1) + 1)
        columns = (rows[:, None] * self.lines + lines).ravel()
        begin = np.searchsorted(self.key, columns + max((z - below) / self.high - 1e-6, 0))
        end = np.searchsorted(self.key, columns + min((z + above) / self.high + 1e-6, 1))
        count = np.maximum(end - begin, 0)  # the place may lie above or below all points
        return np.asarray(np.repeat(begin - (count.cumsum() - count), count) + np.arange(count.sum()), dtype=np.int64)
