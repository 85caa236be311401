"""`Asset`: what a twin is of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from corrotwin.twin import assets, creation, defaults, twin_state
from corrotwin.twin.core.arguments import checked
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry.solids import COVERED


class Asset:
    """A parametric asset: its kind and its dimensions.

    Parameters
    ----------
    kind : one of `Asset.kinds()`.
    seed : decides what is drawn.
    texel_mm : resolution on the surface.
    random : draw the dimensions and features that are not given. Otherwise the main dimensions must be given, and
        features such as branches and supports are left out.
    dimensions : by name, such as ``nps=8, schedule=40, run_m=3``; `Asset.main_dimensions` lists those that must be
        given, `Asset.parameters` all.

    Raises
    ------
    InputError
        Unknown kind or dimension, a main dimension is missing, or dimensions do not go together.
    """

    @checked()
    def __init__(
        self, kind: str, /, *, seed: int = 0, texel_mm: float = 2.0, random: bool = False, **dimensions: Any
    ) -> None:
        self._drawn = creation.shaped(kind, dimensions, seed=seed, texel_mm=texel_mm, random=random)
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

    @staticmethod
    @checked()
    def main_dimensions(kind: str) -> tuple[str, ...]:
        """Return the dimensions of a kind that must be given.

        Parameters
        ----------
        kind : one of `Asset.kinds()`.
        """
        if kind not in assets.KINDS:
            raise InputError(f"`kind` {kind!r:.60}: choose from {', '.join(assets.KINDS)}")
        return defaults.main_dimensions(kind)

    @property
    def kind(self) -> str:
        """The kind of asset."""
        return self._drawn.kind

    @property
    def parameters(self) -> Mapping[str, Any]:
        """All dimensions and features by name, given or not."""
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
