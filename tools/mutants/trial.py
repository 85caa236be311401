"""Trials of mutants: tests run in forks of one process that has imported their outside modules."""

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60  # processor time for the tests of a mutant
PATIENCE_SECONDS = 900.0  # wall time, for when other work slows them
MEMORY_BYTES = 8 * 2**30
OURS = ("corrotwin", "tools", "tests", "conftest")


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """The answer of tests to a mutant."""

    status: int
    """Exit status of pytest; if negative, the signal that ended it."""

    failed: str
    """First test that failed; empty if none did, or if the tests did not get that far."""

    seconds: float
    """Processor time."""

    imported: tuple[str, ...] = ()
    """Modules from outside that the tests imported."""


def warm(modules: Sequence[str]) -> None:
    """Import modules once, for all later forks; those that only tests can import are left to them."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def attempt(tests: Sequence[str], module: str | None = None, source: str = "") -> TrialOutcome:
    """Run tests in a fork of this process, up to the first that fails.

    Parameters
    ----------
    tests : arguments of pytest: files, or tests in them.
    module : path, from the root, of the module whose source is replaced; None for no module.
    source : its new source.
    """
    read_end, write_end = os.pipe()
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _leave_after_tests(tests, module, source, folder, write_end)
    os.close(write_end)
    began = time.monotonic()
    ended, status, usage = os.wait4(child, os.WNOHANG)
    try:
        while not ended and time.monotonic() - began < PATIENCE_SECONDS:
            ended, status, usage = os.wait4(child, os.WNOHANG)
            time.sleep(0.05)
    finally:
        if not ended:
            os.kill(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
    with open(read_end, encoding="utf-8") as pipe:  # noqa: PTH123 - a pipe
        answer = pipe.read()
    shutil.rmtree(folder, ignore_errors=True)
    report: dict[str, Any] = json.loads(answer) if answer else {}
    return TrialOutcome(
        status=os.waitstatus_to_exitcode(status),
        failed=report.get("failed", ""),
        seconds=usage.ru_utime + usage.ru_stime,
        imported=tuple(report.get("imported", ())),
    )


class _Watch:
    """Plugin of pytest that records the first test that fails."""

    failed = ""

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


class _Loader(SourceFileLoader):
    """Loader of a module from a source that replaces its file's."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)


@dataclass
class _Finder(MetaPathFinder):
    """Finder of one module."""

    name: str
    path: str
    source: str

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return spec_from_file_location(fullname, self.path, loader=_Loader(fullname, self.path, self.source))


def _leave_after_tests(
    tests: Sequence[str], module: str | None, source: str, folder: Path, pipe: int
) -> None:  # pragma: no cover - in a fork
    """Run tests in this process, a fork, and end it."""
    status = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        devnull = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(devnull, stream)
        for name in [name for name in sys.modules if name.split(".")[0] in OURS and name != "tools.mutants.trial"]:
            del sys.modules[name]
        if module is not None:
            name = "corrotwin." + module.removesuffix(".py").replace("/", ".")
            sys.meta_path.insert(0, _Finder(name, str(ROOT / module), source))
        status, report = _tested(tests, folder)
        os.write(pipe, json.dumps(report).encode())
    finally:
        os._exit(status)


def _tested(tests: Sequence[str], folder: Path) -> tuple[int, dict[str, Any]]:
    import pytest

    os.chdir(ROOT)
    watch = _Watch()
    status = pytest.main(
        [
            "-x", "-q", "-m", "not slow and not blender and not photos", "-p", "no:cacheprovider", "-p", "no:xdist",
            "--assert=plain", "--no-header", "--tb=no",
            f"--basetemp={folder / 'tests'}", *tests,
        ],
        plugins=[watch],
    )  # fmt: skip
    return int(status), {"failed": watch.failed, "imported": list(_outside())}


def _outside() -> Iterator[str]:
    """Yield the names of the modules from outside that are imported here."""
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is not None and name.split(".")[0] not in OURS and not name.startswith("test_"):
            yield name
