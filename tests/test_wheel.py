"""The wheel, installed with its extras into an empty environment, beside a user's own ``twin.py``."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "rendering,mesh,cad,mqtt,aas,training,pretrained,selfsupervised,mlflow,export,study"
Command = Callable[..., subprocess.CompletedProcess[str]]


def pip(*words: object) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode and "connection" in done.stderr.lower():
        pytest.skip("no internet here")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source, so that building leaves nothing in ours."""
    folder = tmp_path_factory.mktemp("source")
    names = ("src", "twin", "synth", "segmentation", "benchmarks")
    for name in names:
        shutil.copytree(
            ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("*.egg-info", "__pyc*")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """Return the built wheel."""
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", source / "dist", source)
    (path,) = (source / "dist").glob("corrotwin-*.whl")
    return path


def modules() -> set[str]:
    """Return all Python files that must be installed, relative to the package's folder."""
    folders = ("twin", "synth", "segmentation", "benchmarks")
    paths = [path.relative_to(ROOT) for name in folders for path in (ROOT / name).rglob("*.py")]
    return {str(path) for path in paths} | {"__init__.py", "__main__.py"}


@pytest.mark.slow
def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert all(name.startswith("corrotwin/") for name in names), "no other top-level name"
    inside = {name.removeprefix("corrotwin/") for name in names}
    assert {name for name in inside if name.endswith(".py")} == modules()
    packages = ("twin", "synth", "segmentation", "benchmarks")
    templates = {str(path.relative_to(ROOT)) for name in packages for path in (ROOT / name).rglob("*.j2")}
    templates |= {str(path.relative_to(ROOT)) for path in (ROOT / "benchmarks/report/templates").iterdir()}
    templates |= {str(path.relative_to(ROOT)) for path in (ROOT / "twin/pages").glob("viewer.[cj]*s*")}
    templates |= {str(path.relative_to(ROOT)) for path in (ROOT / "twin/view").glob("*.[cj]s*")}
    model = {f"segmentation/shipped/{name}" for name in ("model.onnx", "weights.safetensors", "model.json", "card.md")}
    assert inside - modules() == {"py.typed", "constraints.txt", "twin/calibration/published.csv"} | templates | model


@pytest.mark.slow
def test_a_photo_is_predicted_where_nothing_but_the_package_is_installed(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "environment"], check=True)
    python = tmp_path / "environment" / "bin" / "python"
    pip("--python", python, "install", "--quiet", "-c", ROOT / "constraints.txt", wheel)
    draw = "from PIL import Image; Image.new('RGB', (90, 60), (120, 62, 30)).save('photo.jpg')"
    subprocess.run([python, "-c", draw], cwd=tmp_path, check=True)
    done = subprocess.run(
        [python.with_name("corrotwin"), "predict", "photo.jpg"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "predictions" / "masks" / "photo.png").is_file()
    absent = subprocess.run([python, "-c", "import torch"], capture_output=True, check=False)
    assert absent.returncode == 1


@pytest.mark.slow
def test_the_sdist_builds_the_same_wheel(source: Path, wheel: Path, tmp_path: Path) -> None:
    program = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    pip("install", "--quiet", "--target", tmp_path / "tools", "setuptools>=77")
    subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=source, check=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "tools")},
    )  # fmt: skip
    (archive,) = tmp_path.glob("corrotwin-*.tar.gz")
    with tarfile.open(archive) as stream:
        stream.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "again", unpacked)
    (again,) = (tmp_path / "again").glob("*.whl")

    def content(path: Path) -> dict[str, int]:
        return {each.filename: each.CRC for each in zipfile.ZipFile(path).infolist() if "RECORD" not in each.filename}

    assert content(again) == content(wheel)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Run ``corrotwin`` of an environment of its own, in a folder with modules of the same names."""
    home = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", home / "environment"], check=True)
    python = home / "environment" / "bin" / "python"
    pip("--python", python, "install", "--quiet", "-c", ROOT / "constraints.txt", f"{wheel}[{EXTRAS}]")
    work = home / "work"
    for name in ("synth", "segmentation", "benchmarks", "tools"):
        (work / name).mkdir(parents=True)
        (work / name / "__init__.py").write_text("raise SystemExit('a package of the user was imported')\n")
    (work / "twin.py").write_text("raise SystemExit('a module of the user was imported')\n")

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [python.with_name("corrotwin"), *map(str, words)], cwd=work, env=environment, text=True,
            capture_output=True, check=False, timeout=1200,
        )  # fmt: skip

    return run


@pytest.mark.slow
@pytest.mark.blender
def test_doctor_a_render_a_training_and_a_study_run_from_the_wheel(installed: Command) -> None:
    version = installed("--version")
    assert (version.returncode, version.stdout) == (0, f"corrotwin {importlib.metadata.version('corrotwin')}\n")
    doctor = installed("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "in the tested versions" in doctor.stdout
    small = ("--profile", "quick", "--size", 32, "--epochs", 1, "--threads", 1)
    for words in (
        ("twin", "new", "plate", "--out", "plate", "--random", "--seed", 1, "--years", 9),
        ("synth", "render", "--preset", "quick", "--size", 64, "--count", 24, "--out", "renders"),
        ("segmentation", "train", "--data", "renders", "--out", "run", *small),
        ("benchmarks", "run", "--data", "renders", "--out", "study", "--arms", "real", "--backbones", "mobilenet_v2",
         "--runs", 1, "--split", "published", *small),
    ):  # fmt: skip
        done = installed(*words)
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    again = installed("benchmarks", "report", "--out", "study")
    assert again.returncode == 0, again.stdout + again.stderr
