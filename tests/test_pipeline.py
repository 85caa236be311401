"""The whole line at its smallest, with every part real: Blender, the networks, Ray, the statistics, the report."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import drill
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.blender]

# A quick study, cut to one backbone and a handful of images; argument 1 is the folder, others are sets across.
TINY = """
import sys
from dataclasses import replace
from pathlib import Path
from corrotwin.benchmarks.report import build
from corrotwin.benchmarks.study import runner
from corrotwin.benchmarks.study.config import choose
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.twin.core.text import show_log

show_log()
plan = choose("quick", backbones=("mobilenet_v2",))
tiny = replace(
    plan,
    renders=replace(plan.renders, count=6, size=64),
    standin=replace(plan.standin, count=12, size=64),
)
out, *across = map(Path, sys.argv[1:])
failed = runner.run(out, tiny, Sources(across=tuple(across)))
build.write(out)
sys.exit(bool(failed))
"""
RUNS = {"real-mobilenet_v2-00", "real-mobilenet_v2-01", "mixed-mobilenet_v2-00", "mixed-mobilenet_v2-01"}


def start(out: Path, *across: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TINY, str(out), *map(str, across)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def tables(out: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in out.glob("runs/*/per_image.csv")}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pipeline") / "study"
    child = start(out)
    said, errors = child.communicate(timeout=400)
    assert child.returncode == 0, errors
    assert "4 runs, 0 complete, 4 to do" in said
    assert "(probed)" in said
    return out


def test_every_run_is_complete_and_the_report_shows_it(study: Path) -> None:
    assert set(tables(study)) == RUNS
    assert not list(study.glob("runs/*/last*"))
    page = (study / "report" / "index.html").read_text()
    assert "stand-in" in page
    assert page.count("data:image/") > 2
    assert (study / "report" / "report.md").exists()
    assert (study / "report" / "scores.csv").exists()  # those of the paper take all four of its networks


def test_killed_in_training_and_started_again_repeats_nothing(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    shutil.copytree(study, out)
    shutil.rmtree(out / "runs")
    shutil.rmtree(out / "report")
    (out / "study.json").unlink()

    child = start(out)
    drill.until(lambda: list(out.glob("runs/*/run.json")), seconds=200)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    time.sleep(2)  # the Ray processes die with their driver
    finished = drill.times(out, "run.json")
    assert 0 < len(finished) < len(RUNS)

    child = start(out, study / "renders")
    _, errors = child.communicate(timeout=400)
    assert child.returncode == 0, errors
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert tables(out) == tables(study)

    across = {path.parents[1].name: path.read_text().splitlines() for path in out.glob("runs/*/across/renders.csv")}
    assert set(across) == RUNS
    for header, *rows in across.values():
        assert header == "image,tp,fp,fn,tn"
        assert len(rows) == 12  # a draw of six for each of two runs
        assert all(sum(map(int, row.split(",")[1:])) == 96 * 96 for row in rows)
