"""A run that predicts, and photos."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.models import network as network_module
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.twin.core.files import write_manifest


@pytest.fixture(scope="module")
def run(roboflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run by its contract, trained at the photos' own scale; its weights are drawn."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    real = coco.read(roboflow)
    split = splits.split(real, how="own", seed=0)
    config = configure("quick", backbone="mobilenet_v2", arm=DataArm(name="real"), seed=1, size=64, threads=1)
    folder.mkdir(parents=True)
    network = network_module.build(config.backbone, encoder_weights=None, seed=1).eval()
    noise = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():  # so that it calls half of the pixels rust
        network.segmentation_head[0].bias -= network(network_module.normalise(noise, config.backbone)).median()
    save_tensors(folder / runs.WEIGHTS, network.state_dict(), {})
    runs.write_history(folder, [dict.fromkeys(runs.HISTORY_COLUMNS, 1.0)])
    zeros = np.zeros(len(split.test), dtype=np.int64)
    table = runs.PerImage(image=split.test, tp=zeros, fp=zeros, fn=zeros, tn=zeros)
    runs.write_per_image(folder / "per_image.csv", table)
    write_manifest(folder, runs.KIND, {**runs.identity(config, real, split, None), "scale": 1.0, "photo_side": 150.0})
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos at the size of training, one in a subfolder, and a large one."""
    folder = tmp_path / "photos"
    (folder / "north").mkdir(parents=True)
    rng = np.random.default_rng(3)
    for name, size in {"a.jpg": (64, 70), "north/b.png": (50, 64), "large.png": (150, 230)}.items():
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture
def by_brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of runs call bright pixels rusted."""

    def brightness(self: RunPredictor, images: np.ndarray) -> np.ndarray:
        return np.asarray(images.mean(axis=3) / 255, dtype=np.float32)

    monkeypatch.setattr(RunPredictor, "network_output", brightness)
