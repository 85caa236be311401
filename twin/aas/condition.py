"""Submodel of condition and remaining life: the forecast of each zone and each measured place."""

import datetime
from collections.abc import Iterator, Mapping, Sequence

from basyx.aas import model

from corrotwin.twin.aas.concepts import CONCEPTS, meaning
from corrotwin.twin.aas.elements import collection, collections, prop, texts
from corrotwin.twin.fleets.outlook import Cell, TwinOutlook
from corrotwin.twin.forecast.projection import LEVELS

Element = model.SubmodelElement


def condition(identifier: str, outlook: TwinOutlook) -> model.Submodel:
    """Return the submodel of a forecast; unknown values, such as a life without a required thickness, are left out."""
    return model.Submodel(
        identifier, list(_elements(outlook)), id_short="Condition", semantic_id=meaning("Condition")
    )  # fmt: skip


def _elements(outlook: TwinOutlook) -> Iterator[Element]:
    yield _value("ForecastFrom", outlook.now)
    yield _value("ForecastUntil", outlook.until)
    if outlook.weakest:  # a thickness is required, so there is a plan
        yield _value("InspectionRule", outlook.rule)
        yield _value("WeakestZone", outlook.weakest)
    if outlook.life_p5 is not None and outlook.life_p50 is not None:
        levels = {"P5": outlook.life_p5, "P50": outlook.life_p50}
        yield collection("RemainingLife", _given(levels), meaning("RemainingLife"))
    days = {"NextThicknessMeasurement": outlook.measure_by, "NextVisualInspection": outlook.look_by}
    yield from _given({**days, "ReasonOfMeasurement": outlook.because})
    for name, lines in (("Tasks", outlook.tasks), ("Notes", outlook.notes), ("Service", outlook.service)):
        if lines:
            yield texts(name, lines, meaning(name))
    names = dict.fromkeys(str(row["zone"]) for row in outlook.zones)
    rows = [[row for row in outlook.zones if row["zone"] == name] for name in names]
    yield collections("Zones", [collection(None, _zone(zone_rows), None) for zone_rows in rows], meaning("Zones"))
    if places := [row for row in outlook.cmls if row["place"]]:
        entries = [collection(None, _place(row), None) for row in places]
        yield collections("MeasuredPlaces", entries, meaning("MeasuredPlaces"))


def _zone(rows: Sequence[Mapping[str, Cell]]) -> list[Element]:
    """Return the elements of a zone from its rows now and at the end, which may be the same row."""
    zone: list[Element] = [*_given({"Zone": rows[0]["zone"], "RequiredThickness": rows[0]["required_mm"]})]
    for name, row in zip(("Now", "End"), (rows[0], rows[-1]), strict=True):
        elements = [
            *_given({"Day": row["date"]}),
            *_levels("RemainingThickness", row, "least_left_mm"),
            *_levels("GreatestWallLoss", row, "max_loss_mm"),
            *_levels("RustedShare", row, "rusted_percent"),
            *_given({"ChanceBelowRequired": row["chance_below_required"]}),
        ]
        zone.append(collection(name, elements, meaning(name)))
    return zone


def _place(row: Mapping[str, Cell]) -> list[Element]:
    """Return the elements of a measured place: by the inspection codes and by the twin."""
    return [
        *_given(
            {
                "Place": row["place"], "Zone": row["zone"], "Circuit": row["circuit"], "KindOfPlace": row["kind"],
                "RequiredThickness": row["required_mm"], "Readings": row["readings"],
                "LastReading": row["last_date"], "LeastRead": row["least_read_mm"],
            }
        ),
        *_levels("RemainingThickness", row, "left_mm"),
        *_given({"ChanceBelowRequired": row["chance_below_required"]}),
        *_levels("RemainingLife", row, "twin_life_years"),
        *_given(
            {
                "LongTermRate": row["long_term_mm_year"], "ShortTermRate": row["short_term_mm_year"],
                "CodeRemainingLife": row["api_life_years"], "CodeMeasureBy": row["api_measure_by"],
                "Remarks": row["remarks"],
            }
        ),
    ]  # fmt: skip


def _given(values: Mapping[str, Cell]) -> Iterator[Element]:
    """Yield a property for each known value."""
    for name, value in values.items():
        if value is not None and value != "":
            yield _value(name, value)


def _value(name: str, value: str | float) -> model.Property:
    kind = CONCEPTS[name].kind
    if kind is model.DataTypeIEC61360.DATE:
        return prop(name, datetime.date.fromisoformat(str(value)), meaning(name))
    if kind is model.DataTypeIEC61360.INTEGER_COUNT:
        return prop(name, int(value), meaning(name))
    return prop(name, value if isinstance(value, str) else float(value), meaning(name))


def _levels(name: str, row: Mapping[str, Cell], column: str) -> Iterator[Element]:
    """Yield a collection of P5, P50 and P95 of a column; nothing if they are unknown."""
    values = {f"P{level}": row[f"{column}_p{level}"] for level in LEVELS}
    if None not in values.values():
        yield collection(name, _given(values), meaning(name))
