"""The demo: what it lacks is one line; its page holds what was computed (slow: it is run as a newcomer types it)."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import check_page
from PIL import Image

from corrotwin.benchmarks import demo
from corrotwin.benchmarks.demo import ShareBand

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_what_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_module: Command) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "bpy" else name)
    done = run_module("demo", "--out", tmp_path / "demo")
    assert done.returncode == 2
    assert "demo: bpy not installed; pip install" in done.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.ci
def test_the_page_shows_the_last_year_of_each_forecast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo.parts, "before", lambda name, out: {"rusted_percent": 12.4})
    before = {10.0: ShareBand(low=0, middle=1, high=2), 20.0: ShareBand(low=1, middle=17, high=73)}
    after = {10.0: ShareBand(low=5, middle=7, high=9), 20.0: ShareBand(low=28, middle=36, high=52)}
    demo._plot(tmp_path / "forecast.svg", (before, after), [10.0, 20.0], [7.0, 33.0])
    page = demo._page(tmp_path, ["000000"], (before, after), 33.2).read_text()
    for name in re.findall(r'src="([^"]+)"', page):
        if name != "forecast.svg":
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 48), "brown").save(tmp_path / name)
    check_page(tmp_path / "index.html")
    assert "17 % (P5 to P95: 1 to 73)" in page
    assert "36 % (P5 to P95: 28 to 52)" in page
    assert "33 %" in page
    assert "<strong>12 %</strong> of the picture" in page
    assert (tmp_path / "forecast.svg").stat().st_size > 5000


@pytest.mark.slow
def test_the_demo_runs_and_goes_on(tmp_path: Path, run_module: Command) -> None:
    pytest.importorskip("bpy")
    for _ in range(2):
        done = run_module("demo", "--out", tmp_path / "demo", "--no-show")
        assert done.returncode == 0, done.stderr
    page = (tmp_path / "demo" / "index.html").read_text()
    for address in re.findall(r'src="([^"]+)"', page):
        assert (tmp_path / "demo" / address).is_file()
    assert "measured on" in done.stdout  # the masks' errors are those of the model, not assumed
