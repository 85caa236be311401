"""Tasks in processes: results by key, and none begun after the end."""

import os
import signal
import time
from pathlib import Path

import pytest

from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.machine import by_completion


def double(number: int) -> int:
    return 2 * number


def fail_first(number: int, folder: Path) -> None:
    """Begin, and fail if it is the first."""
    (folder / str(number)).touch()
    if number == 0:
        raise InputError("no such photo")
    time.sleep(1)


def die(number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_come_by_key() -> None:
    assert dict(by_completion(double, {"a": (1,), "b": (2,)}, 2)) == {"a": 2, "b": 4}
    with pytest.raises(InputError, match="`workers` 0: must be at least 1"):
        list(by_completion(double, {"a": (1,)}, 0))


@pytest.mark.ci
def test_a_failure_cancels_what_waits(tmp_path: Path) -> None:
    calls = {number: (number, tmp_path) for number in range(20)}
    with pytest.raises(InputError, match="no such photo"):
        list(by_completion(fail_first, calls, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["0"]


@pytest.mark.ci
def test_a_killed_process_is_said_in_one_line() -> None:
    with pytest.raises(WorkError, match=r"a process was killed .* the same command resumes"):
        list(by_completion(die, {0: (0,)}, 1))
