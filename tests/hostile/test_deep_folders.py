"""Folders in folders, deeper than Python may call itself: found or passed over, in one line."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corrotwin.twin.core import files

DEPTH = 1_500  # calls itself for each: os.walk and Path.rglob of Python 3.11
MAKE = "import os, sys\nos.chdir(sys.argv[1])\nfor _ in range(int(sys.argv[2])): os.mkdir('a'); os.chdir('a')"


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder of folders; pytest itself could not remove it."""
    home = tmp_path / "deep"
    home.mkdir()
    subprocess.run([sys.executable, "-c", MAKE, str(home), str(DEPTH)], check=True)
    yield home
    subprocess.run(["/bin/rm", "-rf", str(home)], check=True)


def test_all_of_them_are_walked(deep: Path) -> None:
    assert sum(1 for _ in files.walk(deep)) == DEPTH + 1


@pytest.mark.ci
@pytest.mark.parametrize(
    "line",
    [
        "twin fleet {deep}", "twin watch {deep} {deep}/a --once", "predict {deep} --out {out}",
        "segmentation pretrain {deep} --out {out}",
    ],
)  # fmt: skip
def test_commands_say_in_one_line_that_nothing_is_in_them(
    line: str, deep: Path, tmp_path: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run_module(*line.format(deep=deep, out=tmp_path / "out").split())
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr[-500:]
    assert not (tmp_path / "out").exists()


def test_a_walk_is_that_of_the_standard_library(tmp_path: Path) -> None:
    for name in ("b/c/d", "a", "b/e"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "b")
    (tmp_path / "a" / "self").symlink_to("self")
    expected = {Path(here): (sorted(folders), sorted(names)) for here, folders, names in os.walk(tmp_path)}
    assert {here: (folders, names) for here, folders, names in files.walk(tmp_path)} == expected
    assert set(files.below(tmp_path)) == {path for path in tmp_path.rglob("*") if not path.is_dir()}
