"""A round trip of photos to label through the libraries of CVAT and Label Studio."""

import json
import shutil
from pathlib import Path


def through_cvat(folder: Path, out: Path) -> Path:
    """Import as CVAT does (datumaro's COCO instances), and export again."""
    from datumaro.components.dataset import Dataset

    Dataset.import_from(str(folder), "coco_instances").export(str(out), "coco_instances", save_media=True)
    return out


def through_label_studio(folder: Path, out: Path) -> Path:
    """Accept all predictions as a person's annotations, and export COCO by Label Studio's converter to the photos."""
    from label_studio_sdk.converter import Converter

    out.mkdir()
    tasks = json.loads((folder / "label-studio.json").read_text())
    for number, task in enumerate(tasks, start=1):
        result = task.pop("predictions")[0]["result"]
        task |= {"id": number, "annotations": [{"id": number, "result": result, "completed_by": 1}]}
    (out / "export.json").write_text(json.dumps(tasks))
    converter = Converter((folder / "label-studio.xml").read_text(), str(folder), download_resources=False)
    converter.convert_to_coco(str(out / "export.json"), str(out), output_image_dir=str(out / "images"), is_dir=False)
    return Path(shutil.copy(out / "result.json", folder / "result.json"))
