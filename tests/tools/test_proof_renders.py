"""Renders of a transfer made again: by the source of their own commit, digests compared, refusals."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import write_dataset

from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import read_text
from tools import proof_renders
from tools.proof_renders import SETS

RENDERER = """
import pathlib, shutil, sys
import twin
assert sys.argv[1] == "render", sys.argv
given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
out = pathlib.Path(given["--out"])
shutil.copytree(twin.RENDERS, out)
(out / "asked.txt").write_text(" ".join(f"{key} {given[key]}" for key in given if key != "--out"))
"""


@pytest.fixture
def renders(tmp_path: Path) -> coco.CocoDataset:
    return write_dataset(tmp_path / "renders", 3)


@pytest.fixture
def history(tmp_path: Path, renders: coco.CocoDataset) -> tuple[Path, str]:
    """A repository whose last commit has no renderer and the one before has; with the hash of the latter."""
    repository = tmp_path / "repository"
    files = {
        "synth/__main__.py": RENDERER,
        "twin/__init__.py": f"RENDERS = {str(renders.folder)!r}",
        "segmentation/__init__.py": "",
    }

    def git(*words: str) -> str:
        line = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(repository), *words]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()

    repository.mkdir()
    git("init", "-q")
    for name, text in files.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    git("add", ".")
    git("commit", "-qm", "renders")
    commit = git("rev-parse", "HEAD")
    (repository / "synth" / "__main__.py").write_text("raise SystemExit(3)")
    git("commit", "-qam", "broken")
    return repository, commit


def test_a_set_is_rendered_by_its_own_commit_and_its_digest_compared(
    history: tuple[Path, str], renders: coco.CocoDataset, tmp_path: Path
) -> None:
    repository, commit = history
    wanted = replace(SETS["clean-100"], commit=commit, digest=renders.digest)
    said = proof_renders.render_set(wanted, tmp_path / "same", repository=repository)
    assert said == f"{tmp_path / 'same'}: the pictures of the transfer, bit for bit (digest {wanted.digest})"
    assert read_text(tmp_path / "same" / "asked.txt") == "--preset clean --count 100 --size 224 --seed 0"
    other = replace(wanted, digest="0" * 16)
    assert "in other bits" in proof_renders.render_set(other, tmp_path / "other", repository=repository)
    said = proof_renders.render_set(wanted, tmp_path / "few", count=3, repository=repository)
    assert said == f"{tmp_path / 'few'}: 3 of 100 pictures, digest {wanted.digest}"


def test_work_that_fails_and_history_that_is_cut_are_said(history: tuple[Path, str], tmp_path: Path) -> None:
    repository, _ = history
    with pytest.raises(WorkError, match="ended with status 3; the same command resumes"):
        proof_renders.render_set(replace(SETS["clean-100"], commit="HEAD"), tmp_path / "new", repository=repository)
    with pytest.raises(InputError, match="git has no commit d800814; run this in a clone with the whole history"):
        proof_renders.render_set(SETS["clean-100"], tmp_path / "new", repository=repository)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sets", "bridges"], "--sets bridges: there is no such set; choose from bridges-300, painted-300"),
        (["--count", "0"], "--count 0: give at least 1"),
    ],
)
def test_what_cannot_be_rendered_is_refused(words: Sequence[str], said: str, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "tools.proof_renders", "--out", str(tmp_path / "out"), *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "out").exists()
