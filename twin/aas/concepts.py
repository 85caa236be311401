"""Concepts of the condition submodel: meaning and unit of each element, as IEC 61360 data specifications."""

from dataclasses import dataclass

from basyx.aas import model
from basyx.aas.model import DataTypeIEC61360 as Kind
from basyx.aas.model.concept import ConceptDescription

PREFIX = "urn:corrotwin:aas:"  # of concepts that no published dictionary or template defines
DATA_SPECIFICATION = "https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIEC61360/3/0"
MM, YEAR, RATE = "mm", "year", "mm/year"


@dataclass(frozen=True, kw_only=True)
class Concept:
    """The meaning of an element.

    Parameters
    ----------
    title, definition : texts in English.
    kind : IEC 61360 type of the values; None for a collection.
    unit : unit of the values; empty for none.
    """

    title: str
    definition: str
    kind: Kind | None = Kind.STRING
    unit: str = ""


def _measure(title: str, definition: str, unit: str) -> Concept:
    return Concept(title=title, definition=definition, kind=Kind.REAL_MEASURE, unit=unit)


def _date(title: str, definition: str) -> Concept:
    return Concept(title=title, definition=definition, kind=Kind.DATE)


def _group(title: str, definition: str) -> Concept:
    return Concept(title=title, definition=definition, kind=None)


_LEVELS = "of the histories that agree with the inspections"
CONCEPTS = {
    "Condition": _group("Condition and remaining life", "Forecast of a twin from its model and inspections."),
    "ForecastFrom": _date("Forecast from", "Day on which the forecast begins; values of Now refer to it."),
    "ForecastUntil": _date("Forecast until", "Day on which the forecast ends; values of End refer to it."),
    "InspectionRule": Concept(
        title="Inspection rule", definition="Code that limits the interval between thickness measurements."
    ),
    "WeakestZone": Concept(title="Weakest zone", definition="Zone with the shortest P5 of the remaining life."),
    "RemainingLife": _measure(
        "Remaining life",
        "Time from now until a place is thinner than required; INF if that is beyond the years examined.",
        YEAR,
    ),
    "NextThicknessMeasurement": _date(
        "Next thickness measurement",
        "Day by which wall thickness must be measured again, in the zones for which a day can be given.",
    ),
    "ReasonOfMeasurement": Concept(
        title="Reason for the measurement",
        definition="Reason for the day of the next thickness measurement, and the zones without one.",
    ),
    "NextVisualInspection": _date(
        "Next visual inspection", "Day by which the asset must be inspected from outside again."
    ),
    "Tasks": Concept(title="Tasks", definition="Actions to take, the most urgent first."),
    "Notes": Concept(title="Notes", definition="Further information on the forecast."),
    "Service": Concept(
        title="Service",
        definition="Places where the asset has stood, its coating, and mechanisms in addition to outdoor air.",
    ),
    "Zones": _group("Zones", "The zones of the asset, and zone all for all of them together."),
    "Zone": Concept(title="Zone", definition="Name of a part of the asset's surface."),
    "MeasuredPlaces": _group("Measured places", "Condition monitoring locations (CML) and other named places."),
    "Place": Concept(title="Place", definition="Name of a measured place (CML)."),
    "Circuit": Concept(title="Circuit", definition="Corrosion circuit that a measured place belongs to."),
    "KindOfPlace": Concept(title="Kind of place", definition="Component at a measured place, such as bend or nozzle."),
    "RequiredThickness": _measure("Required thickness", "Thickness of the wall that must be left.", MM),
    "Now": _group("Now", "Values on the day on which the forecast begins."),
    "End": _group("End", "Values on the day on which the forecast ends."),
    "Day": _date("Day", "Day to which the values refer."),
    "RemainingThickness": _measure(
        "Remaining thickness", "Thickness of the wall that is left; of a zone, at its thinnest place.", MM
    ),
    "GreatestWallLoss": _measure("Greatest wall loss", "Greatest loss of wall thickness of a zone.", MM),
    "RustedShare": _measure("Rusted share", "Share of the surface in the air that is rusted.", "%"),
    "ChanceBelowRequired": Concept(
        title="Chance below required",
        definition="Probability, 0 to 1, that a place is thinner than required; for a measured place, on the last day.",
        kind=Kind.REAL_COUNT,
    ),
    "Readings": Concept(title="Readings", definition="Number of thickness readings.", kind=Kind.INTEGER_COUNT),
    "LastReading": _date("Last reading", "Day of the last thickness reading."),
    "LeastRead": _measure("Least read", "Least thickness read on the day of the last reading.", MM),
    "LongTermRate": _measure("Long-term corrosion rate", "From the first and last reading, by API 510 and 570.", RATE),
    "ShortTermRate": _measure("Short-term corrosion rate", "From the last two readings, by API 510 and 570.", RATE),
    "CodeRemainingLife": _measure("Remaining life by the codes", "Remaining life from now by API 510 and 570.", YEAR),
    "CodeMeasureBy": _date("Measure by (codes)", "Day of the next measurement by API 510 and 570."),
    "Remarks": Concept(title="Remarks", definition="Comparison of codes and twin, and other remarks on the place."),
    "P5": Concept(title="P5", definition=f"The value is at most this in 5 % {_LEVELS}.", kind=None),
    "P50": Concept(title="P50", definition=f"The value is at most this in half {_LEVELS}.", kind=None),
    "P95": Concept(title="P95", definition=f"The value is at most this in 95 % {_LEVELS}.", kind=None),
}  # fmt: skip


def identifier(name: str) -> str:
    """Return the id of a concept."""
    return f"{PREFIX}{name}:1"


def meaning(name: str) -> model.ModelReference[ConceptDescription]:
    """Return the reference to a concept, as the semantic id of an element."""
    key = model.Key(model.KeyTypes.CONCEPT_DESCRIPTION, identifier(name))
    return model.ModelReference((key,), ConceptDescription)


def descriptions() -> list[ConceptDescription]:
    """Return a description of each concept."""
    return [_description(name, concept) for name, concept in CONCEPTS.items()]


def _description(name: str, concept: Concept) -> ConceptDescription:
    content = model.DataSpecificationIEC61360(
        model.PreferredNameTypeIEC61360({"en": concept.title}),
        data_type=concept.kind,
        definition=model.DefinitionTypeIEC61360({"en": concept.definition}),
        unit=concept.unit or None,
    )
    key = model.Key(model.KeyTypes.GLOBAL_REFERENCE, DATA_SPECIFICATION)
    specification = model.EmbeddedDataSpecification(model.ExternalReference((key,)), content)
    return ConceptDescription(identifier(name), id_short=name, embedded_data_specifications=(specification,))
