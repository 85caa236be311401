"""Ensemble of histories that an asset may have had: the twin's model, run many times at sample places of each zone.

A bank holds several seeds for each of many draws of the parameters that shape a history (speed of creeping rust, number
of paint defects). Parameters that only stretch or scale a history (delay of all starts, rate, exponent, pits,
mechanisms) are applied when the bank is evaluated, so one bank serves every inspection and year.

Each sample place comes with the surface behind it (`twin.geometry.opposite`): metal is lost from both of its faces. The
first spots of each zone follow without weight: the defects that open first, where loss is greatest long before rust
reaches a sample place.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree
from scipy.special import ndtri

from corrotwin.twin.bayes.histories.places import sample_places
from corrotwin.twin.bayes.histories.zone_histories import SPOTS, Sites, ZoneHistories, zone_histories
from corrotwin.twin.bayes.prior import Prior, split
from corrotwin.twin.geometry.atlas import AssetGeometry, Integers, Singles, Texels
from corrotwin.twin.geometry.opposite import opposite_surface
from corrotwin.twin.model import corrosion, onset, zones
from corrotwin.twin.model.coating import TILE, Defects, Paint, paint_defects
from corrotwin.twin.model.corrosion import COVER_RAMP, FINE_LAG, FINE_WAVELENGTHS_MM, LOCAL, LOCAL_WAVELENGTHS_MM
from corrotwin.twin.model.loss import PiecewiseClock
from corrotwin.twin.model.noise import LIMIT, fractal
from corrotwin.twin.model.onset import first_years
from corrotwin.twin.twin_state import TwinState

FACING_M = 0.1  # two places of opposite normals count as twice so far apart when a defect is given to a zone
RUSTED_LAG = COVER_RAMP / 2  # share of the time to full cover after which the cover of a place passes one half
REACH = 4.0  # histories extend to this multiple of the years: delays may be shorter than expected


@dataclass(frozen=True, kw_only=True, eq=False)
class Bank:
    """Histories of an asset, by zone."""

    twin: TwinState
    prior: Prior
    zones: tuple[ZoneHistories, ...]
    cover: PiecewiseClock
    shape: tuple[int, int]  # of the atlas
    pieces_mm: Singles  # (K,) nominal thicknesses: equally thick metal counts as one piece
    seed: int
    pitted: frozenset[str] = frozenset()  # zones in which pits were measured

    @property
    def draws(self) -> int:
        """Number of draws, B."""
        return int(self.zones[0].own.start_years.shape[0])

    @property
    def seeds(self) -> int:
        """Number of seeds, S."""
        return int(self.zones[0].own.start_years.shape[1])


def piece_of(pieces_mm: Singles, thickness_mm: ArrayLike) -> Integers:
    """Return the index of the piece nearest to each nominal thickness, in the shape of `thickness_mm`."""
    return np.asarray(np.abs(np.asarray(thickness_mm)[..., None] - pieces_mm).argmin(axis=-1))


def bank(
    twin: TwinState,
    asset: AssetGeometry,
    texels: Texels,
    *,
    years: float,
    prior: Prior,
    seed: int,
    draws: int = 64,
    seeds: int = 8,
) -> Bank:
    """Run the twin's model `draws` x `seeds` times at the sample places of each zone.

    The twin's own seed plays no part: the state it shows is one history among these.

    Parameters
    ----------
    twin : known geometry, exposure and kind of coating.
    asset, texels : its surface.
    years : last year for which the bank will be evaluated.
    prior : spread of the growth parameters.
    seed : random seed of the histories.
    draws, seeds : numbers of draws and of seeds; without paint, whose front and defects differ, one draw serves.
    """
    rng = np.random.default_rng([seed, 0])
    own = sample_places(asset, texels, rng)
    texel = np.concatenate(list(own.values()))
    sites = _sites(asset, texels, texel)
    position, normal = sites.position_m, sites.normal
    streams = [np.random.SeedSequence([seed, 1, number]).spawn(3) for number in range(seeds)]
    ragged = [onset.ragged_noise(position, stream[0]) for stream in streams]
    local = 1 + LOCAL * np.stack([fractal(position, LOCAL_WAVELENGTHS_MM, 0.7, stream[1]) for stream in streams])
    fine = np.stack([fractal(position[: len(texel)], FINE_WAVELENGTHS_MM, 0.8, stream[2]) for stream in streams])
    lag = RUSTED_LAG + FINE_LAG * (0.5 + fine / (2 * LIMIT))
    if twin.coating is None:
        lag += np.stack([onset.bare_lag(noise[: len(texel)]) for noise in ragged])
    if isinstance(twin.coating, Paint):
        # A Latin hypercube: each draw has its own slice of either distribution.
        slices = np.stack([rng.permutation(draws) for _ in range(2)]) + rng.random((2, draws))
        standard = ndtri(slices / draws)
        fronts, densities = split(standard[0], prior.front), np.exp(prior.defects * standard[1])
    else:
        draws, fronts, densities = 1, np.ones(1), np.ones(1)
    zone = np.repeat(np.arange(len(own)), [len(places) for places in own.values()])
    starts = np.empty((draws, seeds, len(position)), dtype=np.float32)
    spots = np.full((draws, seeds, len(own), SPOTS), np.inf, dtype=np.float32)
    nearest = cKDTree(np.column_stack([position, FACING_M * normal])[: len(texel)])
    for draw, number in np.ndindex(draws, seeds):
        defects = None
        if isinstance(twin.coating, Paint):
            paint = replace(twin.coating, defects_per_m2=twin.coating.defects_per_m2 * float(densities[draw]))
            stream = np.random.SeedSequence([seed, 2, draw, number])
            defects = paint_defects(asset, twin.exposure, paint, stream)
            at = nearest.query(np.column_stack([defects.position_m, FACING_M * defects.normal]))[1]
            for index in range(len(own)):
                first = np.sort(defects.birth_years[zone[at] == index])[:SPOTS]
                spots[draw, number, index, : len(first)] = first
        starts[draw, number] = _starts(
            twin, position, normal, ragged[number], defects, REACH * years, float(fronts[draw])
        )
    pieces = np.unique(texels.thickness_mm.reshape(-1)[texel])
    histories = []
    for index, (name, places) in enumerate(own.items()):
        thickness = texels.thickness_mm.reshape(-1)[places]
        histories.append(
            zone_histories(
                twin, name, sites, np.flatnonzero(zone == index),
                texel=places, thickness_mm=thickness, piece=piece_of(pieces, thickness),
                area_mm2=float(texels.area_mm2[texels.zone == asset.zone_names.index(name)].sum(dtype=np.float64)),
                start_years=starts, spots=spots[:, :, index], local=local, lag=lag, rng=rng,
                spot_lag=RUSTED_LAG + FINE_LAG / 2,
            )
        )  # fmt: skip
    return Bank(
        twin=twin, prior=prior, zones=tuple(histories), cover=corrosion.cover_clock(twin.exposure),
        shape=asset.atlas_shape, pieces_mm=pieces, seed=seed,
    )  # fmt: skip


def _sites(asset: AssetGeometry, texels: Texels, texel: Integers) -> Sites:
    """Return sample places and, after them, the surfaces behind them on which air acts."""
    names, thickness = asset.zone_names, texels.thickness_mm.reshape(-1)[texel]
    position, normal = texels.position_m.reshape(-1, 3)[texel], texels.normal.reshape(-1, 3)[texel]
    zone = texels.zone.reshape(-1)[texel].astype(np.int64)
    opposite = opposite_surface(asset, position, normal, thickness)
    behind_zone = np.where(opposite.found, asset.face_zone[opposite.face], -1)
    found = opposite.found
    factor = np.zeros(len(texel), dtype=np.float32)
    factor[found] = zones.loss_factors(asset.zone_kinds, behind_zone[found], opposite.normal[found].astype(np.float32))
    rusts = factor > 0
    row = np.full(len(texel), -1)
    row[rusts] = len(texel) + np.arange(rusts.sum())
    return Sites(
        position_m=np.concatenate([position, opposite.position_m[rusts].astype(np.float32)]),
        normal=np.concatenate([normal, opposite.normal[rusts].astype(np.float32)]),
        factor=np.concatenate([zones.loss_factors(asset.zone_kinds, zone, normal), factor[rusts]]),
        behind=row,
        zone_names=names,
        zone=zone,
        behind_zone=behind_zone,
        behind_height_m=opposite.position_m[:, 2].astype(np.float32),
    )


def _starts(
    twin: TwinState,
    position: Singles,
    normal: Singles,
    noise: Singles,
    defects: Defects | None,
    years: float,
    front: float,
) -> Singles:
    """Return the start of corrosion at places, (n,) years."""
    # In rows of a tile's width, so that a tile of neighbours is settled at once.
    rows = -(-len(position) // TILE)
    present = (np.arange(rows * TILE) < len(position)).reshape(rows, TILE)
    place, facing = np.zeros((2, rows, TILE, 3), dtype=np.float32)
    place[present], facing[present] = position, normal
    start = first_years(place, facing, present, noise, defects, twin.exposure, twin.coating, years, front)
    return np.asarray(start[present])
