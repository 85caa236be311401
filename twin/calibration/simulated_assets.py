"""Small assets whose truth is known, with which forecasts are compared."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from corrotwin.twin import assets, twin_state
from corrotwin.twin.calibration.arms import CATEGORY
from corrotwin.twin.export import SEEN
from corrotwin.twin.forecast.projection import ALL
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Integers, Texels
from corrotwin.twin.geometry.opposite import opposite_texel
from corrotwin.twin.mechanisms.catalogue import usual
from corrotwin.twin.model import corrosion
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.exposure import at
from corrotwin.twin.model.pits import Pits
from corrotwin.twin.model.zones import regions
from corrotwin.twin.twin_state import TwinState

LIFE_YEARS = 10.0  # of the paint, as the owner believes
AREA_M2 = (0.25, 0.9)  # of the assets: small enough to grow hundreds of them


def owner_twin(kind: str, rng: np.random.Generator, *, texel_mm: float) -> TwinState:
    """Draw a small asset in category C4, as its owner knows it: paint believed to last ten years, usual pits.

    A pipe holds an unknown fluid, which is the default of `corrotwin twin new`.

    Parameters
    ----------
    kind : kind of asset.
    rng : random numbers.
    texel_mm : size of texels.
    """
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
        mechanisms=usual(kind),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """An asset at some time, and the bottoms of its pits: texels of some millimetres miss small pits.

    Thickness left is that of the wall at one place: thickness when new, less the loss of its own face, of the face
    behind it, and of a pit there.

    Parameters
    ----------
    asset, texels, fields : the surface and its state in the air.
    loss_mm : (N,) loss of the own face at each texel, whatever caused it.
    new_mm : (N,) thickness when new.
    behind : (N,) texel behind each, or -1.
    pit_texel : (n,) texel of each pit.
    pit_zone : (n,) index into the asset's zones, of each pit.
    pit_depth_mm : (n,) in its middle, below its surroundings.
    pit_loss_mm : (n,) loss of the own face in its middle.
    """

    asset: AssetGeometry
    texels: Texels
    fields: Fields
    loss_mm: Floats
    new_mm: Floats
    behind: Integers
    pit_texel: Integers
    pit_zone: Integers
    pit_depth_mm: Floats
    pit_loss_mm: Floats

    def measured(self, zone: str = ALL) -> tuple[float, float, float]:
        """Return rusted share, mean and greatest loss (mm) of a zone or of all, of its own face."""
        here = self._region(zone)
        area = self.texels.area_mm2.reshape(-1)[here].astype(np.float64)
        loss, rusted = self.loss_mm[here], self.fields.rust_cover.reshape(-1)[here] > SEEN
        worst = max(float(loss.max()), float(self.pit_loss_mm[self.pits_in(zone)].max(initial=0)))
        return float(area[rusted].sum() / area.sum()), float((area * loss).sum() / area.sum()), worst

    @property
    def left_mm(self) -> Floats:
        """Thickness left of the wall at each texel, (N,) mm, except in the middles of pits."""
        return np.maximum(self.new_mm - self.loss_mm - self._behind_mm(), 0)

    def least_left_mm(self, zone: str = ALL, above_mm: float = 0.0) -> float:
        """Return the least thickness left of a zone or of all, mm, of places nominally thicker than `above_mm`."""
        judged = self.texels.thickness_mm.reshape(-1) > above_mm
        here = self._region(zone) & judged
        pits = self.pits_in(zone) | self._region(zone)[self.behind[self.pit_texel]] & (self.behind[self.pit_texel] >= 0)
        pits &= judged[self.pit_texel]
        at = self.pit_texel[pits]
        at_pits = self.new_mm[at] - self.pit_loss_mm[pits] - self._behind_mm()[at]
        return max(min(float(self.left_mm[here].min()), float(at_pits.min(initial=np.inf))), 0.0)

    def general_left_mm(self, zone: str) -> float:
        """Return the thickness left at most places of a zone, mm: their median."""
        return float(np.median(self.left_mm[self._region(zone)]))

    def pits_in(self, zone: str) -> NDArray[np.bool_]:
        """Return which pits lie in a zone, (n,)."""
        if zone == ALL:
            return np.ones(len(self.pit_zone), dtype=bool)
        return np.asarray(self.pit_zone == self.asset.zone_names.index(zone))

    def _behind_mm(self) -> Floats:
        return np.where(self.behind >= 0, self.loss_mm[self.behind], 0.0)

    def _region(self, zone: str) -> NDArray[np.bool_]:
        parts = regions(self.asset, self.texels, None)
        return next(mask for by, name, mask in parts if by in ("part", "all") and name == zone).reshape(-1)


def true_paint_and_pits(delay: float, defects: float, pits: float) -> tuple[Paint, Pits]:
    """Return the true paint and pits: what the owner of an `owner_twin` believes, times these factors."""
    paint, usual = Paint(life_years=LIFE_YEARS), Pits()
    return (
        replace(paint, life_years=LIFE_YEARS * delay, defects_per_m2=paint.defects_per_m2 * defects),
        replace(usual, factor=usual.factor * pits),
    )


def truth(
    asset: AssetGeometry,
    texels: Texels,
    *,
    pits: Pits,
    years: float,
    new_mm: Floats | None = None,
    more_mm: Floats | float = 0.0,
    **given: Any,
) -> Truth:
    """Grow an asset to its true state.

    Parameters
    ----------
    asset, texels : the surface.
    pits, years, given : as for `twin.model.corrosion.grow`.
    new_mm : (N,) thickness of each texel when new; nominal if not given.
    more_mm : (N,) loss beside that in the air.
    """
    places, depth = corrosion.pit_middles(asset, pits=pits, years=years, **given)
    plain = corrosion.grow(asset, texels, pits=None, years=years, **given)
    fields = corrosion.grow(asset, texels, pits=pits, years=years, **given)
    air, tree = _air(texels)
    under = air[tree.query(places.position_m)[1]]
    thickness = texels.thickness_mm.reshape(-1).astype(float)
    new = thickness if new_mm is None else new_mm
    loss = np.minimum(fields.wall_loss_mm.reshape(-1) + more_mm, new)
    at_pits = plain.wall_loss_mm.reshape(-1) + np.broadcast_to(more_mm, thickness.shape)
    return Truth(
        asset=asset,
        texels=texels,
        fields=fields,
        loss_mm=loss,
        new_mm=new,
        behind=opposite_texel(asset, texels),
        pit_texel=under,
        pit_zone=asset.face_zone[places.face],
        pit_depth_mm=depth,
        pit_loss_mm=np.minimum(at_pits[under] + depth, new[under]),
    )


@lru_cache(maxsize=1)  # assets are evaluated one after another, each in several years
def _air(texels: Texels) -> tuple[NDArray[np.intp], cKDTree]:
    """Return texels in the air, (n,) flat index, and a tree of their places."""
    air = np.flatnonzero(texels.area_mm2.reshape(-1) > 0)
    return air, cKDTree(texels.position_m.reshape(-1, 3)[air])
