"""Type the commands of pages, exactly as written, into a fresh copy of this folder, as a reader would.

    python -m tools.docs.typed README.md docs/first-day.md --out out/typed

The copy has the files that git tracks or would track, and this installation as its ``.venv``. All blocks of a page that
are marked ``sh`` go to one shell, in order; the first command that fails ends it. ``typed.md`` lists commands, their
status and their seconds.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from corrotwin.twin.core.cli import run_one
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import write_text
from corrotwin.twin.core.text import Markdown, markdown_span, markdown_table, say

ROOT = Path(__file__).resolve().parents[2]
NOT_TYPED = ("make test",)  # it is what types the pages
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HERE = re.compile(r"<<'(\w+)'$")


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A command that was typed: what it printed, its exit status and its wall time."""

    page: str
    command: str
    output: str
    status: int
    seconds: float


def commands(page: str) -> list[str]:
    """Return the commands in the ``sh`` blocks of a page of Markdown, each with its continued lines."""
    collected: list[str] = []
    for block in _BLOCK.findall(page):
        lines = iter(block.splitlines())
        for line in lines:
            command = line
            while command.endswith("\\"):
                command += "\n" + next(lines)
            if end := _HERE.search(command):
                for continuation in lines:
                    command += "\n" + continuation
                    if continuation == end[1]:
                        break
            if command.strip():
                collected.append(command)
    return collected


def copy(folder: Path, *, environment: Path) -> None:
    """Copy this source folder, as git would commit it, with an installation by `make setup` as its ``.venv``.

    Raises
    ------
    InputError
        The folder exists, or the installation was not made by `make setup`.
    """
    if not (environment / ".installed").is_file():
        raise InputError(f"{environment}: was not made by make setup; run that, and then its .venv/bin/python")
    if folder.exists():
        raise InputError(f"{folder}: exists; delete it or choose another folder")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_symlink() or (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    for name in ("pyproject.toml", "constraints.txt"):  # older than the installation, so make does not install again
        os.utime(folder / name, (0, 0))
    (folder / ".venv").symlink_to(environment)


def type_page(page: Path, folder: Path) -> Iterator[Typed]:
    """Type all commands of a page into one shell in a folder, and yield each when it has ended.

    The first command that fails is the last one.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}:{folder / 'src'}",
        "PATH": f"{folder / '.venv/bin'}:{os.environ['PATH']}",
    }
    environment.pop("MAKEFLAGS", None)  # set by a make that runs this
    pipe = subprocess.PIPE
    shell = subprocess.Popen(
        ["bash"], cwd=folder, env=environment, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
    )
    assert shell.stdin is not None  # noqa: S101  for mypy
    assert shell.stdout is not None  # noqa: S101
    mark = f"typed {os.urandom(8).hex()}"
    with shell:
        for command in commands(page.read_text(encoding="utf-8")):
            if command.split("#")[0].strip() in NOT_TYPED:
                continue
            started = time.monotonic()
            shell.stdin.write(f"{command}\nprintf '\\n%s %s\\n' '{mark}' $?\n")
            shell.stdin.flush()
            lines, status = [], 1
            for line in shell.stdout:
                if line.startswith(mark):
                    status = int(line.rsplit(maxsplit=1)[1])
                    break
                lines.append(line)
            yield Typed(
                page=page.name, command=command, output="".join(lines).rstrip("\n"), status=status,
                seconds=time.monotonic() - started,
            )  # fmt: skip
            if status:
                return


def summary(typed: Sequence[Typed]) -> str:
    """Return a table of what was typed, in Markdown."""
    rows = [
        [
            result.page,
            markdown_span(" ".join(result.command.split())),
            str(result.status),
            Markdown(f"{result.seconds:.1f}"),
        ]
        for result in typed
    ]
    return markdown_table(["page", "command", "status", "seconds"], rows)


def type_pages(pages: Positional[tuple[Path, ...]], out: Path) -> None:
    """Type the commands of pages into a fresh copy of this folder; exit status 1 if one fails.

    Parameters
    ----------
    pages
        Markdown files with blocks of sh, typed in this order.
    out
        new folder for the copy, clone/, and typed.md.
    """
    clone = out.absolute() / "clone"
    copy(clone, environment=Path(sys.prefix))
    typed: list[Typed] = []
    for page in pages:
        for result in type_page(page, clone):
            typed.append(result)
            say(f"$ {result.command}\n{result.output}\n[status {result.status}, {result.seconds:.1f} s]\n")
            write_text(out / "typed.md", summary(typed))
            if result.status:
                raise WorkError(f"{page}: a command ended with status {result.status}: {result.command}")
    say(f"{out / 'typed.md'}: {len(typed)} commands, {sum(result.seconds for result in typed) / 60:.0f} minutes")


if __name__ == "__main__":
    run_one("python -m tools.docs.typed", type_pages)
