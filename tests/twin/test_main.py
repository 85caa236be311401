"""The command line, as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest


def twin(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "twin", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_does_not_wait_for_numpy() -> None:
    code = (
        "import runpy, sys; sys.argv = ['twin', '--help']\n"
        "try: runpy.run_module('twin', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "sys.exit(bool({'scipy', 'trimesh', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "grow" in done.stdout


def test_a_twin_lives(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    made = twin("new", "pipe", "--out", folder, "--seed", 3, "--category", "C5", "--years", 8, "--texel-mm", 8)
    assert made.returncode == 0, made.stderr
    assert twin("grow", folder, "--years", 4).stdout.endswith("now 12 years\n")
    shown = twin("show", folder).stdout
    assert "12 years in C5" in shown
    assert "weld" in shown
    assert twin("export", folder, "--out", tmp_path / "spool.glb").returncode == 0
    assert (tmp_path / "spool.glb").read_bytes()[:4] == b"glTF"
    again = twin("new", "pipe", "--out", folder)
    assert (again.returncode, again.stdout) == (2, "")
    assert "holds a twin already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("new", "boat"), "pipe, chain, plate"),
        (("new", "pipe", "--category", "C7"), "C1, C2"),
        (("new", "pipe", "--years", "-3"), "years -3"),
        (("new", "pipe", "--coating-life", "-3"), "coating of -3"),
        (("new", "pipe", "--texel-mm", "0"), "0.05 to 100 mm"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = twin(*arguments, "--out", tmp_path / "t")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert not list(tmp_path.iterdir())
