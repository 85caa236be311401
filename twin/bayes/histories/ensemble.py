"""Ensemble of histories that an asset may have had: the twin's model, run many times at sample places of each zone.

A bank holds several seeds for each of many draws of the parameters that shape a history (speed of creeping rust, number
of paint defects). Parameters that only stretch or scale a history (delay of all starts, rate, exponent, pits,
mechanisms) are applied when the bank is evaluated, so one bank serves every inspection and year.

Each sample place comes with the surface behind it (`twin.geometry.opposite`): metal is lost from both of its faces.
After the sample places come the first spots of each zone, without weight: the defects that open first, where loss is
greatest long before rust reaches a sample place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree
from scipy.special import ndtri

from corrotwin.twin.bayes.histories.places import sample_places
from corrotwin.twin.bayes.histories.renewals import Renewal
from corrotwin.twin.bayes.histories.zone_histories import (
    SPOTS,
    Sites,
    ZoneHistories,
    renewed_faces,
    starts_of_faces,
    with_renewals,
    zone_histories,
)
from corrotwin.twin.bayes.prior import Prior, split
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Singles, Texels
from corrotwin.twin.geometry.opposite import opposite_surface
from corrotwin.twin.inspection.events import Event
from corrotwin.twin.model import corrosion, onset, zones
from corrotwin.twin.model.coating import TILE, Coating, Defects, Paint, paint_defects
from corrotwin.twin.model.corrosion import COVER_RAMP, FINE_LAG, FINE_WAVELENGTHS_MM, LOCAL, LOCAL_WAVELENGTHS_MM
from corrotwin.twin.model.exposure import Exposure
from corrotwin.twin.model.loss import PiecewiseClock
from corrotwin.twin.model.noise import LIMIT, fractal
from corrotwin.twin.model.onset import first_years
from corrotwin.twin.twin_state import TwinState

FACING_M = 0.1  # facing counts as distance when a defect is assigned to a zone: twice this for opposite normals
RUSTED_LAG = COVER_RAMP / 2  # share of the time to full cover after which the cover of a place passes one half
REACH = 4.0  # histories extend to this multiple of the years: delays may be shorter than expected


@dataclass(frozen=True, kw_only=True, eq=False)
class Bank:
    """Histories of an asset, by zone."""

    twin: TwinState
    asset: AssetGeometry
    texels: Texels
    prior: Prior
    zones: tuple[ZoneHistories, ...]
    cover: PiecewiseClock
    pieces_mm: Singles  # (K,) nominal thicknesses: equally thick metal counts as one piece
    seed: int
    pitted: frozenset[str] = frozenset()  # zones in which pits were measured
    renewed_years: tuple[float, ...] = ()  # years of each renewal of metal, oldest first

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
    events: Sequence[Event] = (),
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
    draws, seeds : numbers of draws and of seeds; without paint one draw is enough, as only front and defects differ.
    events : renewals of parts; a renewed part has a history of its own from then on.
    """
    rng = np.random.default_rng([seed, 0])
    by_zone = sample_places(asset, texels, rng)
    texel = np.concatenate(list(by_zone.values()))
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
    zone = np.repeat(np.arange(len(by_zone)), [len(places) for places in by_zone.values()])
    model = _Model(
        twin=twin, asset=asset, sites=sites, ragged=ragged, fronts=fronts, densities=densities, zone=zone,
        nearest=cKDTree(np.column_stack([position, FACING_M * normal])[: len(texel)]),
    )  # fmt: skip
    starts, spots = model.run(twin.exposure, REACH * years, (seed, 2), np.arange(len(position)))
    pieces = np.unique(texels.thickness_mm.reshape(-1)[texel])
    histories = []
    for index, (name, places) in enumerate(by_zone.items()):
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
    happened = sorted(events, key=lambda event: event.date)
    return Bank(
        twin=twin, asset=asset, texels=texels, prior=prior, zones=_renewed(histories, model, happened, years, seed),
        cover=corrosion.cover_clock(twin.exposure), pieces_mm=pieces, seed=seed,
        renewed_years=tuple(event.years(twin) for event in happened if event.renews_metal),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _Model:
    """Inputs of the twin's model at m places, n of them sample places, for B draws and S seeds."""

    twin: TwinState
    asset: AssetGeometry
    sites: Sites
    ragged: list[Singles]  # S times (m,)
    fronts: Floats  # (B,) factors on the speed of rust under paint
    densities: Floats  # (B,) factors on the number of paint defects
    zone: Integers  # (n,)
    nearest: cKDTree  # of the sample places

    def run(self, exposure: Exposure, years: float, stream: tuple[int, ...], rows: Integers) -> tuple[Singles, Singles]:
        """Return the starts of corrosion, (B, S, m) years, and those of the first spots, (B, S, zones, `SPOTS`).

        Parameters
        ----------
        exposure : exposure from year 0, when the parts are new.
        years : last year for which starts must be known.
        stream : key of the random stream.
        rows : places to run; starts are inf at the others.
        """
        position, normal = self.sites.position_m, self.sites.normal
        draws, seeds, zones = len(self.fronts), len(self.ragged), int(self.zone.max()) + 1
        starts = np.full((draws, seeds, len(position)), np.inf, dtype=np.float32)
        spots = np.full((draws, seeds, zones, SPOTS), np.inf, dtype=np.float32)
        for draw, number in np.ndindex(draws, seeds):
            defects = None
            if isinstance(self.twin.coating, Paint):
                density = self.twin.coating.defects_per_m2 * float(self.densities[draw])
                paint = replace(self.twin.coating, defects_per_m2=density)
                seed = np.random.SeedSequence([*stream, draw, number])
                defects = paint_defects(self.asset, exposure, paint, seed)
                at = self.nearest.query(np.column_stack([defects.position_m, FACING_M * defects.normal]))[1]
                for index in range(zones):
                    first = np.sort(defects.birth_years[self.zone[at] == index])[:SPOTS]
                    spots[draw, number, index, : len(first)] = first
            starts[draw, number, rows] = _starts(
                exposure, self.twin.coating, position[rows], normal[rows], self.ragged[number][rows], defects, years,
                float(self.fronts[draw]),
            )  # fmt: skip
        return starts, spots


def _renewed(
    zones: Sequence[ZoneHistories], model: _Model, events: Sequence[Event], years: float, seed: int
) -> tuple[ZoneHistories, ...]:
    """Return the zones with the renewals of their metal and coating."""
    renewals: list[list[Renewal]] = [[] for _ in zones]
    sites, metal = model.sites, 0
    for number, event in enumerate(events):
        at = event.years(model.twin)
        metal += event.renews_metal
        faces = [
            renewed_faces(event, zone.name, sites, np.flatnonzero(model.zone == index))
            for index, zone in enumerate(zones)
        ]
        concerned = [
            index for index, (own, behind) in enumerate(faces)
            if own.any() or behind.any() or (event.kind == "repair" and event.zone == zones[index].name)
        ]  # fmt: skip
        rows = np.flatnonzero(np.isin(model.zone, concerned))
        rows = np.concatenate([rows, sites.behind[rows][sites.behind[rows] >= 0]])
        starts, spots = model.run(model.twin.exposure.since(at), REACH * max(years - at, 1.0), (seed, 3, number), rows)
        if isinstance(model.twin.coating, Paint) and not all(own.all() for own, _ in faces):
            spots[..., 0] = 0  # rust of the older paint beside it counts as creeping in at once: the safe side
        for index in concerned:
            own, behind = faces[index]
            own_starts, behind_starts = starts_of_faces(
                sites, np.flatnonzero(model.zone == index), starts, spots[:, :, index]
            )
            renewals[index].append(
                Renewal(
                    event=event, years=at, metal=metal if event.renews_metal else 0, own=own, behind=behind,
                    own_start_years=own_starts, behind_start_years=behind_starts,
                )
            )  # fmt: skip
    return tuple(
        with_renewals(zone, tuple(added)) if added else zone for zone, added in zip(zones, renewals, strict=True)
    )


def _sites(asset: AssetGeometry, texels: Texels, texel: Integers) -> Sites:
    """Return sample places and, after them, the surfaces behind them on which air acts."""
    names, thickness = asset.zone_names, texels.thickness_mm.reshape(-1)[texel]
    position, normal = texels.position_m.reshape(-1, 3)[texel], texels.normal.reshape(-1, 3)[texel]
    zone = texels.zone.reshape(-1)[texel].astype(np.int64)
    opposite = opposite_surface(asset, position, normal, thickness)
    behind_zone = np.where(opposite.found, asset.face_zone[opposite.face], -1)
    has_opposite = opposite.found
    factor = np.zeros(len(texel), dtype=np.float32)
    factor[has_opposite] = zones.loss_factors(
        asset.zone_kinds, behind_zone[has_opposite], opposite.normal[has_opposite].astype(np.float32)
    )
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
    exposure: Exposure,
    coating: Coating,
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
    start = first_years(place, facing, present, noise, defects, exposure, coating, years, front)
    return np.asarray(start[present])
