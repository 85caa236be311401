"""A terminal of any width for tests of what commands show on one: a pseudo-terminal, read by an emulator."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyte
from drill import heed_interrupts

LINES = 24


@dataclass(frozen=True)
class Shown:
    """Result of a program: exit status, the lines left on the terminal, and standard output if it led elsewhere."""

    status: int
    lines: list[str]
    output: str
    moments: list[list[str]]
    """The lines on the terminal each time that they changed, but for letters of one text."""
    has_cursor: bool


def run_in_terminal(
    command: Sequence[object], *, width: int, aside: bool = False, interrupt_at: str = "", **variables: str
) -> Shown:
    """Run a program in a terminal until it ends, a minute at most.

    Parameters
    ----------
    aside : its standard output leads into a pipe, not to the terminal.
    interrupt_at : press Ctrl-C once this is seen.
    """
    own, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    child = subprocess.Popen(
        [*map(str, command)], stdin=its, stdout=subprocess.PIPE if aside else its, stderr=its, start_new_session=True,
        env={**environment, "TERM": "xterm", **variables}, preexec_fn=heed_interrupts,
    )  # fmt: skip
    os.close(its)
    screen, moments = pyte.Screen(width, LINES), [[""]]
    stream = pyte.ByteStream(screen)
    deadline = time.monotonic() + 60
    try:
        while _fed(own, stream, lambda: _note(screen, moments)) and time.monotonic() < deadline:
            if interrupt_at and any(interrupt_at in line for lines in moments for line in lines):
                os.killpg(child.pid, signal.SIGINT)
                interrupt_at = ""
        output = child.communicate(timeout=10)[0]
    finally:
        child.kill()
        os.close(own)
    return Shown(child.returncode, moments[-1], (output or b"").decode(), moments, not screen.cursor.hidden)


def _fed(own: int, stream: pyte.ByteStream, note: Callable[[], None]) -> bool:
    """Feed what has come to the emulator, text by text and control by control; False at the end."""
    try:
        content = os.read(own, 65536)
    except OSError:  # the program has closed it
        return False
    for part in re.findall(rb"[^\x1b\r\n]+|\x1b\[[^a-zA-Z]*[a-zA-Z]|[\x1b\r\n]", content):
        stream.feed(part)
        note()
    return bool(content)


def _note(screen: pyte.Screen, moments: list[list[str]]) -> None:
    lines = [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        lines.pop()
    if lines != moments[-1]:
        moments.append(lines)
