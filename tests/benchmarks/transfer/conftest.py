"""Sets of photos and renders, and trainings that are replaced, as fixtures."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrotwin.benchmarks.data import background_fp
from corrotwin.benchmarks.study import dispatch, planning
from corrotwin.segmentation import runs
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.synth.rendering import fanout
from corrotwin.twin.core import cluster
from corrotwin.twin.core.files import read_json

Maker = Callable[..., Any]


@pytest.fixture
def failing() -> list[str]:
    """Ends of the folders of runs whose training fails."""
    return []


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, fake_run: Maker, failing: list[str]) -> list[str]:
    """Replace Ray, the networks and the probe; the folders of the runs are recorded as they are trained."""
    done: list[str] = []

    def fake_fan_out(task: Any, items: Any, *, is_done: Any, on_end: Any, **_: Any) -> list[fanout.Failure]:
        lost = []
        for item in items:
            if not is_done(item.key):
                if item.arguments[0].endswith(tuple(failing)):
                    lost.append(fanout.Failure(key=item.key, error="RuntimeError: out of memory"))
                else:
                    task(*(each.value if isinstance(each, fanout.Shared) else each for each in item.arguments))
                on_end(item.key)
        return lost

    def fake_train_run(folder: str, *rest: Any) -> None:
        done.append(folder)
        fake_run(Path(folder), *rest)
        (Path(folder) / runs.WEIGHTS).touch()

    def measure_run(folder: Path, found: coco.CocoDataset) -> runs.PerImage:
        """Of each run, fold and photo its own."""
        rng = np.random.default_rng(list("/".join(folder.parts[-5:]).encode()))
        rust = np.array([300 if photo.annotations else 0 for photo in found.photos])
        tp, fp = (rust * rng.random(len(rust))).astype(int), rng.integers(0, 200, len(rust))
        names = tuple(photo.file_name for photo in found.photos)
        return runs.PerImage(image=names, tp=tp, fp=fp, fn=rust - tp, tn=1024 - rust - fp)

    def clean_counts(run: Path, data: coco.CocoDataset) -> None:
        table = runs.load(run).per_image
        nothing = np.zeros_like(table.tp)
        runs.write_per_image(run / background_fp.TABLE, replace(table, tp=nothing, fn=nothing))

    monkeypatch.setattr(fanout, "fan_out", fake_fan_out)
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(dispatch, "train_run", fake_train_run)
    monkeypatch.setattr(planning, "probe", lambda configs: (0, [(2.0, 0.1)] * len(configs)))
    monkeypatch.setattr(evaluate, "measure_run", measure_run)
    monkeypatch.setattr(evaluate, "predict_masks", lambda run, photos: [coco.mask(photo) for photo in photos])
    monkeypatch.setattr(background_fp, "measure", clean_counts)
    return done


@pytest.fixture
def home(tmp_path: Path, fake_dataset: Maker) -> Path:
    """A folder with photos of 10 spots, two sets of renders, another set, and clean pictures."""
    photos = fake_dataset(tmp_path / "photos", 20)
    rows = [f"{photo.file_name},{place // 2}" for place, photo in enumerate(photos.photos)]
    (tmp_path / "photos" / "spots.csv").write_text("file_name,spot\n" + "\n".join(rows) + "\n")
    for seed, name, count in ((1, "renders", 6), (2, "better", 6), (3, "yard", 5), (4, "clean", 4)):
        fake_dataset(tmp_path / name, count, name=name, seed=seed)
    fake_dataset(tmp_path / "tables", 10, seed=5)
    bare = read_json(tmp_path / "clean" / "annotations.json")
    (tmp_path / "clean" / "annotations.json").write_text(json.dumps({**bare, "annotations": []}))
    return tmp_path
