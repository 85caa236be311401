"""A plan against what happens on a local head that declares eight CPUs."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import write_run
from studies import small

from corrotwin.benchmarks.study import dispatch, planning, runner
from corrotwin.benchmarks.study.preparation import prepare
from corrotwin.benchmarks.study.sources import Sources
from corrotwin.twin.core.files import read_json, write_json

Maker = Callable[..., Any]
SECONDS = 6.0  # of a run, longer than a worker takes to start


def doze(folder: str, config: Any, _: Any, __: Any, ___: Any, ____: Any, real: Any, split: Any, *_____: Any) -> None:
    """Leave a run that took a while, without using a core: this machine may have fewer than are declared."""
    begun = time.time()
    time.sleep(SECONDS)
    write_run(Path(folder), config, real, split, real)
    manifest = read_json(Path(folder) / "run.json")
    write_json(Path(folder) / "begun.json", {"begun": begun, "ended": time.time()})
    write_json(Path(folder) / "run.json", {**manifest, "train_seconds": SECONDS})


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Ray with eight CPUs declared, however many this machine has, joined as a cluster."""
    import ray

    ray.shutdown()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # workers find `doze` and what it imports
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "include_dashboard": False}
    ray.init(address="local", num_cpus=8, object_store_memory=128 * 2**20, **quiet)
    yield "auto"
    ray.shutdown()


@pytest.mark.slow
def test_a_head_of_eight_cpus_trains_eight_runs_at_a_time_as_planned(
    tmp_path: Path, fake_dataset: Maker, head: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dispatch, "make_run", doze)
    fake_dataset(tmp_path / "photos", 20)
    out, sources = tmp_path / "out", Sources(data=tmp_path / "photos")
    assert runner.run(out, small(kinds=("real",), runs=8), sources, address=head) == []  # workers start here
    assert "time: unknown until runs are complete, 8 at a time\n" in capsys.readouterr().out

    more = small(kinds=("real",), runs=8 + 20)
    plan = planning.plan_study(prepare(out.resolve(), more, sources), head)
    assert plan.slots == {"vgg16": 8}
    assert plan.seconds == 3 * SECONDS
    assert runner.run(out, more, sources, address=head) == []
    spans = [read_json(out / "runs" / key / "begun.json") for key in plan.todo]
    side_by_side = max(sum(one["begun"] <= other["begun"] < one["ended"] for one in spans) for other in spans)
    took = max(span["ended"] for span in spans) - min(span["begun"] for span in spans)
    with capsys.disabled():
        print(f"\nplan: 20 runs, 8 at a time, {plan.seconds:.0f} s; found: {side_by_side} at a time, {took:.1f} s")
    assert side_by_side == 8
    assert plan.seconds <= took < plan.seconds + SECONDS  # a wave more, or one at a time, would take longer
