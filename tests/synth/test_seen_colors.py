import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.blender
def test_diffuse_rays_see_each_material_in_its_mean_colour(tmp_path: Path) -> None:
    script = Path(__file__).with_name("seen_colors.py")
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    colors = json.loads(done.stdout)
    assert len(colors) > 50
    for name, (real, mean) in colors.items():
        assert mean == pytest.approx(real, rel=0.1, abs=0.025), name
