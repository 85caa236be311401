"""Start Blender as a child process, follow the views it finishes, and end it when it crashes or hangs.

A slow machine does not count as hung: from one line of progress to the next, Blender may use a given number of
processor seconds, however long that takes. Only a process that hardly uses the processor is judged by the clock.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.synth.spec import PROGRESS
from corrotwin.twin.core.files import new_file, read_text

if TYPE_CHECKING:
    import psutil

POLL_SECONDS = 2.0
# A process without progress that hardly uses the processor for this long is hung; a debugger may stop it for less.
IDLE_SECONDS = 600.0
# A process that uses less of a core than this is idle: the idle threads of a deadlock use even less. Our programs have
# been seen to get 0.02 of a core on two cores with 25 busy processes.
IDLE_SHARE = 0.002


def run_blender(work: Path, *, budget: float) -> Generator[int]:
    """Run the Blender process on ``work/batch.json`` and yield the index of each finished view.

    Parameters
    ----------
    budget : processor seconds, of all threads together, that it may use from one line of progress to the next.

    Raises
    ------
    RuntimeError
        Blender crashed, or hung: it used up its budget without progress, or next to nothing for `IDLE_SECONDS`. The
        message ends with the last line it printed.
    """
    log = work / "blender.log"
    command, env = command_of(work), {**os.environ, "TMPDIR": str(work)}  # where Blender leaves a folder of its own
    with (
        new_file(log) as stderr,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True) as child,
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
            child.kill()  # if the caller gave up
    if child.returncode != 0:
        lines = read_text(log, errors="replace").strip().splitlines()
        reason = f"hung: {guard.fault}" if guard.fault else f"ended with status {child.returncode}"
        raise RuntimeError(f"Blender {reason}: {lines[-1] if lines else 'it printed nothing'}")


def command_of(work: Path) -> list[str]:
    """Return the command that renders ``work/batch.json`` in a Blender process, which ends with this one."""
    return [sys.executable, "-P", "-m", "corrotwin.synth.blender", str(work / "batch.json"), str(os.getpid())]


class ProgressJudge:
    """Tells a hung process from a slow one by its use of the processor over time.

    Parameters
    ----------
    budget : processor seconds that it may use from one line of progress to the next.
    now : seconds of a clock that only goes forward, at the start.
    """

    def __init__(self, budget: float, now: float) -> None:
        self._budget = budget
        self._seen = self._total = 0.0
        self._used_at_progress = 0.0
        self._active, self._used_when_active = now, 0.0

    def fault(self, now: float, used: float, *, progressed: bool) -> str:
        """Return why the process counts as hung, or "".

        Parameters
        ----------
        now : seconds of the same clock.
        used : processor seconds that it has used since its start.
        progressed : True if it has printed a line since the last call.
        """
        # Once a helper has ended, its time is missing from the sum. The sum may fall, but time that was used does not.
        self._total += max(0.0, used - self._seen)
        self._seen, used = used, self._total
        if progressed:
            self._used_at_progress = used
        if progressed or used - self._used_when_active > IDLE_SHARE * IDLE_SECONDS:
            self._active, self._used_when_active = now, used
        if used - self._used_at_progress > self._budget:
            return f"{used - self._used_at_progress:.0f} s of processor time without progress"
        if now - self._active > IDLE_SECONDS:
            return f"idle for {now - self._active:.0f} s"
        return ""


class _Watchdog:
    """A thread that kills a process that makes no progress, and says why."""

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

        judge = ProgressJudge(self._budget, time.monotonic())
        with suppress(psutil.NoSuchProcess):  # it has ended
            process = psutil.Process(self._child.pid)
            while not self._over.wait(POLL_SECONDS):
                progressed = self._progressed.is_set()
                if progressed:
                    self._progressed.clear()
                self.fault = judge.fault(time.monotonic(), processor_seconds(process), progressed=progressed)
                if self.fault:
                    for helper in process.children(recursive=True):  # they hold its pipe, too
                        with suppress(psutil.Error):
                            helper.kill()
                    self._child.kill()
                    return


def processor_seconds(process: "psutil.Process") -> float:
    """Return the processor seconds of a process and its helpers: a card's kernels are compiled while Blender waits."""
    import psutil

    used = 0.0
    # Helpers come first: the process itself counts those that end meanwhile.
    for member in (*process.children(recursive=True), process):
        try:
            used += sum(member.cpu_times()[:4])  # its own time, and that of its ended children
        except psutil.Error:
            if member == process:
                raise
    return used
