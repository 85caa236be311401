"""Fixtures shared by all tests."""

import io
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import settings
from outside import outside

from corrotwin.__main__ import main
from corrotwin.twin.core import text

# The default run meets the same few examples every time; `make test-all` draws new ones. Machines may be busy: no
# deadline.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=40)
settings.register_profile("fresh", deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files with the longest tests, or with real renders, come first, so that no process waits for the last one."""
    minutes: dict[Path, float] = {}
    for item in items:
        slow = item.get_closest_marker("slow")
        unmarked = 0 if item.get_closest_marker("blender") else -1
        own = unmarked if slow is None else slow.kwargs.get("minutes", 0)
        minutes[item.path] = max(own, minutes.get(item.path, -1))
    items.sort(key=lambda item: minutes[item.path], reverse=True)


@pytest.fixture(scope="session", autouse=True)
def decoded_photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded photos of the tests stay out of the user's cache, in Ray's workers too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROTWIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def shown_log() -> Iterator[None]:
    """What the library logs is shown as a command shows it, so that tests read it where users do."""
    handler, logger = text.show_log(), logging.getLogger("corrotwin")
    logger.propagate = True  # `caplog` listens at the root
    yield
    logger.removeHandler(handler)


@pytest.fixture(scope="module")
def few_histories() -> Iterator[None]:
    """Twins learn from a few dozen histories instead of hundreds, for tests that do not ask how well they know."""
    from histories import PLACES

    with pytest.MonkeyPatch.context() as patch:
        for module, name, size in PLACES:
            patch.setattr(module, name, size)
        yield


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photographs; tests that need it skip where it is absent, unless CI demands it."""
    return outside("CORROSION_DATA", "data", "steel-bridges", "real photographs")


@pytest.fixture(scope="session")
def run_module() -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs ``corrotwin <words>`` in this process, which spares the seconds of a new one."""

    def done(*words: object) -> subprocess.CompletedProcess[str]:
        line, out, errors = ["corrotwin", *map(str, words)], io.StringIO(), io.StringIO()
        status: object = 0
        on_term = signal.getsignal(signal.SIGTERM)
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
            patch.setattr(sys, "argv", line)
            try:
                main()
            except SystemExit as end:
                status = end.code
            finally:
                signal.signal(signal.SIGTERM, on_term)
        return subprocess.CompletedProcess(line[1:], int(str(status)), out.getvalue(), errors.getvalue())

    return done
