"""Ensemble of histories that an asset may have had: the twin's model, run many times at sample places of each zone.

A bank holds several seeds for each of many draws of the parameters that shape a history (speed of creeping rust, number
of paint defects). Parameters that only stretch or scale a history (delay of all starts, rate, exponent, pits) are
applied when the bank is evaluated, so one bank serves every inspection and year.

Places are texels at equal steps of area along a curve through the atlas; each stands for an equal part of its zone. The
first spots of each zone follow without weight: the defects that open first, where loss is greatest long before rust
reaches a sample place.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from scipy.special import ndtri

from corrotwin.twin.bayes.prior import Prior, split
from corrotwin.twin.geometry.atlas import AssetGeometry, Integers, Singles, Texels
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.model import corrosion, onset, zones
from corrotwin.twin.model.coating import TILE, Defects, Paint, paint_defects
from corrotwin.twin.model.corrosion import FINE_WAVELENGTHS_MM, LOCAL, LOCAL_WAVELENGTHS_MM
from corrotwin.twin.model.loss import PiecewiseClock
from corrotwin.twin.model.noise import LIMIT, fractal
from corrotwin.twin.model.onset import first_years
from corrotwin.twin.model.pits import Pits
from corrotwin.twin.twin_state import TwinState

PLACES = 900  # sample places on an asset, shared out by the square roots of the zones' areas
FEWEST_PLACES, MOST_PLACES = 48, 320  # of a zone
SPOTS = 6  # first spots of a zone
SPOT_NOISE = 1.2  # of the loss at them, in standard deviations: the worst of the few places that a young spot has
LEAST_PITS, MOST_PITS = 64, 1024  # of a zone and history: those with the largest factors
PITS_PER_M2 = 16  # of a zone of more than 4 m²: where little is rusted, few of them lie on rust, and those may be young
FACING_M = 0.1  # two places of opposite normals count as twice so far apart when a defect is given to a zone
RUSTED_LAG, FINE_LAG = 0.15, 0.7  # `corrosion.grow`: cover passes one half after this share of the time to full cover
REACH = 4.0  # histories extend to this multiple of the years: delays may be shorter than expected


@dataclass(frozen=True, kw_only=True, eq=False)
class ZoneHistories:
    """A zone in all histories: B draws, S seeds, P sample places, then `SPOTS` without weight, Q places in all.

    Pits are drawn separately, D times S, J in each: their depth is independent of where rust starts, so any set of pits
    may go with any history.
    """

    name: str
    area_mm2: float
    texel: Integers  # (P,) flat index in the atlas
    weight: Singles  # (Q,) share of the zone's area
    thickness_mm: Singles  # (Q,) nominal
    piece: Integers  # (Q,) index into the pieces of the bank
    factor: Singles  # (Q,) on loss, by zone and facing
    wet: NDArray[np.bool_]  # (Q, T) in the splash zone of each of the T places where the asset has stood
    start_years: Singles  # (B, S, Q) start of corrosion, before any delay
    local: Singles  # (S, Q) factor on loss from noise
    lag: Singles  # (S, Q) times to full cover until the place counts as rusted
    pit_place: Integers  # (D, S, J) place of each pit
    pit_delay_years: Singles  # (D, S, J)
    pit_factor: Singles  # (D, S, J) depth over uniform loss since birth, before the factor on pits


@dataclass(frozen=True, kw_only=True, eq=False)
class Bank:
    """Histories of an asset, by zone."""

    twin: TwinState
    prior: Prior
    zones: tuple[ZoneHistories, ...]
    cover: PiecewiseClock
    shape: tuple[int, int]  # of the atlas
    pieces_mm: Singles  # (K,) nominal thicknesses: equally thick metal counts as one piece

    @property
    def draws(self) -> int:
        """Number of draws, B."""
        return int(self.zones[0].start_years.shape[0])

    @property
    def seeds(self) -> int:
        """Number of seeds, S."""
        return int(self.zones[0].start_years.shape[1])


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
    draws, seeds : numbers of draws and of seeds; without paint, whose front and defects differ, only pits are drawn as
        often.
    """
    pit_draws = draws
    rng = np.random.default_rng([seed, 0])
    own = _places(asset, texels, rng)
    texel = np.concatenate(list(own.values()))
    position, normal = texels.position_m.reshape(-1, 3)[texel], texels.normal.reshape(-1, 3)[texel]
    streams = [np.random.SeedSequence([seed, 1, number]).spawn(3) for number in range(seeds)]
    ragged = [onset.ragged_noise(position, stream[0]) for stream in streams]
    local = np.stack([fractal(position, LOCAL_WAVELENGTHS_MM, 0.7, stream[1]) for stream in streams])
    fine = np.stack([fractal(position, FINE_WAVELENGTHS_MM, 0.8, stream[2]) for stream in streams])
    lag = RUSTED_LAG + FINE_LAG * (0.5 + fine / (2 * LIMIT))
    if twin.coating is None:
        lag += np.stack([onset.bare_lag(noise) for noise in ragged])
    if isinstance(twin.coating, Paint):
        # A Latin hypercube: each draw has its own slice of either distribution.
        slices = np.stack([rng.permutation(draws) for _ in range(2)]) + rng.random((2, draws))
        standard = ndtri(slices / draws)
        fronts, densities = split(standard[0], prior.front), np.exp(prior.defects * standard[1])
    else:
        draws, fronts, densities = 1, np.ones(1), np.ones(1)
    zone = np.repeat(np.arange(len(own)), [len(places) for places in own.values()])
    starts = np.empty((draws, seeds, len(texel)), dtype=np.float32)
    spots = np.full((draws, seeds, len(own), SPOTS), np.inf, dtype=np.float32)
    nearest = cKDTree(np.column_stack([position, FACING_M * normal]))
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
    zone_histories = []
    pieces = np.unique(texels.thickness_mm.reshape(-1)[texel])
    for index, (name, places) in enumerate(own.items()):
        here = zone == index
        zone_histories.append(
            _zone(
                twin, asset, texels, name, places, pieces, local[:, here], lag[:, here],
                np.concatenate([starts[..., here], spots[:, :, index]], axis=2), pit_draws, rng,
            )
        )  # fmt: skip
    cover = corrosion.cover_clock(twin.exposure)
    return Bank(
        twin=twin, prior=prior, zones=tuple(zone_histories), cover=cover, shape=asset.atlas_shape, pieces_mm=pieces
    )  # fmt: skip


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


def _zone(
    twin: TwinState, asset: AssetGeometry, texels: Texels, name: str, places: Integers, pieces: Singles, local: Singles,
    lag: Singles, starts: Singles, pit_draws: int, rng: np.random.Generator,
) -> ZoneHistories:  # fmt: skip
    """Assemble a zone of the bank: its first spots follow its sample places, and its pits are drawn."""
    area = float(texels.area_mm2[texels.zone == asset.zone_names.index(name)].sum(dtype=np.float64))
    factor = zones.loss_factors(asset.zone_names, texels.zone.reshape(-1)[places], texels.normal.reshape(-1, 3)[places])
    thickness = texels.thickness_mm.reshape(-1)[places]
    thickness = _behind(thickness, float(np.median(thickness)))
    wet = twin.exposure.splashed(texels.position_m.reshape(-1, 3)[places, 2])
    seeds = starts.shape[1]
    pits = twin.pits or Pits(per_m2=0.0)
    kept = int(np.clip(PITS_PER_M2 * area / 1e6, LEAST_PITS, MOST_PITS))
    # The largest of M exponential factors: -log of the least of M uniform numbers, ratios of sums of exponentials.
    count = rng.poisson(pits.per_m2 * area / 1e6, (pit_draws, seeds, 1))
    sums = np.cumsum(rng.exponential(size=(pit_draws, seeds, kept)), axis=2)
    rest = rng.gamma(np.maximum(count + 1 - kept, 1e-9))
    drawn = np.arange(kept) < count
    few = rng.exponential(size=drawn.shape)  # no more pits than we keep
    factors = np.where(count > kept, -np.log(sums / (sums[..., -1:] + rest)), few)
    return ZoneHistories(
        name=name,
        area_mm2=area,
        texel=places,
        weight=_behind(np.full(len(places), 1 / len(places)), 0.0),
        thickness_mm=thickness,
        piece=piece_of(pieces, thickness),
        factor=_behind(factor, float(factor.mean())),
        wet=np.concatenate([wet, np.tile(wet.mean(axis=0) > 0.5, (SPOTS, 1))]),
        start_years=starts,
        local=_behind(1 + LOCAL * local, 1 + LOCAL * SPOT_NOISE),
        lag=_behind(lag, RUSTED_LAG + FINE_LAG / 2),
        pit_place=rng.integers(len(places), size=drawn.shape),
        pit_delay_years=rng.exponential(pits.delay_years, drawn.shape).astype(np.float32),
        pit_factor=(np.where(drawn, factors, 0) * pits.factor).astype(np.float32),
    )


def _behind(values: NDArray[Any], spot: float) -> Singles:
    """Append `SPOTS` values of a first spot to the values of places, (..., P)."""
    spots = np.full((*values.shape[:-1], SPOTS), spot)
    return np.asarray(np.concatenate([values, spots], axis=-1), dtype=np.float32)


def _places(asset: AssetGeometry, texels: Texels, rng: np.random.Generator) -> dict[str, Integers]:
    """Return sample places by zone, flat indices into the atlas: equal steps of area along a Morton curve."""
    area, zone = texels.area_mm2.reshape(-1).astype(np.float64), texels.zone.reshape(-1)
    of_zone = {name: np.flatnonzero((zone == index) & (area > 0)) for index, name in enumerate(asset.zone_names)}
    of_zone = {name: own for name, own in of_zone.items() if name != COVERED and len(own)}
    roots = {name: np.sqrt(area[own].sum()) for name, own in of_zone.items()}
    places = {}
    for name, own in of_zone.items():
        count = int(np.clip(PLACES * roots[name] / sum(roots.values()), FEWEST_PLACES, MOST_PLACES))
        own = own[np.argsort(_morton(own // texels.zone.shape[1], own % texels.zone.shape[1]))]
        along = np.cumsum(area[own])
        at = (np.arange(count) + rng.random()) * along[-1] / count
        places[name] = own[np.searchsorted(along, at).clip(0, len(own) - 1)]
    return places


def _morton(row: Integers, column: Integers) -> Integers:
    """Return the order along a curve on which neighbours stay together: bits of row and column in turn."""
    code = np.zeros_like(row)
    for bit in range(16):
        code |= ((row >> bit) & 1) << (2 * bit + 1) | ((column >> bit) & 1) << (2 * bit)
    return code
