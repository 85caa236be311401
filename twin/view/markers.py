"""Markers of inspections: thickness readings and pits at their places, photographs in the middle of what they saw."""

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


def markers(made: Forecast) -> list[Marker]:
    """Return a marker for each measured place, pit, grade and photograph; those without coordinates have no position.

    The forecast of a named place, and the thickness that it requires, go with its marker.
    """
    required = [None] * len(made.places) if made.plan is None else made.plan.required_by_place
    forecast = {
        (place.zone, place.name): (place, None if needed is None or needed.is_assumed else needed.mm)
        for place, needed in zip(made.places, required, strict=True)
        if place.name
    }
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for number, record in enumerate(made.known.records):
        if record.kind == "photo":
            key: tuple[Any, ...] = (record.kind, record.date, record.seen or number)
        else:
            key = (record.kind, record.zone, record.place or record.uv or number)
        groups.setdefault(key, []).append(record)
    return [
        _marker(made.known, own, *forecast.get((own[0].zone, own[0].place), (None, None))) for own in groups.values()
    ]


def _marker(known: Session, own: Sequence[Record], place: PlaceForecast | None, required_mm: float | None) -> Marker:
    first = own[0]
    position, normal = _position(first, known)
    is_cml = first.kind == "ultrasonic"
    return {
        "kind": first.kind,
        "name": printable(first.place or first.date),
        "zone": first.zone,
        "position": position,
        "normal": normal,
        "readings": [_reading(record, known) for record in own],
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
        "note": "what its paint reads is subtracted" if is_read and record.thick_bias_mm else "",
        "removed": is_removed(record, known.events),
    }


def _position(record: Record, known: Session) -> tuple[list[float] | None, list[float] | None]:
    """Return where a record was made and the normal there; None for an unknown place."""
    if record.seen:
        return _amid(known.seen[record.seen], known.texels)
    texel, texels = texel_of(record, known.asset), known.texels
    if texel is None or texels.zone[texel] < 0:
        return None, None
    return texels.position_m[texel].astype(float).tolist(), texels.normal[texel].astype(float).tolist()


def _amid(seen: "np.ndarray[Any, np.dtype[np.bool_]]", texels: Texels) -> tuple[list[float], list[float]]:
    """Return the place in view nearest to the middle, by area, of all that is."""
    here = seen & (texels.area_mm2 > 0)
    points, area = texels.position_m[here].astype(float), texels.area_mm2[here].astype(float)
    nearest = np.linalg.norm(points - np.average(points, axis=0, weights=area), axis=1).argmin()
    return points[nearest].tolist(), texels.normal[here][nearest].astype(float).tolist()
