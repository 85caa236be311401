"""A kind that another package adds by an entry point is one of all; one that cannot be is refused with its name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "own_kind"
SHAPE = """
import numpy as np, trimesh
from corrotwin.twin import assets
for seed in range(20):
    made = assets.build("post", assets.sample("post", np.random.default_rng(seed)), texel_mm=5)
    shape = assets.mesh(made)
    assert shape.is_watertight and shape.is_winding_consistent and shape.volume > 0
    field = assets.texels(made)
    assert abs(field.area_mm2.sum() / 1e6 / shape.area - 1) < 0.01
    a, b, c = (shape.triangles[:, corner] for corner in range(3))
    assert (np.bincount(made.face_solid, (a * np.cross(b, c)).sum(axis=1)) > 0).all()
assert list(assets.KINDS)[-1] == assets.EVERY_KIND[-1] == "post"
assert assets.EVERY_KIND.index("mesh") == 10  # where datasets have had its category since there have been meshes
"""


def installed(folder: Path, value: str) -> dict[str, str]:
    """Return an environment in which the example is installed, its entry point naming `value`."""
    info = folder / "corrotwin_post-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: corrotwin-post\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[corrotwin.assets]\npost = {value}\n")
    (folder / "post.py").write_text((EXAMPLE / "post.py").read_text())
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}


def run(environment: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", *map(str, words)]
    return subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_the_example_is_one_file_of_forty_lines_and_an_entry_point() -> None:
    assert len((EXAMPLE / "post.py").read_text().splitlines()) <= 50  # its docstring is nine
    assert sorted(path.name for path in EXAMPLE.glob("*.*")) == ["post.py", "pyproject.toml"]


@pytest.mark.ci
def test_an_added_kind_is_built_made_and_drawn_as_ours(tmp_path: Path) -> None:
    home = tmp_path / "site"
    home.mkdir()
    environment = installed(home, "post:POST")
    done = run(environment, "-c", SHAPE)
    assert done.returncode == 0, done.stderr
    words = ("--set", "height_m=2", "--out", tmp_path / "post", "--category", "C4", "--bare", "--years", 8)
    done = run(environment, "-m", "corrotwin", "twin", "new", "post", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "defaults used: leg_mm=60.0 thickness_mm=6.0" in done.stdout
    preset = 'from corrotwin.synth.presets.schema import Preset; Preset.like("balanced", kinds=("post",))'
    assert run(environment, "-c", preset).returncode == 0


@pytest.mark.ci
@pytest.mark.parametrize("value", ["post:absent", "absent:POST", "post:build"])
def test_an_entry_point_that_is_no_kind_is_named(tmp_path: Path, value: str) -> None:
    environment = installed(tmp_path, value)
    done = run(environment, "-m", "corrotwin", "twin", "show", tmp_path)
    assert done.returncode == 2
    assert "kind of asset 'post' of corrotwin-post: " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    checks = json.loads(run(environment, "-m", "corrotwin", "doctor", "--json").stdout)
    [check] = [check for check in checks if check["name"] == "kinds of assets"]
    assert check["state"] == "missing"
    assert f"{check['found']}; {check['fix']}" in done.stderr
