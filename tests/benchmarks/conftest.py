"""Fake studies: the files of the contracts (study, run) with made-up counts, so that no test trains."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import study
from segmentation import coco, runs, splits
from twin.files import write_json, write_manifest

SIDE = 32
QUALITY = {"inceptionv4": 0.9, "mobilenet_v2": 0.8, "vgg16": 0.7, "resnet152": 0.6}  # part of the truth that is found


def write_dataset(folder: Path, count: int, *, name: str = "photo", seed: int = 0) -> coco.Dataset:
    """A COCO folder of noise pictures, each with one rectangle of corrosion."""
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    (folder / "images").mkdir(parents=True)
    for index in range(count):
        file_name = f"{name}-{index:02d}.png"
        Image.fromarray(rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / "images" / file_name)
        truth = np.zeros((SIDE, SIDE), dtype=bool)
        truth[4 : 10 + index % 8, 5:20] = True
        images.append({"id": index + 1, "file_name": file_name, "width": SIDE, "height": SIDE})
        annotations.append(
            {"id": index + 1, "image_id": index + 1, "category_id": 1, "iscrowd": 0} | coco.region(truth)
        )
    write_json(folder / "annotations.json", coco.document(images, annotations, description="test"))
    return coco.read(folder)


def write_run(folder: Path, config: Any, real: coco.Dataset, split: splits.Split, renders: coco.Dataset) -> None:
    """A complete run by its contract, without weights. Its counts follow from backbone, arm and seed."""
    rng = np.random.default_rng([config.seed, sorted(QUALITY).index(config.backbone), len(config.arm.name)])
    truth = 300
    found = QUALITY[config.backbone] + 0.02 * (config.arm.synth_share > 0) + rng.normal(0, 0.02)
    tp = np.clip(rng.normal(found, 0.05, len(split.test)) * truth, 0, truth).astype(np.int64)
    fp = rng.integers(0, 40, len(split.test))
    folder.mkdir(parents=True)
    runs.write_per_image(
        folder / "per_image.csv",
        runs.PerImage(image=split.test, tp=tp, fp=fp, fn=truth - tp, tn=SIDE**2 - truth - fp),
    )
    rows = [
        {
            "epoch": epoch + 1,
            "train_loss": 0.9 * 0.8**epoch + 0.1 * rng.random(),
            "valid_loss": 0.9 * 0.85**epoch + 0.1 * rng.random(),
            "valid_f1": found * (1 - 0.8**epoch),
            "valid_iou": 0.8 * found * (1 - 0.8**epoch),
            "seconds": 2.0,
        }
        for epoch in range(config.epochs)
    ]
    runs.write_history(folder, rows)
    content = {
        **runs.identity(config, real, split, renders),
        "config_digest": config.digest,
        "best_epoch": config.epochs,
        "train_seconds": 60.0 + config.seed,
        "seed": config.seed,
        "threads": config.threads,
        "device": "cpu (test)",
    }
    write_manifest(folder, "run", content)


def make_study(
    folder: Path,
    *,
    profile: str = "quick",
    data: Path | None = None,
    photo: str = "photo",
    without: tuple[str, ...] = (),
    failed: dict[str, str] | None = None,
    **changes: Any,
) -> study.StudyConfig:
    """A finished study in `folder`. `data` None is a stand-in; `without` names runs that are left out."""
    config = replace(study.STUDIES[profile], **changes)
    home = folder / "standin" if data is None else data
    real = write_dataset(home, 40, name=photo)
    if data is None:
        write_manifest(home, "dataset", {})
        real = coco.read(home)
    renders = write_dataset(folder / "renders", 4, name="render", seed=1)
    split = study.split_of(real, config)
    splits.save(split, folder / "split.json")
    for key, each in config.grid.items():
        if key not in without:
            write_run(folder / "runs" / key, each, real, split, renders)
    content = study.manifest_of(folder, config, data, real, split, renders, failed or {})
    write_manifest(folder, "study", content)
    assert content["config"] == asdict(config)
    return config


@pytest.fixture
def fake_study() -> Callable[..., study.StudyConfig]:
    """The maker of fake studies."""
    return make_study


@pytest.fixture
def fake_dataset() -> Callable[..., coco.Dataset]:
    """The maker of fake COCO folders."""
    return write_dataset


@pytest.fixture
def cheap_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the slow parts that need a network: the count of its parameters and its predictions."""
    from segmentation import evaluate, model

    def complexity(backbone: str, size: int) -> SimpleNamespace:
        rank = sorted(QUALITY).index(backbone) + 1
        return SimpleNamespace(
            encoder_params=rank * 10**6, unet_params=rank * 2 * 10**6, encoder_gmacs=rank, unet_gmacs=2 * rank, depth=50
        )

    def predict_masks(folder: Path, photos: list[coco.Photo]) -> list[Any]:
        return [np.roll(coco.mask(photo), 2, axis=0) for photo in photos]

    monkeypatch.setattr(model, "complexity", complexity)
    monkeypatch.setattr(evaluate, "predict_masks", predict_masks)


@pytest.fixture
def fake_run() -> Callable[..., None]:
    """The writer of fake runs; called like `study.train_run`."""

    def write(
        folder: Path,
        config: Any,
        real: coco.Dataset,
        split: splits.Split,
        renders: coco.Dataset | None,
        weights: Path | None,
    ) -> None:
        write_run(folder, config, real, split, renders or real)

    return write
