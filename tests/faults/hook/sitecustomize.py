"""Trouble at a chosen moment, in any Python process: the driver, a Ray worker, Blender.

Python imports this at its start where this folder is on PYTHONPATH; without the variable `DRILL` it does nothing.
`DRILL` is JSON:

below : folder; only what is written there counts.
log : file to which every process appends one line a moment, such as ``rename twin.json``.
match : regular expression; only moments that it finds count. Empty for all.
at : number of the moment, from 1, at which the trouble comes, once; 0 for never; each.
since : number of the moment from which on it comes each time, as of a disk that stays full.
trouble : kill (this process), torn (kill it in the middle of a write: the file lacks its last bytes), driver (kill the
    first process of the command), full (the disk is), interrupt (Ctrl-C), gone (the folder is deleted), stop (SIGSTOP).
shorten : divides the time after which a Blender that does nothing is taken for hung.

A moment is before each opening for writing, fsync, rename, removal of a file, and making or removing of a folder.
"""

import fcntl
import importlib.util
import json
import os
import re
import shutil
import signal
import sys
import threading

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
EVENTS = {"os.rename": "rename", "os.remove": "remove", "os.mkdir": "mkdir", "os.rmdir": "rmdir"}
WATCHDOG = "corrotwin.synth.rendering.blender_process"
RANDOM = re.compile(r"\.[a-z0-9_]{8}\.tmp$")  # of tempfile, in names of atomic files


def arrange(drill: dict) -> None:
    """Make this process, and those that it starts, meet the trouble that `drill` describes."""
    drill = {"match": "", "at": 0, "trouble": "kill", **drill}
    os.environ.setdefault("DRILL_DRIVER", str(os.getpid()))
    busy = threading.local()
    below = drill["below"].rstrip("/") + "/"
    fsync = os.fsync

    def moment(kind: str, path: object, descriptor: int | None = None) -> None:
        path = os.path.abspath(os.fsdecode(path))
        if not path.startswith(below) or getattr(busy, "now", False):
            return
        line = f"{kind} {RANDOM.sub('.tmp', path.removeprefix(below))}"
        if not re.search(drill["match"], line):
            return
        busy.now = True
        try:
            with open(drill["log"], "a+") as log:
                fcntl.flock(log, fcntl.LOCK_EX)
                log.seek(0)
                number = len(log.readlines()) + 1
                log.write(f"{line}\n")
            if drill["at"] in (number, "each") or number >= drill.get("since", number + 1):
                meet(descriptor)
        finally:
            busy.now = False

    def meet(descriptor: int | None) -> None:
        trouble = drill["trouble"]
        if trouble == "torn" and descriptor is not None:
            size = os.fstat(descriptor).st_size
            os.ftruncate(descriptor, max(0, size - 9))
        if trouble in ("kill", "torn"):
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "driver":
            os.kill(int(os.environ["DRILL_DRIVER"]), signal.SIGKILL)
        if trouble == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        if trouble == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        if trouble == "full":
            raise OSError(28, "No space left on device")
        if trouble == "gone":
            shutil.rmtree(below)

    def heard(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            written = flags & WRITING if mode is None else set(mode) & set("wax+")
            if written and isinstance(path, str | bytes | os.PathLike):
                moment("open", path)
        elif event in EVENTS:
            path = arguments[1] if event == "os.rename" else arguments[0]
            folder = arguments[-1]
            if event == "os.remove" and isinstance(folder, int) and folder > 0:
                path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))
            moment(EVENTS[event], path)

    def watched(descriptor: int) -> None:
        moment("fsync", os.readlink(f"/proc/self/fd/{descriptor}"), descriptor)
        fsync(descriptor)

    sys.addaudithook(heard)
    os.fsync = watched
    if shorten := drill.get("shorten"):
        sys.meta_path.insert(0, Shortened(shorten))


class Shortened:
    """Finds the watchdog's module as Python does, and shortens its patience when it is loaded."""

    def __init__(self, shorten: float) -> None:
        self.shorten = shorten

    def find_spec(self, name: str, *_: object) -> object:
        if name != WATCHDOG:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_shorten(module: object) -> None:
            load(module)
            module.IDLE_SECONDS /= self.shorten

        spec.loader.exec_module = load_and_shorten
        return spec


if "DRILL" in os.environ:
    arrange(json.loads(os.environ["DRILL"]))
