"""Elements of submodels: properties, collections and lists, with text that any XML file can hold."""

import datetime
from collections.abc import Iterable, Sequence

from basyx.aas import model
from basyx.aas.model import datatypes

from corrotwin.twin.core.text import printable

MOST_NAME = 128  # characters of a display name
MOST_VALUE = 2000  # of an identifier
_GLOBAL = model.KeyTypes.GLOBAL_REFERENCE


def external(value: str) -> model.ExternalReference:
    """Return a reference to a definition in a dictionary or a template."""
    return model.ExternalReference((model.Key(_GLOBAL, value),))


def shortened(text: str, most: int) -> str:
    """Return a text on one line without control characters, shortened to `most` characters."""
    clean = printable(text)
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"


def english(text: str) -> dict[str, str]:
    """Return an English text in the form that multi-language elements take."""
    return {"en": text}


def prop(
    name: str | None, value: str | int | float | datetime.date | bool | None, meaning: model.Reference | None
) -> model.Property:
    """Return a property; its type follows from its value, and numbers have six digits.

    Parameters
    ----------
    name : idShort; None in a list.
    value : value of the property; None if it is unknown.
    meaning : semantic id.
    """
    if isinstance(value, bool):
        return model.Property(name, datatypes.Boolean, value, semantic_id=meaning)
    if isinstance(value, datetime.date):
        day = datatypes.Date(value.year, value.month, value.day)
        return model.Property(name, datatypes.Date, day, semantic_id=meaning)
    if isinstance(value, int):
        return model.Property(name, datatypes.Integer, datatypes.Integer(value), semantic_id=meaning)
    if isinstance(value, float):
        return model.Property(name, datatypes.Double, float(f"{value:.6g}"), semantic_id=meaning)
    return model.Property(name, datatypes.String, None if value is None else printable(value), semantic_id=meaning)


def unknown(
    name: str, meaning: model.Reference | None, kind: model.DataTypeDefXsd = datatypes.String
) -> model.Property:
    """Return a property without a value, for a template's requirement that the twin does not know; it says so."""
    return model.Property(name, kind, None, semantic_id=meaning, description=not_known())


def not_known() -> model.MultiLanguageTextType:
    """Return the description of an element that a template requires and the twin does not know."""
    return model.MultiLanguageTextType(english("Unknown to the twin."))


def collection(
    name: str | None, elements: Iterable[model.SubmodelElement], meaning: model.Reference | None
) -> model.SubmodelElementCollection:
    """Return a collection of elements with names."""
    return model.SubmodelElementCollection(name, elements, semantic_id=meaning)


def collections(
    name: str, entries: Sequence[model.SubmodelElementCollection], meaning: model.Reference | None
) -> "model.SubmodelElementList[model.SubmodelElementCollection]":
    """Return a list of collections in order."""
    return model.SubmodelElementList(name, model.SubmodelElementCollection, entries, semantic_id=meaning)


def texts(
    name: str, lines: Iterable[str], meaning: model.Reference | None
) -> "model.SubmodelElementList[model.Property]":
    """Return a list of texts in order."""
    entries = [prop(None, line, None) for line in lines]
    return model.SubmodelElementList(
        name, model.Property, entries, semantic_id=meaning, value_type_list_element=datatypes.String
    )
