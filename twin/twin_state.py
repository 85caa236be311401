"""State of a twin: its asset, exposure and age, and the geometry and corrosion that follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from corrotwin.twin import assets
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.mechanisms.catalogue import check_kinds
from corrotwin.twin.mechanisms.mechanism import Mechanism, check_zones
from corrotwin.twin.model import corrosion
from corrotwin.twin.model.coating import Coating, Paint
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.exposure import Exposure
from corrotwin.twin.model.pits import Pits

SECONDS_PER_YEAR = 31_557_600  # of 365.25 days
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # start of service of a sampled twin


@dataclass(frozen=True, kw_only=True)
class TwinState:
    """One asset and its history; everything else follows from it.

    Parameters
    ----------
    id : name of the twin.
    kind, parameters : arguments of `twin.assets.build`.
    texel_mm : requested side of a texel on the surface.
    exposure, coating : places where the asset has stood, and its coating; None is bare steel.
    pits : number and growth of pits, or None for no pits.
    built, clock : start of service, and now, UTC.
    seed : random seed of the whole history.
    mechanisms : mechanisms of corrosion other than the open air.
    """

    id: str
    kind: str
    parameters: Mapping[str, Any]
    texel_mm: float
    exposure: Exposure
    coating: Coating
    pits: Pits | None
    built: datetime
    clock: datetime
    seed: int
    mechanisms: tuple[Mechanism, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not isinstance(self.seed, int) or not isinstance(self.parameters, Mapping):
            raise InputError(f"twin {self.id!r:.40}: id must be text, seed a whole number, parameters an object")
        if self.built.utcoffset() != timedelta(0) or self.clock.utcoffset() != timedelta(0):
            raise InputError(f"twin {self.id}: times must be UTC")
        if self.clock < self.built:
            raise InputError(f"twin {self.id}: its clock, {self.clock:%Y-%m-%d}, is before the day it was built")
        if self.years > corrosion.MOST_YEARS:
            raise InputError(f"twin {self.id}: is {self.years:.6g} years old, more than {corrosion.MOST_YEARS:g}")
        if self.seed < 0:
            raise InputError(f"twin {self.id}: seed {self.seed}: must be at least 0")
        check_kinds(self.mechanisms)
        splashed = any(period.splash_m is not None for period in self.exposure.periods)
        if splashed and any(mechanism.kind == "splash" for mechanism in self.mechanisms):
            raise InputError(f"twin {self.id}: `splash` and the mechanism splash describe the same loss; give only one")

    @property
    def years(self) -> float:
        """Age in years of 365.25 days."""
        return (self.clock - self.built).total_seconds() / SECONDS_PER_YEAR


def later(moment: datetime, years: float) -> datetime:
    """Return the moment that is `years` after another, to the second, or before it if they are negative.

    Raises
    ------
    InputError
        `years` is not a number, or the result is beyond the calendar.
    """
    try:
        return moment + timedelta(seconds=round(years * SECONDS_PER_YEAR))
    except (OverflowError, ValueError) as error:
        raise InputError(
            f"`years` {abs(years):g}: counted from {moment:%Y-%m-%d}, that is beyond the calendar"
        ) from error


def sample_twin(kind: str, rng: np.random.Generator, *, texel_mm: float, clean: bool = False) -> TwinState:
    """Draw an asset of a kind and its history; `clean` means freshly coated, without any rust."""
    return with_history(kind, assets.sample(kind, rng), rng, texel_mm=texel_mm, clean=clean)


def with_history(
    kind: str, parameters: Mapping[str, Any], rng: np.random.Generator, *, texel_mm: float, clean: bool = False
) -> TwinState:
    """Draw the history of an asset; `clean` means freshly coated, without any rust."""
    exposure, coating, years = corrosion.sample_history(rng, kind)
    if clean:
        coating, years = coating or Paint(life_years=10.0), 0.0
    seed = int(rng.integers(2**31))
    return TwinState(
        id=f"{kind}-{seed:08x}",
        kind=kind,
        parameters=parameters,
        texel_mm=texel_mm,
        exposure=exposure,
        coating=coating,
        pits=Pits(),
        built=EPOCH,
        clock=later(EPOCH, years),
        seed=seed,
    )


def asset(twin: TwinState) -> AssetGeometry:
    """Return the geometry and atlas of a twin.

    Raises
    ------
    InputError
        The asset cannot be built, or a mechanism acts on a zone that it lacks.
    """
    built = assets.build(twin.kind, twin.parameters, texel_mm=twin.texel_mm)
    check_zones(twin.mechanisms, built.zone_names)
    return built


def fields(twin: TwinState, built: AssetGeometry | None = None, texels: Texels | None = None) -> Fields:
    """Return the state of corrosion of a twin at its age; pass `built` and `texels` if they already exist."""
    built = asset(twin) if built is None else built
    return corrosion.grow(
        built,
        assets.texels(built) if texels is None else texels,
        exposure=twin.exposure,
        coating=twin.coating,
        years=twin.years,
        seed=twin.seed,
        pits=twin.pits,
        mechanisms=twin.mechanisms,
    )
