"""Predicted masks of unlabelled photos as a folder on disk.

`masks/` holds a PNG for each photo (255 where there is corrosion), `overlays/` the photo with its mask outlined, and
`parts/` the data of each photo; `annotations.json` (COCO) and `predictions.csv` are assembled from the parts last.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco, image_io, photo_files, png_masks
from corrotwin.segmentation.evaluation import adaptation
from corrotwin.segmentation.prediction.predictor import Predictor, Settings
from corrotwin.segmentation.prediction.regions import overlay, regions_of
from corrotwin.segmentation.prediction.sizes import check_sizes, photos_at_once
from corrotwin.segmentation.sampling import thin
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, read_bytes, read_json, remove, write_json, write_text, writing
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import escape_csv

KIND = "predictions"
PARTS, MASKS, OVERLAYS = "parts", "masks", "overlays"  # folders below the one that is written
LEFT_OUT = "left_out.csv"
UNWRITABLE = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)  # by these a system refuses a name
COLUMNS = ("photo", "width", "height", "rusted_percent", "regions", "tiles", "scale")
DAMAGED = "damaged; delete it, and the same command predicts that photo again"


def predict(
    predictor: Predictor,
    photos: Mapping[str, Path],
    out: Path,
    *,
    left_out: Sequence[photo_files.LeftOut] = (),
    overlays: bool = True,
    polygons: bool = False,
    on_photo: Callable[[InputError | None], None] | None = None,
    workers: int | None = None,
) -> list[str]:
    """Predict the masks of photos into a folder, and write the tables of all photos in it.

    Repeating the command resumes it; other photos are added. A photo is skipped if it cannot be read or its name is not
    UTF-8; if its file has changed, the result of an earlier command is removed. `LEFT_OUT` lists what this command left
    out; it is absent if nothing was.

    Parameters
    ----------
    predictor : the trained run.
    photos : photos by name, from `search.search`.
    out : folder that is absent, empty, or started with the same run and settings.
    left_out : what the search left out, for the table.
    overlays : also write photos with outlines.
    polygons : write polygons instead of compressed RLE to annotations.json.
    on_photo : called after each photo, with the error of one that was skipped.
    workers : photos that are predicted at once; None: as many as cores and memory allow (`sizes.photos_at_once`). The
        result does not depend on it.

    Returns
    -------
    Names of the photos that could not be read.

    Raises
    ------
    InputError
        Photos need a choice of how they are taken in (`sizes.check_sizes`), or the folder holds something else, or the
        mask of another photo of the same name, or cannot be written.
    """
    from corrotwin.segmentation.models.network import torch_settings

    check_sizes(predictor, photos)
    if predictor.settings.adapt:
        with torch_settings(predictor.config.threads, predictor.config.precision):
            predictor.adapt(_readable(photos))
    if workers is None:
        workers = photos_at_once(predictor, photos)
    failed: dict[str, InputError] = {}
    with (
        writing(out),
        hold(out, KIND, {**predictor.run, **_stated(predictor.settings), "threshold": predictor.threshold}),
        torch_settings(predictor.config.threads, predictor.config.precision),
    ):
        _check_sources(photos, out)
        with closing(_each(predictor, photos, out, overlays, workers)) as done:
            for name, wrong in done:
                if wrong is not None:
                    failed[name] = wrong
                if on_photo is not None:
                    on_photo(wrong)
        _tables(out, polygons, adapted=predictor.settings.adapt)
        _write_left_out(out, [(photos[name], str(error)) for name, error in failed.items()], left_out)
    return list(failed)


def _stated(settings: Settings) -> dict[str, Any]:
    """Return settings as a folder's claim has them: `adapt` only where it is asked for, as before it was known."""
    return {name: value for name, value in asdict(settings).items() if name != "adapt" or value}


def _readable(photos: Mapping[str, Path]) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Yield the content's hash and the pixels of photos evenly spaced over all, without those that cannot be read."""
    for name in thin(sorted(photos), adaptation.MOST):
        with suppress(InputError):
            yield image_io.header(photos[name])[1], image_io.decoded(photos[name])


def _each(
    predictor: Predictor, photos: Mapping[str, Path], out: Path, overlays: bool, workers: int
) -> Generator[tuple[str, InputError | None]]:
    """Predict photos in threads; yield the name of each, in order, and the error of one that was skipped."""
    import torch

    def work(name: str, path: Path) -> InputError | None:
        try:
            _photo(predictor, name, path, out, overlays)
        except InputError as error:
            if _has_changed(path, name, out):
                for left in _files(name, out):
                    remove(left, missing_ok=True)
            return error
        return None

    # torch's number of threads is each thread's own.
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(predictor.config.threads,))
    try:
        yield from zip(photos, pool.map(work, photos, photos.values()), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _files(name: str, out: Path) -> tuple[Path, Path, Path]:
    """Return the paths of part, mask and overlay of a photo."""
    return out / PARTS / f"{name}.json", out / MASKS / f"{name}.png", out / OVERLAYS / f"{name}.jpg"


def _has_changed(path: Path, name: str, out: Path) -> bool:
    """Return True if a photo's file differs from the one that was predicted; False if it cannot be read."""
    before = _before(name, out)
    if before.get("source") != _source(path, out):
        return False
    try:
        return bool(hashlib.sha256(read_bytes(path)).hexdigest() != before["sha256"])
    except OSError:
        return False


def _source(path: Path, out: Path, name: str = "") -> str:
    """Return a path, or that of `name` in it, relative to `out`, with bytes that are not UTF-8 escaped."""
    # `Path.resolve` fails on a link to itself, which is no photo and is left out as others are.
    whole = Path(os.path.realpath(path)) / name
    return os.fsencode(os.path.relpath(whole, os.path.realpath(out))).decode(errors="backslashreplace")


def _check_sources(photos: Mapping[str, Path], out: Path) -> None:
    """Raise InputError if a photo has the name of a different photo in the folder; a moved photo is not different."""
    for name, path in photos.items():
        before = _before(name, out)
        if before.get("source") in (None, _source(path, out)):  # an earlier version kept none
            continue
        try:
            if image_io.header(path)[1] == before["sha256"]:
                continue
        except InputError:  # it will be left out
            continue
        raise InputError(f"{path}: has the name of {before['source']}, whose mask is in {out}; choose another `out`")


def _photo(predictor: Predictor, name: str, path: Path, out: Path, overlays: bool) -> None:
    """Write mask, overlay and part of one photo.

    Raises
    ------
    InputError
        The photo cannot be read, or the system takes no file of its name in `out`.
    """
    try:
        _write_photo(predictor, name, path, out, overlays)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise InputError(f"{path}: {out} takes no file of this name ({error.strerror}); rename the photo") from error


def _write_photo(predictor: Predictor, name: str, path: Path, out: Path, overlays: bool) -> None:
    """Write mask, overlay and part of one photo, unless they exist and the photo is unchanged."""
    photo = Path(name).with_name(path.name).as_posix()
    png_masks.check_text(photo, path)
    (width, height), content = image_io.header(path)
    part, drawn, shown = _files(name, out)
    there = part.exists() and drawn.exists() and (shown.exists() or not overlays)
    if there and (before := _part(part, out))["sha256"] == content:
        if before.get("source") != _source(path, out):  # it was moved
            write_json(part, {**before, "source": _source(path, out)})
        return
    image = image_io.decoded(path)
    try:
        probability, tiles = predictor.probability(image)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    mask = probability > predictor.threshold
    _write_image(drawn, np.where(mask, np.uint8(255), np.uint8(0)), "PNG")
    if overlays:
        _write_image(shown, overlay(image, mask), "JPEG")
    regions = list(regions_of(mask))
    write_json(
        part,
        {
            "photo": photo, "source": _source(path, out),
            "sha256": content, "width": width, "height": height, "rusted_percent": round(100 * float(mask.mean()), 4),
            "regions": regions, "tiles": tiles,
            "scale": predictor.scale if tiles or predictor.config.framing == "crop" else None,
        },
    )  # fmt: skip


def _before(name: str, out: Path) -> dict[str, Any]:
    """Return what an earlier command wrote of the photo of this name; empty where there was none."""
    part, _, _ = _files(name, out)
    try:
        return _part(part, out) if part.exists() else {}
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        return {}


def _write_left_out(out: Path, failed: Sequence[tuple[Path, str]], left_out: Sequence[photo_files.LeftOut]) -> None:
    """Write what a command left out, by path relative to the folder, and why; nothing where it left out nothing."""
    rows = [(_source(path, out), why.removeprefix(f"{path}: ")) for path, why in failed]
    # Of a folder that is a link, its own place.
    rows += [(_source(left.path.parent, out, left.path.name), left.reason.what) for left in left_out]
    if rows:
        cells = ((escape_csv(path), why.encode(errors="backslashreplace").decode()) for path, why in rows)
        tables.write_own(out / LEFT_OUT, ("path", "reason"), cells)
    else:
        remove(out / LEFT_OUT, missing_ok=True)


def _part(path: Path, out: Path) -> dict[str, Any]:
    """Read the part file of a photo."""
    part = read_json(path, inside=out)
    whole = isinstance(part, dict) and {*COLUMNS, "sha256"} <= set(part) and isinstance(part["regions"], list)
    if not whole or not all(isinstance(region, dict) for region in part["regions"]):
        raise InputError(f"{path}: {DAMAGED}")
    return dict(part)


def _write_image(path: Path, pixels: npt.NDArray[np.uint8], kind: str) -> None:
    from PIL import Image

    with atomic_file(path) as stream:
        Image.fromarray(pixels).save(stream, kind, quality=90)


def _tables(out: Path, polygons: bool, *, adapted: bool) -> None:
    """Write annotations.json and predictions.csv of all photos in a folder."""
    files = sorted((out / PARTS).rglob("*.json"))
    parts = [_part(path, out) for path in files]
    images = [
        {"id": number, "file_name": part["photo"], "width": part["width"], "height": part["height"]}
        for number, part in enumerate(parts, start=1)
    ]
    regions = (_outlined(part, path) if polygons else part["regions"] for part, path in zip(parts, files, strict=True))
    numbered = [(image["id"], region) for image, of_image in zip(images, regions, strict=True) for region in of_image]
    annotations = [
        {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, **region}
        for number, (image, region) in enumerate(numbered, start=1)
    ]
    description = "corrosion as a network predicts it, not checked by eye"
    if adapted:
        description += "; its statistics of batch normalisation were taken from these photos, too"
    document = coco.document(images, annotations, description=description)
    write_text(out / "annotations.json", json.dumps(document))
    rows = ({**part, "regions": len(part["regions"])} for part in parts)
    tables.write_own(out / "predictions.csv", COLUMNS, ([escape_csv(row[name]) for name in COLUMNS] for row in rows))


def _outlined(part: Mapping[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """Yield the regions of a photo as polygons; `path` is the file of the part."""
    try:
        for number, region in enumerate(part["regions"]):
            named = {"id": number, "image_id": 1, **region}
            coco.check_segmentation(named, part["width"], part["height"], path)
    except InputError as error:
        raise InputError(f"{path}: {DAMAGED}") from error
    photo = coco.Photo(
        id=1, file_name=part["photo"], path=Path(), width=part["width"], height=part["height"], split=None,
        annotations=tuple(part["regions"]),
    )  # fmt: skip
    return regions_of(coco.mask(photo), polygons=True)
