"""Each example, as a user runs it, in a small form."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from photographs import write_folder

import corrotwin as ct

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MOST_LINES = 42


def run(name: str, *words: object) -> str:
    """What an example prints; in the working folder of a user there is nothing of ours."""
    out = Path(str(words[-1]))
    out.mkdir(parents=True, exist_ok=True)
    line = [sys.executable, EXAMPLES / name, *map(str, words[:-1]), "--out", str(out)]
    done = subprocess.run(line, cwd=out, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos with spots, renders, and photos that nobody has labelled."""
    home = tmp_path_factory.mktemp("data")
    for seed, (name, count) in enumerate({"photos": 20, "renders": 8, "site": 2}.items()):
        write_folder(home / name, count=count, seed=seed, size=(72, 80), json_name="annotations.json", images="images")
    names = sorted(path.name for path in (home / "photos" / "images").iterdir())
    rows = [f"{name},spot {index // 2}" for index, name in enumerate(names)]
    (home / "photos" / "spots.csv").write_text("\n".join(["file_name,spot", *rows]))
    return home


def test_a_twin(tmp_path: Path) -> None:
    said = run("01_twin.py", "--texel-mm", 16, tmp_path)
    assert "14 years, C5, paint" in said
    assert "weld" in said
    assert (tmp_path / "spool" / "twin.json").is_file()
    assert (tmp_path / "spool.glb").read_bytes()[:4] == b"glTF"
    assert (tmp_path / "spool.csv").read_text().startswith("by,name,area_m2")


@pytest.mark.slow
def test_a_unit(tmp_path: Path) -> None:
    said = run("unit/run.py", "--circuits", 2, "--cmls", 12, tmp_path)
    assert said.count(" mm\n") == 10


@pytest.mark.slow
@pytest.mark.blender
def test_renders(tmp_path: Path) -> None:
    said = run("02_renders.py", "--count", 1, "--size", 32, tmp_path)
    assert said.count("1 image,") == 2
    for name in ("renders-railing", "renders-painted"):
        assert len(list((tmp_path / name / "images").iterdir())) == 1
        assert (tmp_path / name / "preview.jpg").is_file()


@pytest.mark.ci
@pytest.mark.parametrize("renders", [pytest.param(False, marks=pytest.mark.slow), True])
def test_own_photos(renders: bool, data: Path, tmp_path: Path) -> None:
    more = ["--renders", data / "renders"] if renders else []
    words = [data / "photos", data / "site" / "images", *more, "--profile", "quick", "--epochs", 1]
    said = run("03_own_photos.py", *words, tmp_path)
    assert "14 train, 4 valid, 2 test by spot" in said
    assert f"tu-tf_efficientnet_lite0, {'mixed' if renders else 'real'}, F1 0." in said
    assert len(list((tmp_path / "masks" / "masks").iterdir())) == 2


@pytest.mark.slow
def test_a_study(data: Path, tmp_path: Path) -> None:
    words = [data / "photos", "--renders", data / "renders", "--backbones", "mobilenet_v2", "--epochs", 1]
    said = run("04_study.py", *words, tmp_path)
    assert all(arm in said for arm in ("real", "mixed", "copy-paste"))
    assert (tmp_path / "study" / "report" / "index.html").is_file()


@pytest.mark.parametrize(
    ("words", "trained"),
    [
        ([], ("quick", ["mobilenet_v2", "vgg16"], 6)),
        (["--epochs", "1"], ("quick", ["mobilenet_v2", "vgg16"], 1)),
        (["--profile", "small"], ("small", [], None)),  # of the profile
        (["--profile", "small", "--backbones", "vgg16"], ("small", ["vgg16"], None)),
    ],
)
def test_a_study_is_short_in_profile_quick_alone(
    words: list[str], trained: tuple[str, list[str], int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(ct, "study", lambda *_, **asked: given.append(asked) or MagicMock())
    monkeypatch.setattr(sys, "argv", ["04_study.py", *words])
    runpy.run_path(str(EXAMPLES / "04_study.py"), run_name="__main__")
    assert tuple(given[0][name] for name in ("profile", "backbones", "epochs")) == trained


@pytest.mark.ci
def test_a_forecast(tmp_path: Path) -> None:
    said = run("05_forecast.py", "--texel-mm", 16, tmp_path)
    assert "remaining life P5 " in said
    assert "2034-05-" in said
    assert "<svg" in (tmp_path / "forecast.svg").read_text()


@pytest.mark.slow
@pytest.mark.blender
def test_renders_on_this_machine_s_cluster(tmp_path: Path) -> None:
    assert "1 image," in run("06_cluster.py", "--count", 1, "--size", 32, "--workers", 1, tmp_path)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_and_uses_only_the_api(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    imports = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names
    }
    assert imports == {"argparse", "Path", "corrotwin"}
    assert f"python examples/{path.name} " in (ast.get_docstring(tree) or "")
    assert len(text.splitlines()) <= MOST_LINES
    assert path.name in (EXAMPLES / "README.md").read_text()
