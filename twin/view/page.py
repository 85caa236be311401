"""The page of a twin: an HTML file with its shape over the years, its forecast and its inspections."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin import export, twin_state
from corrotwin.twin.bayes.session import Session
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_text, write_text, writing
from corrotwin.twin.core.text import printable
from corrotwin.twin.forecast import tables
from corrotwin.twin.forecast.projection import ALL, chance_below, levels
from corrotwin.twin.forecast.renewals import renewals_by_zone
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.inspection.events import EVENTS, Event
from corrotwin.twin.pages.rendering import filled
from corrotwin.twin.view import packing
from corrotwin.twin.view.library import three_js
from corrotwin.twin.view.markers import markers
from corrotwin.twin.view.place_levels import PlaceLevels, nearest_place, place_levels, with_renewals
from corrotwin.twin.view.surface import SurfaceHistory, area_centres

SCRIPTS = ("data.js", "colours.js", "scene.js", "charts.js", "panels.js", "main.js")
UNITS = ("mm", "inch")
SUFFIXES = (".html", ".htm")


def check(path: Path, units: str = "mm") -> None:
    """Refuse a file name that is not that of a page, and unknown units."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: the page is HTML; end its name in .html")
    if units not in UNITS:
        raise InputError(f"`units` {units!r:.40}: choose mm or inch")


def write(
    path: Path,
    forecast: Forecast,
    surface: SurfaceHistory,
    *,
    units: str = "mm",
    compared: tuple[float, float] | None = None,
) -> int:
    """Write the page of a twin, and return its size in bytes.

    Parameters
    ----------
    path : .html file.
    forecast : forecast of the twin; the page has its years.
    surface : history from `surface_history`, to the last of these years.
    units : mm or inch, the unit of lengths at first; the page has a switch.
    compared : two times, in years of service, whose difference the page shows at first; None shows the present state.

    Raises
    ------
    InputError
        Another suffix, unknown units, or a place that cannot be written.
    """
    check(path, units)
    text = render(forecast, surface, units=units, compared=compared)
    with writing(path):
        write_text(path, text)
    return len(text.encode())


def render(
    forecast: Forecast, surface: SurfaceHistory, *, units: str = "mm", compared: tuple[float, float] | None = None
) -> str:
    """Return the page of a twin as HTML; parameters as for `write`."""
    from markupsafe import Markup

    known = forecast.known
    data = content(forecast, surface) | {"units": units, "compared": compared}
    library, viewer = three_js(), "\n".join(_file(name) for name in SCRIPTS)
    name = printable(known.twin.id)
    return filled(
        Path(__file__).with_name("page.html.j2"),
        title=f"{name}: {known.twin.kind}, {known.twin.built.year} to {data['dates'][-1][:4]}",
        name=name, kind=known.twin.kind, style=Markup(_file("style.css")),  # noqa: S704  a file of ours
        scripts=[Markup(library), Markup(viewer)],  # noqa: S704  three.js and files of ours
        digests=[_digest(library), _digest(viewer)],
        data=Markup(_harmless(data)),  # noqa: S704  none of its characters ends the element
    )  # fmt: skip


def _file(name: str) -> str:
    return read_text(Path(__file__).with_name(name))


def _digest(script: str) -> str:
    """Return the digest by which the page's policy permits a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _harmless(data: Mapping[str, Any]) -> str:
    """Return data as JSON in which no text can end the element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def content(forecast: Forecast, surface: SurfaceHistory) -> dict[str, Any]:
    """Return all that the page shows; numbers of zones and named places are those of the forecast."""
    known, asset = forecast.known, surface.asset
    grid = with_renewals(surface.key_years, known.events, known.twin)
    places = place_levels(known.now, known.texels, grid)
    dates = [f"{twin_state.later(known.twin.built, year):%Y-%m-%d}" for year in forecast.years]
    return {
        "name": printable(known.twin.id),
        "kind": known.twin.kind,
        "built": f"{known.twin.built:%Y-%m-%dT%H:%M:%SZ}",
        "years": list(forecast.years),
        "dates": dates,
        "now": known.now_years,
        "clock": known.twin.years,
        "nominal": asset.nominal_thickness_mm,
        "records": len(known.records),
        "note": known.note,
        "geometry": _geometry(surface),
        "fields": _fields(surface, forecast),
        "places": _places(places, surface, forecast) | {"keyYears": grid},
        "zones": _zones(forecast, surface),
        "events": [_event(event, known) for event in known.events],
        "markers": markers(forecast),
        "plan": _plan(forecast),
        "ahead": forecast.ahead_years,
    }


def _geometry(surface: SurfaceHistory) -> dict[str, Any]:
    """Return triangles by their corners: vertices with their places on the atlas."""
    asset = surface.asset
    corners = np.column_stack([asset.faces.reshape(-1), asset.uv.reshape(-1, 2)])
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    points = asset.vertices[unique[:, 0].astype(int)]
    low, size = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-9)
    return {
        "low": low.tolist(),
        "size": size.tolist(),
        "position": packing.packed(packing.steps((points - low) / size, 1.0, 65535).astype(np.uint16)),
        "uv": packing.packed(packing.steps(unique[:, 1:], 1.0, 65535).astype(np.uint16)),
        "index": packing.packed(inverse.reshape(-1).astype(np.uint32)),
    }


def _fields(surface: SurfaceHistory, forecast: Forecast) -> dict[str, Any]:
    last = forecast.years[-1]
    return {
        "shape": list(surface.asset.atlas_shape),
        "texelMm": surface.asset.texel_mm,
        "keyYears": list(surface.key_years),
        "start": packing.moments(surface.start_years, max(last, 1.0)),
        "begins": packing.moments(surface.cover_begins, max(float(surface.clock.reading(last)), 1e-6)),
        "clock": [surface.clock.starts.tolist(), surface.clock.paces.tolist()],
        "loss": packing.loss(surface.loss_mm),
        "ground": export.ground_of(forecast.known.twin).tolist(),
        "rust": [export.YOUNG_RUST.tolist(), export.OLD_RUST.tolist(), export.DARKENING_YEARS],
    }


def _places(places: PlaceLevels, surface: SurfaceHistory, forecast: Forecast) -> dict[str, Any]:
    nearest = nearest_place(places, forecast.known.texels, surface.texels, surface.asset.zone_names)
    order = [name for name in surface.asset.zone_names if name != COVERED and name in places.zones]
    rank = np.array([order.index(name) for name in places.zones])
    return {
        "at": packing.packed(np.where(nearest < 0, 65535, nearest).astype(np.uint16)),
        "zone": packing.packed(rank[places.zone].astype(np.uint16)),
        "nominal": packing.thickness(places.nominal_mm, float(places.nominal_mm.max())),
        "left": packing.thickness(places.left_mm, max(float(places.left_mm.max()), 1e-3)),
    }


def _zones(forecast: Forecast, surface: SurfaceHistory) -> list[dict[str, Any]]:
    """Return the zones as in the table of the forecast, with all of them together last."""
    asset, renewals = surface.asset, renewals_by_zone(forecast.known.now[0].bank)
    names = [name for name in asset.zone_names if name != COVERED and name in forecast.zones]
    centres = area_centres(surface.texels, [asset.zone_names.index(name) for name in names])
    entries = []
    for name, centre in [*zip(names, centres, strict=True), (ALL, None)]:
        rows = [tables.by_column(row) for row in forecast.rows if row.zone == name]
        undated = {} if forecast.plan is None else forecast.plan.undated
        life = None if forecast.plan is None or name in undated else forecast.plan.by_zone.get(name)
        entries.append({
            "name": name,
            "required": forecast.required.get(name),
            "centre": None if centre is None else centre.tolist(),
            "undated": undated.get(name, ""),
            "renewed": [renewal.years for renewal in renewals.get(name, ())],
            "life": None if life is None else [None if np.isinf(value) else value for value in levels(life)],
            **{
                column: [row[column] for row in rows]
                for column in rows[0]
                if column not in ("zone", "date", "years", "required_mm")
            },
        })  # fmt: skip
    return entries


def _event(event: Event, known: Session) -> dict[str, Any]:
    return {
        "date": event.date,
        "years": event.years(known.twin),
        "kind": event.kind,
        "zone": event.zone,
        "place": printable(event.place),
        "why": printable(event.why),
        "effect": EVENTS[event.kind],
    }


def _plan(forecast: Forecast) -> dict[str, Any] | None:
    """Return remaining life, dates, and the chance that each zone is too thin now; None if no thickness is required."""
    plan, known = forecast.plan, forecast.known
    if plan is None:
        return None

    def date(within: float | None) -> str | None:
        return None if within is None else f"{twin_state.later(known.twin.built, known.now_years + within):%Y-%m-%d}"

    now = forecast.years.index(known.now_years)
    chance = chance_below(forecast.zones, forecast.required)
    life = None if plan.life_years is None else [None if np.isinf(value) else value for value in plan.life_years]
    return {
        "life": life,
        "zone": plan.zone,
        "below": {name: float(values[now]) for name, values in chance.items()},
        "measure": date(plan.first_years),
        "because": plan.because,
        "look": date(plan.visual_years),
        "rule": forecast.rule,
        "undated": sorted(plan.undated),
    }
