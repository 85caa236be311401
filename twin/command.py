"""The edge between a shell, its machine and our functions, the same for all four packages.

Standard library and tyro only; every package may import it.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from twin.files import InputError, WorkError


def run(program: str, description: str, commands: Mapping[str, Callable[..., Any]]) -> None:
    """Parse the command line with tyro, call the chosen command and leave with its exit status.

    Bad input (`InputError`) prints one line on stderr and exits 2, failed work (`WorkError`) exits 1; Ctrl-C and
    SIGTERM exit 130.

    Parameters
    ----------
    program : name shown in the help text, such as ``python -m synth``.
    description : one paragraph shown by ``--help``.
    commands : name of each command and the function it calls.
    """
    import tyro

    app = tyro.extras.SubcommandApp()
    for name, command in commands.items():
        app.command(name=name)(command)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = app.cli(prog=program, description=description, use_underscores=False)
    except (InputError, WorkError) as error:
        print(f"{program}: error: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        sys.exit(2 if isinstance(error, InputError) else 1)
    except KeyboardInterrupt:
        print(f"{program}: interrupted; the same command resumes", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
