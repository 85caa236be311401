"""Studies whose rendering and training are replaced, as fixtures."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corrotwin.benchmarks.data import external_sets
from corrotwin.benchmarks.study import dispatch, planning
from corrotwin.segmentation.runs import WEIGHTS
from corrotwin.synth.rendering import dataset, fanout
from corrotwin.twin.core import cluster
from corrotwin.twin.core.files import read_json, write_manifest

Maker = Callable[..., Any]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, fake_dataset: Maker, fake_run: Maker) -> dict[str, Any]:
    """Replace Ray, Blender and the probe: what was rendered and trained is recorded; `fail` names runs that fail."""
    log: dict[str, Any] = {"rendered": [], "trained": [], "fail": set()}

    def fake_render(out: Path, config: Any, *, count: int, workers: Any = None, address: Any = None) -> None:
        log["rendered"].append((out.name, config.preset, count, config.size, config.seed))
        if out.exists() and len(read_json(out / "annotations.json")["images"]) < count:  # its first images stay
            shutil.rmtree(out)
        if not out.exists():
            fake_dataset(out, count, name=config.preset, seed=config.seed)
            write_manifest(out, "dataset", {})

    def fake_fan_out(task: Any, items: Any, *, is_done: Any, **_: Any) -> list[fanout.Failure]:
        waiting = [item for item in items if not is_done(item.key)]
        for item in waiting:
            if item.key not in log["fail"]:
                task(*(each.value if isinstance(each, fanout.Shared) else each for each in item.arguments))
        return [fanout.Failure(key=item.key, error="boom") for item in waiting if item.key in log["fail"]]

    monkeypatch.setattr(dataset, "render", fake_render)

    def fake_train_run(folder: str, *rest: Any) -> None:
        log["trained"].append(Path(folder).name)
        fake_run(Path(folder), *rest)

    monkeypatch.setattr(fanout, "fan_out", fake_fan_out)
    monkeypatch.setattr(dispatch, "train_run", fake_train_run)
    measure = external_sets.measure  # fake runs have no weights, unless a test gives them some
    monkeypatch.setattr(
        external_sets, "measure", lambda run, *rest: (Path(run) / WEIGHTS).is_file() and measure(run, *rest)
    )
    monkeypatch.setattr(cluster, "connect", lambda address: None)
    monkeypatch.setattr(planning, "probe", lambda configs: (0, [(2.0, 0.1)] * len(configs)))
    return log


@pytest.fixture
def data(tmp_path: Path, fake_dataset: Maker) -> Path:
    fake_dataset(tmp_path / "photos", 20)
    return tmp_path / "photos"
