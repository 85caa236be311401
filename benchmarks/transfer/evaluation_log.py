"""Append-only log of test-set evaluations in a transfer folder."""

import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import append, read_text, writing

LOG = "openings.jsonl"


def log(out: Path, command: str, opened: Mapping[str, Any]) -> None:
    """Append a line to the folder's log, on disk before anything is measured.

    Parameters
    ----------
    out : the transfer folder.
    command : the command line.
    opened : the tested sets, the renders and the like.
    """
    entry = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "command": command, **opened}
    line = json.dumps({**entry, "version": version()}) + "\n"
    path = out / LOG
    with writing(path):
        append(path, line.encode())  # a line torn by a killed writer stays one line


def read(out: Path) -> list[dict[str, Any]]:
    """Return the entries of a folder's log, oldest first; a torn line is left out.

    Raises
    ------
    InputError
        The log exists but cannot be read.
    """
    path = out / LOG
    if not path.exists():
        return []
    try:
        lines = read_text(path, inside=out).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    entries = []
    for line in lines:
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries


def version() -> str | None:
    """Return the commit of the program, with ``-dirty`` if files differ from it; None if it is not in git."""
    module = Path(__file__).resolve()
    describe = ("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    output = None
    # When installed, the program may lie inside another repository: its own file must be tracked.
    for arguments in (("ls-files", "--error-unmatch", module.name), describe):
        command = ["git", "-C", str(module.parent), *arguments]
        try:
            process = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
        output = process.stdout.strip() or None
    return output
