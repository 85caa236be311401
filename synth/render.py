"""Render a dataset folder: batches of images fanned out to Blender processes, then annotations, card and preview.

Nothing here depends on time, order or the number of workers: image 17 is the same whoever renders it, and when.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from synth import fanout
from synth.config import RenderConfig, preset
from synth.subject import Subject, views_per_scene
from twin import cluster
from twin.command import available_cores
from twin.files import (
    OUTLIVING_SECONDS,
    InputError,
    WorkError,
    atomic_file,
    digest,
    hold,
    read_json,
    read_manifest,
    versions,
    write_json,
    write_manifest,
)

if TYPE_CHECKING:
    from synth.labels import Known

SCENES_PER_BATCH = 3  # as many images as three scenes of the preset have; a Blender process lives for one batch
THREADS_ON_A_CLUSTER = 4  # of a Blender process, where a machine has so many


def render(
    out: Path,
    config: RenderConfig,
    *,
    count: int,
    shown: Subject | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> int:
    """Make `out` a dataset of at least `count` images, resuming what is there; a finished folder is left as it is.

    Parameters
    ----------
    out : dataset folder, absent, empty, or begun with the same preset, size, seed, twin and cameras. A larger count
        appends.
    count : images, at least 1.
    shown : a saved twin to photograph (`synth.subject.saved`); None for one drawn anew for each scene.
    workers : Blender processes at a time, sharing the cores; None for one here, as many as there is room on a cluster.
    address : of a Ray cluster; None for this machine.

    Returns
    -------
    The number of images in the folder.

    Raises
    ------
    InputError
        The count or the number of workers is below 1, or the folder holds something else.
    WorkError
        A batch failed after its retries; the message names its images and the error.
    """
    if count < 1:
        raise InputError(f"--count {count}: give at least 1 image")
    if shown is not None and preset(config.preset).timelapse:
        raise InputError(f"--preset {config.preset}: it ages what it draws; a saved twin stays as it is, so grow it")
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: give at least 1")
    if address is not None:
        cluster.connect(address)  # before anything is written
    out = out.resolve()
    settings = {**asdict(config), "preset content": digest(asdict(preset(config.preset)))}
    with hold(out, "dataset", settings if shown is None else {**settings, **shown.claim()}):
        manifest = read_manifest(out, "dataset")
        if manifest is not None and manifest["images"] >= count:
            return int(manifest["images"])
        _render_missing(out, config, shown, count, workers, address)
        _assemble(out, config, shown, count)
    return count


def _render_missing(
    out: Path, config: RenderConfig, shown: Subject | None, count: int, workers: int | None, address: str | None
) -> None:
    """Render the batches whose part is absent or lacks images."""
    (out / "images").mkdir(exist_ok=True)
    per_batch = SCENES_PER_BATCH * preset(config.preset).views_per_scene
    batches = [range(first, min(first + per_batch, count)) for first in range(0, count, per_batch)]
    if address is None:
        workers = workers or 1
        threads = max(1, available_cores() // workers)
    else:
        threads = max(1, min(THREADS_ON_A_CLUSTER, fanout.most_cores(cluster.BLENDER)))
    items = [
        fanout.Item(key=str(number), arguments=(out, config, shown, number, images, threads))
        for number, images in enumerate(batches)
    ]
    failures = fanout.fan_out(
        render_batch, items, is_done=lambda key: not _missing(out, int(key), batches[int(key)]), label="rendering",
        needs=fanout.Needs(cpus=threads, resources={cluster.BLENDER: 1}), workers=workers, address=address,
        counter=fanout.Counter(
            unit="images", total=count, done=lambda: sum(_image(out, index).exists() for index in range(count))
        ),
    )  # fmt: skip
    if failures:
        images = batches[int(failures[0].key)]
        raise WorkError(
            f"{out}: {len(failures)} of {len(batches)} batches failed; images {images[0]} to {images[-1]} "
            f"with {failures[0].error}; the same command tries them again"
        )


def render_batch(
    out: Path, config: RenderConfig, shown: Subject | None, number: int, images: range, threads: int
) -> None:
    """Render what is missing of one batch, in a Ray worker; each finished image enters its part at once."""
    from synth import labels, scene, spec

    own = out / "work" / f"{number:06d}"
    # The worker of a killed command outlives it by a moment: wait, then go on from what it has done.
    with hold(own, "batch", {}, patience_seconds=OUTLIVING_SECONDS), TemporaryDirectory(dir=own) as name:
        work = Path(name)
        missing = _missing(out, number, images)
        if not missing:
            return
        numbers = sorted({index // views_per_scene(config, shown) for index in missing})
        scenes = tuple(scene.sample_scene(config, each, missing, work, shown) for each in numbers)
        (work / "batch.json").write_text(spec.dump(spec.Batch(scenes=scenes, threads=threads)))
        seconds = 120 + 60 * max(1.0, (config.size / 320) ** 2)
        with closing(_blender(work, seconds=seconds)) as finished:
            for index in finished:
                one, view = next((one, view) for one in scenes for view in one.views if view.index == index)
                assets = labels.known(one, view)
                _record(out, config, shown, number, index, work / f"view-{index}.npz", assets)


def _record(
    out: Path, config: RenderConfig, shown: Subject | None, number: int, index: int, view: Path,
    assets: "Mapping[int, Known]",
) -> None:  # fmt: skip
    """Turn what Blender made of image `index` into its photograph, maps and annotations, and list it as done."""
    import numpy as np

    from synth import labels, maps, scene, sensor

    chosen = preset(config.preset)
    with np.load(view) as arrays:
        seen = dict(arrays)
    view.unlink()
    light, label = seen.pop("photograph"), seen["label"]
    maps.write(out, index, seen, config.maps)
    # In a time-lapse the camera stays as it is.
    one = scene.number_and_year(config, index)[0] if chosen.timelapse and shown is None else index
    rng = scene.stream(config.seed, "sensor", one)
    photograph = sensor.develop(light, chosen.sensor, rng, grain=scene.stream(config.seed, "grain", index))
    with atomic_file(_image(out, index)) as stream:
        stream.write(sensor.jpeg(photograph, chosen.sensor, rng))
    scene_index = index // views_per_scene(config, shown)
    part = _read_part(out, number)
    part["images"].append(
        {
            "id": index + 1, "file_name": _image(out, index).name, "width": config.size, "height": config.size,
            "scene": scene_index, "asset_kind": shown.kind if shown else scene.kind_of(config, scene_index),
        }
    )  # fmt: skip
    mask = labels.annotated(label, config.rule())
    part["annotations"] += labels.annotations(mask, label, index + 1, assets, polygons=config.polygons)
    part["assets"] += labels.sights(label, index + 1, assets, config.rule().threshold, polygons=config.polygons)
    write_json(_part(out, number), part)


def _blender(work: Path, *, seconds: float) -> Generator[int]:
    """Run the Blender process on ``work/batch.json`` and yield each view's index as it is finished.

    Raises
    ------
    RuntimeError
        Blender crashed, or finished no view for `seconds`, hung; with the last line it printed.
    """
    log = work / "blender.log"
    command = [sys.executable, "-m", "synth.blender", str(work / "batch.json"), str(os.getpid())]
    overdue = threading.Event()
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as child,
    ):

        def stop() -> None:
            overdue.set()
            child.kill()

        def watch() -> threading.Timer:
            timer = threading.Timer(seconds, stop)
            timer.daemon = True
            timer.start()
            return timer

        guard = watch()
        try:
            assert child.stdout is not None  # noqa: S101  it is a pipe
            for line in child.stdout:
                guard.cancel()
                yield int(line)
                guard = watch()
            child.wait()
        finally:
            guard.cancel()
            child.kill()  # where the caller gave up
    if child.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        why = f"hung: no view in {seconds:.0f} s" if overdue.is_set() else f"ended with status {child.returncode}"
        raise RuntimeError(f"Blender {why}: {lines[-1] if lines else 'it printed nothing'}")


def _assemble(out: Path, config: RenderConfig, shown: Subject | None, count: int) -> None:
    """Write annotations.json, preview.jpg, card.md and, last, the card dataset.json."""
    from segmentation import coco
    from synth import maps, preview
    from twin.assets import KINDS

    chosen = preset(config.preset)
    shutil.rmtree(out / "work", ignore_errors=True)
    parts = [read_json(path) for path in sorted((out / "parts").glob("[0-9]*.json"))]
    images = [image for part in parts for image in part["images"] if image["id"] <= count]
    images.sort(key=lambda image: image["id"])
    annotations, instances = _numbered(parts, "annotations", count), _numbered(parts, "assets", count)
    what = f"corrotwin renders{f' of the twin {shown.id}' if shown else ''}, preset {config.preset}"
    (out / "dataset.json").unlink(missing_ok=True)  # an older card would speak of fewer images
    write_json(out / "annotations.json", coco.document(images, annotations, description=what))
    write_json(
        out / "instances.json",
        coco.document(images, instances, description=f"{what}: assets", categories=[(kind, "asset") for kind in KINDS]),
    )
    maps.remove_leftovers(out)
    preview.contact_sheet(out)
    kinds = [image["asset_kind"] for image in images]
    about = {
        "configuration": asdict(config), "seed": config.seed,
        "preset": json.loads(json.dumps(asdict(replace(chosen, labels=config.rule())))),
        "shows": f"one twin, {shown.id}, {shown.years:g} years old" if shown else "a twin of its own in each scene",
        **({"twin": shown.record()} if shown else {}),
        "images": len(images), "annotations": len(annotations),
        "images_without_corrosion": len(images) - len({found["image_id"] for found in annotations}),
        "images_by_kind": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        **({"maps": {name: maps.MEANING[name] for name in config.maps}} if config.maps else {}),
        "versions": versions("corrotwin", "bpy", "blenderproc", "numpy", "pillow"),
        "device": "CPU", "licence": "the images and labels are yours; made with CC0 light maps from Blender",
    }  # fmt: skip
    preview.card(out, about)
    write_manifest(out, "dataset", about)


def _numbered(parts: list[dict[str, Any]], what: str, count: int) -> list[dict[str, Any]]:
    """What the parts list for the first `count` images, in their order, with ids from 1."""
    listed = [found for part in parts for found in part[what] if found["image_id"] <= count]
    listed.sort(key=lambda found: int(found["image_id"]))
    return [{"id": number, **found} for number, found in enumerate(listed, start=1)]


def _missing(out: Path, number: int, images: range) -> list[int]:
    """The images of batch `number` that its part does not list."""
    listed = {image["id"] - 1 for image in _read_part(out, number)["images"]}
    return [index for index in images if index not in listed]


def _read_part(out: Path, number: int) -> dict[str, list[dict[str, Any]]]:
    path = _part(out, number)
    empty: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": [], "assets": []}
    return {**empty, **read_json(path)} if path.exists() else empty


def _part(out: Path, number: int) -> Path:
    return out / "parts" / f"{number:06d}.json"


def _image(out: Path, index: int) -> Path:
    return out / "images" / f"{index:06d}.jpg"
