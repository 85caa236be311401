"""The page of a validation: distributions, tones and pictures of a dataset beside those of a reference."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import shown
from photographs import write_folder
from PIL import Image

from corrotwin.synth.preview import comparison

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    """A dataset whose name is markup, and a brighter reference."""
    own, reference = tmp_path / "<img src=x onerror=alert(1)>", tmp_path / "reference"
    for seed, folder in enumerate((own, reference)):
        write_folder(folder, count=10, seed=seed, size=(60, 80), json_name="annotations.json", images="images")
    for path in (reference / "images").iterdir():
        Image.fromarray((np.asarray(Image.open(path)) // 2 + 120).astype(np.uint8)).save(path)
    return own, reference


@pytest.mark.ci
def test_a_page_compares_two_sets(sets: tuple[Path, Path], tmp_path: Path, run_module: Command) -> None:
    page = tmp_path / "page.html"
    done = run_module("synth", "validate", sets[0], "--against", sets[1], "--report", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "<img src=x" not in text
    assert text.count("<polyline") == 2 * 8 + 2  # four charts of labels, four of tones, the key
    pictures = re.findall(r'<img src="data:image/jpeg;base64,[^"]+" alt="([^"]+), mask outlined">', text)
    assert len(pictures) == 2 * comparison.PAIRS
    assert len(set(pictures)) == len(pictures)
    with shown(page, width=400) as browser:
        assert browser.evaluate("document.documentElement.scrollWidth") <= 400
        assert browser.evaluate("[...document.images].every(image => image.complete && image.naturalWidth)")


def test_a_line_holds_the_whole_distribution(sets: tuple[Path, Path]) -> None:
    chart = comparison._chart("", "", [np.array([0.0, 1.0, 9.0, 50.0]), np.array([])], 10)
    points = [tuple(map(float, point.split(","))) for point in chart.lines[0][0].split()]
    height = {x: comparison.HIGH - y for x, y in points[::2]}
    assert sum(value > 0 for value in height.values()) == 4  # what is above the end counts in the last bin
    assert points[0][0] == 0
    assert points[-1][0] == comparison.WIDE


def test_a_set_that_cannot_be_read_is_said(sets: tuple[Path, Path], tmp_path: Path, run_module: Command) -> None:
    next((sets[0] / "images").iterdir()).unlink()
    page = tmp_path / "page.html"
    done = run_module("synth", "validate", sets[0], "--report", page)
    assert done.returncode == 1
    text = page.read_text()
    assert "missing image" in done.stdout
    assert "Tones and pictures are left out" in text
    assert "Corrosion share" in text
