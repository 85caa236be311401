"""Measurements and pictures of reports that are replaced, as fixtures."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.report import photo_page
from corrotwin.segmentation.deployment import latency
from corrotwin.segmentation.deployment.latency import Latency
from corrotwin.segmentation.evaluation import assessment, curves


@pytest.fixture
def cheap_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(backbones: tuple[str, ...], size: int, *, threads: int, repeats: int, precisions: Any) -> Any:
        common = {"precision": precisions[0], "bfloat16": False, "size": size, "threads": threads, "repeats": repeats}
        return tuple(
            Latency(backbone=name, p50_ms=10.0 + place, p95_ms=20.0, **common) for place, name in enumerate(backbones)
        )

    monkeypatch.setattr(latency, "measure", measure)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither draws nor measures pictures."""
    svg = b'<svg width="1pt" height="1pt" xmlns="http://www.w3.org/2000/svg"></svg>'
    monkeypatch.setattr(style, "files", lambda figure: {"png": b"", "svg": svg})
    monkeypatch.setattr(photo_page, "write", lambda material, folder: None)


@pytest.fixture
def cheap_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of networks: half of the pixels at 0.28, the others at 0.78, and a quarter of each half corroded."""

    def assess(folder: Path, data: Any, *, threshold: float) -> Any:
        probability = np.repeat(np.float32([0.28, 0.78]), 100).reshape(2, 100)
        truth = np.tile(np.arange(100) < 25, (2, 1))
        return SimpleNamespace(histograms=curves.histograms(["a"], [(probability, truth)], curves.edges(threshold)))

    monkeypatch.setattr(assessment, "assess", assess)
