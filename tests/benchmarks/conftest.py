"""Fake studies as fixtures."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import fake_models, make_study, write_dataset, write_run

from corrotwin.benchmarks.study.config import StudyConfig
from corrotwin.segmentation.data import coco, splits


@pytest.fixture
def fake_study() -> Callable[..., StudyConfig]:
    """The maker of fake studies."""
    return make_study


@pytest.fixture
def fake_dataset() -> Callable[..., coco.CocoDataset]:
    """The maker of fake COCO folders."""
    return write_dataset


@pytest.fixture
def cheap_models() -> Iterator[None]:
    """Stand in for the slow parts that need a network."""
    with fake_models():
        yield


@pytest.fixture
def fake_run() -> Callable[..., None]:
    """The writer of fake runs; called like `study.train_run`."""

    def write(
        folder: Path,
        config: Any,
        real: coco.CocoDataset,
        split: splits.Split,
        renders: coco.CocoDataset | None,
        weights: Path | None,
    ) -> None:
        write_run(folder, config, real, split, renders or real)

    return write
