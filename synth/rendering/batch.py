"""Render one batch of images in a worker: sample scenes, run a Blender process, write photographs and labels.

The part of a batch lists its finished images one by one, so that a killed worker loses only the image in progress.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from corrotwin.synth.cameras.camera_model import from_pose
from corrotwin.synth.config import BOTH, RenderConfig
from corrotwin.synth.labels import maps
from corrotwin.synth.rendering import devices, provenance
from corrotwin.synth.rendering.blender_process import run_blender
from corrotwin.synth.scene.subject import Subject, views_per_scene
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import (
    atomic_file,
    open_file,
    other_version,
    read_json,
    remove,
    write_json,
    write_text,
)
from corrotwin.twin.core.locks import OUTLIVING_SECONDS, hold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from corrotwin.synth.spec import Scene, View

# Processor seconds that Blender may use from one line of progress to the next: a base, and more per 320 x 320 pixels of
# the largest picture, many times what the slowest scenes take. A card's kernels may be compiled first.
LEAST_BUDGET, BUDGET, COMPILING = 600.0, 600.0, 7200.0
# Lists of a part, and the field of their entries that names the image.
_KEYS = {"images": "id", "annotations": "image_id", "exact": "image_id", "assets": "image_id"}


def render_batch(
    out: Path,
    config: RenderConfig,
    shown: Subject | None,
    number: int,
    images: range,
    threads: int,
    device: str,
    made_by: Mapping[str, str],
) -> None:
    """Render the missing images of one batch, in a Ray worker; each finished image enters its part at once.

    Parameters
    ----------
    out : dataset folder.
    shown : a saved twin to photograph; None for twins that are drawn.
    number : number of the batch.
    images : indices of its images.
    threads, device : threads and device of the Blender process.
    made_by : `synth.rendering.provenance.made_by` of the program that started the worker.

    Raises
    ------
    OtherVersionError
        The program differs from `made_by`, since it was changed or this is another machine.
    RuntimeError
        Blender crashed or hung; see `run_blender`.
    """
    from corrotwin.synth import spec
    from corrotwin.synth.scene import sampling

    if other := other_version(made_by, provenance.made_by()):
        raise provenance.OtherVersionError(other)

    folder = out / "work" / f"{number:06d}"
    # The worker of a killed command outlives it briefly: wait, then continue from what it has finished.
    with hold(folder, "batch", {}, patience_seconds=OUTLIVING_SECONDS), TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        lacking = missing(out, number, images, config.maps)
        if not lacking:
            return
        numbers = sorted({index // views_per_scene(config, shown) for index in lacking})
        scenes = tuple(sampling.sample_scene(config, scene_index, lacking, work, shown) for scene_index in numbers)
        write_text(work / "batch.json", spec.dump(spec.Batch(scenes=scenes, threads=threads, device=device)))
        largest = max(_pixels(view) for scene in scenes for view in scene.views)
        budget = (LEAST_BUDGET if device == devices.CPU else COMPILING) + BUDGET * largest / 320**2
        with closing(run_blender(work, budget=budget)) as finished:
            for index in finished:
                scene, view = next((scene, view) for scene in scenes for view in scene.views if view.index == index)
                record(out, config, shown, number, scene, view, work / f"view-{index}.npz", made_by)


def _pixels(view: "View") -> int:
    lens = view.frame or view.lens
    return lens.width * lens.height


def record(
    out: Path, config: RenderConfig, shown: Subject | None, number: int, scene: "Scene", view: "View", file: Path,
    made_by: Mapping[str, str],
) -> None:  # fmt: skip
    """Convert Blender's output for a view to photograph, maps and annotations, and list the image in the part.

    Parameters
    ----------
    out : dataset folder.
    number : number of the batch.
    scene, view : scene and view that Blender rendered.
    file : Blender's npz file of the view, which is deleted together with that of its labels.
    """
    from corrotwin.synth import sensor
    from corrotwin.synth.labels import masks
    from corrotwin.synth.presets import own_twins
    from corrotwin.synth.scene import sampling
    from corrotwin.synth.textures import backdrops

    chosen, index, assets = config.content(), view.index, masks.asset_facts(scene, view)
    light, arrays = _seen(file, view)
    label = arrays["label"]
    if view.backdrop is not None:
        asset_reflectance = backdrops.reflectance(label, scene.bodies)
        light = backdrops.behind(light, arrays.pop("alpha"), view.backdrop, asset_reflectance)
    maps.write(out, index, {**arrays, "light": light}, config.maps)
    # In a time-lapse the camera stays the same.
    camera_index = sampling.number_and_year(config, index)[0] if chosen.timelapse and shown is None else index
    rng = sampling.stream(config.seed, "sensor", camera_index)
    photograph = sensor.develop(light, chosen.sensor, rng, grain=sampling.stream(config.seed, "grain", index))
    with atomic_file(image_file(out, index)) as stream:
        stream.write(sensor.jpeg(photograph, chosen.sensor, rng))
    scene_index = index // views_per_scene(config, shown)
    kind, own = (shown.kind, {}) if shown else own_twins.described(sampling.kind_of(config, scene_index), chosen.kinds)
    part = read_part(out, number)
    for name, key in _KEYS.items():  # drop those of an image that was lost
        part[name] = [entry for entry in part[name] if entry[key] != index + 1]
    part["images"].append(
        {
            "id": index + 1, "file_name": image_file(out, index).name, "width": view.lens.width,
            "height": view.lens.height, "scene": scene_index, "asset_kind": kind, **own,
            "camera": from_pose(view.pose, view.lens, distortion=view.distortion, name=view.name).plain(),
            "assets": [
                {"asset_id": body.instance, "kind": body.kind, "pose": [list(row) for row in body.pose]}
                for body in scene.bodies
            ],
        }
    )  # fmt: skip
    rule = config.rule()
    for name, mask in (
        ("annotations", masks.annotated(label, rule)),
        *((("exact", masks.exact(label, rule.threshold)),) if config.labels == BOTH else ()),
    ):
        part[name] += masks.annotations(mask, label, index + 1, assets, rule.threshold, polygons=config.polygons)
    part["assets"] += masks.asset_annotations(label, index + 1, assets, rule.threshold, polygons=config.polygons)
    part["made_by"] = dict(made_by)
    write_json(part_file(out, number), part)


def _seen(file: Path, view: "View") -> "tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]":
    """Return photograph and other arrays of Blender's npz files, warped if the lens distorts, and delete the files."""
    import numpy as np

    from corrotwin.synth.cameras import distortion

    others: dict[str, NDArray[np.float32]] = {}
    for npz_file in (file, file.with_name(f"{file.stem}-labels.npz")):
        with open_file(npz_file) as content, np.load(content) as arrays:
            others |= {name: values.astype(np.float32) for name, values in arrays.items()}
        remove(npz_file)
    light = others.pop("photograph")
    if view.frame is None:
        return light, others
    at = distortion.places(view.lens, view.distortion, view.frame)
    alpha = {name: distortion.warped(others.pop(name), at) for name in ("alpha",) if name in others}
    labels = {
        name: (distortion.depth if name == "depth" else distortion.nearest)(values, at, view.label_finer)
        for name, values in others.items()
    }
    return distortion.warped(light, at), labels | alpha


def missing(out: Path, number: int, images: range, names: Sequence[str]) -> list[int]:
    """Return the images of batch `number` that are not finished, or that lack a file or one of the maps `names`."""
    return missing_from_part(out, read_part(out, number), images, names)


def missing_from_part(out: Path, part: Mapping[str, Any], images: range, names: Sequence[str]) -> list[int]:
    """Return the images that a part of `read_part` does not list, or that lack a file or one of the maps `names`."""
    listed = {image["id"] - 1 for image in part["images"]}
    return [index for index in images if index not in listed or not has_files(out, index, names)]


def has_files(out: Path, index: int, names: Sequence[str]) -> bool:
    """Return True if image `index` has all its files: the photograph and the maps `names`."""
    return image_file(out, index).is_file() and all(maps.path(out, name, index).is_file() for name in names)


def read_part(out: Path, number: int) -> dict[str, Any]:
    """Read the part of batch `number`: ``images``, ``annotations``, ``exact``, ``assets`` without ids, and ``made_by``.

    The last is `synth.rendering.provenance.made_by` of the program that rendered it, empty before the first image.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = part_file(out, number)
    empty: dict[str, Any] = {**{name: [] for name in _KEYS}, "made_by": {}}
    if not path.exists():
        return empty
    part = read_json(path, inside=out)
    if (
        not isinstance(part, dict)
        or not isinstance(part.get("made_by", {}), dict)
        or not all(
            isinstance(part.get(name, []), list)
            and all(isinstance(entry, dict) and isinstance(entry.get(key), int) for entry in part.get(name, []))
            for name, key in _KEYS.items()
        )
    ):
        raise InputError(f"{path}: damaged; delete it, and the same command renders its images again")
    return {**empty, **part}


def part_file(out: Path, number: int) -> Path:
    """Return the path of the part of batch `number`."""
    return out / "parts" / f"{number:06d}.json"


def image_file(out: Path, index: int) -> Path:
    """Return the path of image `index`."""
    return out / "images" / f"{index:06d}.jpg"
