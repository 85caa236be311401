"""Write the reference of all commands and options, docs/options, from the commands themselves.

    python -m tools.docs.options

The text is that of ``--help``: names, values and defaults from a command's signature, the rest from its docstring.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from docstring_parser import parse
from tyro.conf import Positional

from corrotwin.__main__ import GROUPS
from corrotwin.twin.core import cli
from corrotwin.twin.core.files import write_text
from corrotwin.twin.core.text import Markdown, escape_markdown, markdown_table

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "options"
SINGLE = {  # commands outside the groups
    "predict": "corrotwin.segmentation.commands.predict",
    "demo": "corrotwin.benchmarks.demo",
    "doctor": "corrotwin.benchmarks.doctor",
}
_POSITIONAL = get_args(Positional[int])[1]  # the mark of arguments without a dash
_WORDS: Mapping[Any, str] = {Path: "PATH", int: "INT", float: "FLOAT", str: "TEXT"}


def programs() -> dict[str, tuple[str, Mapping[str, Callable[..., Any]]]]:
    """Return for each page its program, such as ``corrotwin twin``, and that program's commands by name."""
    groups = {
        name: (f"corrotwin {name}", importlib.import_module(f"corrotwin.{name}.commands").COMMANDS) for name in GROUPS
    }
    single = {name: getattr(importlib.import_module(module), name) for name, module in SINGLE.items()}
    return {"corrotwin": ("corrotwin", single), **groups}


def pages() -> dict[str, str]:
    """Return each page of docs/options by its file's name."""
    return {f"{name}.md": page(program, commands) for name, (program, commands) in programs().items()}


def page(program: str, commands: Mapping[str, Callable[..., Any]]) -> str:
    """Return the page of one program: a section for each command, with a table of its arguments and options."""
    sections = [_section(f"{program} {name}", name, command) for name, command in commands.items()]
    head = f"# Options of {program}\n\nThe text of `--help`, written by `python -m tools.docs.options`.\n\n"
    return head + "\n".join(sections)


def _section(line: str, name: str, command: Callable[..., Any]) -> str:
    help_texts = cli.described(command)
    common: list[list[Markdown]] = []
    advanced: list[list[Markdown]] = []
    for option, (parameter, hint) in arguments(command).items():
        text, is_advanced = help_texts[parameter.name]
        row = [*map(Markdown, _spelt(option, parameter, hint)), _with_code(text)]
        (advanced if is_advanced else common).append(row)
    tables = [markdown_table(["option", "default", "what"], rows) for rows in (common, advanced) if rows]
    return "\n\n".join(
        [f"## {name}", f"    {line} ...", *_prose(parse(command.__doc__ or "")), "\nAdvanced:\n\n".join(tables)]
    )


def _prose(described: Any) -> Iterator[str]:
    """Yield the paragraphs of a docstring before its parameters; an example is code."""
    for text in (described.short_description, described.long_description):
        for paragraph in (text or "").split("\n\n"):
            before, marker, example = _one_line(paragraph).partition("Example: ")
            if before.strip():
                yield before.strip()
            if marker:
                yield "Example: `" + re.sub(r",? (?:or|and then)[^:`]*: |, then ", "`, `", example.rstrip(".")) + "`"


def arguments(command: Callable[..., Any]) -> dict[str, tuple[inspect.Parameter, Any]]:
    """Return the parameters of a command with their annotations, by what users type: ``PHOTOS`` or ``--out``."""
    hints = get_type_hints(command, include_extras=True)
    by_option = {}
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        marks = getattr(hint, "__metadata__", ())
        word = next((mark.name for mark in marks if getattr(mark, "name", None)), parameter.name).replace("_", "-")
        is_positional = parameter.kind is parameter.POSITIONAL_ONLY or _POSITIONAL in marks
        by_option[word.upper() if is_positional else f"--{word}"] = parameter, get_args(hint)[0] if marks else hint
    return by_option


def _spelt(name: str, parameter: inspect.Parameter, hint: Any) -> tuple[str, str]:
    """Return an argument with its value, and its default, as Markdown."""
    if not name.startswith("--"):
        option = name + (" ..." if get_origin(hint) is tuple else "")
    elif hint is bool:
        option = f"{name}, --no-{name[2:]}" if parameter.default is True else name
    elif hint == bool | None:  # without either, the command decides
        option = f"{name}, --no-{name[2:]}"
    else:
        option = f"{name} {_value(hint)}"
    if parameter.default is parameter.empty:
        return f"`{option}`", "required"
    is_plain = parameter.default in (None, (), "") or parameter.default is False
    return f"`{option}`", "" if is_plain else "on" if parameter.default is True else f"`{parameter.default}`"


def _value(hint: Any) -> str:
    """Return the placeholder for the value of an option."""
    origin, members = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_value(member) for member in members if member is not NoneType)
    if origin is Literal:
        return f"{{{','.join(map(str, members))}}}"
    if origin is tuple:
        return (
            f"{_value(members[0])} ..." if members[-1] is Ellipsis else " ".join(_value(member) for member in members)
        )
    return _WORDS[hint]


def _with_code(text: str) -> Markdown:
    """Return help as Markdown, in which only text in backticks is markup."""
    return Markdown(re.sub(r"[^`]+(?=(?:[^`]*`[^`]*`)*[^`]*$)", lambda match: _escaped(match[0]), _one_line(text)))


def _escaped(text: str) -> str:
    """Escape Markdown and keep spaces at the ends."""
    return text[: len(text) - len(text.lstrip())] + escape_markdown(text) + text[len(text.rstrip()) :]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def write() -> None:
    """Write all pages of docs/options."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        write_text(FOLDER / name, text)


if __name__ == "__main__":
    cli.run_one("python -m tools.docs.options", write)
