"""Readings stored again with more detail, for example from a revised file: both count until one is withdrawn."""

from collections.abc import Container
from pathlib import Path

from corrotwin.twin.core.text import counted, quoted
from corrotwin.twin.inspection import register
from corrotwin.twin.inspection.log_lines import Log
from corrotwin.twin.inspection.plausibility import reading_of, tells_no_more


def repeated(listed: Log, folder: Path) -> dict[int, int]:
    """Return the lines of readings in force that another repeats with more detail, each with the line of the other.

    Parameters
    ----------
    listed : log of a twin.
    folder : folder of the twin; its register has the present names of places, by which readings are compared.

    Raises
    ------
    InputError
        The twin's register cannot be read.
    """
    in_force = listed.in_force
    alike: dict[tuple[object, ...], list[int]] = {}
    named = dict(zip(in_force, register.read(folder).applied(in_force.values()), strict=True))
    for line, record in named.items():
        if record.place:  # readings without a name are of different places
            alike.setdefault(reading_of(record), []).append(line)
    return {
        line: other
        for lines in alike.values()
        for line in lines
        for other in lines
        if tells_no_more(named[line], named[other]) and not tells_no_more(named[other], named[line])
    }


def said_of_repeated(listed: Log, folder: Path, new: Container[int] | None = None) -> str:
    """Return a line with the command that withdraws readings repeated with more detail; empty if there are none.

    Parameters
    ----------
    listed, folder : as for `repeated`.
    new : line numbers; only pairs with at least one of these lines are reported. None for all pairs.

    Raises
    ------
    InputError
        As for `repeated`.
    """
    lines = [line for line, other in repeated(listed, folder).items() if new is None or line in new or other in new]
    if not lines:
        return ""
    return (
        f"{folder.resolve().name}: {counted(len(lines), 'reading')} stored again with more detail, and both count; to "
        f"withdraw those with less: corrotwin twin inspect {quoted(folder)} --withdraw {' '.join(map(str, lines))}"
    )
