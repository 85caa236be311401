"""What a stranger's file may do to a command: one line on stderr that names it, exit status 2, and nothing else."""

import os
import pickle
import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import drill
import pytest
from cases import CASES, KEPT, MEASURED
from malformed import Evil, safetensors
from photographs import write_folder

ROOT = Path(__file__).resolve().parents[2]
MOST_MIB = 800  # of a command's memory at its height; torch alone takes 300
OWNED = Path("/tmp/owned")  # what an archive would write at an absolute path
CEILING_MB = 8 * 1024  # of a command's addresses, so that a bomb hurts no machine


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


@pytest.fixture(scope="module")
def forge() -> Iterator[drill.Forge]:
    with drill.forge(
        "corrotwin.twin.store", "corrotwin.segmentation.data.leakage", "corrotwin.segmentation.training.train"
    ) as made:
        yield made


def everything(*folders: Path) -> dict[Path, tuple[int, int]]:
    """Every file below folders with its size and time of change; an empty lock is nobody's loss.

    The file that an archive would write at an absolute path is one of them.
    """
    return {
        path: (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in (OWNED, *(path for folder in folders for path in folder.rglob("*")))
        if os.path.lexists(path) and not path.is_dir() and not (path.name == ".lock" and path.lstat().st_size == 0)
    }


def check(done: subprocess.CompletedProcess[str], name: str) -> None:
    case = CASES[name]
    lines = done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    assert (done.returncode, len(lines)) == (case.status, 1), done.stderr[-3000:]
    assert lines[0].startswith(f"corrotwin {done.args[0]}: error: ")
    assert not [one for one in done.stderr + done.stdout if not one.isprintable() and one != "\n"]
    assert len(lines[0]) < 6000
    assert re.search(case.says, lines[0]), lines[0]


@pytest.mark.parametrize("name", [name for name in CASES if name not in MEASURED])
def test_one_line_status_2_and_nothing_written(
    name: str, tmp_path: Path, cache: Path, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    line = CASES[name].make(tmp_path / "given")
    places = [tmp_path, *([cache] if name not in KEPT else [])]
    before = everything(*places)
    done = run_module(*line)
    check(done, name)
    assert everything(*places) == before


@pytest.mark.ci
@pytest.mark.parametrize("name", MEASURED)
def test_memory_stays_within_bounds_and_no_code_runs(
    name: str, tmp_path: Path, cache: Path, forge: drill.Forge
) -> None:
    line = [str(word) for word in CASES[name].make(tmp_path / "given")]
    before = everything(tmp_path, cache)
    done, height_kib = forge.measure(*line, room_mb=CEILING_MB)
    check(done, name)
    assert height_kib < MOST_MIB * 1024
    assert everything(tmp_path, cache) == before


@pytest.fixture(scope="module")
def begun(
    tmp_path_factory: pytest.TempPathFactory, run_module: Callable[..., subprocess.CompletedProcess[str]]
) -> tuple[Path, list[object]]:
    """The folder of a training that was cut off before its end, and the command that goes on with it."""
    home = tmp_path_factory.mktemp("begun")
    for seed, part in enumerate(("train", "valid", "test")):
        write_folder(
            home / "data" / part, count=2, seed=seed, size=(40, 40), json_name="_annotations.coco.json", images="."
        )
    line = [
        "segmentation", "train", "--data", home / "data", "--split", "own", "--profile", "quick", "--size", 32,
        "--epochs", 1, "--threads", 1, "--out", home / "run",
    ]  # fmt: skip
    assert run_module(*line).returncode == 0
    (home / "run" / "run.json").unlink()
    return home / "run", line


@pytest.mark.ci
@pytest.mark.parametrize(
    "content",
    [
        lambda owned: pickle.dumps(Evil(owned)),
        struct.pack("<Q", 2**60) + b"{}",
        safetensors({"x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}),
        safetensors({"__metadata__": {"progress": "[" * 200_000}}),
        safetensors({"__metadata__": {"progress": '{"history": [{"epoch": "one"}], "best_epoch": 0, "best_f1": 0}'}}),
    ],
    ids=["pickle", "header of 2^60", "terabytes", "nested", "words"],
)
def test_a_hostile_checkpoint_of_a_training_that_goes_on_is_one_line(
    content: bytes | Callable[[Path], bytes],
    begun: tuple[Path, list[object]],
    tmp_path: Path,
    run_module: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    folder, line = begun
    checkpoint = folder / "last.safetensors"
    checkpoint.write_bytes(content if isinstance(content, bytes) else content(tmp_path / "owned"))
    before = drill.hashes(folder)
    done = run_module(*line)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr[-3000:]
    assert "last.safetensors: damaged or of another run" in done.stderr
    assert "Traceback" not in done.stderr
    assert drill.hashes(folder) == before
    assert not everything(tmp_path)


def test_there_are_cases_enough_and_their_pickles_bite(tmp_path: Path) -> None:
    assert len(CASES) >= 60
    assert set(MEASURED) <= set(CASES)
    pickle.loads(pickle.dumps(Evil(tmp_path / "owned")))
    assert (tmp_path / "owned").exists()
