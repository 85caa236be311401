import csv

import numpy as np
import pytest
import torch

from corrotwin.segmentation.commands import latency as latency_command
from corrotwin.segmentation.deployment import latency
from corrotwin.twin.core.errors import InputError


def test_calls_are_made_in_turn_and_the_first_rounds_do_not_count(monkeypatch):
    now, made = [0], []
    monkeypatch.setattr(latency.time, "perf_counter_ns", lambda: now[0])

    def call(name, milliseconds):
        def work():
            made.append(name)
            now[0] += int(1e6 * (milliseconds if len(made) > 6 else 1000))

        return work

    times = latency.timed([call("a", 2), call("b", 5)], rounds=4, warm_up=3)
    assert made == ["a", "b"] * 7
    assert np.array_equal(times, [[2.0] * 4, [5.0] * 4])


def test_percentiles_of_what_was_timed(monkeypatch):
    times = np.array([np.arange(1.0, 22), np.arange(10.0, 220, 10)])
    monkeypatch.setattr(latency, "timed", lambda calls, rounds, warm_up: times)
    exact, fast = latency.measure(["mobilenet_v2"], 32, threads=1, repeats=21)
    assert (exact.precision, exact.p50_ms, exact.p95_ms) == ("exact", 11, 20)
    assert (fast.precision, fast.p50_ms, fast.p95_ms) == ("fast", 110, 200)
    assert not exact.bfloat16


def test_a_real_measurement_leaves_torch_as_it_was():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    [row] = latency.measure(["mobilenet_v2"], 32, threads=1, repeats=3, precisions=["exact"])
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
    assert 0 < row.p50_ms <= row.p95_ms < 60_000
    assert (row.backbone, row.size, row.threads, row.repeats) == ("mobilenet_v2", 32, 1, 3)
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 100}, "`size` 100 is not divisible by 32"),
        ({"size": 0}, "`size` 0"),
        ({"threads": 0}, "`threads` 0 is below 1"),
        ({"repeats": 0}, "`repeats` 0 is below 1"),
        ({"backbone": ()}, "no backbones"),
        ({"backbone": ("mobilenet_v9",)}, "mobilenet_v9"),
    ],
)
def test_bad_input(changes, message, tmp_path):
    with pytest.raises(InputError, match=message):
        latency_command.latency(**{"size": 32, "threads": 1, "repeats": 1, "out": tmp_path / "a.csv", **changes})
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_what_it_prints(tmp_path, capsys):
    out = tmp_path / "latency.csv"
    latency_command.latency(backbone=("mobilenet_v2",), size=32, threads=1, repeats=2, out=out)
    printed = capsys.readouterr().out
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["precision"] for row in rows] == ["exact", "fast"]
    assert all(row["unet_params"] == "6628945" and row["depth"] == "52" for row in rows)
    assert all(f"{float(row['p50_ms']):.1f}" in printed for row in rows)
    assert "2.2 / 6.6" in printed
    for taken in (out, tmp_path, tmp_path / "table.txt"):
        with pytest.raises(InputError, match=r"new \.csv file"):
            latency_command.latency(backbone=("mobilenet_v2",), size=32, threads=1, repeats=2, out=taken)
