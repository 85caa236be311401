import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def test_diffuse_rays_see_each_material_in_its_mean_colour(tmp_path: Path) -> None:
    script = Path(__file__).with_name("seen_colors.py")
    done = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    colors = json.loads(done.stdout)
    assert len(colors) > 20
    for name, (real, mean) in colors.items():
        assert np.dot(mean, LUMINANCE) == pytest.approx(np.dot(real, LUMINANCE), rel=0.1), name
        assert np.array(mean) / np.dot(mean, LUMINANCE) == pytest.approx(
            np.array(real) / np.dot(real, LUMINANCE), rel=0.12
        ), name
