import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import drill
import numpy as np
import pytest

from corrotwin.twin.core.errors import InputError, WorkError
from tools.speed import __main__ as speed
from tools.speed import memory
from tools.speed.memory import Sample

TREE = """
import subprocess, sys, time
held = bytearray(60_000_000)
held[::4096] = b"x" * len(held[::4096])
program = "import time; held = b'x' * 30_000_000; time.sleep(60)"
subprocess.Popen([sys.executable, "-c", program, "corrotwin.synth.blender"])
print("ready", flush=True)
time.sleep(60)
"""


def test_memory_is_told_by_role_and_of_descendants_alone() -> None:
    job = subprocess.Popen([sys.executable, "-c", TREE], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert job.stdout is not None
        job.stdout.readline()
        drill.until(lambda: memory.by_role(job.pid)["blender"] > 35, seconds=30)
        found = memory.by_role(job.pid)
        assert 60 < found["driver"] < 90
        assert 30 < found["blender"] < 60
        assert found["workers"] == found["ray"] == 0
    finally:
        os.killpg(job.pid, 9)
        job.wait()
        assert job.stdout is not None
        job.stdout.close()


def test_growth_is_from_the_second_stretch_to_the_last(tmp_path: Path) -> None:
    samples = [
        Sample(seconds=scene, scenes=scene, driver=100, workers=200 + (scene >= 50) * 0.2 * scene, blender=0, ray=50)
        for scene in range(501)
    ]
    found = memory.stretches(samples)
    assert [(one.first, one.last) for one in found][::9] == [(0, 50), (450, 500)]
    assert sum(one.seconds for one in found) == pytest.approx(490)
    assert found[0].most == (100, 200, 0, 50)
    workers = [200 + 0.2 * np.arange(start, start + 50).mean() for start in (50, 450)]
    assert memory.growth(found) == pytest.approx({"driver": 0, "workers": workers[1] / workers[0] - 1, "ray": 0})
    text = memory.write(tmp_path, samples, "500 scenes")
    assert "| 450 to 500 | 49 | 100 (100) | 295 (300) | 0 (0) | 50 (50) |" in text
    assert "driver +0.0 %, workers +37.2 %, ray +0.0 %." in text
    assert len((tmp_path / "memory.csv").read_text().splitlines()) == 502


@pytest.mark.ci
def test_a_command_that_fails_says_why_and_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    given = {"preset": "quick", "scenes": 1, "views": 2, "workers": 1}
    with pytest.raises(WorkError, match=r"renders: .*--size 0"):
        list(memory.measure(tmp_path / "out", size=0, **given))
    with pytest.raises(InputError, match="already exists; choose another"):
        list(memory.measure(tmp_path / "out", size=64, **given))


def test_an_interrupted_measure_leaves_the_table_of_what_it_saw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(out: Path, **_: object) -> Iterator[Sample]:
        out.mkdir()
        for scene in range(60):
            yield Sample(seconds=scene, scenes=scene, driver=100)
        raise KeyboardInterrupt

    monkeypatch.setattr(memory, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        speed.memory(out=tmp_path / "out", scenes=500)
    assert "# 59 of 500 scenes of quick" in (tmp_path / "out" / "memory.md").read_text()
    assert "50 scenes" in capsys.readouterr().err
    assert len((tmp_path / "out" / "memory.csv").read_text().splitlines()) == 61


@pytest.mark.blender
@pytest.mark.slow
def test_a_real_job_is_sampled(tmp_path: Path) -> None:
    samples = list(memory.measure(tmp_path / "out", preset="quick", size=32, scenes=3, views=2, workers=1))
    for role in memory.ROLES:
        assert max(getattr(one, role) for one in samples) > 30
