"""A folder from a stranger, with links in place of its files, makes no command change a file elsewhere."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import drill
import odd_files
import pytest
from drill import Forge

from corrotwin.twin.core.locks import LOCK

pytestmark = pytest.mark.ci  # each test takes seconds

CASES = ["grow", "inspect", "assemble", pytest.param("train", marks=pytest.mark.slow)]


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder by their paths; links are not followed."""
    found = {}
    for top, _, names in os.walk(folder):
        for path in (Path(top) / name for name in names):
            if not path.is_symlink():
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def one_line_or_done(status: int, errors: str) -> bool:
    """Whether a command ended well, or with one line of what is wrong."""
    lines = [line for line in errors.splitlines() if not line.startswith("epoch ")]
    return status == 0 or (status == 2 and len(lines) == 1 and "error: " in lines[0])


@pytest.mark.parametrize("how", odd_files.LINKS)
@pytest.mark.parametrize("name", CASES)
def test_files_elsewhere_that_a_folder_links_to_keep_their_content(
    name: str, how: str, cases: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Each file that the command starts from or makes, one after the other."""
    forge: Forge = request.getfixturevalue("trainer" if name == "train" else "forge")
    case = cases[name]
    case.begin()
    names = set(drill.hashes(case.place)) if case.place.exists() else set()
    assert forge.run(*case.line) == (0, "") or name == "train"
    for number, file in enumerate(sorted({*names, *drill.hashes(case.place), LOCK})):
        case.begin()
        path, home = case.place / file, tmp_path / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(odd_files.SECRET)
        odd_files.LINKS[how](path, home)
        before = contents(home)
        assert one_line_or_done(*forge.run(*case.line)), file
        assert contents(home) == before, file


@pytest.mark.parametrize("name", CASES)
def test_folders_elsewhere_that_a_folder_links_to_keep_their_files(
    name: str, cases: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    forge: Forge = request.getfixturevalue("trainer" if name == "train" else "forge")
    case = cases[name]
    case.begin()
    forge.run(*case.line)
    below = sorted({path.parent for path in case.place.rglob("*/*") if path.is_file()})
    assert below or name in ("grow", "inspect", "train")
    for number, folder in enumerate(below):
        case.begin()
        home = tmp_path / str(number)
        if folder.exists():
            shutil.move(folder, home)
        else:
            shutil.copytree(case.place, home)
        (home / ".draft.tmp").write_bytes(odd_files.SECRET)
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(home)
        before = contents(home)
        assert one_line_or_done(*forge.run(*case.line)), folder
        assert contents(home) == before, folder


@pytest.mark.parametrize("kind", odd_files.KINDS)
@pytest.mark.parametrize("name", ["grow", "inspect", "assemble"])
def test_what_is_no_file_in_place_of_any_file_is_one_line_and_no_command_hangs(
    name: str, kind: str, cases: dict[str, Any], forge: Forge
) -> None:
    """A forge ends what hangs, with another status."""
    case = cases[name]
    case.begin()
    few = sorted({*drill.hashes(case.place), LOCK}, key=lambda file: (file.count("/"), file))[:6]
    for file in few:
        case.begin()
        odd_files.put(kind, case.place / file)
        status, errors = forge.run(*case.line)
        assert one_line_or_done(status, errors), (file, status, errors)


@pytest.mark.parametrize("how", [*odd_files.LINKS, *odd_files.KINDS])
@pytest.mark.parametrize(
    "line",
    [
        ["twin", "new", "bar", "--random", "--texel-mm", 40],
        ["synth", "render", "--preset", "quick", "--size", 64, "--count", 1],
        ["segmentation", "train", "--profile", "quick", "--split", "own", "--data"],
    ],
    ids=["new", "render", "train"],
)
def test_the_lock_of_a_folder_that_a_command_begins_empties_no_file(
    line: list[object], how: str, photos: Path, forge: Forge, tmp_path: Path
) -> None:
    lock = tmp_path / "out" / LOCK
    lock.parent.mkdir()
    if how in odd_files.LINKS:
        lock.write_bytes(odd_files.SECRET)
        odd_files.LINKS[how](lock, tmp_path / "home")
        before = contents(tmp_path / "home")
    else:
        odd_files.put(how, lock)
        before = {}
    words = [*line, photos] if line[-1] == "--data" else line
    status, errors = forge.run(*words, "--out", lock.parent)
    assert (status, errors.count("\n")) == (2, 1), errors
    assert str(lock.parent) in errors
    assert how not in odd_files.LINKS or contents(tmp_path / "home") == before
    assert not list(lock.parent.glob("[!.]*json"))


def test_of_two_new_twins_at_once_one_wins_and_the_other_is_told(forge: Forge, tmp_path: Path) -> None:
    """The first is stopped where it has looked at the folder, and then where it has made the twin."""
    line = ["twin", "new", "bar", "--random", "--texel-mm", 40, "--set", "count=1", "--out", tmp_path / "out", "--seed"]
    seeds = {}
    for seed in (1, 2):
        assert forge.run(*line[:-2], tmp_path / f"{seed}", "--seed", seed) == (0, "")
        seeds[seed] = json.loads((tmp_path / f"{seed}" / "twin.json").read_text())["twin"]["seed"]
    for number in (1, 4):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        log = tmp_path / f"log-{number}"
        trouble = {"below": str(tmp_path / "out"), "log": str(log), "at": number, "trouble": "stop"}
        first = drill.start(*line, 1, drill=trouble)
        drill.until(lambda log=log, number=number: log.exists() and log.read_text().count("\n") == number, seconds=60)
        status, errors = forge.run(*line, 2)
        os.kill(first.pid, drill.signal.SIGCONT)
        _, first_errors = first.communicate(timeout=60)
        assert sorted([status, first.returncode]) == [0, 2], (errors, first_errors)
        said = errors if status else first_errors
        assert said.count("\n") == 1
        assert "already holds a twin" in said or "is writing here" in said
        kept = json.loads((tmp_path / "out" / "twin.json").read_text())["twin"]["seed"]
        assert kept == seeds[2 if status == 0 else 1]
