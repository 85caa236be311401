"""A plan against what happens: real trainings on a local head that declares eight CPUs."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from studies import small

from corrotwin.benchmarks.study import planning, runner
from corrotwin.benchmarks.study.preparation import prepare
from corrotwin.benchmarks.study.sources import Sources

Maker = Callable[..., Any]


@pytest.fixture
def head() -> Iterator[str]:
    """Ray with eight CPUs declared, however many this machine has, joined as a cluster."""
    import ray

    ray.shutdown()
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "include_dashboard": False}
    ray.init(address="local", num_cpus=8, object_store_memory=128 * 2**20, **quiet)
    yield "auto"
    ray.shutdown()


@pytest.mark.slow
def test_a_head_of_eight_cpus_trains_eight_runs_at_a_time_as_planned(
    tmp_path: Path, fake_dataset: Maker, head: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_dataset(tmp_path / "photos", 20)
    out, sources = tmp_path / "out", Sources(data=tmp_path / "photos")
    settings = {"size": 32, "epochs": 12, "batch_size": 2}
    config = small(kinds=("real",), backbones=("mobilenet_v2",), runs=8, changes=settings)
    assert runner.run(out, config, sources, address=head) == []
    assert "time: unknown until runs are complete, 8 at a time\n" in capsys.readouterr().out

    more = small(kinds=("real",), backbones=("mobilenet_v2",), runs=26, changes=settings)
    study = prepare(out.resolve(), more, sources)
    plan = planning.plan_study(study, head)
    assert plan.slots == {"mobilenet_v2": 8}
    begun = time.time()
    assert runner.run(out, more, sources, address=head) == []
    took = time.time() - begun
    spans = []
    for key in plan.todo:
        folder = out / "runs" / key
        end = (folder / "run.json").stat().st_mtime
        spans.append(((folder / "claim.json").stat().st_mtime, end))
    side_by_side = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
    with capsys.disabled():
        print(
            f"\nplan: {len(plan.todo)} runs in {math.ceil(len(plan.todo) / 8)} waves of 8, {plan.seconds:.0f} s of "
            f"training; found: {side_by_side} side by side, {max(end for _, end in spans) - min(spans)[0]:.0f} s from "
            f"the first start to the last end, {took:.0f} s in all"
        )
    assert 6 <= side_by_side <= 8
