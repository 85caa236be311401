"""Photos with pre-drawn outlines for labelling tools: COCO for CVAT and others, tasks for Label Studio.

Outlines are simplified, so that a person can move their corners, and specks are left out.
"""

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.data import coco, photo_files
from corrotwin.segmentation.data.coco_layout import CVAT_FOLDER, CVAT_JSON
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, link_or_copy, read_json, write_json, write_text
from corrotwin.twin.core.text import counted

TOLERANCE = 0.002  # of the photo's diagonal, at least a pixel: how far an outline may lie from the mask's
SPECK = 0.0002  # of the photo's area: smaller regions are not drawn
LABEL, SCORED, IMAGES = "corrosion", "image", "images"
COCO = Path(CVAT_FOLDER, CVAT_JSON)
CONFIGURATION = f"""<View>
  <Image name="{SCORED}" value="$image" zoom="true"/>
  <PolygonLabels name="label" toName="{SCORED}">
    <Label value="{LABEL}" background="#e0007a"/>
  </PolygonLabels>
</View>
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """A photo's file, the name it gets among those to label, and its predicted mask (h, w) bool."""

    path: Path
    name: str
    mask: npt.NDArray[np.bool_]


def outlines(mask: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.float64]]:
    """Return simplified outlines of the regions of a mask, (corners, 2) x and y in pixels, largest first."""
    height, width = mask.shape
    regions = []
    for outline in coco.polygons(mask):
        corners = np.reshape(outline, (-1, 1, 2)).astype(np.float32)
        area = cv2.contourArea(corners)
        if area < SPECK * height * width:
            continue
        simple = cv2.approxPolyDP(corners, max(1.0, TOLERANCE * float(np.hypot(height, width))), closed=True)[:, 0]
        if len(simple) >= 3:
            regions.append((area, np.asarray(simple, dtype=np.float64)))
    return [simple for _, simple in sorted(regions, key=lambda pair: -pair[0])]


def check_uncorrected(folder: Path) -> None:
    """Refuse to replace labels that a person may have corrected.

    Raises
    ------
    InputError
        The labels in the folder are not as `write` left them.
    """
    path = folder / COCO
    if not os.path.lexists(path):
        return
    document = read_json(path, inside=folder)
    info = document.get("info") if isinstance(document, dict) else None
    if not isinstance(info, dict) or info.get("digest") != _digest(document):
        raise InputError(
            f"{path}: has other labels than were drawn, so somebody may have corrected them; move it to a folder of "
            "your own, or choose another `out`"
        )


def _digest(document: Mapping[str, Any]) -> str:
    return digest([document.get(name) for name in ("images", "annotations", "categories")])


def write(folder: Path, photos: Iterable[Drawn], *, version: str) -> int:
    """Write photos to label, with outlines drawn by a network, for CVAT and Label Studio.

    The files are ``images/`` (the photos themselves, linked where possible), ``annotations/instances_default.json``
    (COCO, as CVAT exports and imports it), ``label-studio.json`` (tasks) and ``label-studio.xml`` (the interface).

    Parameters
    ----------
    folder : created if it is absent. Photos that an earlier command left in it stay; its labels are replaced
        (`check_uncorrected`).
    photos : each is written before the next is requested.
    version : name of the network in Label Studio.

    Returns
    -------
    The number of photos that earlier commands left in the folder. No task of Label Studio includes them, but CVAT is
    given the whole folder and returns them without annotations, as clean.
    """
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    tasks: list[Mapping[str, Any]] = []
    for number, photo in enumerate(photos, start=1):
        link_or_copy(photo.path, folder / IMAGES / photo.name)
        height, width = photo.mask.shape
        images.append({"id": number, "file_name": photo.name, "width": width, "height": height})
        drawn = outlines(photo.mask)
        for outline in drawn:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **_annotation(outline, height, width)})
        tasks.append(_task(photo.name, drawn, height, width, version))
    document = coco.document(images, annotations, description="pre-drawn by a network; correct each outline by eye")
    document["info"]["digest"] = _digest(document)  # no longer right once somebody has corrected an outline
    write_json(folder / COCO, document)
    write_json(folder / "label-studio.json", tasks)
    write_text(folder / "label-studio.xml", CONFIGURATION)
    present = {path.name for path in (folder / IMAGES).iterdir() if path.suffix.lower() in photo_files.SUFFIXES}
    return len(present - {image["file_name"] for image in images})


def lines(folder: Path, earlier: int) -> list[str]:
    """Return a line on photos that earlier commands left, or no line if `earlier`, from `write`, is 0."""
    if not earlier:
        return []
    return [
        f"{folder / IMAGES}: also holds {counted(earlier, 'photo')} of earlier commands, which CVAT would return as "
        "clean; once their labels are merged, delete this folder and repeat the command"
    ]


def _annotation(outline: npt.NDArray[np.float64], height: int, width: int) -> dict[str, Any]:
    polygon = outline.ravel().tolist()
    return {
        "category_id": 1,
        "iscrowd": 0,
        "segmentation": [polygon],
        **coco.extent(coco.rle([polygon], height, width)),
    }


def _task(
    name: str, drawn: Sequence[npt.NDArray[np.float64]], height: int, width: int, version: str
) -> Mapping[str, Any]:
    """Return a task of Label Studio with its prediction, whose outlines are in percent of the photo's sides."""
    result = [
        {
            "id": uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/{number}").hex[:10],
            "type": "polygonlabels",
            "from_name": "label",
            "to_name": SCORED,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "points": (outline * 100 / (width, height)).round(4).tolist(),
                "polygonlabels": [LABEL],
                "closed": True,
            },
        }
        for number, outline in enumerate(drawn)
    ]
    # Files that Label Studio serves itself, once this folder is its local storage.
    return {
        "data": {"image": f"/data/local-files/?d=images/{quote(name)}"},
        "predictions": [{"model_version": version, "result": result}],
    }
