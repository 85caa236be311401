"""Render a sample of a dataset again and compare it with the files of the dataset."""

import io
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.synth.config import BOTH, EXACT, RenderConfig
from corrotwin.synth.labels import maps
from corrotwin.synth.presets.own_files import LostFileError
from corrotwin.synth.presets.schema import departures
from corrotwin.synth.rendering import provenance
from corrotwin.synth.rendering.batch import image_file
from corrotwin.synth.rendering.dataset import render
from corrotwin.synth.scene import subject
from corrotwin.synth.scene.subject import Subject
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import changes, read_bytes, read_json, read_manifest
from corrotwin.twin.core.text import counted

_log = logging.getLogger(__name__)

DOCUMENTS = ("annotations.json", "instances.json")


@dataclass(frozen=True, kw_only=True)
class ImageVerification:
    """One image rendered again: whether all its files are the same, and a line that says so."""

    same: bool
    line: str


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """The settings, twin and device from which a dataset was rendered."""

    config: RenderConfig
    shown: Subject | None
    device: str


def render_again(folder: Path, count: int, *, twin: Path | None = None) -> Iterator[ImageVerification]:
    """Render `count` images of a rendered dataset again, spread evenly over it, and compare files and labels.

    Parameters
    ----------
    folder : a dataset made by `synth.rendering.dataset`. Nothing in it changes.
    count : number of images; all if there are fewer.
    twin : folder of the twin that the dataset shows, if it shows one.

    Returns
    -------
    An iterator over the results, each computed when it is asked for.

    Raises
    ------
    InputError
        The dataset was not rendered by this program, or its preset has changed; a file of it is damaged; the twin is
        not given, or not in the state that was photographed.
    """
    return _compared(folder, count, _origin(folder, twin))


def _compared(folder: Path, count: int, origin: _Origin) -> Iterator[ImageVerification]:
    names = (*DOCUMENTS, *((EXACT,) if origin.config.labels == BOTH else ()))
    documents = {name: _by_image(folder / name) for name in names}
    for index in coco.evenly(sorted(key - 1 for key in documents[DOCUMENTS[0]]), count):
        with TemporaryDirectory() as name:
            again = Path(name) / "again"
            _rendered(again, folder, index, origin)
            differences = list(_differences(folder, again, index, origin.config, documents))
        text = "; ".join(differences) or "the same bytes, the same labels"
        yield ImageVerification(same=not differences, line=f"{image_file(folder, index).name}: {text}")


def _rendered(again: Path, folder: Path, index: int, origin: _Origin) -> None:
    prefix = f"{folder}: image {index} cannot be rendered again on {origin.device}"
    try:
        render(again, origin.config, count=1, shown=origin.shown, only=index, device=origin.device)
    except (InputError, WorkError) as error:
        raise type(error)(f"{prefix} ({error})") from error


def print_results(folder: Path, verified: Iterable[ImageVerification]) -> None:
    """Print a line for each image, and one for all.

    Raises
    ------
    WorkError
        There was no image, or some differ; the message names a possible cause.
    """
    same = []
    for image in verified:
        _log.info(image.line)
        same.append(image.same)
    if not same:
        raise WorkError(f"{folder}: has no images to render again")
    if not all(same):
        no_change = "same program: another type of processor, or changed files"
        cause = changed_versions(folder) or no_change
        images = counted(len(same), "image")
        raise WorkError(f"{folder}: {same.count(False)} of {images} came out differently when rendered again ({cause})")
    _log.info(f"{folder}: {len(same)} of {len(same)} images are the same when rendered again")


def changed_versions(folder: Path) -> str:
    """Return what has changed since a dataset was rendered, such as "bpy 4.5.15, now 4.5.16", or "" for nothing."""
    before = (read_manifest(folder, "dataset") or {}).get("versions")
    return changes(before, provenance.made_by()) if isinstance(before, dict) else ""


def _origin(folder: Path, twin: Path | None) -> _Origin:
    manifest = read_manifest(folder, "dataset")
    card = folder / "dataset.json"
    if manifest is None:
        raise InputError(
            f"{folder}: was not rendered by corrotwin synth render (no {card.name}); only "
            "such datasets can be rendered again"
        )
    with _readable(card):
        stated = dict(manifest["configuration"])
        config = RenderConfig.from_plain(stated)
        if not (type(config.seed) is int and type(config.polygons) is bool):
            raise TypeError("invalid seed or polygons")
        device = str(manifest["device"]).lower()
    recorded_preset = manifest.get("preset")
    if not isinstance(recorded_preset, Mapping) or departures(recorded_preset) != departures(config.preset_stated()):
        raise InputError(f"{card}: preset {config.name} was different then; install the version that rendered it")
    return _Origin(config=config, shown=_shown(card, manifest.get("twin"), twin), device=device)


def _shown(card: Path, record: Any, twin: Path | None) -> Subject | None:
    if record is None:
        if twin is not None:
            raise InputError(f"`twin` {twin}: the dataset shows a new twin in each scene; leave it out")
        return None
    if twin is None:
        raise InputError(f"{card}: the dataset shows a twin; give its folder with `twin`")
    with _readable(card):
        state = f"{record['id']} at {record['clock']}"
        cameras = subject.cameras("cameras", record["cameras"], size=(1, 1)) if record["cameras"] else ()
    shown = subject.saved(twin, cameras)
    if json.loads(json.dumps(shown.record())) != record:
        raise InputError(f"`twin` {twin}: is not in the state that was photographed; give {state} as it was then")
    return shown


@contextmanager
def _readable(card: Path) -> Iterator[None]:
    """Re-raise parse errors of dataset.json as InputError with its path."""
    try:
        yield
    except LostFileError as error:
        raise WorkError(f"{card}: {error}; to render images again, restore what they were made with") from error
    except (AttributeError, InputError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{card}: damaged ({error}); render the dataset again") from error


def _by_image(path: Path) -> dict[int, list[dict[str, Any]]]:
    """Return annotations without their own ids, by the id of their image; an image without any has an empty list."""
    document = coco.check_document(read_json(path, inside=path.parent), path)
    annotations: dict[int, list[dict[str, Any]]] = {key: [] for key in document.images}
    for annotation in document.annotations.values():
        entry = {name: value for name, value in annotation.items() if name != "id"}
        annotations[annotation["image_id"]].append(entry)
    return annotations


def _differences(
    folder: Path, again: Path, index: int, config: RenderConfig, documents: Mapping[str, Mapping[int, Any]]
) -> Iterator[str]:
    """Yield a description of each difference of one image."""
    original, repeated = image_file(folder, index), image_file(again, index)
    if not original.is_file():
        yield "missing"
    elif read_bytes(original, inside=folder) != read_bytes(repeated):
        yield _how_far(original, repeated)
    for name, before in documents.items():
        if before.get(index + 1) != _by_image(again / name)[index + 1]:
            yield f"different entries in {name}"
    for name in config.maps:
        original, repeated = (maps.path(where, name, index) for where in (folder, again))
        if not original.is_file() or read_bytes(original, inside=folder) != read_bytes(repeated):
            yield f"different map of {name}"


def _how_far(one: Path, other: Path) -> str:
    pictures = (Image.open(io.BytesIO(read_bytes(path))) for path in (one, other))
    before, now = (np.asarray(picture.convert("RGB"), np.int16) for picture in pictures)
    if before.shape != now.shape:
        return f"{before.shape[1]} x {before.shape[0]} pixels, now {now.shape[1]} x {now.shape[0]}"
    difference = np.abs(before - now)
    return f"pixels differ by {difference.mean():.2f} of 255 on average, {difference.max()} at most"
