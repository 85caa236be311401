"""Values of the options of ``corrotwin twin new``."""

from typing import TYPE_CHECKING, Any

from corrotwin.twin.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from corrotwin.twin.twin_state import TwinState


def dimensions_of(twin: "TwinState", changes: tuple[str, ...]) -> dict[str, Any]:
    """Return dimensions from options of the form name=value, each read as the type of that of a drawn twin."""
    import json

    from corrotwin.twin import defaults
    from corrotwin.twin.creation import fitting

    known = defaults.example(twin.kind, twin.parameters)
    given: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or name not in known:
            raise InputError(f"--set {change}: give name=value; a {twin.kind} has {', '.join(known)}")
        if name in given:
            raise InputError(f"--set {change}: {name} is given twice; give it once")
        old = known[name]
        try:
            value = text if isinstance(old, str) else json.loads(text.lower() if isinstance(old, bool) else text)
            given[name] = fitting(old, value)
        except ValueError as error:
            raise InputError(f"--set {change}: {text!r} is not a value like {json.dumps(old)}") from error
    return given


def check_stated(kind: str, dimensions: "Mapping[str, Any]", history: "Sequence[str]") -> None:
    """Raise InputError, which names all that is missing, if main dimensions or parts of the history are not given."""
    from corrotwin.twin import defaults

    names = [f"{name}=..." for name in defaults.missing(kind, dimensions)]
    if lacking := ([f"`set` {' '.join(names)}"] if names else []) + list(history):
        raise InputError(f"{kind}: give {', and '.join(lacking)}; or `random` to draw what is not given")


def thickness_of(words: tuple[str, ...]) -> float | str | dict[str, float]:
    """Return the thickness of a mesh from words: mm for all, part=mm for each part, or rays, as without any."""
    if not words or words == ("rays",):
        return "rays"
    by_part: dict[str, float] = {}
    for word in words:
        part, _, number = word.rpartition("=")
        try:
            value = float(number)
        except ValueError as error:
            raise InputError(f"--thickness {word}: give mm, such as 10; part=10 for each part; or rays") from error
        if not part and len(words) == 1:
            return value
        if not part or part in by_part:
            raise InputError(f"--thickness {word}: give one value for all, or part=mm once for each part")
        by_part[part] = value
    return by_part


def in_words(values: "Mapping[str, Any]") -> str:
    """Return parameters as name=value, as ``--set`` accepts them."""
    import json

    return " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))}"
        for name, value in values.items()
    )
