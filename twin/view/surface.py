"""The surface of a twin over the years, at a resolution that a page can carry."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from corrotwin.twin import assets, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry, Floats, Singles, Texels
from corrotwin.twin.model import corrosion
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.loss import PiecewiseClock
from corrotwin.twin.twin_state import TwinState

MOST_TEXELS, MOST_SIDE = 600_000, 4096  # of the atlas; phones take textures of this side
COARSEST_MM = 100.0
MOST_FACES = 600_000  # triangles that a page shows
KEY_YEARS = 7  # times before and after now at which wall loss is kept; it is interpolated between them


@dataclass(frozen=True, kw_only=True, eq=False)
class SurfaceHistory:
    """The history shown of a twin, on an atlas that may be coarser than the twin's.

    Parameters
    ----------
    asset, texels : the surface.
    start_years : (H, W) start of corrosion; inf where it has none by the last year.
    cover_begins : (H, W) reading of `clock` at which rust begins to cover a texel, from `corrosion.cover_begins`.
    clock : clock of the rust cover.
    key_years : (K,) years from built to the last year, including now.
    loss_mm : (K, H, W) wall loss in these years.
    """

    asset: AssetGeometry
    texels: Texels
    start_years: Singles
    cover_begins: Singles
    clock: PiecewiseClock
    key_years: tuple[float, ...]
    loss_mm: Singles

    def fields(self, years: float) -> Fields:
        """Return the state in a year; wall loss is interpolated between key years.

        If corrosion begins between two of them, loss grows from then on with the square root of time, nearly as by
        ISO 9224; otherwise it grows linearly.
        """
        ramp = ((self.clock.reading(years) - self.cover_begins) / corrosion.COVER_RAMP).clip(0, 1).astype(np.float32)
        after = int(np.clip(np.searchsorted(self.key_years, years), 1, len(self.key_years) - 1))
        first, last = self.key_years[after - 1 : after + 1]
        before, behind = self.loss_mm[after - 1 : after + 1]
        share = np.full(before.shape, np.clip((years - first) / (last - first), 0, 1), dtype=np.float32)
        young = (before == 0) & (self.start_years > first) & (self.start_years < last)
        begun = self.start_years[young]
        share[young] = np.sqrt(((years - begun) / (last - begun)).clip(0, 1))
        return Fields(
            start_years=self.start_years,
            age_years=np.maximum(np.float32(years) - self.start_years, 0),
            wall_loss_mm=(1 - share) * before + share * behind,
            rust_cover=ramp * ramp * (3 - 2 * ramp),
        )


def surface_history(twin: TwinState, now_years: float, last_years: float) -> SurfaceHistory:
    """Return the history of a twin's surface from built to a last year.

    After the twin's clock it goes on at the same place. The seed draws it; inspections do not change it.

    Raises
    ------
    InputError
        The twin has more triangles than a page shows.
    """
    asset, texels = _shown(twin)
    if len(asset.faces) > MOST_FACES:
        raise InputError(
            f"twin {twin.id}: {len(asset.faces):,} triangles are more than a page can show ({MOST_FACES:,}); make the "
            "twin from fewer parts, or from a mesh with a lower `simplify`"
        )
    years = key_years(now_years, last_years)
    loss = np.zeros((len(years), *asset.atlas_shape), dtype=np.float32)
    last = None
    for index, year in enumerate(years):
        last = twin_state.fields(replace(twin, clock=twin_state.later(twin.built, year)), asset, texels)
        loss[index] = last.wall_loss_mm
    assert last is not None  # noqa: S101  there are key years
    begins = corrosion.cover_begins(
        texels, last.start_years, exposure=twin.exposure, coating=twin.coating, seed=twin.seed
    )
    return SurfaceHistory(
        asset=asset, texels=texels, start_years=last.start_years, cover_begins=begins,
        clock=corrosion.cover_clock(twin.exposure), key_years=tuple(years), loss_mm=loss,
    )  # fmt: skip


def key_years(now_years: float, last_years: float) -> list[float]:
    """Return years from 0 to the last, including now."""
    before = np.linspace(0, now_years, KEY_YEARS)
    after = np.linspace(now_years, last_years, KEY_YEARS)
    years = sorted({float(year) for year in (*before, *after)})
    return years if len(years) > 1 else [0.0, 1.0]


def _shown(twin: TwinState) -> tuple[AssetGeometry, Texels]:
    """Return a twin's surface with texels large enough to make the atlas small enough, if possible."""
    texel_mm = twin.texel_mm
    while True:
        asset = assets.build(twin.kind, twin.parameters, texel_mm=texel_mm)
        height, width = asset.atlas_shape
        over = max(np.sqrt(height * width / MOST_TEXELS), height / MOST_SIDE, width / MOST_SIDE)
        if over <= 1 or texel_mm >= COARSEST_MM:
            return asset, assets.texels(asset)
        texel_mm = min(max(texel_mm * over, texel_mm * 1.1), COARSEST_MM)


def area_centres(texels: Texels, zones: Sequence[int]) -> Floats:
    """Return for each zone the place nearest to its area centre, and its reach from there, (n, 4) m."""
    centres = np.zeros((len(zones), 4))
    for row, zone in enumerate(zones):
        in_zone = (texels.zone == zone) & (texels.area_mm2 > 0)
        points, area = texels.position_m[in_zone].astype(float), texels.area_mm2[in_zone].astype(float)
        middle = np.average(points, axis=0, weights=area)
        distance = np.linalg.norm(points - middle, axis=1)
        centres[row] = (*points[distance.argmin()], float(np.percentile(distance, 90)))
    return centres
