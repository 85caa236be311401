"""Small studies for tests."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

from corrotwin.benchmarks.study.config import RenderPlan, StudyConfig, choose
from corrotwin.segmentation.data import coco

PLAN = RenderPlan(preset="balanced", count=4, size=32)


def small(**changes: Any) -> StudyConfig:
    """A quick study of one backbone and a handful of images."""
    config = choose("quick", **{"kinds": ("real", "mixed"), "backbones": ("vgg16",), "runs": 2, **changes})
    return replace(config, renders=PLAN, standin=replace(PLAN, preset="standin", count=20))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_spots(path: Path, data: Path) -> None:
    """Two photos a spot."""
    names = sorted(photo.file_name for photo in coco.read(data).photos)
    with path.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("file_name", "spot"))
        rows.writerows((name, index // 2) for index, name in enumerate(names))
