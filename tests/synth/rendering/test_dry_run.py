"""A dry run: one batch is rendered and the whole is estimated."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.rendering import batch, dataset, dry_run
from corrotwin.synth.rendering.job import Task
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json


def test_dry_run_of_a_damaged_card_is_refused_as_the_render_is(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"format_version": 1, "kind": "dataset", "images": "many"}')
    task = Task(config=RenderConfig(preset="quick", size=64, seed=3), shown=None, count=1)
    write_json(tmp_path / "claim.json", {"kind": "dataset", "configuration": task.settings})
    with pytest.raises(InputError, match=r"dataset\.json: damaged"):
        dry_run.estimate(tmp_path, task, workers=None, address=None)


@pytest.mark.ci
@pytest.mark.parametrize("workers", [2, 50])
def test_dry_run_scales_one_batch_and_writes_nothing(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two cores, of which no number of workers makes more."""
    config = RenderConfig(preset="quick", size=64, seed=3)

    def fake(out: Path, config: RenderConfig, shown: None, number: int, images: range, *rest: object) -> None:
        (out / "work").mkdir(parents=True)
        (out / "work" / "leftover").write_bytes(bytes(10**6))
        (out / "image").write_bytes(bytes(1000 * len(images)))

    for module in (dataset, dry_run):
        monkeypatch.setattr(module, "available_cores", lambda: 2)
    monkeypatch.setattr(batch, "render_batch", fake)
    monkeypatch.setattr(dry_run, "time", SimpleNamespace(monotonic=iter([7.0, 7.36]).__next__))
    task = Task(config=config, shown=None, count=60_001)
    said = dry_run.estimate(tmp_path / "out", task, workers=workers, address=None)
    assert "60001 of 60001 images to render; batches: 10001, 2 at a time, with 1 thread each" in said
    assert "one batch of 6 images here: 0 s, 0.0 MB; in total about 0.5 hours and 0.06 GB of disk space" in said
    assert list(tmp_path.iterdir()) == []
