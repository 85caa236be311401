"""`Asset`: what a twin is of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from corrotwin.twin import assets, creation, twin_state
from corrotwin.twin.core.arguments import checked
from corrotwin.twin.geometry.solids import COVERED


class Asset:
    """A parametric asset: its kind and its dimensions.

    Parameters
    ----------
    kind : one of `Asset.kinds()`.
    seed : decides the dimensions that are not given.
    texel_mm : resolution on the surface.
    dimensions : by name, such as ``nps=8, schedule=40``; `Asset(kind).parameters` lists those of a kind.

    Raises
    ------
    InputError
        Unknown kind or dimension, or dimensions that do not go together.
    """

    @checked()
    def __init__(self, kind: str, /, *, seed: int = 0, texel_mm: float = 2.0, **dimensions: Any) -> None:
        self._drawn = creation.draw(kind, dimensions, seed=seed, texel_mm=texel_mm)
        self._geometry = twin_state.asset(self._drawn)
        self.seed = seed
        self.given = MappingProxyType(dimensions)

    @property
    def drawn(self) -> twin_state.TwinState:
        """The asset with the history that its seed draws, too."""
        return self._drawn

    @staticmethod
    def kinds() -> tuple[str, ...]:
        """Return the kinds of assets."""
        return tuple(assets.KINDS)

    @property
    def kind(self) -> str:
        """The kind of asset."""
        return self._drawn.kind

    @property
    def parameters(self) -> Mapping[str, Any]:
        """All dimensions and features by name, those that were drawn too."""
        return MappingProxyType(dict(self._drawn.parameters))

    @property
    def texel_mm(self) -> float:
        """The resolution on the surface, mm."""
        return self._drawn.texel_mm

    @property
    def zones(self) -> tuple[str, ...]:
        """The names of its zones, which inspections and forecasts use."""
        return tuple(name for name in self._geometry.zone_names if name != COVERED)

    @property
    def area_m2(self) -> float:
        """The area of its surface, m²."""
        return assets.area_m2(self.kind, self._drawn.parameters)

    @property
    def thickness_mm(self) -> float:
        """Its nominal thickness, mm."""
        return self._geometry.nominal_thickness_mm

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.given.items())
        return f"Asset({self.kind!r}{given}, seed={self.seed})"
