"""The Python API of renders: `render`, `fit_preset` and `Preset`."""

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

COUNT = 24  # images, where neither a count nor cameras are given


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
    """Render corroded assets with COCO masks, and return the dataset; called again, it resumes or appends.

    Parameters
    ----------
    twin : to photograph as it is now, or its folder; by default each scene has a twin of its own.
    out : dataset folder: new, empty, or begun with the same arguments.
    preset : the name of a preset, or a `Preset`.
    count : images; by default 24, or one by each camera.
    size : picture side in pixels, or width and height.
    seed : another seed, other scenes.
    cameras : of a twin: a camera file, or what such a file lists, as ``{"eye_m": (x, y, z), "look_at_m": (x, y, z),
        "field_of_view_deg": 50}`` (docs/cameras.md); by default they are drawn.
    labels : masks as people draw them, the rust that pixel centres see, or both: exact.json beside annotations.json.
    maps : also write exact maps beside the images: rust_cover, stain, age, wall_loss, severity, instances, depth,
        normals, uv, light.
    polygons : outlines instead of compressed RLE in the COCO files.
    device : cpu, optix, cuda, hip, oneapi, metal, or auto.
    workers : Blender processes at a time.
    address : of a Ray cluster (auto, or host:port); by default this machine. It must see the twin's folder.

    Raises
    ------
    InputError
        An argument is impossible, or the folder holds something else.
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
        raise InputError("`cameras` stand about a twin; give the `twin`")
    if cameras is None:
        stated: tuple[Camera, ...] = ()
    elif isinstance(cameras, str | Path):
        stated = subject.read_cameras(Path(cameras), size=config.sides)
    else:
        stated = subject.cameras("`cameras`", [{**camera} for camera in cameras], size=config.sides)
    folder = Path(out)
    wanted = count if count is not None else len(stated) or COUNT
    with _folder_of(twin, folder) as where:
        shown = None if where is None else subject.saved(where, stated)
        dataset.render(folder, config, count=wanted, shown=shown, device=device, workers=workers, address=address)
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
    """Fit a preset to ten labelled photographs or more, write it with its page, and return it; a second call goes on.

    Parameters
    ----------
    photos : a dataset, or what `Dataset` reads; photographs without labels count as unlabelled. Of a split only those
        that train are looked at; without one all but those in an export's folder ``test``.
    out : .json file of the preset. Beside it come a page of photographs and renders (.html), small renders from which
        the same call goes on (.fit), and with `textures` these (.textures).
    unlabelled : folder of photographs without labels, at most 300 of which are looked at.
    preset : what the fit starts from: the name of a preset, or a `Preset`.
    textures : also cut rust and coats out of the photographs and weave them into textures.
    seed : another seed, other renders to search with.
    workers : Blender processes at a time; by default one a core.

    Raises
    ------
    InputError
        There are fewer than ten labels, a picture is damaged, or an argument is impossible.
    WorkError
        Renders failed.
    """
    from corrotwin.synth.fitting import output, photographs

    path = Path(out)
    output.check(path, seed, workers)
    dataset = photos if isinstance(photos, Dataset) else Dataset(photos)
    names = None if dataset.parts is None else frozenset(dataset.parts.train)
    given = photographs.look(dataset.data, None if unlabelled is None else Path(unlabelled), names)
    with naming("preset"):
        base = builtin.preset(preset) if isinstance(preset, str) else preset
    output.make(path, given, base, textures=textures, seed=seed, workers=workers)
    return Preset.read(path)


@contextmanager
def _folder_of(twin: Twin | str | Path | None, out: Path) -> Iterator[Path | None]:
    """Yield the folder of a twin for the renderer; a twin that is not saved gets a temporary folder beside `out`."""
    if twin is None:
        yield None
    elif not isinstance(twin, Twin):
        yield Path(twin)
    elif twin.folder is not None and twin.is_saved:
        yield twin.folder
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-twin-") as name:
            where = Path(name) / "twin"
            copy(twin).save(where)  # a copy, since a twin belongs to the folder that it was saved to
            yield where
