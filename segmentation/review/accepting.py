"""Accepted masks as a dataset for the next training, and rejected ones as photos to label."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corrotwin.segmentation.data import coco, groups
from corrotwin.segmentation.data.coco_check import leaves
from corrotwin.segmentation.labelling import pre_drawn
from corrotwin.segmentation.prediction.regions import regions_of
from corrotwin.segmentation.review.decisions import Decision
from corrotwin.segmentation.review.predictions import PredictedFolder
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, link_or_copy, remove, writing
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import escape_csv, printable

KIND = "accepted masks"
IMAGES, ANNOTATIONS, TABLE, TO_LABEL = "images", "annotations.json", "review.csv", "to-label"
COLUMNS = ("photo", "decision", "note")


@dataclass(frozen=True, kw_only=True)
class AcceptedLabels:
    """Numbers of masks: `accepted`, those of them that are `clean` (without corrosion), and `rejected`.

    `earlier` counts the photos that earlier commands left among those to label.
    """

    accepted: int
    clean: int
    rejected: int
    earlier: int = 0


def write(predicted: PredictedFolder, decisions: Sequence[Decision], out: Path) -> AcceptedLabels:
    """Write accepted masks as a COCO dataset, and rejected ones for labelling tools.

    Everything is checked before anything is written, and annotations.json is written last.

    Parameters
    ----------
    predicted : the folder of predictions.
    decisions : from `decisions.read`.
    out : folder that is absent, empty, or holds the same decisions.

    Raises
    ------
    InputError
        No mask was accepted; a photo is absent or has changed; a mask is damaged; or the folder holds something else,
        such as corrected labels.
    """
    accepted, rejected = (
        [decision for decision in decisions if decision.verdict == word] for word in ("accept", "reject")
    )
    if not accepted:
        raise InputError(
            "`decisions`: no mask is accepted; a dataset needs at least one, so accept one on the page first"
        )
    for decision in (*accepted, *rejected):
        if leaves(decision.photo.name):
            raise InputError(
                f"{printable(decision.photo.name)}: a dataset cannot hold a file of this name; rename it and predict "
                "again"
            )
        decision.photo.check()
        decision.photo.read_mask(predicted.folder)
    claim = {
        "decisions": digest(
            [[*decision.photo.identity.values(), decision.verdict, decision.note] for decision in decisions]
        )
    }
    with writing(out), hold(out, KIND, claim):
        pre_drawn.check_uncorrected(out / TO_LABEL)
        remove(out / ANNOTATIONS, missing_ok=True)  # written last
        for decision in accepted:
            link_or_copy(decision.photo.path, _image(out / IMAGES, decision))
        tables.write_own(
            out / TABLE,
            COLUMNS,
            ([escape_csv(decision.photo.name), decision.verdict, escape_csv(decision.note)] for decision in decisions),
        )
        earlier = 0
        if rejected:
            photos = _to_label(predicted, rejected)
            earlier = pre_drawn.write(out / TO_LABEL, photos, version=f"corrotwin {predicted.source}")
        annotations = list(_annotations(predicted, accepted))
        coco.write_document(
            out / ANNOTATIONS,
            (
                {
                    "id": number,
                    "file_name": f"{IMAGES}/{decision.photo.name}",  # a bare images/x.jpg could mean two photos
                    "width": decision.photo.width,
                    "height": decision.photo.height,
                }
                for number, decision in enumerate(accepted, start=1)
            ),
            annotations,
            description="masks that a network predicted and a person accepted",
        )
    clean = len(accepted) - len({annotation["image_id"] for annotation in annotations})
    return AcceptedLabels(accepted=len(accepted), clean=clean, rejected=len(rejected), earlier=earlier)


def _image(images: Path, decision: Decision) -> Path:
    """Return the path for a photo, and create its folder; its name may include folders."""
    path = images / decision.photo.name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _annotations(predicted: PredictedFolder, accepted: Sequence[Decision]) -> Iterator[dict[str, Any]]:
    number = 0
    for image_id, decision in enumerate(accepted, start=1):
        for region in regions_of(decision.photo.read_mask(predicted.folder)):
            number += 1
            yield {"id": number, "image_id": image_id, "category_id": 1, "iscrowd": 0, **region}


def _to_label(predicted: PredictedFolder, rejected: Sequence[Decision]) -> Iterator[pre_drawn.Drawn]:
    """Yield rejected photos with their masks, under unique names."""
    for number, decision in enumerate(rejected, start=1):
        name = groups.name_to_label(number, decision.photo.sha256, decision.photo.name)
        yield pre_drawn.Drawn(path=decision.photo.path, name=name, mask=decision.photo.read_mask(predicted.folder))
