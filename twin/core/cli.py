"""Command-line entry of all four packages: arguments, errors as one line and an exit status, available cores.

Standard library, tyro and its docstring_parser only; every package may import it.
"""

import dataclasses
import inspect
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, get_type_hints

from corrotwin.twin.core import text
from corrotwin.twin.core.errors import InputError, WorkError

CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # of each period in µs, how many a container may use, or "max"
_SHARED_MEMORY = ("out of shared memory", "unable to allocate shared memory")  # as PyTorch's loader says it


def run(
    program: str, description: str, commands: Mapping[str, Callable[..., Any]], words: Sequence[str] | None = None
) -> NoReturn:
    """Parse the command line with tyro, call the chosen command and leave with its exit status.

    Bad input (`InputError`) prints one line on stderr and exits 2, and so does what the system says of a file (a full
    disk, a folder that is gone); failed work (`WorkError`, no memory left) exits 1; Ctrl-C and SIGTERM exit 130. Output
    that nobody reads hinders no work: it exits 141 where the reader has left, as any program in ``| head``.

    Parameters
    ----------
    program : name shown in the help text, such as ``corrotwin synth``.
    description : one paragraph shown by ``--help``.
    commands : name of each command and the function it calls.
    words : the command line; by default that of this process.
    """
    import tyro

    words = sys.argv[1:] if words is None else words
    chosen = next((commands[word] for word in words if word in commands), None)
    app = tyro.extras.SubcommandApp()
    for name, command in commands.items():
        app.command(name=name)(_laid_out(command) if command is chosen else _listed(command))

    def call() -> Any:
        _refuse_repeated_options(chosen, words)
        return app.cli(prog=program, description=description, args=words, use_underscores=False)

    leave_with_status(program, call, chosen)


def run_one(program: str, command: Callable[..., Any], words: Sequence[str] | None = None) -> NoReturn:
    """Do the same as `run` for a program of one command."""
    import tyro

    words = sys.argv[1:] if words is None else words

    def call() -> Any:
        _refuse_repeated_options(command, words)
        return tyro.cli(_laid_out(command), prog=program, args=words, use_underscores=False)

    leave_with_status(program, call, command)


def described(command: Callable[..., Any]) -> dict[str, tuple[str, bool]]:
    """Return the help of each parameter, and whether it is advanced: in "Other Parameters" (numpydoc: seldom used)."""
    from docstring_parser import parse

    return {
        name: (" ".join((entry.description or "").split()), entry.args[0] == "other_param")
        for entry in parse(command.__doc__ or "").params
        for name in re.split(r",\s*", entry.arg_name)
    }


def _listed(command: Callable[..., Any]) -> Callable[[], None]:
    """Return a command as the list of all commands shows it: a name and a summary."""

    def summary() -> None:
        """Stand in the list, for a command that is not called."""

    summary.__doc__ = (command.__doc__ or "").partition("\n")[0]
    return summary


def _laid_out(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command whose help has its advanced options in a box of their own, and no defaults that say nothing."""
    from tyro.conf import DisallowNone, FlagCreatePairsOff, OmitArgPrefixes, arg

    hints, helped = get_type_hints(command, include_extras=True), described(command)
    common: list[inspect.Parameter] = []
    apart: list[tuple[str, Any, Any]] = []
    for name, parameter in inspect.signature(command).parameters.items():
        text, is_advanced = helped.get(name, ("", False))
        hint: Any = Annotated[hints[name], DisallowNone]
        if text:  # an empty one would hide the help in the signature
            hint = Annotated[hint, arg(help=text)]
        takes_all = _is_positional(parameter) and _takes_several(parameter)  # tyro calls nothing its default
        if parameter.default is None or parameter.default in ("", ()) or takes_all:
            hint = Annotated[hint, arg(help_behavior_hint="")]
        elif parameter.default is False:
            hint = Annotated[hint, arg(help_behavior_hint=""), FlagCreatePairsOff]
        if is_advanced:
            apart.append((name, hint, parameter.default))
        else:
            common.append(parameter.replace(annotation=hint))
    if apart:
        box = dataclasses.make_dataclass("Advanced", apart, frozen=True)
        hint = Annotated[box, OmitArgPrefixes, arg(help="")]
        common.append(inspect.Parameter("advanced", inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=box()))

    def call(*positional: Any, advanced: Any = None, **given: Any) -> Any:
        return command(*positional, **given, **(vars(advanced) if advanced else {}))

    call.__doc__, call.__name__ = command.__doc__, command.__name__
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in common}
    call.__signature__ = inspect.Signature(common)  # type: ignore[attr-defined]
    return call


def _is_positional(parameter: inspect.Parameter) -> bool:
    """Return True for an argument given without the name of an option."""
    return parameter.kind is parameter.POSITIONAL_ONLY or "Positional" in str(parameter.annotation)


def _takes_several(parameter: inspect.Parameter) -> bool:
    """Return True for an argument or option of several values."""
    return "tuple[" in str(parameter.annotation)


def leave_with_status(program: str, call: Callable[[], Any], command: Callable[..., Any] | None = None) -> NoReturn:
    """Exit with the status that `call` returns, or with that of its error while `command` runs, as for `run`."""
    text.guard_streams()
    text.show_log()
    os.environ.pop("MPLBACKEND", None)  # commands draw into files; a notebook's backend may not be installed here
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = _status(program, call, command)
    except SystemExit as error:  # of tyro and argparse, which have said why
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    status, lost = text.exit_status(status)
    if lost:
        text.say_error(f"{program}: error: {lost}")
    sys.exit(status)


def _status(program: str, call: Callable[[], Any], command: Callable[..., Any] | None) -> int:
    """Return the status that `call` returns, or that of its error, after reporting the error in one line."""
    try:
        status = call()
    except (InputError, WorkError) as error:
        return _fail(program, in_options(str(error), command), 2 if isinstance(error, InputError) else 1)
    except OSError as error:
        where = f"{error.filename2 or error.filename}: " if error.filename is not None else ""
        return _fail(program, f"{where}{error.strerror or error}; correct this, and the same command resumes", 2)
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        is_shared = any(words in str(error) for words in _SHARED_MEMORY)
        room = (
            "give the container more shared memory (--shm-size)"
            if is_shared
            else "free some memory or process less at a time"
        )
        said = f"out of memory ({str(error) or 'none left':.200}); {room}, then run the same command again"
        return _fail(program, said, 1)
    except KeyboardInterrupt:
        text.say_error(f"{program}: interrupted; the same command resumes where it can")
        return 130
    return status if isinstance(status, int) else 0


def _refuse_repeated_options(command: Callable[..., Any] | None, words: Sequence[str]) -> None:
    """Refuse an option of several values that appears twice; of an option of one value the last counts, as usual."""
    if command is None:
        return
    parameters = inspect.signature(command).parameters.values()
    several = {f"--{parameter.name.replace('_', '-')}" for parameter in parameters if _takes_several(parameter)}
    given = Counter(word.partition("=")[0].replace("_", "-") for word in words)  # as tyro reads them
    if twice := next((option for option in sorted(several) if given[option] > 1), ""):
        raise InputError(f"{twice} is given twice, but only the last would count; give it once, followed by all values")


def _fail(program: str, message: str, status: int) -> int:
    """Report the error in one line, and return the exit status."""
    text.say_error(f"{program}: error: {text.printable(message)}")
    return status


def in_options(message: str, command: Callable[..., Any] | None) -> str:
    """Return a message in which the arguments of a library function are called as the options of a command.

    Library code writes the name of an argument in backticks: "`render_counts` 3: ...". Where `command` has a parameter
    of that name, its user knows it as ``--render-counts``, or as ``RENDER-COUNTS`` where it is positional.
    """
    parameters = {} if command is None else inspect.signature(command).parameters

    def as_option(match: re.Match[str]) -> str:
        parameter = parameters.get(match[1])
        if parameter is None:
            return match[0]
        option = match[1].replace("_", "-")
        return option.upper() if _is_positional(parameter) else f"--{option}"

    return re.sub(r"`([a-z][a-z0-9_]*)`", as_option, message)


def _is_lack_of_memory(error: Exception) -> bool:
    """Return True if memory ran out; PyTorch raises a RuntimeError for CPU and CUDA memory."""
    return isinstance(error, MemoryError) or any(
        words in str(error)
        for words in ("can't allocate memory", "not enough memory", "out of memory", *_SHARED_MEMORY)
    )


def available_cores() -> int:
    """Cores this process may use: those it is bound to, and no more than its container may have (cgroup v2)."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, CPU_MAX.read_text().split())
    except (OSError, ValueError):  # no container, or "max"
        return bound
    return max(1, min(bound, quota // period))
