import csv
import subprocess
import sys
from itertools import pairwise

import pytest
import torch

from corrotwin.segmentation.data import coco
from corrotwin.segmentation.training.train import step_loss
from corrotwin.twin.core.errors import InputError
from tools.speed import agreement, training


@pytest.fixture(scope="module")
def timings(roboflow, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROTWIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(training, "available_cores", lambda: 1)
        return training.measure(
            coco.read(roboflow), backbones=("mobilenet_v2",), size=32, batch_size=2, steps=1, rounds=2, threads=1
        )


@pytest.mark.ci
def test_every_loop_is_timed_in_every_round(timings, tmp_path, capsys):
    assert [each.loop for each in timings] == list(training.LOOPS)
    assert all(len(each.images_per_second) == 2 and min(each.images_per_second) > 0 for each in timings)
    training.write(tmp_path / "speed.csv", timings)
    rows = list(csv.DictReader((tmp_path / "speed.csv").read_text().splitlines()))
    assert [(row["loop"], row["round"]) for row in rows[:2]] == [("example", "1"), ("example", "2")]
    assert len(rows) == 2 * len(training.LOOPS)
    training.show(timings, size=32, batch_size=2, threads=1)
    assert "fast / example" in capsys.readouterr().out


def test_a_ratio_is_the_median_of_the_rounds():
    timings = [
        training.LoopTiming(backbone="vgg16", loop=loop, images_per_second=values)
        for loop, values in (("fast", (4.0, 90.0, 6.0)), ("example", (2.0, 3.0, 2.0)))
    ]
    assert training.ratio(timings, "vgg16", "fast", "example") == 3.0


@pytest.mark.ci
def test_the_example_does_the_same_work(roboflow):
    """Same images a batch, same augmentation, same loss; every photo once a round, unlike ours only in how."""
    data = coco.read(roboflow)
    config = training._config("mobilenet_v2", 64, 4, "exact")
    loader = training._example_batches(data, config)
    seen = [next(loader)[0] for _ in range(len(data.photos) // 4)]
    assert all(batch.shape == (4, 3, 64, 64) and batch.dtype == torch.float32 for batch in seen)
    flat = torch.cat(seen).flatten(1)
    assert len(torch.unique(flat, dim=0)) == len(flat)
    assert all(not torch.equal(one, other) for one, other in pairwise(seen))
    network = training.place(training.build("mobilenet_v2", encoder_weights=None, seed=0), "exact")
    images, masks = next(loader)
    assert torch.isfinite(step_loss(config, network, images, masks))


def test_the_interval_of_pairs():
    found = agreement.compare((0, 1, 2), (0.60, 0.62, 0.58), (0.61, 0.62, 0.60))
    assert found.difference == pytest.approx(0.01)
    half = 4.302653 * 0.01 / 3**0.5  # t of 2 degrees of freedom; the differences 0.01, 0, 0.02 have SD 0.01
    assert (found.low, found.high) == pytest.approx((0.01 - half, 0.01 + half), abs=1e-6)


def test_too_few_photos_for_a_batch(roboflow):
    with pytest.raises(InputError, match="21 photos do not fill a batch of 32"):
        training.measure(
            coco.read(roboflow), backbones=("vgg16",), size=32, batch_size=32, steps=1, rounds=1, threads=1
        )


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [0, 2])
def test_a_sweep_is_weighed_against_its_trainings_alone(roboflow, tmp_path, nodes):
    command = [
        sys.executable, "-m", "tools.speed", "sweep", "--data", str(roboflow), "--out", str(tmp_path / "out"),
        "--trials", "3", "--slots", "2", "--alone", "1", "--nodes", str(nodes),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader((tmp_path / "out" / "overhead.csv").read_text().splitlines())
    assert (row["nodes"], row["slots"], row["trials"]) == (str(nodes), "2", "3")
    sides = float(row["seconds"]) * 2 / 3, float(row["alone_seconds"]) + float(row["overhead_seconds"])
    assert sides[0] == pytest.approx(sides[1], abs=0.01)
    assert float(row["trial_kb"]) > 1
    assert float(row["log_mb"]) > 0
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "is there" in again.stderr
