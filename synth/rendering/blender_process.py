"""Start Blender as a child process, follow the views it finishes, and end it when it crashes or hangs.

A slow machine is not a hung one: from one line of progress to the next Blender may use so many seconds of the
processor, however long that takes. Only a process that uses none at all is held against the clock.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Generator
from os import getpid
from pathlib import Path

from corrotwin.synth.spec import PROGRESS
from corrotwin.twin.core.files import new_file, read_text

POLL_SECONDS = 2.0
IDLE_SECONDS = (
    600.0  # without using the processor, after which a process is taken for hung; a debugger may stop it less
)
BUSY = 0.05  # seconds of the processor between two polls that count as using it


def run_blender(work: Path, *, budget: float) -> Generator[int]:
    """Run the Blender process on ``work/batch.json`` and yield the index of each finished view.

    Parameters
    ----------
    budget : seconds of the processor, of all threads together, that it may use from one line of progress to the next.

    Raises
    ------
    RuntimeError
        Blender crashed, or hung: it used up its budget without progress, or did nothing for `IDLE_SECONDS`. The message
        ends with the last line it printed.
    """
    log = work / "blender.log"
    command = [sys.executable, "-P", "-m", "corrotwin.synth.blender", str(work / "batch.json"), str(getpid())]
    with (
        new_file(log) as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as child,
        _Watchdog(child, budget) as guard,
    ):
        try:
            assert child.stdout is not None  # noqa: S101  it is a pipe
            for line in child.stdout:
                guard.progress()
                if not line.startswith(PROGRESS):
                    yield int(line)
            child.wait()
        finally:
            child.kill()  # where the caller gave up
    if child.returncode != 0:
        lines = read_text(log, errors="replace").strip().splitlines()
        why = f"hung: {guard.fault}" if guard.fault else f"ended with status {child.returncode}"
        raise RuntimeError(f"Blender {why}: {lines[-1] if lines else 'it printed nothing'}")


class _Watchdog:
    """A thread that kills a process which makes no progress, and says why."""

    def __init__(self, child: "subprocess.Popen[str]", budget: float) -> None:
        self.fault = ""
        self._child, self._budget = child, budget
        self._over, self._progressed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def progress(self) -> None:
        """Note a line of progress."""
        self._progressed.set()

    def __enter__(self) -> "_Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        used = since = 0.0
        active = time.monotonic()
        try:
            process = psutil.Process(self._child.pid)
            while not self._over.wait(POLL_SECONDS):
                times = process.cpu_times()
                now, before, used = time.monotonic(), used, times.user + times.system
                if self._progressed.is_set():
                    self._progressed.clear()
                    since, active = used, now
                if used - before > BUSY:
                    active = now
                if used - since > self._budget:
                    self.fault = f"{used - since:.0f} s of the processor without progress"
                elif now - active > IDLE_SECONDS:
                    self.fault = f"it did nothing for {now - active:.0f} s"
                if self.fault:
                    self._child.kill()
                    return
        except psutil.NoSuchProcess:  # it has ended
            return
