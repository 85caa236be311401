"""Twins for scenes, drawn or read from a folder, with their geometry, fields and stains of rust water."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.presets import own_twins
from corrotwin.synth.presets.schema import Range
from corrotwin.synth.scene import runoff, subject
from corrotwin.synth.scene.subject import Subject
from corrotwin.twin import assets, twin_state
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.geometry.atlas import Singles
from corrotwin.twin.model import perforation
from corrotwin.twin.model.coating import MOST_PER_M2, Paint
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.twin_state import TwinState

# Texels of an asset per pixel of the picture, and the fewest and most texels. Three times as many taught a network no
# more (docs/rendering-speed.md).
SUBJECT_TEXELS, OTHER_TEXELS = (2.0, 40_000, 4_000_000), (0.35, 14_000, 1_200_000)
TRIES = 60
LEAST_DEFECTS = 6  # in the paint of one of the user's own assets: small ones are handled and knocked


@dataclass(frozen=True, kw_only=True, eq=False)
class Specimen:
    """A twin with its geometry and its corrosion fields; `word` names one of the user's own assets in the preset."""

    twin: TwinState
    asset: AssetGeometry
    texels: Texels
    fields: Fields
    word: str = ""

    def stain(self, bleeding: Range) -> Singles:
        """Return the stain of rust water, (H, W) in [0, 1], that ran down the surface or bled into the paint.

        `bleeding` is the range of the strength of bleeding.
        """
        run, bled = (np.random.default_rng([self.twin.seed, stream]) for stream in (1, 2))
        streaks = runoff.stain(self.asset, self.texels, self.fields, run)
        return np.asarray(np.maximum(streaks, runoff.bleeding(self.texels, self.fields, bled, strength=bleeding)))

    @cached_property
    def gone(self) -> NDArray[np.bool_] | None:
        """True where no metal is left, (H, W); None if some is left everywhere."""
        return perforation.gone(self.asset, self.texels, self.fields.wall_loss_mm, self.twin.seed)

    @property
    def clean(self) -> bool:
        """True if no rust is visible."""
        return not (self.fields.rust_cover > 0.5).any()


def draw(
    kind: str,
    rng: np.random.Generator,
    *,
    size: float,
    clean: bool,
    aging: float = 1.0,
    beside: TwinState | None = None,
    subject: bool = True,
    like: Specimen | None = None,
    debris: float = 1.0,
    defects: float = 1.0,
    where: Mapping[str, Any] = MappingProxyType({}),
    **changes: Any,
) -> Specimen:
    """Draw a twin for a scene photographed at `size` pixels.

    Parameters
    ----------
    kind : a word of the preset's kinds. One of the user's own assets keeps its own parameters, whatever else is asked.
    clean : if True, freshly coated and without rust.
    aging : factor on its years of service.
    beside : another twin, whose exposure, coating and age it shares.
    subject : True for the scene's subject; other assets get a sixth of the texels.
    like : a specimen of the same kind and shape, whose exposure, coating and age it shares.
    debris : factor of debris in its exposure.
    defects : factor on the number of weak spots in its paint.
    where : required parameters of the asset; it is drawn again until it has them, at most `TRIES` times.
    changes : parameters that replace drawn ones; they must be valid with any others.
    """
    own = own_twins.asset_of(kind)
    if own is None:
        twin = twin_state.sample_twin(kind, rng, texel_mm=50.0, clean=clean)
    else:
        twin = twin_state.with_history(own.kind, own.parameters, rng, texel_mm=50.0, clean=clean)
        where, changes = {}, {}
    for _ in range(TRIES):
        if all(twin.parameters[name] == value for name, value in where.items()):
            break
        twin = replace(twin, parameters=assets.sample(kind, rng))
    beside = like.twin if like is not None else beside
    if beside is None:
        twin = replace(twin, clock=twin_state.later(twin.built, float(np.clip(aging * twin.years, 0, 60))))
        if isinstance(twin.coating, Paint):
            density = round(defects * twin.coating.defects_per_m2, 1)
            if own is not None:
                density = min(max(density, LEAST_DEFECTS / assets.area_m2(own.kind, own.parameters)), MOST_PER_M2)
            paint = replace(twin.coating, defects_per_m2=density)
            period = replace(twin.exposure.periods[0], debris=round(debris, 1))
            twin = replace(twin, coating=paint, exposure=replace(twin.exposure, periods=(period,)))
    else:
        twin = replace(twin, exposure=beside.exposure, coating=beside.coating, clock=beside.clock)
    if like is not None:
        twin = replace(twin, parameters=like.twin.parameters, texel_mm=like.twin.texel_mm)
        return _grown(twin, like.asset, like.texels, like.word)
    twin = replace(twin, parameters={**twin.parameters, **changes})
    per_pixel, least, most = SUBJECT_TEXELS if subject else OTHER_TEXELS
    texel_count = float(np.clip(per_pixel * size**2, least, most))
    area_mm2 = 1e6 * assets.area_m2(twin.kind, twin.parameters)
    twin = replace(twin, texel_mm=float(np.clip(sqrt(area_mm2 / texel_count), 0.05, 100)))
    asset = twin_state.asset(twin)
    return _grown(twin, asset, assets.texels(asset), "" if own is None else kind)


def aged(specimen: Specimen, years: float) -> Specimen:
    """Return the same asset at another age in years."""
    twin = replace(specimen.twin, clock=twin_state.later(specimen.twin.built, years))
    return _grown(twin, specimen.asset, specimen.texels, specimen.word)


def stored(shown: Subject) -> Specimen:
    """Return the specimen of a saved twin, in the state of its folder."""
    twin, asset, fields = subject.read(shown)
    return Specimen(twin=twin, asset=asset, texels=assets.texels(asset), fields=fields)


def _grown(twin: TwinState, asset: AssetGeometry, texels: Texels, word: str) -> Specimen:
    return Specimen(twin=twin, asset=asset, texels=texels, fields=twin_state.fields(twin, asset, texels), word=word)


def pack(specimen: Specimen, bleeding: Range) -> Singles:
    """Return the fields for the renderer, (H, W, 4): rust cover, age in years, wall loss in mm, stain of rust water.

    `bleeding` is the preset's range.
    """
    fields = specimen.fields
    stain = specimen.stain(bleeding)
    packed = [fields.rust_cover, fields.age_years, fields.wall_loss_mm, stain]
    return np.asarray(np.stack(packed, axis=-1), dtype=np.float32)
