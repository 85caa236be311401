"""Fake studies: the files of the contracts (study, run) with made-up counts, so that no test trains."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from corrotwin.benchmarks.data.external_sets import measure
from corrotwin.benchmarks.study import manifest
from corrotwin.benchmarks.study.config import StudyConfig, choose
from corrotwin.benchmarks.study.grid import GridCell
from corrotwin.segmentation import runs
from corrotwin.segmentation.config import BACKBONES, Profile
from corrotwin.segmentation.data import coco, groups, splits
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.twin.core.files import write_json, write_manifest

SIDE = 32
QUALITY = {"inceptionv4": 0.9, "mobilenet_v2": 0.8, "vgg16": 0.7, "resnet152": 0.6}  # part of the truth that is found


def write_dataset(folder: Path, count: int, *, name: str = "photo", seed: int = 0) -> coco.CocoDataset:
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


def write_run(
    folder: Path, config: Any, real: coco.CocoDataset, split: splits.Split, renders: coco.CocoDataset
) -> None:
    """A complete run by its contract, without weights. Its counts follow from backbone, arm and seed."""
    rank = [*sorted(QUALITY), config.backbone].index(config.backbone)
    rng = np.random.default_rng([config.seed, rank, len(config.arm.name)])
    truth = 300
    found = (
        QUALITY.get(config.backbone, 0.85)
        + 0.02 * (config.arm.render_share > 0)
        - 0.1 * (1 - config.arm.real_fraction)
        + rng.normal(0, 0.02)
    )
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
        "counts": {"train_photos": len(split.train), "train_renders": len(renders.photos), "test": len(split.test)},
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
    profile: Profile = "quick",
    data: Path | None = None,
    photo: str = "photo",
    kinds: Sequence[str] = ("real", "mixed"),
    real_fractions: Sequence[float] = (1.0,),
    backbones: Sequence[str] = BACKBONES,
    runs: int | None = None,
    more: Sequence[GridCell] = (),
    spot_size: int = 1,
    across: Sequence[str] = (),
    without: tuple[str, ...] = (),
    failed: dict[str, str] | None = None,
) -> StudyConfig:
    """A finished study in `folder`.

    `data` None is a stand-in; `more` adds cells to the product of the others; `across` names other sets of 12 photos,
    made beside `folder`; each `spot_size` photos of any set show one spot; `without` names runs that are left out.
    """
    runs = 3 if runs is None and profile == "small" else runs
    config = choose(profile, kinds=kinds, real_fractions=real_fractions, backbones=backbones, runs=runs)
    config = replace(config, cells=(*config.cells, *more)).joined(config)
    home = folder / "standin" if data is None else data
    real = write_dataset(home, 40, name=photo)
    if data is None:
        write_manifest(home, "dataset", {})
        real = coco.read(home)
    names = [each.file_name for each in real.photos]
    spots = {name: f"spot-{place // spot_size}" for place, name in enumerate(names)} if spot_size > 1 else None
    renders = write_dataset(folder / "renders", 4, name="render", seed=1)
    split = splits.split(real, how="published", seed=config.seed, groups=spots)
    splits.save(split, folder / "split.json")
    for key, each in config.grid.items():
        if key not in without:
            write_run(folder / "runs" / key, each, real, split, renders)
    sets = {name: write_dataset(folder.parent / name, 12, name=name, seed=2) for name in across}
    if spots is not None:
        for name, other in sets.items():
            rows = [f"{photo.file_name},{place // spot_size}\n" for place, photo in enumerate(other.photos)]
            (folder.parent / name / groups.SPOTS).write_text("".join(["file_name,spot\n", *rows]))
    for (name, other), key in product(sets.items(), config.grid):
        if key not in without:
            write_across(folder / "runs" / key, name, other)
    content = manifest.content(
        config,
        data=manifest.photos_entry(folder, data, real),
        split=split,
        renders=manifest.renders_entry(folder, folder / "renders", renders, config.renders)
        if "mixed" in config.kinds
        else None,
        across={
            name: manifest.set_entry(folder, folder.parent / name, other, groups.beside(other))
            for name, other in sets.items()
        },
        failed=failed or {},
    )
    write_manifest(folder, manifest.KIND, content)
    return config


def write_across(run: Path, name: str, data: coco.CocoDataset) -> None:
    """The counts of a fake run on all photos of another set (`benchmarks.data.external_sets`): worse than at home."""
    home = runs.load(run).per_image
    place = np.arange(len(data.photos)) % len(home.image)
    tp = (0.8 * home.tp[place]).astype(np.int64)
    counts = {"tp": tp, "fp": home.fp[place], "fn": 300 - tp, "tn": home.tn[place]}
    table = runs.PerImage(image=tuple(photo.file_name for photo in data.photos), **counts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "measure_run", lambda folder, data: table)
        measure(str(run), name, data)


@contextmanager
def fake_models() -> Iterator[None]:
    """Stand in for the slow parts that need a network: the count of its parameters and its predictions."""
    from corrotwin.segmentation.evaluation import evaluate
    from corrotwin.segmentation.models import network

    def complexity(backbone: str, size: int) -> SimpleNamespace:
        rank = [*sorted(QUALITY), backbone].index(backbone) + 1
        return SimpleNamespace(
            encoder_params=rank * 10**6, unet_params=rank * 2 * 10**6, encoder_gmacs=rank, unet_gmacs=2 * rank, depth=50
        )

    def predict_masks(folder: Path, photos: list[coco.Photo]) -> list[Any]:
        return [np.roll(coco.mask(photo), 2, axis=0) for photo in photos]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "complexity", complexity)
        patch.setattr(evaluate, "predict_masks", predict_masks)
        yield
