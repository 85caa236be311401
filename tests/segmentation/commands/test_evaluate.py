"""The command that evaluates a run on other photos or classes."""

import json
import shutil
from pathlib import Path

import numpy as np
from small_runs import config_of

from corrotwin.segmentation import runs
from corrotwin.segmentation.commands import evaluate as evaluate_command
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.training.train import train


def test_evaluate_reads_the_classes_that_were_trained(roboflow, rendered, tmp_path, capsys):
    folder = tmp_path / "two"
    shutil.copytree(roboflow, folder)
    for path in folder.glob("*/_annotations.coco.json"):
        document = json.loads(path.read_text())
        document["categories"].append({"id": 2, "name": "paint"})
        whole = coco.region(np.ones((72, 80), dtype=bool))
        document["annotations"] += [
            {"id": 1000 + image["id"], "image_id": image["id"], "category_id": 2, "iscrowd": 0, **whole}
            for image in document["images"]
        ]
        path.write_text(json.dumps(document))
    real = coco.read(folder, classes=("corrosion",))
    split = splits.split(real, how="own", seed=0)
    train(tmp_path / "run", config_of(size=32, epochs=1), real=real, split=split, renders=None)
    evaluate_command.evaluate(tmp_path / "run", data=folder)
    table = runs.load(tmp_path / "run").per_image
    f1, _ = evaluate.scores(table.tp, table.fp, table.fn, table.tn)
    assert f"5 images, mean F1 {f1.mean():.4f}" in capsys.readouterr().out
    evaluate_command.evaluate(tmp_path / "run", data=folder, classes=("paint",))
    shown = capsys.readouterr().out  # with other classes it is another dataset, of the same photos
    assert "5 images" in shown
    assert "all photos but 16 that trained or validated the run, or were seen without labels" in shown
    clean = Path(shutil.copytree(rendered, tmp_path / "clean"))
    document = json.loads((clean / "annotations.json").read_text())
    (clean / "annotations.json").write_text(json.dumps({**document, "annotations": [], "categories": []}))
    evaluate_command.evaluate(tmp_path / "run", data=clean)  # photos without annotations need not list the class
    assert "no image shows corrosion" in capsys.readouterr().out
