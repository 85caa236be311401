"""The rooms of the package: what a newcomer may rely on when looking for a file; and that the checkers read all."""

import ast
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tools import source_map

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("twin", "synth", "segmentation", "benchmarks", "tools")
MOST_MODULES = 15  # in one folder
PYTHON_FILE = r"(?<![\w/.-])((?:tests|twin|synth|segmentation|benchmarks|tools|examples)/[\w/]+\.py)"
MOST_LINES = 310  # in one module: about 300
MOST_TEST_LINES = 500  # in one module below tests/
ROOMS = sorted(
    str(path.parent.relative_to(ROOT)) for folder in FOLDERS for path in (ROOT / folder).rglob("__init__.py")
)
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def package_name(room: str) -> str:
    return room.replace("/", ".") if room.startswith("tools") else f"corrotwin.{room.replace('/', '.')}"


def test_what_is_installed_is_the_four_folders() -> None:
    links = {path.name: path.readlink() for path in (ROOT / "src" / "corrotwin").iterdir() if path.is_symlink()}
    folders = {name: Path("../..") / name for name in FOLDERS if name != "tools"}
    assert links == {**folders, "constraints.txt": Path("../../constraints.txt")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_small_and_says_in_a_sentence_what_it_holds(room: str) -> None:
    modules = [path for path in (ROOT / room).glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES
    sentence = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
    assert sentence
    assert re.fullmatch(r"[A-Z].{20,}\.", sentence.split("\n\n")[0].replace("\n", " "))


def test_no_module_shadows_the_standard_library() -> None:
    names = {path.stem for path in MODULES} | {path.name for path in map(Path, ROOMS)}
    assert names & set(sys.stdlib_module_names) == set()


def test_a_type_error_is_found_in_every_room(tmp_path: Path) -> None:
    """Mypy reads the configured packages through the links; of each room only what is planted, which takes seconds."""
    for room in ROOMS:
        (tmp_path / room).mkdir(parents=True, exist_ok=True)
        (tmp_path / room / "__init__.py").touch()
        (tmp_path / room / "planted.py").write_text('NUMBER: int = "one"\n')
    shutil.copytree(ROOT / "src", tmp_path / "src", symlinks=True, ignore=shutil.ignore_patterns("*.egg-info", "__*"))
    (tmp_path / "src" / "corrotwin" / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    done = subprocess.run([tool("mypy")], cwd=tmp_path, capture_output=True, text=True, check=False)
    found = {str(Path(line.split(":")[0]).parent) for line in done.stdout.splitlines() if "[assignment]" in line}
    assert {name.removeprefix("src/corrotwin/") for name in found} == set(ROOMS), done.stdout + done.stderr


def test_a_forbidden_import_is_found_in_every_room(tmp_path: Path) -> None:
    for name in (*FOLDERS, "src"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in ROOMS:
        (tmp_path / room / "planted.py").write_text("import torch\n" if room == "synth/blender" else "import bpy\n")
    done = subprocess.run(
        [tool("lint-imports"), "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": "", "PYTHONPATH": f"{tmp_path / 'src'}:{tmp_path}", "COLUMNS": "200"},
    )  # fmt: skip
    found = set(re.findall(r"(\S+)\.planted ->", done.stdout))
    assert found >= {package_name(room) for room in ROOMS}, done.stdout + done.stderr


def long_modules(folder: Path, most: int) -> dict[str, int]:
    """Return the modules below a folder with more than `most` lines, and how many these have."""
    lines = {str(path.relative_to(folder)): len(path.read_text().splitlines()) for path in folder.rglob("*.py")}
    return {name: count for name, count in lines.items() if count > most}


@pytest.mark.parametrize(
    ("folder", "most"), [*((folder, MOST_LINES) for folder in FOLDERS), ("tests", MOST_TEST_LINES)]
)
def test_modules_are_short(folder: str, most: int) -> None:
    assert long_modules(ROOT / folder, most) == {}


def test_a_planted_long_module_is_found(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    for name, count in (("room/long", 501), ("room/short", 500), ("conftest", 502)):
        (tmp_path / f"{name}.py").write_text("\n" * count)
    assert long_modules(tmp_path, MOST_TEST_LINES) == {"room/long.py": 501, "conftest.py": 502}


@pytest.mark.ci
def test_no_two_public_classes_share_a_name() -> None:
    where = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}


@pytest.mark.ci
def test_the_map_is_that_of_the_source() -> None:
    assert source_map.PAGE.read_text() == source_map.page(), "run python -m tools.source_map"


def test_files_named_in_pages_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "examples" / "README.md"]
    named = {
        (path.name, name)
        for path in pages
        if path.name not in ("CHANGELOG.md", "transfer-log.md")  # history keeps the names of its time
        for name in re.findall(PYTHON_FILE, path.read_text())
    }  # fmt: skip
    assert len(named) > 20
    assert {(page, name) for page, name in named if not (ROOT / name).exists()} == set()
