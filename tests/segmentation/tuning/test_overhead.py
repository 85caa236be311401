"""The overhead of Ray Tune, measured on two tiny trainings."""

import csv
from pathlib import Path

import pytest

from corrotwin.twin.core.errors import InputError
from tools.speed import sweeping


def test_a_folder_that_is_there_is_refused(tmp_path: Path, roboflow: Path) -> None:
    with pytest.raises(InputError, match="already exists; choose another --out"):
        sweeping.measure(tmp_path, roboflow, trials=2, nodes=0, slots=1, alone=1, on_end=print)


@pytest.mark.slow
def test_a_sweep_is_measured_beside_the_same_trainings_without_ray(tmp_path: Path, roboflow: Path, cache: Path) -> None:
    found = sweeping.measure(tmp_path / "out", roboflow, trials=2, nodes=0, slots=1, alone=1, on_end=print)
    assert found.trials == 2
    assert 0 < found.alone_seconds < found.seconds
    assert found.trial_kb > 1
    assert found.driver_mb > 100
    sweeping.write(tmp_path / "overhead.csv", found)
    (row,) = csv.DictReader((tmp_path / "overhead.csv").read_text().splitlines())
    assert float(row["overhead_seconds"]) == pytest.approx(found.overhead_seconds, abs=1e-3)
