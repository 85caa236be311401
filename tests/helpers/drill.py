"""Real commands as processes, and what befalls them: started, killed when something is so, compared by hashes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

HOOK = Path(__file__).resolve().parents[1] / "faults" / "hook"


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def times(folder: Path, pattern: str = "*") -> dict[Path, int]:
    """When each file below a folder was last written, in nanoseconds; locks are written by everybody."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob(pattern) if path.is_file() and path.name != ".lock"}


def until(condition: Callable[[], object], *, seconds: float) -> None:
    """Wait until something is so, or until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def patience(seconds: float) -> float:
    """So many seconds of an idle machine: on one with more to do than cores, a process gets its share only.

    By what it had to do in the last minute or has to do just now, whichever is more. To be asked when they are over.
    """
    minute, _, _, running, _ = Path("/proc/loadavg").read_text().split()
    return seconds * max(1.0, max(float(minute), int(running.split("/")[0])) / len(os.sched_getaffinity(0)))


def start(*line: object, drill: Mapping[str, object] | None = None, **variables: str) -> subprocess.Popen[str]:
    """Start ``corrotwin`` with these words in a session of its own; `drill` is what befalls it (see the hook)."""
    environment = {**os.environ, **variables}
    if drill is not None:
        environment["DRILL"] = json.dumps(drill)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOOK), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "corrotwin", *map(str, line)], env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_interrupts,
    )  # fmt: skip


def heed_interrupts() -> None:
    """The background job of a shell is started deaf to Ctrl-C, and so are its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def kill_session(child: subprocess.Popen[str]) -> None:
    """Kill with -9 a command and what it started, as far as that stayed in its session's group."""
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def mentioning(text: object) -> list[str]:
    """The command lines of living processes that name something."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(text) in line and int(path.parent.name) != os.getpid():
                found.append(line)
    return found


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that these started."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            parents.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found[1:]


def name_of(pid: int) -> str:
    """The name of a process's program."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


class Forge:
    """A process that has imported what commands need, and forks one child a command, which spares their start.

    With `histories` among the modules, twins learn from few of them.
    """

    def __init__(self, *modules: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            # one arena: a thread's own would take 64 MiB of the `room_mb`, or not, as the threads happen to start
            env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
        )  # fmt: skip

    def run(
        self, *line: object, drill: Mapping[str, object] | None = None, room_mb: int | None = None
    ) -> tuple[int, str]:
        """Run ``corrotwin`` with these words; its exit status (negative: the signal) and its stderr.

        `room_mb` is the address space beyond what the imports have taken. A command that takes five minutes hangs
        (OpenBLAS without room for its buffer, 50 MB, asks for it for ever) and is ended by SIGALRM.
        """
        done, _ = self._ask(line, drill, room_mb, None)
        return done.returncode, done.stderr

    def measure(self, *line: object, room_mb: int) -> tuple[subprocess.CompletedProcess[str], int]:
        """Run ``corrotwin`` in this process's folder and environment; how it ended, and its memory's height in KiB.

        The height counts what the imports have taken.
        """
        return self._ask(line, None, room_mb, {"folder": str(Path.cwd()), "environment": dict(os.environ)})

    def _ask(
        self, line: Sequence[object], drill: Mapping[str, object] | None, room_mb: int | None, place: object
    ) -> tuple[subprocess.CompletedProcess[str], int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        words = list(map(str, line))
        print(json.dumps([words, drill, room_mb, place]), file=self._process.stdin, flush=True)
        status, said, errors, height_kib = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(words, status, said, errors), height_kib

    def end(self) -> None:
        self._process.communicate()


@contextmanager
def forge(*modules: str) -> Iterator[Forge]:
    """A `Forge` for the length of the block."""
    made = Forge(*modules)
    try:
        yield made
    finally:
        made.end()


def _serve(modules: list[str]) -> None:
    """What a `Forge` runs: a child for each line of stdin, its status and stderr on stdout."""
    import importlib
    import resource
    import runpy
    import tempfile
    import traceback

    from corrotwin.__main__ import main
    from corrotwin.synth.blender.session import die_with_parent

    hook = runpy.run_path(str(HOOK / "sitecustomize.py"))
    for name in ("tyro", *modules):
        importlib.import_module(name)
    if "histories" in sys.modules:
        for module, name, size in sys.modules["histories"].PLACES:
            setattr(module, name, size)
    for request in sys.stdin:
        line, drill, room_mb, place = json.loads(request)
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as errors:
            forge, child = os.getpid(), os.fork()
            if child == 0:
                die_with_parent(forge)
                signal.alarm(300)
                os.dup2(errors.fileno(), 2)
                os.dup2(said.fileno(), 1)
                heed_interrupts()
                signal.signal(signal.SIGINT, signal.default_int_handler)
                status: object = 0
                try:
                    if place is not None:
                        os.chdir(place["folder"])
                        os.environ.update(place["environment"])
                    if drill is not None:
                        hook["arrange"](drill)
                    if room_mb is not None:
                        pages = int(Path("/proc/self/statm").read_text().split()[0])
                        most = pages * resource.getpagesize() + room_mb * 2**20
                        resource.setrlimit(resource.RLIMIT_AS, (most, most))
                    sys.argv = ["corrotwin", *line]
                    main()
                except SystemExit as end:
                    status = end.code
                except BaseException:  # noqa: BLE001  as the interpreter would
                    traceback.print_exc()
                    status = 70
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status if isinstance(status, int) else 0)
            _, ended, used = os.wait4(child, 0)
            said.seek(0)
            errors.seek(0)
            answer = [os.waitstatus_to_exitcode(ended), said.read(), errors.read(), used.ru_maxrss]
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1:])
