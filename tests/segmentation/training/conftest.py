"""What small runs are trained with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corrotwin.segmentation.data import coco, splits


@pytest.fixture(scope="module")
def data(roboflow: Path, rendered: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Photos, their split and renders as `train` takes them, and a cache for the module alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROTWIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        real = coco.read(roboflow)
        yield {"real": real, "split": splits.split(real, how="own", seed=0), "renders": coco.read(rendered)}
