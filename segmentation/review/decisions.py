"""Decisions on predicted masks, as downloaded from the page of a review."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from corrotwin.segmentation.review.page import KIND
from corrotwin.segmentation.review.predictions import IDENTITY, PredictedFolder, PredictedPhoto
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import FORMAT_VERSION, read_json
from corrotwin.twin.core.text import printable

Verdict = Literal["accept", "reject", ""]
MOST_BYTES = 256 * 1024**2  # of a file: a million decisions with notes
DAMAGED = "damaged; download the decisions again"
AGAIN = "make its page again and decide again"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A decision on the mask of a photo: accepted, rejected, or neither, with a note."""

    photo: PredictedPhoto
    verdict: Verdict
    note: str


def read(paths: Sequence[Path], predicted: PredictedFolder) -> list[Decision]:
    """Read files of decisions on a folder of predictions, in the order of its masks.

    Raises
    ------
    InputError
        A file is damaged or is about other predictions; a photo or mask is not the one that was decided on; or two
        files disagree.
    """
    by_mask = {photo.mask: photo for photo in predicted.photos}
    decided: dict[str, Decision] = {}
    for path in paths:
        for number, entry in enumerate(_entries(path, predicted), start=1):
            decision = _decision(entry, by_mask, f"{path}: decision {number}", predicted)
            earlier = decided.setdefault(decision.photo.mask, decision)
            if earlier.verdict != decision.verdict:
                raise InputError(
                    f"{path}: {printable(decision.photo.name)} has two different decisions; keep one of them"
                )
    return sorted(decided.values(), key=lambda decision: decision.photo.mask)


def _entries(path: Path, predicted: PredictedFolder) -> list[Any]:
    content = read_json(path, most_bytes=MOST_BYTES)
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise InputError(f"{path}: no decisions; give the file that the page of a review downloaded")
    if content.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path}: format_version {content.get('format_version')!r:.40} is not {FORMAT_VERSION}; update corrotwin"
        )
    if not isinstance(content.get("decisions"), list):
        raise InputError(f"{path}: {DAMAGED}")
    if content.get("predictions") != predicted.source:
        raise InputError(f"{path}: is about predictions of another model or other settings than {predicted.folder}")
    return list(content["decisions"])


def _decision(entry: Any, by_mask: dict[str, PredictedPhoto], where: str, predicted: PredictedFolder) -> Decision:
    names = (*IDENTITY, "decision", "note")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in names):
        raise InputError(f"{where}: {DAMAGED}")
    if entry["decision"] not in get_args(Verdict):
        raise InputError(f"{where}: {entry['decision']!r:.40} is neither accept nor reject; {DAMAGED}")
    name = printable(entry["photo"])[:200]
    photo = by_mask.get(entry["mask"])
    if photo is None or photo.name != entry["photo"]:
        raise InputError(f"{where}: {predicted.folder} has no photo {name}; give the folder that the page is from")
    if photo.sha256 != entry["photo_sha256"]:
        raise InputError(f"{where}: {name} in {predicted.folder} is another photo than the one decided on; {AGAIN}")
    if photo.mask_sha256 != entry["mask_sha256"]:
        raise InputError(f"{where}: the mask of {name} has changed since it was decided on; {AGAIN}")
    return Decision(photo=photo, verdict=cast(Verdict, entry["decision"]), note=entry["note"])
