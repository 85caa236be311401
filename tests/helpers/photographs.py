"""Photographs made of numbers, with masks, as COCO folders."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from corrotwin.segmentation.data import coco


def picture(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey noise with a rust-coloured ellipse, and the ellipse."""
    y, x = np.mgrid[:height, :width]
    centre = rng.uniform(0.3, 0.7, 2) * (height, width)
    radii = rng.uniform(0.15, 0.3, 2) * (height, width)
    mask = ((y - centre[0]) / radii[0]) ** 2 + ((x - centre[1]) / radii[1]) ** 2 < 1
    image = rng.integers(100, 160, (height, width, 1)).repeat(3, axis=2)
    image[mask] = image[mask] // 4 + np.array((140, 50, 10))
    return image.astype(np.uint8), mask


def write_folder(folder: Path, *, count: int, seed: int, size: tuple[int, int], json_name: str, images: str) -> None:
    rng = np.random.default_rng(seed)
    (folder / images).mkdir(parents=True)
    entries, annotations = [], []
    for index in range(count):
        image, mask = picture(rng, *size)
        name = f"{folder.name}_{index:03d}.png"
        Image.fromarray(image).save(folder / images / name)
        entries.append({"id": index, "file_name": name, "height": size[0], "width": size[1]})
        if index % 5 != 4:  # every fifth is clean
            annotations.append({"id": index, "image_id": index, "category_id": 1, "iscrowd": 0, **coco.region(mask)})
    document = coco.document(entries, annotations, description="numbers")
    (folder / json_name).write_text(json.dumps(document))


def write_parts(folder: Path, task: Any, draw: Callable[[int], tuple[np.ndarray, list[np.ndarray]]]) -> None:
    """What a `synth.rendering.job.Task` leaves before it is assembled; `draw` gives an image and its masks."""
    from corrotwin.synth.rendering import batch
    from corrotwin.twin.core.files import write_json
    from corrotwin.twin.core.locks import hold

    with hold(folder, "dataset", task.settings):
        (folder / "images").mkdir()
        for number, images in task.batches.items():
            part: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": [], "assets": []}
            for index in images:
                image, masks = draw(index)
                path = batch.image_file(folder, index)
                Image.fromarray(image).save(path)
                height, width = image.shape[:2]
                entry = {"id": index + 1, "file_name": path.name, "width": width, "height": height, "scene": index // 2}
                part["images"].append({**entry, "asset_kind": "plate"})
                for mask in masks:
                    label = {"image_id": index + 1, "category_id": 1, "iscrowd": 0, **coco.region(mask)}
                    part["annotations"].append(label)
                part["assets"].append(label)
            write_json(batch.part_file(folder, number), part)
