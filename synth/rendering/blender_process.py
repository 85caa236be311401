"""Start Blender as a child process, follow the views it finishes, and end it when it crashes or hangs."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

from corrotwin.twin.core.files import new_file, read_text


def run_blender(work: Path, *, seconds: float) -> Generator[int]:
    """Run the Blender process on ``work/batch.json`` and yield the index of each finished view.

    Raises
    ------
    RuntimeError
        Blender crashed, or hung: it finished no view for `seconds`. The message ends with the last line it printed.
    """
    log = work / "blender.log"
    command = [sys.executable, "-P", "-m", "corrotwin.synth.blender", str(work / "batch.json"), str(os.getpid())]
    overdue = threading.Event()
    with (
        new_file(log) as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as child,
    ):

        def stop() -> None:
            overdue.set()
            child.kill()

        def watch() -> threading.Timer:
            timer = threading.Timer(seconds, stop)
            timer.daemon = True
            timer.start()
            return timer

        guard = watch()
        try:
            assert child.stdout is not None  # noqa: S101  it is a pipe
            for line in child.stdout:
                guard.cancel()
                yield int(line)
                guard = watch()
            child.wait()
        finally:
            guard.cancel()
            child.kill()  # where the caller gave up
    if child.returncode != 0:
        lines = read_text(log, errors="replace").strip().splitlines()
        why = f"hung: no view in {seconds:.0f} s" if overdue.is_set() else f"ended with status {child.returncode}"
        raise RuntimeError(f"Blender {why}: {lines[-1] if lines else 'it printed nothing'}")
