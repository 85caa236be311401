"""Processor seconds, user and system, of a process and all its descendants, including those that have ended."""

import resource
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE_SECONDS = 60.0  # for a process that is asked to end


class Job:
    """A running command whose processor seconds are counted.

    Parameters
    ----------
    line : the command.
    log : file to which its output is added.
    """

    def __init__(self, line: Sequence[str], log: Path) -> None:
        self._ended = _of_ended_children()
        self._last: dict[tuple[int, float], float] = {}
        self._seconds = 0.0
        with log.open("ab") as stream:
            self._process = subprocess.Popen(line, stdout=stream, stderr=stream)

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.poll()

    def seconds(self) -> float:
        """Return the processor seconds used so far.

        This is the greater of two counts that can only be too low: what each process had used when last seen, and
        what the running processes have used, including the children for which they have waited.
        """
        if self._process.poll() is not None:
            self._seconds = max(self._seconds, _of_ended_children() - self._ended)
            return self._seconds
        running = 0.0
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._process.pid)
            for process in (root, *root.children(recursive=True)):
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    times = process.cpu_times()
                    used = times.user + times.system
                    self._last[process.pid, process.create_time()] = used
                    running += used + times.children_user + times.children_system
        self._seconds = max(self._seconds, running, sum(self._last.values()))
        return self._seconds

    def stop(self) -> None:
        """End the command and all processes that it started."""
        descendants: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            descendants = psutil.Process(self._process.pid).children(recursive=True)
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_SECONDS)
            self._process.kill()
            self._process.wait()
        for process in descendants:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _of_ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
