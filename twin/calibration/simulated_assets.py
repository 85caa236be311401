"""Small assets whose truth is known, with which forecasts are compared."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from corrotwin.twin import assets, twin_state
from corrotwin.twin.export import SEEN
from corrotwin.twin.forecast.projection import ALL
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Texels
from corrotwin.twin.model import corrosion
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.exposure import at
from corrotwin.twin.model.pits import Pits
from corrotwin.twin.model.zones import regions
from corrotwin.twin.twin_state import TwinState

CATEGORY = "C4"
LIFE_YEARS = 10.0  # of the paint, as the owner believes
AREA_M2 = (0.25, 0.9)  # of the assets: small enough to grow hundreds of them


def owner_twin(kind: str, rng: np.random.Generator, *, texel_mm: float) -> TwinState:
    """Draw a small asset in category C4, as its owner knows it: paint believed to last ten years, usual pits."""
    while True:
        parameters = assets.sample(kind, rng)
        if AREA_M2[0] < assets.area_m2(kind, parameters) < AREA_M2[1]:
            break
    return replace(
        twin_state.sample_twin(kind, rng, texel_mm=texel_mm),
        parameters=parameters,
        exposure=at(CATEGORY),
        coating=Paint(life_years=LIFE_YEARS),
        pits=Pits(),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """An asset at some time, and the bottoms of its pits: texels of some millimetres miss small pits.

    Parameters
    ----------
    asset, texels, fields : the surface and its state.
    pit_zone : (n,) index into the asset's zones, of each pit.
    pit_depth_mm : (n,) in its middle, below its surroundings.
    pit_loss_mm : (n,) in its middle.
    """

    asset: AssetGeometry
    texels: Texels
    fields: Fields
    pit_zone: Integers
    pit_depth_mm: Floats
    pit_loss_mm: Floats

    def measured(self, zone: str = ALL) -> tuple[float, float, float]:
        """Return rusted share, mean and greatest loss (mm) of a zone or of all."""
        parts = regions(self.asset, self.texels, None)
        here = next(mask for by, name, mask in parts if by in ("part", "all") and name == zone)
        area = self.texels.area_mm2[here].astype(np.float64)
        loss, rusted = self.fields.wall_loss_mm[here], self.fields.rust_cover[here] > SEEN
        worst = max(float(loss.max()), float(self.pit_loss_mm[self.pits_in(zone)].max(initial=0)))
        return float(area[rusted].sum() / area.sum()), float((area * loss).sum() / area.sum()), worst

    def pits_in(self, zone: str) -> NDArray[np.bool_]:
        """Return which pits lie in a zone, (n,)."""
        if zone == ALL:
            return np.ones(len(self.pit_zone), dtype=bool)
        return np.asarray(self.pit_zone == self.asset.zone_names.index(zone))


def true_paint_and_pits(delay: float, defects: float, pits: float) -> tuple[Paint, Pits]:
    """Return the true paint and pits, by factors on the beliefs of the owner of an `owner_twin`."""
    paint, usual = Paint(life_years=LIFE_YEARS), Pits()
    return (
        replace(paint, life_years=LIFE_YEARS * delay, defects_per_m2=paint.defects_per_m2 * defects),
        replace(usual, factor=usual.factor * pits),
    )


def truth(asset: AssetGeometry, texels: Texels, *, pits: Pits, years: float, **given: Any) -> Truth:
    """Grow an asset to its true state.

    Parameters
    ----------
    asset, texels : the surface.
    pits, years, given : as for `twin.model.corrosion.grow`.
    """
    places, depth = corrosion.pit_middles(asset, pits=pits, years=years, **given)
    plain = corrosion.grow(asset, texels, pits=None, years=years, **given)
    air, tree = _air(texels)
    under = air[tree.query(places.position_m)[1]]
    return Truth(
        asset=asset,
        texels=texels,
        fields=corrosion.grow(asset, texels, pits=pits, years=years, **given),
        pit_zone=asset.face_zone[places.face],
        pit_depth_mm=depth,
        pit_loss_mm=np.minimum(plain.wall_loss_mm.reshape(-1)[under] + depth, texels.thickness_mm.reshape(-1)[under]),
    )


@lru_cache(maxsize=1)  # one asset after another is looked at in several years
def _air(texels: Texels) -> tuple[NDArray[np.intp], cKDTree]:
    """Return texels in the air, (n,) flat index, and a tree of their places."""
    air = np.flatnonzero(texels.area_mm2.reshape(-1) > 0)
    return air, cKDTree(texels.position_m.reshape(-1, 3)[air])
