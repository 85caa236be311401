"""Render a dataset folder: batches of scenes fanned out to Blender processes, then annotations, card and preview.

Nothing here depends on time, order or the number of workers: image 17 is the same whoever renders it, and when.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from synth import fanout
from synth.config import RenderConfig, preset
from twin.files import InputError, atomic_file, claim, hold, read_json, read_manifest, write_json, write_manifest

SCENES_PER_BATCH = 3  # one of each kind; a Blender process lives for one batch


def render(
    out: Path, config: RenderConfig, *, count: int, workers: int | None = None, address: str | None = None
) -> None:
    """Make `out` a dataset of `count` images, resuming what is there; a finished folder is left as it is.

    Parameters
    ----------
    out : dataset folder, absent, empty, or begun with the same preset, size and seed. A larger count appends.
    count : images, at least 1.
    workers : Blender processes at a time, sharing the cores; None for one.
    address : of a Ray cluster; None for this machine.

    Raises
    ------
    InputError
        The count or the number of workers is below 1, the folder holds something else, or a batch failed after its
        retries (the message names its images and the error).
    """
    if count < 1:
        raise InputError(f"--count {count}: give at least 1 image")
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: give at least 1")
    out = out.resolve()
    claim(out, "dataset", asdict(config))
    with hold(out):
        manifest = read_manifest(out, "dataset")
        if manifest is not None and manifest["images"] >= count:
            return
        _render_missing(out, config, count, workers, address)
        _assemble(out, config, count)


def _render_missing(out: Path, config: RenderConfig, count: int, workers: int | None, address: str | None) -> None:
    """Render the batches whose part is absent or lacks images."""
    (out / "images").mkdir(exist_ok=True)
    per_batch = SCENES_PER_BATCH * preset(config.preset).views_per_scene
    batches = [range(first, min(first + per_batch, count)) for first in range(0, count, per_batch)]
    at_a_time = workers or 1
    threads = max(1, fanout.available_cores() // at_a_time)
    items = [
        fanout.Item(key=str(number), arguments=(out, config, number, images, threads))
        for number, images in enumerate(batches)
    ]

    def is_done(key: str) -> bool:
        part = _part(out, int(key))
        return part.exists() and len(read_json(part)["images"]) >= len(batches[int(key)])

    failures = fanout.fan_out(
        render_batch, items, is_done=is_done, label="rendering",
        needs=fanout.Needs(cpus=threads, resources={fanout.BLENDER: 1}),
        workers=at_a_time if address is None else workers, address=address,
        counter=fanout.Counter(
            unit="images", total=count, done=lambda: sum(_image(out, index).exists() for index in range(count))
        ),
    )  # fmt: skip
    if failures:
        images = batches[int(failures[0].key)]
        raise InputError(
            f"{out}: {len(failures)} of {len(batches)} batches failed; images {images[0]} to {images[-1]} "
            f"with {failures[0].error}"
        )


def render_batch(out: Path, config: RenderConfig, number: int, images: range, threads: int) -> None:
    """Render one batch, in a Ray worker: scenes, Blender, photographs, and last its part of the annotations."""
    import numpy as np

    from synth import labels, scene, sensor, spec

    chosen = preset(config.preset)
    work = out / "work" / str(number)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    numbers = sorted({index // chosen.views_per_scene for index in images})
    scenes = tuple(scene.sample_scene(config, each, images, work) for each in numbers)
    (work / "batch.json").write_text(spec.dump(spec.Batch(scenes=scenes, threads=threads)))

    made: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": []}
    for index in _blender(work, seconds=120 + 60 * len(images) * max(1.0, (config.size / 320) ** 2)):
        with np.load(work / f"view-{index}.npz") as arrays:
            light, label = arrays["photograph"], arrays["label"]
        rng = scene.stream(config.seed, "sensor", index)
        photograph = sensor.develop(light, chosen.sensor, rng)
        with atomic_file(_image(out, index)) as stream:
            stream.write(sensor.jpeg(photograph, chosen.sensor, rng))
        mask = labels.annotated(label, chosen.labels)
        made["images"].append(
            {
                "id": index + 1, "file_name": _image(out, index).name, "width": config.size, "height": config.size,
                "scene": index // chosen.views_per_scene,
                "asset_kind": scene.kind_of(config, index // chosen.views_per_scene),
            }
        )  # fmt: skip
        made["annotations"] += labels.annotations(mask, label[..., 2], index + 1)
        (work / f"view-{index}.npz").unlink()
    write_json(_part(out, number), made)
    shutil.rmtree(work)


def _blender(work: Path, *, seconds: float) -> Iterator[int]:
    """Run the Blender process on ``work/batch.json`` and yield each view's index as it is finished.

    Raises
    ------
    RuntimeError
        Blender crashed, or took longer than `seconds`; with the last line it printed.
    """
    log = work / "blender.log"
    command = [sys.executable, "-m", "synth.blender", str(work / "batch.json"), str(log), str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        guard = threading.Timer(seconds, child.kill)
        guard.start()
        try:
            assert child.stdout is not None  # noqa: S101  it is a pipe
            for line in child.stdout:
                yield int(line)
        finally:
            overdue = not guard.is_alive()
            guard.cancel()
            child.kill() if sys.exc_info()[0] else None
    if child.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        why = f"took over {seconds:.0f} s" if overdue else f"ended with status {child.returncode}"
        raise RuntimeError(f"Blender {why}: {lines[-1] if lines else 'it printed nothing'}")


def _assemble(out: Path, config: RenderConfig, count: int) -> None:
    """Write annotations.json, preview.jpg and, last, the card dataset.json."""
    from segmentation import coco
    from synth import preview

    chosen = preset(config.preset)
    parts = [read_json(path) for path in sorted((out / "parts").iterdir(), key=lambda path: int(path.stem))]
    images = sorted((image for part in parts for image in part["images"]), key=lambda image: image["id"])
    by_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in images}
    for part in parts:
        for annotation in part["annotations"]:
            by_image[annotation["image_id"]].append(annotation)
    ordered = [annotation for image in images for annotation in by_image[image["id"]]]
    annotations = [{"id": number, **annotation} for number, annotation in enumerate(ordered, start=1)]
    document = coco.document(images, annotations, description=f"corrotwin renders, preset {config.preset}")
    write_json(out / "annotations.json", document)
    preview.contact_sheet(out)
    kinds = [image["asset_kind"] for image in images]
    write_manifest(
        out, "dataset",
        {
            "configuration": asdict(config), "preset": json.loads(json.dumps(asdict(chosen))), "seed": config.seed,
            "images": len(images), "annotations": len(annotations),
            "images_without_corrosion": sum(not found for found in by_image.values()),
            "images_by_kind": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
            "versions": {name: version(name) for name in ("corrotwin", "bpy", "blenderproc", "numpy", "pillow")},
            "device": "CPU", "licence": "the images and labels are yours; made with CC0 light maps from Blender",
        },
    )  # fmt: skip
    shutil.rmtree(out / "work", ignore_errors=True)


def _part(out: Path, number: int) -> Path:
    return out / "parts" / f"{number:06d}.json"


def _image(out: Path, index: int) -> Path:
    return out / "images" / f"{index:06d}.jpg"
