"""COCO datasets: the only place that reads, checks and writes them.

Three layouts are read: a Roboflow COCO-segmentation export (``{train,valid,test}/_annotations.coco.json`` beside the
images), a folder with one COCO json and its images beside it or in ``images/``, and our own rendered dataset
(``annotations.json`` and ``images/``). All categories that carry annotations are taken as one class, corrosion.

Everything is checked at reading, so that the rest of the program can trust a `Dataset`.
"""

import hashlib
import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from pycocotools import mask as coco_mask

from twin.files import InputError, digest, read_json

SPLITS = ("train", "valid", "test")
ROBOFLOW_JSON = "_annotations.coco.json"
_QUARTER_TURNS = (5, 6, 7, 8)  # EXIF orientations that exchange width and height


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One image of a dataset and what was annotated on it.

    `id` is unique within one json only; `file_name` is unique in the dataset (``train/x.jpg`` in a Roboflow export).
    `width` and `height` are in pixels, after EXIF rotation.
    """

    id: int
    file_name: str
    path: Path
    width: int
    height: int
    split: str | None
    annotations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A checked COCO dataset. `digest` depends on names, image bytes and masks, not on where the folder lies."""

    folder: Path
    photos: tuple[Photo, ...]
    digest: str


def read(folder: Path, *, allow_unannotated: bool = False) -> Dataset:
    """Read and check the COCO dataset in `folder`.

    Without `allow_unannotated`, a dataset in which no image has an annotation is refused: nothing could be learned.
    Images are opened (header, size, orientation) but not decoded; a file that breaks off later is reported by `image`.

    Raises
    ------
    InputError
        The folder, the json, an image or an annotation is unusable. The message names the file and the id.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder of a COCO dataset")
    photos: list[Photo] = []
    contents: list[Any] = []
    for source, split in sources(folder):
        for photo, content in _read_json(source, split):
            photos.append(photo)
            contents.append(content)
    if not allow_unannotated and not any(photo.annotations for photo in photos):
        raise InputError(f"{folder}: no annotations at all; export the dataset again with its segmentation masks")
    return Dataset(folder=folder, photos=tuple(photos), digest=digest(contents))


def sources(folder: Path) -> list[tuple[Path, str | None]]:
    """Find the json files of a dataset and the split that each stands for.

    Raises
    ------
    InputError
        There is none, or several of which none is named as expected.
    """
    splits = [(folder / split / ROBOFLOW_JSON, split) for split in SPLITS]
    if found := [(path, split) for path, split in splits if path.is_file()]:
        return list(found)
    for name in ("annotations.json", ROBOFLOW_JSON):
        if (folder / name).is_file():
            return [(folder / name, None)]
    jsons = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    if len(jsons) == 1:
        return [(jsons[0], None)]
    if jsons:
        names = ", ".join(path.name for path in jsons[:5])
        raise InputError(f"{folder}: several json files ({names}); name the COCO one annotations.json")
    raise InputError(f"{folder}: no COCO json; expected train/{ROBOFLOW_JSON} or one json file beside the images")


def _read_json(source: Path, split: str | None) -> list[tuple[Photo, Any]]:
    """Read one COCO json: its photos in the order of the file, each with the content that its digest depends on."""
    document = read_json(source)
    if not isinstance(document, dict) or not all(
        isinstance(document.get(key), list) and all(isinstance(entry, dict) for entry in document[key])
        for key in ("images", "annotations", "categories")
    ):
        raise InputError(f"{source}: json, but not COCO; it needs lists of images, annotations and categories")
    images = _by_id(document["images"], "image", source)
    annotations = _by_id(document["annotations"], "annotation", source)
    categories = _by_id(document["categories"], "category", source)

    of_image: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for key, annotation in annotations.items():
        if annotation.get("image_id") not in images:
            raise InputError(f"{source}: annotation {key} is of unknown image {annotation.get('image_id')!r}")
        if annotation.get("category_id") not in categories:
            raise InputError(f"{source}: annotation {key} is of unknown category {annotation.get('category_id')!r}")
        of_image[annotation["image_id"]].append(annotation)

    result = []
    seen: set[str] = set()
    for key, entry in images.items():
        name = file_name(entry, source)
        if name in seen:
            raise InputError(f"{source}: image {key}: file_name {name!r} is listed twice; keep one")
        seen.add(name)
        path, (width, height), content = _open(entry, name, source)
        for each in of_image[key]:
            check_segmentation(each, width, height, source)
        photo = Photo(
            id=key,
            file_name=name if split is None else f"{split}/{name}",
            path=path,
            width=width,
            height=height,
            split=split,
            annotations=tuple(of_image[key]),
        )
        result.append((photo, [photo.file_name, content, [each["segmentation"] for each in photo.annotations]]))
    return result


def _by_id(entries: Sequence[dict[str, Any]], what: str, source: Path) -> dict[int, dict[str, Any]]:
    table: dict[int, dict[str, Any]] = {}
    for entry in entries:
        key = entry.get("id")
        if not isinstance(key, int):
            raise InputError(f"{source}: an entry of the {what} list has no integer id ({entry!r:.80})")
        if key in table:
            raise InputError(f"{source}: {what} id {key} occurs twice; ids must be unique")
        table[key] = entry
    return table


def file_name(entry: Mapping[str, Any], source: Path) -> str:
    """The file_name of an image entry, refused where it could lead out of the dataset's folder."""
    name = entry.get("file_name")
    if not isinstance(name, str) or not name or "\0" in name:
        raise InputError(f"{source}: image {entry['id']} has no file_name")
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.is_absolute() or path.drive or ".." in path.parts:
            raise InputError(f"{source}: image {entry['id']}: file_name {name!r} leaves the folder; make it relative")
    return name


def locate(name: str, source: Path) -> Path | None:
    """The file of the image `name` of the json `source`: beside it or in ``images/``; None where it is absent."""
    candidates = (source.parent / name, source.parent / "images" / name)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _open(entry: Mapping[str, Any], name: str, source: Path) -> tuple[Path, tuple[int, int], str]:
    """Find an image file and check that it opens with the size stated. Returns its path, (width, height) and hash."""
    path = locate(name, source)
    if path is None:
        raise InputError(
            f"{source.parent / name}: image {entry['id']} of {source} is absent; add the file or its entry's removal"
        )
    stated = (entry.get("width"), entry.get("height"))
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as picture:
            size = picture.size
            # The base class's getexif: PNG's own would decode the whole image.
            if Image.Image.getexif(picture).get(ExifTags.Base.Orientation) in _QUARTER_TURNS:
                size = size[::-1]
    except _UNREADABLE as error:
        raise InputError(f"{path}: not a readable image ({_reason(error)}); replace the file") from error
    if stated != size:
        raise InputError(
            f"{path}: is {size[0]}x{size[1]} pixels (after EXIF rotation), but {source} says "
            f"{stated[0]}x{stated[1]} for image {entry['id']}; export the dataset again"
        )
    return path, size, hashlib.sha256(content).hexdigest()


# What PIL raises on broken, hostile or exotic files. UnidentifiedImageError is an OSError whose text names an object.
_UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, MemoryError)


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "no known image format"
    return str(error) or type(error).__name__


def check_segmentation(annotation: Mapping[str, Any], width: int, height: int, source: Path) -> None:
    """Refuse what pycocotools would misread in silence or crash on."""
    segmentation = annotation.get("segmentation")
    where = f"{source}: annotation {annotation['id']} of image {annotation['image_id']}"
    if isinstance(segmentation, dict):
        _check_rle(segmentation, width, height, where)
    elif isinstance(segmentation, list) and segmentation:
        for polygon in segmentation:
            _check_polygon(polygon, width, height, where)
    else:
        raise InputError(f"{where} has no segmentation; export masks, not boxes")


def _check_polygon(polygon: Any, width: int, height: int, where: str) -> None:
    """Polygons reach at most one image beyond the border; pycocotools clips them to the image."""
    numbers = isinstance(polygon, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in polygon
    )
    if not numbers or len(polygon) < 6 or len(polygon) % 2:
        raise InputError(
            f"{where}: a polygon needs at least 6 numbers, x and y in turn ({polygon!r:.60}); draw it again"
        )
    if not all(map(math.isfinite, polygon)):
        raise InputError(f"{where}: a polygon holds NaN or infinity; draw it again")
    x, y = polygon[0::2], polygon[1::2]
    if min(x) < -width or max(x) > 2 * width or min(y) < -height or max(y) > 2 * height:
        raise InputError(f"{where}: a polygon lies far outside the {width}x{height} image; draw it again")


def _check_rle(rle: Mapping[str, Any], width: int, height: int, where: str) -> None:
    size, counts = rle.get("size"), rle.get("counts")
    if size != [height, width]:
        raise InputError(f"{where}: RLE of size {size!r:.40}, but the image is {[height, width]} (height, width)")
    if isinstance(counts, str):
        runs = _runs(counts, where)
    elif isinstance(counts, list) and all(isinstance(run, int) and not isinstance(run, bool) for run in counts):
        runs = counts
    else:
        raise InputError(f"{where}: RLE counts are neither a string nor a list of integers")
    if any(run < 0 for run in runs) or sum(runs) != width * height:
        raise InputError(f"{where}: RLE counts do not add up to the {width * height} pixels of the image")


def _runs(text: str, where: str) -> list[int]:
    """Run lengths of a compressed RLE string, so that a damaged one is refused before C code reads it.

    The code is that of `rleFrString` in pycocotools' maskApi.c: 5 bits a character from 48 up, least first, bit 5 for
    "more follows", the sign in bit 4 of the last, and from the third run on the difference to the run two before.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise InputError(f"{where}: damaged RLE string; export the dataset again")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise InputError(f"{where}: damaged RLE string; export the dataset again")
    return runs


def mask(photo: Photo) -> npt.NDArray[np.bool_]:
    """The union of a photo's annotations, (height, width) bool."""
    parts = [rle(each["segmentation"], photo.height, photo.width) for each in photo.annotations]
    if not parts:
        return np.zeros((photo.height, photo.width), dtype=bool)
    return np.asarray(coco_mask.decode(coco_mask.merge(parts)), dtype=bool)


def rle(segmentation: Any, height: int, width: int) -> Mapping[str, Any]:
    """A checked segmentation (`check_segmentation`) as one compressed RLE; polygons are united."""
    if isinstance(segmentation, list):
        polygons = [[float(value) for value in polygon] for polygon in segmentation]
        return dict(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width)))
    if isinstance(segmentation["counts"], list):
        return dict(coco_mask.frPyObjects(segmentation, height, width))
    return dict(segmentation)


def image(photo: Photo) -> npt.NDArray[np.uint8]:
    """A photo's pixels, (height, width, 3) uint8 RGB, upright by its EXIF orientation: see `decoded`.

    Raises
    ------
    InputError
        As of `decoded`, or the file is no longer of the size that was read.
    """
    pixels = decoded(photo.path)
    if pixels.shape != (photo.height, photo.width, 3):
        raise InputError(f"{photo.path}: changed size since it was read; run again")
    return pixels


def decoded(path: Path) -> npt.NDArray[np.uint8]:
    """The pixels of an image file, (height, width, 3) uint8 RGB, upright by its EXIF orientation.

    Grey, palette and CMYK images become RGB, transparency is dropped, 16 bits become the upper 8.

    Raises
    ------
    InputError
        The file breaks off, is damaged, or holds a kind of pixel that is no photograph.
    """
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I"):  # 16-bit grey; "I" is how some formats announce it
                picture = Image.fromarray((np.asarray(picture).clip(0, 65535) >> 8).astype(np.uint8))
            elif picture.mode == "F":
                raise InputError(f"{path}: floating-point pixels; convert the image to 8 bits")
            elif picture.mode == "P":  # by way of RGBA: a palette may have transparent entries
                picture = picture.convert("RGBA")
            return np.asarray(picture.convert("RGB"))
    except _UNREADABLE as error:
        raise InputError(f"{path}: cannot be decoded ({_reason(error)}); replace the file") from error


def region(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """The part of a COCO annotation that describes `mask` (height, width): compressed RLE, area and bounding box.

    Returns
    -------
    ``{"segmentation": {"size": [height, width], "counts": str}, "area": pixels, "bbox": [x, y, width, height]}``
    """
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    size = [int(side) for side in encoded["size"]]
    return {"segmentation": {"size": size, "counts": encoded["counts"].decode("ascii")}, **extent(encoded)}


def extent(rle: Mapping[str, Any]) -> dict[str, Any]:
    """Area in pixels and bounding box of a compressed RLE: ``{"area": int, "bbox": [x, y, width, height]}``."""
    return {"area": int(coco_mask.area(rle)), "bbox": [int(side) for side in coco_mask.toBbox(rle)]}


def polygons(mask: npt.NDArray[np.bool_]) -> list[list[float]]:
    """The outlines of `mask` (height, width) along the edges of its pixels, x and y in turn, one a connected part.

    Parts are 8-connected. pycocotools makes the same pixels of the outlines, but for holes: COCO unites polygons, so
    that holes are filled.
    """
    import cv2

    # OpenCV follows the centres of border pixels. Doubled, a pixel has a centre on each side, whose edge it stands for.
    doubled = mask.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = []
    for contour in contours[::-1]:  # from the top down
        edges = (contour[:, 0] + 1) // 2
        edges = edges[(edges != np.roll(edges, 1, axis=0)).any(axis=1)]
        corners = (edges - np.roll(edges, 1, axis=0) != np.roll(edges, -1, axis=0) - edges).any(axis=1)
        outlines.append(edges[corners].astype(float).ravel().tolist())
    return outlines


def outlined(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """As `region`, of a mask that is not empty, but with `polygons`; area and box are those of the polygons' pixels.

    Returns
    -------
    With ``polygon_iou``, the intersection over union of these pixels and the mask: 1 where it has no holes.
    """
    outlines = polygons(mask)
    filled = rle(outlines, *mask.shape)
    overlap = coco_mask.iou([filled], [region(mask)["segmentation"]], [False])
    return {"segmentation": outlines, **extent(filled), "polygon_iou": round(float(overlap[0, 0]), 4)}


def document(
    images: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    *,
    description: str,
    categories: Sequence[tuple[str, str]] = (("corrosion", "corrosion"),),
) -> dict[str, Any]:
    """A COCO document, ready for json. `categories` are names, and what each is a kind of, with ids from 1."""
    return {
        "info": {"description": description, "version": "1.0"},
        "licenses": [],
        "categories": [
            {"id": number, "name": name, "supercategory": above}
            for number, (name, above) in enumerate(categories, start=1)
        ],
        "images": images,
        "annotations": annotations,
    }
