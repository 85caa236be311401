"""Rust water that runs down from spots of rust: it tints what is below, and people do not label it."""

import numpy as np
from scipy.spatial import cKDTree

from twin.assets import Texels
from twin.assets.surface import Singles
from twin.corrosion import Fields
from twin.noise import fractal

SOURCES = 1500  # places from which water can run, at most; those in rust count
SPACING_MM2 = 250.0  # of the surface for each place
SEEN = 0.5  # rust cover from which a place is rusted
STEEP = 0.75  # |z of the normal| up to which water runs down a surface
SLANT = 12.0  # a streak reaches this many times as far down as to its sides


def stain(texels: Texels, fields: Fields, rng: np.random.Generator) -> Singles:
    """Share of rust colour that run-off leaves at each texel, (H, W) in [0, 1]; it never fades as the asset ages.

    Places are drawn over the whole surface; once rusted, each leaves a streak straight down along surfaces that face
    its way, which grows for some years. Widths and lengths are by eye, from photographs of bridges: 8 to 80 mm wide,
    0.1 to 0.8 m long.

    Parameters
    ----------
    texels : of the asset; z is up.
    fields : of the asset.
    rng : decides places, widths and lengths, whatever the age.
    """
    result = np.zeros(fields.rust_cover.shape, dtype=np.float32)
    wet = (texels.area_mm2 > 0) & (np.abs(texels.normal[..., 2]) < STEEP)
    open_air = np.flatnonzero(wet)
    if not len(open_air):
        return result
    area = texels.area_mm2.reshape(-1)[open_air].astype(float)
    count = int(min(SOURCES, area.sum() / SPACING_MM2 + 1))
    drawn = open_air[rng.choice(len(open_air), count, p=area / area.sum())]
    width = np.exp(rng.uniform(np.log(0.004), np.log(0.04), count))  # half of it, m
    length = rng.uniform(0.1, 0.8, count)
    strength = rng.uniform(0.3, 1.0, count)
    noise_seed = np.random.SeedSequence(int(rng.integers(2**31)))
    age = fields.age_years.reshape(-1)[drawn]
    old = (fields.rust_cover.reshape(-1)[drawn] > SEEN) & (age > 0)
    if not old.any():
        return result
    place, normal = texels.position_m.reshape(-1, 3), texels.normal.reshape(-1, 3)
    # In space shrunk along z a streak is a ball, which a tree finds.
    shrink = np.array([1, 1, 1 / SLANT])
    tree = cKDTree(place[open_air] * shrink)
    wave = 0.75 + 0.3 * fractal(
        place[open_air] * np.array([1, 1, 0.08], dtype=np.float32), (40.0, 14.0, 6.0), 0.8,
        noise_seed,
    )  # fmt: skip
    values = np.zeros(len(open_air), dtype=np.float32)
    for at, half, most, strong, years in zip(drawn[old], width[old], length[old], strength[old], age[old], strict=True):
        down = most * min(float(years) / 6, 1.0)
        middle = place[at] - np.array([0, 0, down / 2])
        radius = max(3 * half, down / 2 / SLANT + half)
        near = np.array(tree.query_ball_point(middle * shrink, radius), dtype=int)
        if not len(near):
            continue
        way = place[open_air[near]] - place[at]
        fall = -way[:, 2]
        aside = np.hypot(way[:, 0], way[:, 1])
        facing = (normal[open_air[near]] * normal[at]).sum(axis=1)
        spread = half * (0.6 + 0.8 * np.clip(fall / most, 0, 1))
        left = strong * np.exp(-((aside / spread) ** 2)) * np.clip(1 - fall / down, 0, 1) ** 0.7
        left *= (fall > -half) & (facing > 0.3)
        values[near] = np.maximum(values[near], left.astype(np.float32))
    result.reshape(-1)[open_air] = values * wave.clip(0, 1)
    return result
