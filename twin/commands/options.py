"""Values of the options of ``corrotwin twin new``, and a coating in words."""

from typing import TYPE_CHECKING, Any

from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from corrotwin.twin.model.coating import Coating
    from corrotwin.twin.twin_state import TwinState


def dimensions_of(twin: "TwinState", changes: tuple[str, ...]) -> dict[str, Any]:
    """Return dimensions from options of the form name=value, each read as the type of that of a twin."""
    import json

    from corrotwin.twin.creation import fitting

    given: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or name not in twin.parameters:
            raise InputError(f"--set {change}: give name=value; a {twin.kind} has {', '.join(twin.parameters)}")
        if name in given:
            raise InputError(f"--set {change}: {name} is given twice; give it once")
        old = twin.parameters[name]
        try:
            value = text if isinstance(old, str) else json.loads(text.lower() if isinstance(old, bool) else text)
            given[name] = fitting(old, value)
        except ValueError as error:
            raise InputError(f"--set {change}: {text!r} is not a value like {json.dumps(old)}") from error
    return given


def describe_coating(coating: "Coating") -> str:
    """Describe a coating in a few words, for a title."""
    from corrotwin.twin.model.coating import Paint

    if coating is None:
        return "bare steel"
    if isinstance(coating, Paint):
        return f"paint of {coating.life_years:g} years"
    return f"{coating.thickness_um:g} µm of zinc"
