"""Predicted masks of unlabelled photos as a folder on disk.

`masks/` holds a PNG for each photo (255 where there is corrosion), `overlays/` the photo with its mask outlined, and
`parts/` the data of each photo; `annotations.json` (COCO), `predictions.csv` and `index.html` are assembled from the
parts last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco, image_io, photo_files
from corrotwin.segmentation.data.archive import hashed
from corrotwin.segmentation.prediction import page, parts
from corrotwin.segmentation.prediction.parts import FramedPart
from corrotwin.segmentation.prediction.predictor import Predictor, Settings
from corrotwin.segmentation.prediction.regions import regions_of
from corrotwin.segmentation.prediction.sizes import check_sizes, photos_at_once
from corrotwin.segmentation.sampling import thin
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import below, remove, write_manifest, write_text, writing
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import escape_csv

KIND = "predictions"
EVALUATION = "evaluation"  # kind of the manifest that says how well the model did on other photos
LEFT_OUT = "left_out.csv"


def predict(
    predictor: Predictor,
    photos: Mapping[str, Path],
    out: Path,
    *,
    left_out: Sequence[photo_files.LeftOut] = (),
    overlays: bool = True,
    polygons: bool = False,
    frame: FramedPart | None = None,
    on_photo: Callable[[InputError | None], None] | None = None,
    workers: int | None = None,
) -> list[str]:
    """Predict the masks of photos into a folder, and write the tables of all photos in it.

    Repeating the command resumes it; other photos are added. A photo is skipped if it cannot be read or its name is not
    UTF-8; if its file has changed, the result of an earlier command is removed. `LEFT_OUT` lists what this command left
    out; it is absent if nothing was.

    Parameters
    ----------
    predictor : draws the masks.
    photos : photos by name, from `search.search`.
    out : folder that is absent, empty, or started with the same predictor and settings.
    left_out : what the search left out, for the table.
    overlays : also write photos with outlines.
    polygons : write polygons instead of compressed RLE to annotations.json.
    frame : part of each photo whose corroded share and degree of rusting are reported as well.
    on_photo : called after each photo, with the error of one that was skipped.
    workers : number of photos predicted at once; None for as many as cores and memory allow (`sizes.photos_at_once`).
        The result does not depend on it.

    Returns
    -------
    Names of the photos that could not be read.

    Raises
    ------
    InputError
        Photos much larger than those of training need a choice (`sizes.check_sizes`); or the folder holds something
        else or the mask of another photo of the same name, or cannot be written.
    """
    check_sizes(predictor, photos)
    if predictor.settings.adapt:
        with predictor.working():
            predictor.adapt(_readable(photos))
    if workers is None:
        workers = photos_at_once(predictor, photos)
    claim = {**predictor.run, **_stated(predictor.settings, frame), "threshold": predictor.threshold}
    failed: dict[str, InputError] = {}
    with writing(out), hold(out, KIND, claim), predictor.working():
        _check_sources(photos, out)
        with closing(_each(predictor, photos, out, overlays, frame, workers)) as outcomes:
            for name, error in outcomes:
                if error is not None:
                    failed[name] = error
                if on_photo is not None:
                    on_photo(error)
        _tables(out, predictor, polygons=polygons, frame=frame)
        if (measured := predictor.measured) is not None:
            # For `twin inspect`, which takes the error rates of a mask from the folder that holds it.
            rates = {name: getattr(measured, name) for name in ("recall", "recall_sd", "false_calls")}
            measured_on = "a kind absent from the training photos, by models trained in the same way"
            write_manifest(out, EVALUATION, {"images": measured.photos, "of": measured_on, **rates})
        _write_left_out(out, [(photos[name], str(error)) for name, error in failed.items()], left_out)
    return list(failed)


def _stated(settings: Settings, frame: FramedPart | None) -> dict[str, Any]:
    """Return the settings for a folder's claim, without `adapt` and the frame unless they are asked for."""
    stated = {name: value for name, value in asdict(settings).items() if name != "adapt" or value}
    return stated if frame is None else {**stated, "frame": asdict(frame)}


def _readable(photos: Mapping[str, Path]) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Yield the content hash and the pixels of at most `MOST` photos, evenly spaced, if they can be read."""
    from corrotwin.segmentation.evaluation.adaptation import MOST

    for name in thin(sorted(photos), MOST):
        with suppress(InputError):
            yield image_io.header(photos[name])[1], image_io.decoded(photos[name])


def _each(
    predictor: Predictor, photos: Mapping[str, Path], out: Path, overlays: bool, frame: FramedPart | None, workers: int
) -> Generator[tuple[str, InputError | None]]:
    """Predict photos in threads; yield the name of each, in order, and the error of one that was skipped."""

    def work(name: str, path: Path) -> InputError | None:
        try:
            parts.write(predictor, name, path, out, overlays=overlays, frame=frame)
        except InputError as error:
            if _has_changed(path, name, out):
                for stale in parts.files_of(name, out):
                    remove(stale, missing_ok=True)
            return error
        return None

    pool = ThreadPoolExecutor(workers, initializer=predictor.start_thread)
    try:
        yield from zip(photos, pool.map(work, photos, photos.values()), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _has_changed(path: Path, name: str, out: Path) -> bool:
    """Return True if a photo's file differs from the one that was predicted; False if it cannot be read."""
    earlier = parts.before(name, out)
    if earlier.get("source") != parts.source_of(path, out):
        return False
    try:
        return bool(hashed(path).sha256 != earlier["sha256"])
    except InputError:
        return False


def _check_sources(photos: Mapping[str, Path], out: Path) -> None:
    """Raise InputError if a photo has the name of a different photo in the folder; a moved photo is not different."""
    for name, path in photos.items():
        earlier = parts.before(name, out)
        if earlier.get("source") in (None, parts.source_of(path, out)):  # earlier versions kept no source
            continue
        try:
            if image_io.header(path)[1] == earlier["sha256"]:
                continue
        except InputError:  # it will be left out
            continue
        raise InputError(
            f"{path}: has the same name as {earlier['source']}, whose mask is in {out}; choose another `out`"
        )


def _write_left_out(out: Path, failed: Sequence[tuple[Path, str]], left_out: Sequence[photo_files.LeftOut]) -> None:
    """Write what was left out, as paths relative to the folder with reasons; remove the table if nothing was."""
    rows = [(parts.source_of(path, out), message.removeprefix(f"{path}: ")) for path, message in failed]
    # If a folder is a link, the path of the link, not of its target.
    rows += [(parts.source_of(item.path.parent, out, item.path.name), item.reason.what) for item in left_out]
    if rows:
        cells = ((escape_csv(path), reason.encode(errors="backslashreplace").decode()) for path, reason in rows)
        tables.write_own(out / LEFT_OUT, ("path", "reason"), cells)
    else:
        remove(out / LEFT_OUT, missing_ok=True)


def _tables(out: Path, predictor: Predictor, *, polygons: bool, frame: FramedPart | None) -> None:
    """Write annotations.json, predictions.csv and index.html of all photos in a folder."""
    files = sorted(path for path in below(out / parts.PARTS) if path.suffix == ".json")
    photo_parts = [parts.read(path, out) for path in files]
    images = [
        {"id": number, "file_name": part["photo"], "width": part["width"], "height": part["height"]}
        for number, part in enumerate(photo_parts, start=1)
    ]
    regions = (
        _outlined(part, path) if polygons else part["regions"] for part, path in zip(photo_parts, files, strict=True)
    )
    numbered = [
        (image["id"], region) for image, image_regions in zip(images, regions, strict=True) for region in image_regions
    ]
    annotations = [
        {"id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0, **region}
        for number, (image_id, region) in enumerate(numbered, start=1)
    ]
    description = "corrosion as a network predicts it, not checked by eye"
    if predictor.settings.adapt:
        description += "; its statistics of batch normalisation were taken from these photos, too"
    document = coco.document(images, annotations, description=description)
    write_text(out / "annotations.json", json.dumps(document))
    columns = parts.columns(predictor, frame)
    rows = ({**part, "regions": len(part["regions"])} for part in photo_parts)
    cells = (["" if row.get(name) is None else escape_csv(row[name]) for name in columns] for row in rows)
    tables.write_own(out / "predictions.csv", columns, cells)
    names = [path.relative_to(out / parts.PARTS).with_suffix("").as_posix() for path in files]
    page.write(out, dict(zip(names, photo_parts, strict=True)), predictor)


def _outlined(part: Mapping[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """Yield the regions of a photo as polygons; `path` is the file of the part."""
    try:
        for number, region in enumerate(part["regions"]):
            annotation = {"id": number, "image_id": 1, **region}
            coco.check_segmentation(annotation, part["width"], part["height"], path)
    except InputError as error:
        raise InputError(f"{path}: {parts.DAMAGED}") from error
    photo = coco.Photo(
        id=1, file_name=part["photo"], path=Path(), width=part["width"], height=part["height"], split=None,
        annotations=tuple(part["regions"]),
    )  # fmt: skip
    return regions_of(coco.mask(photo), polygons=True)
