import csv
from pathlib import Path

import pytest

from corrotwin.segmentation.tuning import trials
from corrotwin.segmentation.tuning.space import SearchSpace
from corrotwin.segmentation.tuning.trials import Trial
from corrotwin.twin.core.files import write_json

SPACE = SearchSpace(learning_rate=(1e-4, 1e-2), batch_size=(4, 8), augmentation=("standard", "strong"))


def test_tables_have_the_best_first(tmp_path: Path) -> None:
    values = SPACE.draw(0, 0)
    ended = [
        Trial(values=values, ended="stopped early", epochs=1, valid_f1=0.25, folder="b"),
        Trial(values=values, ended="complete", epochs=3, valid_f1=0.75, folder="a"),
        Trial(values=values, ended="failed", epochs=0, valid_f1=None, folder="d", error="the loss is not a number"),
        Trial(values=values, ended="failed", epochs=9, valid_f1=0.95, folder="c", error="the loss is not a number"),
    ]
    for each in ended:
        folder = tmp_path / trials.TRIALS / each.folder
        write_json(folder / trials.RESULT, trials.as_json(each))
    found = trials.finished(tmp_path)
    assert [each.folder for each in found] == ["a", "b", "c", "d"]
    assert trials.best_of(found) == ended[1]
    trials.write_table(tmp_path / "trials.csv", found)
    rows = list(csv.DictReader((tmp_path / "trials.csv").read_text().splitlines()))
    assert [row["valid_f1"] for row in rows] == ["0.75", "0.25", "0.95", ""]
    said = trials.train_command(found[0], {"data": "photos", "renders": "renders", "backbone": "vgg16"})
    assert said == (
        f"corrotwin segmentation train --data photos --backbone vgg16 --learning-rate {values['learning_rate']} "
        f"--batch-size {values['batch_size']} --augmentation {values['augmentation']}"
    )
    pytest.importorskip("matplotlib")
    trials.plot(tmp_path / "sweep.png", found, SPACE)
    assert (tmp_path / "sweep.png").stat().st_size > 5000
