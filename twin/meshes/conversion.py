"""Conversion of a mesh file into an asset: read, repaired, simplified, divided into zones, measured, unwrapped."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.table_rows import canonical
from corrotwin.twin.core.text import counted
from corrotwin.twin.geometry.charts import Charts
from corrotwin.twin.meshes import reading, repair, simplifying, thickness, unwrapping, zoning
from corrotwin.twin.meshes.surface import Frame, Surface

NAMED_BY = ("shape", "parts", "materials")
NUMBERED = ".stl"  # the format whose triangles have fixed numbers
LABELS = ("part", "material", "face")  # by which a CSV may name zones
MOST_ZONES = 200


@dataclass(frozen=True, kw_only=True)
class MeshOptions:
    """Settings for the conversion of a mesh into an asset.

    Parameters
    ----------
    units : units of its coordinates, a key of `reading.METRES`, as in `reading.read`; None if the format states them.
    up : the axis that points up, y or z; None is y for glTF, else z.
    thickness : thickness of the metal in mm, one value or one per part; or "rays", to measure it through the solid.
    zones : what names the zones: "shape" alone, "parts" or "materials", each divided by shape; or the path of a CSV
        with columns `zone` and one of `part`, `material` or, for STL, `face` (its number in the file, from 0).
    simplify : number of triangles to reduce it to; None for all.
    """

    units: str | None = None
    up: str | None = None
    thickness: float | str | Mapping[str, float] = field(default=thickness.RAYS, hash=False)
    zones: str = "shape"
    simplify: int | None = None

    def __post_init__(self) -> None:
        if self.up not in (None, "y", "z"):
            raise InputError(f"`up` {self.up}: choose y or z")
        if isinstance(self.thickness, str) and self.thickness != thickness.RAYS:
            raise InputError(
                f"`thickness` {self.thickness}: give a value in mm, one for each part, or {thickness.RAYS}"
            )
        if self.simplify is not None and not 100 <= self.simplify <= reading.MOST_FACES:
            raise InputError(f"`simplify` {self.simplify}: give 100 to {reading.MOST_FACES:,} triangles")


@dataclass(frozen=True, kw_only=True)
class Converted:
    """The charts of a mesh, a line for each step that made them, and the coordinates of its file."""

    charts: Charts
    report: tuple[str, ...]
    frame: Frame


def convert(path: Path, options: MeshOptions) -> Converted:
    """Return the asset that a mesh file shows.

    Raises
    ------
    InputError
        As in `reading.read`, `thickness` and `unwrapping`; or it has too many triangles, or an unknown zone.
    """
    surface = reading.read(path, units=options.units, up=options.up)
    surface = _labelled(surface, options.zones, path)  # before the numbers of the faces change
    report = []
    if options.simplify is not None and len(surface.faces) > options.simplify:
        before = len(surface.faces)
        surface = simplifying.simplified(surface, options.simplify)
        line = f"simplified from {counted(before, 'triangle')} to {len(surface.faces):,}"
        if len(surface.faces) > (1 + simplifying.MOST_CHANGE) * options.simplify:
            line += (
                f", not {options.simplify:,}: with fewer, some body would not stay whole, or not "
                f"within {100 * simplifying.MOST_CHANGE:g} % of its area, extents and volume"
            )
        report.append(line)
    if len(surface.faces) > reading.MOST_FACES:
        remedy = f"give `simplify` {200_000}" if options.simplify is None else "simplify it in a mesh editor"
        raise InputError(f"{path}: has {len(surface.faces):,} triangles, more than {reading.MOST_FACES:,}; {remedy}")
    try:
        surface, repairs = repair.repair(surface)
        report += repairs.lines()
        report.append(" x ".join(f"{side:.4g}" for side in np.ptp(surface.vertices, axis=0)) + " m; x, y and z, z up")
        zoned = zoning.by_shape(surface)
        surface = zoned.surface
        if not zoned.whole:
            report.append(
                "too many sharp edges to refine the mesh along them all: the triangles beside them count as edge"
            )
        if options.thickness == thickness.RAYS:
            mm = thickness.by_rays(surface)
        else:
            mm = thickness.stated(surface, options.thickness)  # type: ignore[arg-type]
        charts, stretch = unwrapping.unwrapped(zoned, mm)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    report.append(
        f"{counted(int(charts.face_chart.max()) + 1, 'chart')}, texel areas true within {100 * (stretch - 1):.1f} %; "
        f"metal {np.min(mm):.3g} to {np.max(mm):.3g} mm thick, {charts.nominal_thickness_mm:.3g} behind half of the "
        "surface"
    )
    areas = np.bincount(charts.face_zone, weights=charts.areas_m2)
    shares = sorted(zip(charts.zone_names, areas.tolist(), strict=True), key=lambda pair: -pair[1])
    report.append("zones in m²: " + ", ".join(f"{name} {area:.4g}" for name, area in shares))
    return Converted(charts=charts, report=tuple(report), frame=surface.frame)


def _labelled(surface: Surface, zones: str, mesh: Path) -> Surface:
    """Return a surface whose zones are named as asked, before they are divided by shape."""
    if zones == "shape":
        return surface
    surface = zoning.named(surface, zones) if zones in NAMED_BY else _by_table(surface, Path(zones), mesh)
    if len(surface.zone_names) > MOST_ZONES:
        raise InputError(
            f"`zones` {zones}: has {len(surface.zone_names)} zones, more than {MOST_ZONES}; name them in a CSV"
        )
    return surface


def _by_table(surface: Surface, path: Path, mesh: Path) -> Surface:
    """Return a surface whose zones a CSV names; faces that it leaves out are in the zone body."""
    table = tables.read(path, required=("zone",), optional=LABELS)
    keys = [name for name in LABELS if any(canonical(column) == name for column in table.columns)]
    if len(keys) != 1:
        raise InputError(f"{path}: needs the columns zone and one of {', '.join(LABELS)}")
    if keys == ["face"] and mesh.suffix.lower() != NUMBERED:
        raise InputError(f"{path}: names faces by number, which is fixed only in STL; name parts or materials")
    by, face_zones = keys[0], np.zeros(len(surface.faces), dtype=np.int64)
    names = {zoning.BODY: 0}
    for row in table.rows:
        zone = zoning.own_name(reading.clean_name(row.text("zone")))
        if by == "face":
            faces: Any = row.whole(by, least=0, most=len(face_zones) - 1)
        else:
            labels = getattr(surface, f"{by}_names")
            if row.text(by) not in labels:
                raise row.wrong(f"is not a {by} of the mesh; choose from {', '.join(labels[:20])}", by)
            faces = getattr(surface, by) == labels.index(row.text(by))
        face_zones[faces] = names.setdefault(zone, len(names))
    return replace(surface, zone=face_zones, zone_names=tuple(names))
