"""What a stranger's file may do to a command: one line on stderr that names it, exit status 2, and nothing else."""

import os
import pickle
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import CASES, MEASURED, Evil

ROOT = Path(__file__).resolve().parents[2]
MOST_MIB = 800  # of a command's memory at its height; torch alone takes 300
CEILING = 8 * 1024**3  # of a command's addresses, so that a bomb hurts no machine


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache, where archives are extracted, lies beside what is watched."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CORROTWIN_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own, so that files at relative paths would be seen."""
    (tmp_path / "here").mkdir()
    (tmp_path / "given").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time of change; an empty lock is nobody's loss."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if not path.is_dir() and not (path.name == ".lock" and path.lstat().st_size == 0)
    }


def check(done: subprocess.CompletedProcess[str], name: str) -> None:
    case = CASES[name]
    lines = done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    assert (done.returncode, len(lines)) == (case.status, 1), done.stderr[-3000:]
    assert lines[0].startswith(f"python -m {done.args[0]}: error: ")
    assert not [one for one in done.stderr + done.stdout if not one.isprintable() and one != "\n"]
    assert len(lines[0]) < 6000
    assert re.search(case.says, lines[0]), lines[0]


@pytest.mark.parametrize("name", [name for name in CASES if name not in MEASURED])
def test_one_line_status_2_and_nothing_written(
    name: str, tmp_path: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    line = CASES[name].make(tmp_path / "given")
    before = everything(tmp_path)
    done = run_module(*line)
    check(done, name)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", MEASURED)
def test_memory_stays_within_bounds_and_no_code_runs(name: str, tmp_path: Path) -> None:
    line = [str(word) for word in CASES[name].make(tmp_path / "given")]
    before = everything(tmp_path)
    out, errors = tmp_path.parent / f"{tmp_path.name}.out", tmp_path.parent / f"{tmp_path.name}.err"
    with out.open("w") as stdout, errors.open("w") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-m", *line],
            stdout=stdout,
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (CEILING, CEILING)),
        )
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    done = subprocess.CompletedProcess(line, child.returncode, out.read_text(), errors.read_text())
    check(done, name)
    assert used.ru_maxrss < MOST_MIB * 1024
    assert everything(tmp_path) == before


def test_there_are_cases_enough_and_their_pickles_bite(tmp_path: Path) -> None:
    assert len(CASES) >= 60
    assert set(MEASURED) <= set(CASES)
    pickle.loads(pickle.dumps(Evil(tmp_path / "owned")))
    assert (tmp_path / "owned").exists()
