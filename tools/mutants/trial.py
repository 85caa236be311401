"""Trials of mutants: tests run in forks of one process, which has imported what they import from outside."""

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
SECONDS = 60  # of processor time that the tests of a mutant have
PATIENCE_SECONDS = 900.0  # of wall time, where other work slows them
MEMORY_BYTES = 8 * 2**30
OURS = ("corrotwin", "tools", "tests", "conftest")


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """The answer of tests to a mutant."""

    status: int
    """Exit status of pytest; negative: the signal that ended it."""

    failed: str
    """First test that failed; empty: none, or the tests did not get so far."""

    seconds: float
    """Processor time."""

    imported: tuple[str, ...] = ()
    """Modules from outside that the tests imported."""


def warm(modules: Sequence[str]) -> None:
    """Import modules once, for all forks to come; those that only tests can import are left to them."""
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def attempt(tests: Sequence[str], module: str | None = None, source: str = "") -> TrialOutcome:
    """Run tests in a fork of this process, up to the first that fails.

    Parameters
    ----------
    tests : what pytest takes: files, or tests in them.
    module : path of the module that has another source there, from the root; None: none.
    source : that other source.
    """
    reading, writing = os.pipe()
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    child = os.fork()
    if child == 0:
        os.close(reading)
        _leave_after_tests(tests, module, source, folder, writing)
    os.close(writing)
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
    with open(reading, encoding="utf-8") as pipe:  # noqa: PTH123 - a pipe
        said = pipe.read()
    shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, Any] = json.loads(said) if said else {}
    return TrialOutcome(
        status=os.waitstatus_to_exitcode(status),
        failed=found.get("failed", ""),
        seconds=usage.ru_utime + usage.ru_stime,
        imported=tuple(found.get("imported", ())),
    )


class _Watch:
    """Plugin of pytest that keeps the first test that failed."""

    failed = ""

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


class _Loader(SourceFileLoader):
    """Loader of a module from another source than its file's."""

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
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        for name in [name for name in sys.modules if name.split(".")[0] in OURS and name != "tools.mutants.trial"]:
            del sys.modules[name]
        if module is not None:
            name = "corrotwin." + module.removesuffix(".py").replace("/", ".")
            sys.meta_path.insert(0, _Finder(name, str(ROOT / module), source))
        status, found = _tested(tests, folder)
        os.write(pipe, json.dumps(found).encode())
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
