"""`Asset`: the object whose corrosion a twin follows."""

import logging
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from corrotwin.twin import assets, creation, defaults, twin_state
from corrotwin.twin.core.arguments import checked, renaming
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.machine import cache_folder
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.meshes import child
from corrotwin.twin.meshes.conversion import MeshOptions

logger = logging.getLogger(__name__)


class Asset:
    """A parametric asset, its kind and its dimensions; or a mesh of one's own (`Asset.from_file`).

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
        self.given: Mapping[str, Any] = MappingProxyType(dimensions)

    @staticmethod
    @checked()
    def from_file(
        path: str | Path,
        /,
        *,
        thickness_mm: float | Mapping[str, float] | Literal["rays"] = "rays",
        units: Literal["m", "cm", "mm", "in", "ft"] | None = None,
        up: Literal["y", "z"] | None = None,
        zones: str | Path = "shape",
        simplify: int | None = None,
        seed: int = 0,
        texel_mm: float = 2.0,
    ) -> "Asset":
        """Make an asset from a mesh: STL, OBJ, PLY, GLB, glTF, or STEP with the extra `cad`.

        Parameters
        ----------
        path : the file.
        thickness_mm : of the metal: one value, one for each part, or "rays", to measure it through the solid.
        units : of its coordinates; needed where the format states none (STL, OBJ, PLY). For GLB and glTF they replace
            the metres of their standard; STEP states its own, so leave them out.
        up : the axis that points up; by default y in glTF, z elsewhere.
        zones : "shape" divides the surface into body, edges, crevices and what is covered; "parts" and "materials" do
            so for each part or material; or a CSV with the columns zone and one of part, material or face.
        simplify : number of triangles to reduce it to.
        seed : decides what is drawn.
        texel_mm : resolution on the surface.

        Raises
        ------
        InputError
            The file is not a usable mesh, its units are missing, implausible or given for STEP, or it has too many
            triangles.
        """
        path = Path(path)
        with renaming({"thickness": "thickness_mm"}):
            options = MeshOptions(units=units, up=up, thickness=thickness_mm, zones=str(zones), simplify=simplify)
            made = child.convert(path, options, cache_folder() / "meshes")
        for line in made.report:
            logger.info(line)
        asset = Asset.__new__(Asset)
        asset._drawn = creation.of_mesh(made, seed=seed, texel_mm=texel_mm)
        asset._geometry = twin_state.asset(asset._drawn)
        asset.seed, asset.given = seed, MappingProxyType({"source": path.name, "thickness_mm": thickness_mm})
        return asset

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

        Raises
        ------
        InputError
            There is no such kind.
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
        return MappingProxyType(deepcopy(dict(self._drawn.parameters)))

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
