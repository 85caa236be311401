from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from corrotwin.benchmarks.data import background_fp
from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import TrainConfig, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation import evaluate, loading
from corrotwin.twin.core.files import write_json

Maker = Callable[..., Any]


def test_clean_pixels_are_far_from_every_mask() -> None:
    mask = np.zeros((64, 64), dtype=bool)
    assert background_fp.far(mask).all()
    mask[10, 20] = True
    found = background_fp.far(mask)
    away = np.hypot(*np.indices(mask.shape) - np.array([10, 20])[:, None, None])
    assert (found == (away > 4)).all()


def test_false_alarms_are_counted_far_from_masks_alone(
    tmp_path: Path, fake_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that calls bright pixels rust, on a test photo with a mask and on one without."""
    images = np.random.default_rng(4).integers(0, 256, (4, 64, 64), dtype=np.uint8)
    mask = np.zeros((64, 64), dtype=bool)
    mask[10:30, 20:50] = True
    entries = [{"id": place, "file_name": f"{place}.png", "width": 64, "height": 64} for place in range(4)]
    for entry, image in zip(entries, images, strict=True):
        Image.fromarray(image).save(tmp_path / entry["file_name"])
    annotation = {"id": 0, "image_id": 0, "category_id": 1, "iscrowd": 0, **coco.region(mask)}
    write_json(tmp_path / "annotations.json", coco.document(entries, [annotation], description="four"))
    data, run = coco.read(tmp_path), tmp_path / "run"
    split = splits.Split(how="own", seed=0, train=("2.png",), valid=("3.png",), test=("0.png", "1.png"))
    config = configure("quick", backbone="mobilenet_v2", arm=REAL, seed=0, size=64, threads=1)
    fake_run(run, config, data, split, None, None)
    (run / runs.WEIGHTS).touch()

    def logits_of(network: None, config: TrainConfig, images: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(images[:, None, :, :, 0] - 199.5)

    loaded = loading.LoadedRun(network=torch.nn.Identity(), config=config, record=runs.load(run), weights="")
    monkeypatch.setattr(loading, "load_run", lambda folder: loaded)
    monkeypatch.setattr(evaluate, "logits_of", logits_of)
    background_fp.measure(run, data)
    bright = images[:2] >= 200
    far = np.stack([ndimage.distance_transform_edt(~mask) > 64 / 16, np.ones_like(mask)])
    found = background_fp.read(run)
    assert found is not None
    assert found.image == split.test
    assert found.fp.tolist() == (bright & far).sum(axis=(1, 2)).tolist()
    assert found.tn.tolist() == (~bright & far).sum(axis=(1, 2)).tolist()
    assert not found.tp.any()
    assert not found.fn.any()


def test_the_share_of_false_alarms_needs_a_patch_to_be_a_share_of() -> None:
    counts = runs.PerImage(
        image=("a", "b", "c"), tp=np.zeros(3), fp=np.array([10, 3, 0]), fn=np.zeros(3), tn=np.array([90, 5, 0])
    )
    found = background_fp.shares(counts, 64)
    assert found[0] == pytest.approx(0.1)
    assert np.isnan(found[1:]).all()
