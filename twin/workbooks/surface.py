"""Positions of a register's CML on a twin, and a check of their thickness when new against its geometry."""

from collections.abc import Mapping
from dataclasses import dataclass

from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.geometry.atlas import AssetGeometry, Texels
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection.positions import on_atlas
from corrotwin.twin.inspection.records import TOLERANCE
from corrotwin.twin.inspection.register import Cml
from corrotwin.twin.twin_state import TwinState
from corrotwin.twin.workbooks.cells import SourceCell, number_of, zone_of
from corrotwin.twin.workbooks.columns import ColumnMap, names

AXES = ("x", "y", "z")


@dataclass(frozen=True, kw_only=True, eq=False)
class TwinSurface:
    """The surface of a twin: its geometry and atlas."""

    twin: TwinState
    asset: AssetGeometry
    texels: Texels

    def place(self, cells: Mapping[str, SourceCell], given: ColumnMap) -> tuple[str, tuple[float, float] | None]:
        """Return the zone of a register's row, and its place (u, v) on the atlas, from x, y, z, from u, v or its zone.

        The place is None if the row states only a zone, or nothing and the asset has a single zone.

        Raises
        ------
        InputError
            The place is off the surface or on a zone other than stated; or neither place nor zone is stated, and the
            asset has several zones.
        """
        where = cells["place"].where
        zone = zone_of(cells["zone"], given, self.asset) if "zone" in cells else ""
        for coordinates in (AXES, ("u", "v")):
            stated = [name for name in coordinates if name in cells]
            if stated and len(stated) < len(coordinates):
                absent = [name for name in coordinates if name not in cells]
                raise InputError(f"{where}: has {stated[0]} without {' and '.join(absent)}; give all or none")
        if "x" in cells and "u" in cells:
            raise InputError(f"{where}: has both x, y, z and u, v; keep only one of the two")
        if "x" in cells:
            x, y, z = (number_of(cells[name]) for name in AXES)
            try:
                return on_atlas(self.twin, self.asset, (x, y, z), zone)
            except InputError as error:
                raise InputError(f"{cells['x'].where}: {as_read(error)}") from error
        if "u" in cells:
            return self._at(cells, zone)
        zones = [name for name in self.asset.zone_names if name != COVERED]
        if not zone and len(zones) > 1:
            raise InputError(f"{where}: no zone and no coordinates; choose a zone from {names(zones)}")
        return zone or zones[0], None

    def _at(self, cells: Mapping[str, SourceCell], zone: str) -> tuple[str, tuple[float, float]]:
        """Return the zone and the place (u, v) of a row with u and v."""
        u, v = (number_of(cells[name]) for name in ("u", "v"))
        if not (0 <= u <= 1 and 0 <= v <= 1):
            raise InputError(f"{cells['u'].where}: u {u:g}, v {v:g}: give each from 0 to 1")
        index = self.texels.zone[self.asset.texel_at((u, v))]
        actual = self.asset.zone_names[index] if index >= 0 else ""
        if not actual or actual == COVERED or (zone and zone != actual):
            surface = f"on {actual}" if actual else "off the surface"
            raise InputError(
                f"{cells['u'].where}: u {u:g}, v {v:g} is {surface}, not on {zone or 'a zone'}; correct the row"
            )
        return actual, (u, v)

    def check_thickness(self, cml: Cml, cells: Mapping[str, SourceCell]) -> None:
        """Raise InputError if the nominal thickness contradicts the geometry, or the required one exceeds the new wall.

        Raises
        ------
        InputError
            One of them is wrong, or has another unit.
        """
        wall = self.asset.wall_mm(cml.zone, cml.uv)
        if cml.nominal_mm is not None and abs(cml.nominal_mm / wall - 1) > TOLERANCE:
            raise InputError(
                f"{cells['nominal'].where}: nominal thickness {cml.nominal_mm:.4g} mm, but the twin has {wall:.4g} mm "
                f"on {cml.zone}; correct the row or its unit, or create the twin with that wall"
            )
        if cml.required_mm is not None and cml.required_mm >= wall:
            raise InputError(
                f"{cells['required'].where}: required thickness {cml.required_mm:.4g} mm, but {cml.zone} has only "
                f"{wall:.4g} mm when new; correct the row or its unit"
            )
