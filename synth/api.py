"""Python API of renders: `render`, `fit_preset` and `Preset`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from corrotwin.segmentation.api.dataset import Dataset
from corrotwin.synth.cameras.camera_model import Camera
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets import builtin
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.rendering import dataset
from corrotwin.synth.scene import subject
from corrotwin.twin.api.twin import Twin
from corrotwin.twin.core.arguments import checked, naming, one_or_more
from corrotwin.twin.core.errors import InputError

__all__ = ["Preset", "fit_preset", "render"]

COUNT = 24  # images, if neither a count nor cameras are given


@checked()
def render(
    twin: Twin | str | Path | None = None,
    *,
    out: str | Path,
    preset: str | Preset = "balanced",
    count: int | None = None,
    size: int | tuple[int, int] = 320,
    seed: int = 0,
    cameras: str | Path | Sequence[Mapping[str, Any]] | None = None,
    labels: Literal["annotator", "exact", "both"] = "annotator",
    maps: str | Sequence[str] = (),
    polygons: bool = False,
    device: str = "cpu",
    workers: int | None = None,
    address: str | None = None,
) -> Dataset:
    """Render corroded assets with COCO masks and return the dataset; a repeated call resumes or appends.

    Parameters
    ----------
    twin : twin to photograph in its current state, or its folder; by default each scene has a new twin.
    out : dataset folder: new, empty, or begun with the same arguments.
    preset : name of a preset, or a `Preset`.
    count : number of images; by default 24, or one for each camera.
    size : side of the picture in pixels, or width and height.
    seed : random seed; another seed draws other scenes.
    cameras : for a twin, a camera file, or the entries of such a file, as ``{"eye_m": (x, y, z), "look_at_m": (x, y,
        z), "field_of_view_deg": 50}`` (docs/cameras.md); by default cameras are drawn at random.
    labels : "annotator" for masks as people draw them, "exact" for the rust at pixel centres, or "both", with the
        exact masks in exact.json beside annotations.json.
    maps : exact maps to write beside the images: rust_cover, stain, age, wall_loss, severity, instances, depth,
        normals, uv, light.
    polygons : write polygons instead of compressed RLE into the COCO files.
    device : cpu, optix, cuda, hip, oneapi, metal, or auto.
    workers : number of Blender processes; by default as for ``corrotwin synth render``.
    address : address of a Ray cluster (auto, or host:port), whose machines must be able to read the twin's folder; by
        default this machine.

    Returns
    -------
    The dataset in `out`.

    Raises
    ------
    InputError
        An argument is invalid, or the folder holds something else.
    WorkError
        Batches failed after their retries.
    """
    config = RenderConfig(
        preset=preset,
        size=size,
        seed=seed,
        labels=labels,
        maps=tuple(sorted(set(one_or_more(maps)))),
        polygons=polygons,
    )
    if cameras is not None and twin is None:
        raise InputError("`cameras` need a twin; give the `twin`, too")
    if cameras is None:
        listed: tuple[Camera, ...] = ()
    elif isinstance(cameras, str | Path):
        listed = subject.read_cameras(Path(cameras), size=config.sides)
    else:
        listed = subject.cameras("`cameras`", [{**camera} for camera in cameras], size=config.sides)
    folder = Path(out)
    images_wanted = count if count is not None else len(listed) or COUNT
    with _folder_of(twin, folder) as twin_folder:
        shown = None if twin_folder is None else subject.saved(twin_folder, listed)
        dataset.render(
            folder, config, count=images_wanted, shown=shown, device=device, workers=workers, address=address
        )
    return Dataset(folder)


@checked()
def fit_preset(
    photos: Dataset | str | Path,
    *,
    out: str | Path,
    unlabelled: str | Path | None = None,
    preset: str | Preset = "balanced",
    textures: bool = False,
    seed: int = 0,
    workers: int | None = None,
) -> Preset:
    """Fit a preset to ten or more labelled photographs, write it with its page and return it; a repeated call resumes.

    Parameters
    ----------
    photos : dataset, or a path that `Dataset` reads; photographs without labels count as unlabelled. If the dataset
        has a split, only its training photographs are used; otherwise all but those in an export's folder ``test``.
    out : .json file for the preset. A page of photographs and renders (.html), small renders from which the same call
        resumes (.fit) and, with `textures`, a folder of textures (.textures) are written beside it.
    unlabelled : folder of photographs without labels, of which at most 300 are used.
    preset : preset that the fit starts from: a name, or a `Preset`.
    textures : also cut rust and coats out of the photographs and synthesise textures from them.
    seed : random seed of the renders used in the search.
    workers : number of Blender processes; by default one per core.

    Returns
    -------
    The fitted preset, as `Preset.read` reads it from `out`.

    Raises
    ------
    InputError
        Fewer than ten photographs have labels, a picture is damaged, or an argument is invalid.
    WorkError
        Renders failed.
    """
    from corrotwin.synth.fitting import output, photographs

    path = Path(out)
    output.check(path, seed, workers)
    dataset = photos if isinstance(photos, Dataset) else Dataset(photos)
    names = None if dataset.parts is None else frozenset(dataset.parts.train)
    measured = photographs.look(dataset.data, None if unlabelled is None else Path(unlabelled), names)
    with naming("preset"):
        base = builtin.preset(preset) if isinstance(preset, str) else preset
    output.make(path, measured, base, textures=textures, seed=seed, workers=workers)
    return Preset.read(path)


@contextmanager
def _folder_of(twin: Twin | str | Path | None, out: Path) -> Iterator[Path | None]:
    """Yield the folder of a twin for the renderer; an unsaved twin is saved in a temporary folder beside `out`."""
    if twin is None:
        yield None
    elif not isinstance(twin, Twin):
        yield Path(twin)
    elif twin.folder is not None and twin.is_saved:
        yield twin.folder
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-twin-") as name:
            temporary = Path(name) / "twin"
            copy(twin).save(temporary)  # a copy, since saving ties a twin to its folder
            yield temporary
