"""The edge between a shell, its machine and our functions, the same for all four packages.

Standard library and tyro only; every package may import it.
"""

import inspect
import os
import select
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from corrotwin.twin.core.errors import InputError, WorkError

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # of each period in µs, how many a container may use, or "max"
_SHARED_MEMORY = ("out of shared memory", "unable to allocate shared memory")  # as PyTorch's loader says it


def run(
    program: str, description: str, commands: Mapping[str, Callable[..., Any]], words: Sequence[str] | None = None
) -> NoReturn:
    """Parse the command line with tyro, call the chosen command and leave with its exit status.

    Bad input (`InputError`) prints one line on stderr and exits 2, and so does what the system says of a file (a full
    disk, a folder that is gone); failed work (`WorkError`, no memory left) exits 1; Ctrl-C and SIGTERM exit 130.

    Parameters
    ----------
    program : name shown in the help text, such as ``corrotwin synth``.
    description : one paragraph shown by ``--help``.
    commands : name of each command and the function it calls.
    words : the command line; by default that of this process.
    """
    import tyro

    words = sys.argv[1:] if words is None else words
    _refuse_repeated_options(program, commands.get(words[0]) if words else None, words)
    app = tyro.extras.SubcommandApp()
    for name, command in commands.items():
        app.command(name=name)(command)
    _leave_with_status(
        program, lambda: app.cli(prog=program, description=description, args=words, use_underscores=False)
    )


def run_one(program: str, command: Callable[..., Any], words: Sequence[str] | None = None) -> NoReturn:
    """Do the same as `run` for a program of one command."""
    import tyro

    words = sys.argv[1:] if words is None else words
    _refuse_repeated_options(program, command, words)
    _leave_with_status(program, lambda: tyro.cli(command, prog=program, args=words, use_underscores=False))


def _leave_with_status(program: str, call: Callable[[], Any]) -> NoReturn:
    """Exit with the status that `call` returns, or as `run` says of what it raises."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = call()
        sys.stdout.flush()
    except (InputError, WorkError) as error:
        _leave(program, str(error), 2 if isinstance(error, InputError) else 1)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            sys.exit(128 + signal.SIGPIPE)  # as of any program in `| head`
        where = f"{error.filename2 or error.filename}: " if error.filename is not None else ""
        _leave(program, f"{where}{error.strerror or error}; mend that, the same command resumes", 2)
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        is_shared = any(words in str(error) for words in _SHARED_MEMORY)
        room = "give the container more shared memory (--shm-size)" if is_shared else "free some or give less at a time"
        said = f"out of memory ({str(error) or 'no more to be had':.200}); {room}, then run the same command again"
        _leave(program, said, 1)
    except KeyboardInterrupt:
        print(f"{program}: interrupted; the same command goes on where it can", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _refuse_repeated_options(program: str, command: Callable[..., Any] | None, words: Sequence[str]) -> None:
    """Exit where an option of several values stands twice. Of one value the last counts, as is usual."""
    if command is None:
        return
    parameters = inspect.signature(command).parameters.values()
    several = {f"--{each.name.replace('_', '-')}" for each in parameters if "tuple[" in str(each.annotation)}
    given = Counter(word.partition("=")[0].replace("_", "-") for word in words)  # as tyro reads them
    if twice := next((option for option in sorted(several) if given[option] > 1), ""):
        _leave(program, f"{twice} is given twice, but only the last would count; give it once, all values after it", 2)


def _nobody_reads() -> bool:
    """Whether the reader of our output has gone; if so, what is left of it goes nowhere, without complaint at exit."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    if not any(event & select.POLLERR for _, event in output.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _leave(program: str, said: str, status: int) -> NoReturn:
    """Say in one line what is wrong, and end."""
    print(f"{program}: error: {shown(said)}", file=sys.stderr)  # noqa: T201
    sys.exit(status)


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether memory ran out; PyTorch says so by a RuntimeError, of the CPU's and of CUDA's."""
    return isinstance(error, MemoryError) or any(
        words in str(error)
        for words in ("can't allocate memory", "not enough memory", "out of memory", *_SHARED_MEMORY)
    )


def shown(text: str) -> str:
    """A text on one line; a name from a stranger's file in it cannot steer the terminal, since it is shown escaped."""
    line = " ".join(text.split())
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)


def available_cores() -> int:
    """Cores this process may use: those it is bound to, and no more than its container may have (cgroup v2)."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, _CPU_MAX.read_text().split())
    except (OSError, ValueError):  # no container, or "max"
        return bound
    return max(1, min(bound, quota // period))
