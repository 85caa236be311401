"""Markers of inspections: thickness readings and pits at their places, photos in the middle of what they show."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from corrotwin.twin.bayes.session import Session
from corrotwin.twin.core.text import printable
from corrotwin.twin.forecast.projection import PlaceForecast, levels
from corrotwin.twin.forecast.result import Forecast
from corrotwin.twin.geometry.atlas import Texels
from corrotwin.twin.inspection.events import is_removed
from corrotwin.twin.inspection.records import Record, texel_of

Marker = dict[str, Any]  # as the page reads it


def markers(forecast: Forecast) -> list[Marker]:
    """Return a marker for each measured place, pit, grade and photograph; those without coordinates have no position.

    The marker of a named place has its forecast and its required thickness.
    """
    required = [None] * len(forecast.places) if forecast.plan is None else forecast.plan.required_by_place
    place_forecasts = {
        (place.zone, place.name): (place, None if needed is None or needed.is_assumed else needed.mm)
        for place, needed in zip(forecast.places, required, strict=True)
        if place.name
    }
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for number, record in enumerate(forecast.known.records):
        if record.kind == "photo":
            key: tuple[Any, ...] = (record.kind, record.date, record.seen or number)
        else:
            key = (record.kind, record.zone, record.place or record.uv or number)
        groups.setdefault(key, []).append(record)
    return [
        _marker(forecast.known, records, *place_forecasts.get((records[0].zone, records[0].place), (None, None)))
        for records in groups.values()
    ]


def _marker(
    known: Session, records: Sequence[Record], place: PlaceForecast | None, required_mm: float | None
) -> Marker:
    first = records[0]
    position, normal = _position(first, known)
    is_cml = first.kind == "ultrasonic"
    return {
        "kind": first.kind,
        "name": printable(first.place or first.date),
        "zone": first.zone,
        "position": position,
        "normal": normal,
        "readings": [_reading(record, known) for record in records],
        "required": required_mm,
        "left": None if place is None or not is_cml else [levels(column) for column in place.left_mm.T],
    }


def _reading(record: Record, known: Session) -> dict[str, Any]:
    is_read = record.kind == "ultrasonic"
    return {
        "date": record.date,
        "years": record.years(known.twin),
        "zone": record.zone,
        "value": record.read_mm if is_read else record.value,
        "unit": record.unit,
        "tool": printable(record.tool),
        "note": "average reading of the paint subtracted" if is_read and record.thick_bias_mm else "",
        "removed": is_removed(record, known.events),
    }


def _position(record: Record, known: Session) -> tuple[list[float] | None, list[float] | None]:
    """Return the position and the normal of a record; None for an unknown place."""
    if record.seen:
        return _amid(known.seen[record.seen], known.texels)
    texel, texels = texel_of(record, known.asset), known.texels
    if texel is None or texels.zone[texel] < 0:
        return None, None
    return texels.position_m[texel].astype(float).tolist(), texels.normal[texel].astype(float).tolist()


def _amid(seen: "np.ndarray[Any, np.dtype[np.bool_]]", texels: Texels) -> tuple[list[float], list[float]]:
    """Return the visible place, and its normal, that is nearest to the area centre of all visible places."""
    visible = seen & (texels.area_mm2 > 0)
    points, area = texels.position_m[visible].astype(float), texels.area_mm2[visible].astype(float)
    nearest = np.linalg.norm(points - np.average(points, axis=0, weights=area), axis=1).argmin()
    return points[nearest].tolist(), texels.normal[visible][nearest].astype(float).tolist()
