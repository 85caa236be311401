"""Check arguments of the Python API against their annotations, and parameters against their limits.

Standard library only. What is annotated as a number, text, a path, a choice, a sequence or an object is checked when
the function is called, and `InputError` names the argument that is of another kind.
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from corrotwin.twin.core.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")

_NAMES: Mapping[Any, tuple[str, str]] = {  # singular with its article, plural
    str: ("a string", "strings"),
    bool: ("True or False", "True or False"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    Path: ("a path", "paths"),
    Mapping: ("a mapping", "mappings"),
    Callable: ("a function", "functions"),
}
_UNITS = {"_mm": " mm", "_um": " µm", "_m": " m", "_degrees": " degrees", "_percent": " %", "_years": " years"}


def checked(**examples: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a decorator that checks the arguments of a function against their annotations before it is called.

    Numbers of numpy count as numbers, and any iterable but a string or a mapping as a sequence; the function gets them
    as Python's int, float, bool and tuple, and an array for an argument of any kind as a list. Arguments that do not
    fit the signature raise TypeError, as in any function.

    Parameters
    ----------
    examples : what to give, by argument, where an example helps: ``photos="Dataset(folder).split(by=...)"``.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                return function(*args, **kwargs)  # Python says what is missing or unknown
            hints = _hints(function)
            for name, value in bound.arguments.items():
                if name in hints:
                    check_one = functools.partial(check, name, hint=hints[name], example=examples.get(name, ""))
                    is_many = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
                    bound.arguments[name] = tuple(map(check_one, value)) if is_many else check_one(value)
            return function(*bound.args, **bound.kwargs)

        return call

    return decorate


def check_fields(owner: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Check values against the annotations of a dataclass's fields of the same names, and return them.

    Raises
    ------
    InputError
        A value is of another kind than its field.
    """
    hints = _hints(owner)
    return {name: check(name, value, hints[name]) for name, value in values.items()}


def check(name: str, value: object, hint: Any, *, example: str = "") -> Any:
    """Return a value converted to the type that an annotation states.

    Parameters
    ----------
    name : name of the argument, for the error.
    value : given value.
    hint : the annotation.
    example : what to give, for the error.

    Raises
    ------
    InputError
        The value is of another kind.
    """
    try:
        return _as(value, hint)
    except TypeError:
        options = [option for option in _options(hint) if option is not NoneType]
        if options[1:] in ([], [Sequence[options[0]]]) and get_origin(options[0]) is Literal:  # type: ignore[valid-type]
            wanted = f"choose from {', '.join(map(str, get_args(options[0])))}"
        else:
            wanted = f"give {_either([_name(option) for option in options])}"
        such = f", such as {example}" if example else ""
        given = " ".join(f"{value!r:.60}".split())
        raise InputError(f"`{name}` {given}: {wanted}{such}") from None


def check_choices(owner: str, **choices: tuple[object, Iterable[object]]) -> None:
    """Raise InputError unless each value is among its choices.

    Parameters
    ----------
    owner : what has the parameters, such as "pipe"; the error begins with it.
    choices : value and allowed values, by name of the parameter.
    """
    for name, (value, options) in choices.items():
        known = tuple(options)
        if value not in known:
            raise InputError(f"{owner} {name} {value!r}: choose from {', '.join(map(str, known))}")


def check_numbers(owner: str, **limits: tuple[Any, float, float] | tuple[Any, range]) -> None:
    """Raise InputError unless each number lies within its limits; one that is not a number never does.

    Parameters
    ----------
    owner : what has the parameters, such as "pipe"; the error begins with it.
    limits : by name of the parameter, which ends in its unit: value, least and most allowed value; or value and a
        range of whole numbers.
    """
    for name, limit in limits.items():
        value, is_number = limit[0], isinstance(limit[0], Real)
        if len(limit) == 2:
            whole_numbers = limit[1]
            allowed = is_number and value % 1 == 0 and int(value) in whole_numbers
            what = f"give a whole number from {whole_numbers.start} to {whole_numbers.stop - 1}"
        else:
            _, low, high = limit
            shown = [short if low <= float(short := f"{end:g}") <= high else end for end in (low, high)]
            unit = next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
            allowed, what = is_number and low <= value <= high, f"give {shown[0]} to {shown[1]}{unit}"
        if not allowed:
            raise InputError(f"{owner} {name} {value}: {what}")


def check_seed(seed: int) -> None:
    """Refuse a seed that numpy would not take.

    Raises
    ------
    InputError
        It is below 0.
    """
    if seed < 0:
        raise InputError(f"`seed` {seed}: must be at least 0")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Let an `InputError` about the value of an argument begin with the argument's name."""
    try:
        yield
    except InputError as error:
        if str(error).startswith(f"`{name}`"):
            raise
        raise InputError(f"`{name}`: {error}") from error


@contextmanager
def renaming(arguments: Mapping[str, str]) -> Iterator[None]:
    """Let an `InputError` name arguments as the caller knows them.

    Parameters
    ----------
    arguments : names of the caller's arguments by those that errors give.
    """
    try:
        yield
    except InputError as error:
        message = str(error)
        for in_error, name in arguments.items():
            message = message.replace(f"`{in_error}`", f"`{name}`")
        raise InputError(message) from error


def one_or_more(value: str | Path | float | Iterable[Any]) -> tuple[Any, ...]:
    """Return one string, path or number, or several of them, as a tuple."""
    return (value,) if isinstance(value, str | Path | int | float) else tuple(value)


@functools.cache
def _hints(owner: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(owner)


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _as(value: Any, hint: Any) -> Any:
    """Return a value as an annotation says, or raise TypeError."""
    options = _options(hint)
    if len(options) > 1:
        for option in options:
            try:
                return _as(value, option)
            except TypeError:
                continue
        raise TypeError
    origin, of = get_origin(hint), get_args(hint)
    if hint in (Any, bool, int, float):
        value = _plain(value)
    if hint is Any:
        return value
    if origin is Literal:
        if not isinstance(value, str) or value not in of:
            raise TypeError
        return value
    if origin in (tuple, Sequence):
        return _as_tuple(value, of, is_fixed=origin is tuple and of[-1] is not Ellipsis)
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise TypeError
        return {_as(key, of[0]): _as(item, of[1]) for key, item in value.items()}
    if hint in (int, float):
        if isinstance(value, bool) or not isinstance(value, Integral if hint is int else Real):
            raise TypeError
        return int(value) if isinstance(value, Integral) else float(value)
    if hint is Path and isinstance(value, os.PathLike):
        return Path(value)
    if not isinstance(value, origin or hint):
        raise TypeError
    return value


def _plain(value: Any) -> Any:
    """Return a value with numpy's numbers and arrays, however nested, as Python's numbers and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value)) if isinstance(value, tuple) else list(map(_plain, value))
    return value.tolist() if hasattr(value, "tolist") else value


def _as_tuple(value: Any, of: tuple[Any, ...], *, is_fixed: bool) -> tuple[Any, ...]:
    if isinstance(value, str | bytes | Mapping):
        raise TypeError
    items = tuple(value)  # TypeError if it cannot be iterated over
    if not is_fixed:
        return tuple(_as(item, of[0]) for item in items)
    if len(items) != len(of):
        raise TypeError
    return tuple(_as(item, hint) for item, hint in zip(items, of, strict=True))


def _name(hint: Any, *, plural: bool = False) -> str:
    """Return the name of an annotation in an error."""
    options = _options(hint)
    if len(options) > 1:
        return _either([_name(option, plural=plural) for option in options])
    origin, of = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _either([repr(choice) for choice in of])
    if origin is tuple and of[-1] is not Ellipsis:
        return f"{len(of)} {_name(of[0], plural=True)}"
    if origin in (tuple, Sequence):
        return f"a sequence of {_name(of[0], plural=True)}"
    if origin is Mapping and not plural:
        return f"a mapping of {_name(of[0], plural=True)} to {_name(of[1], plural=True)}"
    names = _NAMES.get(origin or hint)
    if names is not None:
        return names[plural]
    name = cast("type", hint).__name__
    return f"{name}s" if plural else f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
