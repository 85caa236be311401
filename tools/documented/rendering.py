"""Rendering by both arms up to a number of core-seconds, with the time at which each picture was done.

The folder of an arm holds ``renders``, which its program fills, and ``progress.json``, core-seconds by picture. What a
stopped process had begun is lost, but its core-seconds count.
"""

import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import getpid
from pathlib import Path
from typing import Any, Literal

from corrotwin.segmentation.data import coco
from corrotwin.synth.rendering import batch
from corrotwin.twin.core.errors import WorkError
from corrotwin.twin.core.files import link_or_copy, read_json, write_json, writing
from tools.documented.core_seconds import Job

Arm = Literal["documented", "ours"]
DOCUMENTED: Arm = "documented"
OURS: Arm = "ours"

POLL_SECONDS = 0.5
SAVE_SECONDS = 10.0
SCENES = 10  # per process of the documented arm: BlenderProc's README runs a script many times
LEAST_SECONDS = 0.2  # least time of a picture of ours; it bounds how many fit in the limit
PROGRESS, LOG = "progress.json", "render.log"


@dataclass(frozen=True, kw_only=True)
class ArmProgress:
    """Core-seconds used by an arm, and those used when each picture was done, by its file name."""

    core_seconds: float = 0.0
    pictures: Mapping[str, float]


def progress(folder: Path) -> ArmProgress:
    """Return the progress of an arm so far."""
    path = folder / PROGRESS
    return ArmProgress(**read_json(path, inside=folder)) if path.exists() else ArmProgress(pictures={})


def render(arm: Arm, folder: Path, *, limit: float, size: int) -> ArmProgress:
    """Let an arm render until it has used `limit` core-seconds in all; continue where it was cut off.

    Raises
    ------
    WorkError
        Its program failed; the message has the last line of its log.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    current = progress(folder)
    while current.core_seconds < limit:
        current = _run(arm, folder, current, limit, size)
    return current


def _command(arm: Arm, folder: Path, limit: float, size: int) -> list[str]:
    renders = str(folder / "renders")
    if arm == DOCUMENTED:
        arguments = [renders, _scenes(folder), SCENES, size, getpid()]
        return [sys.executable, "-m", "tools.documented.script", *map(str, arguments)]
    count = max(1, int(limit / LEAST_SECONDS))
    arguments = ["--preset", "balanced", "--size", size, "--count", count, "--workers", 2, "--out", renders]
    return [sys.executable, "-m", "corrotwin", "synth", "render", *map(str, arguments)]


def _scenes(folder: Path) -> int:
    """Return the number of scenes that the documented arm has finished, according to its log."""
    log = folder / LOG
    log_text = log.read_text(errors="replace") if log.exists() else ""
    return max((int(number) + 1 for number in re.findall(r"^scene (\d+): ", log_text, re.MULTILINE)), default=0)


def _run(arm: Arm, folder: Path, before: ArmProgress, limit: float, size: int) -> ArmProgress:
    """Run the program of an arm until it ends or the limit is reached."""
    pictures, used, saved = dict(before.pictures), before.core_seconds, time.monotonic()
    scenes = _scenes(folder)
    with Job(_command(arm, folder, limit, size), folder / LOG) as job:
        while True:
            status = job.status
            used = before.core_seconds + job.seconds()
            new = [name for name in _finished(arm, folder) if name not in pictures]
            pictures |= dict.fromkeys(new, used)
            if new or time.monotonic() - saved > SAVE_SECONDS:
                write_json(folder / PROGRESS, {"core_seconds": used, "pictures": pictures})
                saved = time.monotonic()
            if status is not None:
                break
            # The documented script writes its one json in place: it is ended when a scene has just been written.
            if used >= limit and (arm == OURS or _scenes(folder) > scenes):
                break
            scenes = _scenes(folder)
            time.sleep(POLL_SECONDS)
    if status:
        log_lines = (folder / LOG).read_text(errors="replace").strip().splitlines() or [f"ended with {status}"]
        raise WorkError(f"{folder}: {log_lines[-1]}")
    write_json(folder / PROGRESS, {"core_seconds": used, "pictures": pictures})
    return ArmProgress(core_seconds=used, pictures=pictures)


def _finished(arm: Arm, folder: Path) -> list[str]:
    """Return the names of the pictures that are finished, with their labels."""
    images = folder / "renders" / "images"
    names = sorted(path.name for path in images.glob("*.jpg")) if images.is_dir() else []
    if arm == OURS:
        return names
    # The pictures of a scene are written before its labels, and these before its line in the log.
    picture_counts = re.findall(r"^scene \d+: (\d+) pictures", (folder / LOG).read_text(errors="replace"), re.MULTILINE)
    return names[: sum(map(int, picture_counts))]


def labels(arm: Arm, folder: Path) -> Iterator[tuple[Path, dict[str, Any], list[dict[str, Any]]]]:
    """Yield the file, the COCO image and the annotations of each picture that an arm has labelled."""
    renders = folder / "renders"
    if arm == OURS:
        numbers = sorted(int(path.stem) for path in (renders / "parts").glob("*.json"))
        parts = [batch.read_part(renders, number) for number in numbers]
    else:
        parts = [read_json(renders / "coco_annotations.json", inside=renders)]
    for part in parts:
        for image in part["images"]:
            annotations = [region for region in part["annotations"] if region["image_id"] == image["id"]]
            yield renders / "images" / Path(image["file_name"]).name, image, annotations


def write_prefix(arm: Arm, folder: Path, limit: float, target: Path) -> int:
    """Write the pictures that an arm had done within `limit` core-seconds as a dataset; return how many.

    Nothing is written if none of them shows rust. An existing dataset stays as it is.
    """
    finished = {name for name, seconds in progress(folder).pictures.items() if seconds <= limit}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    chosen = [entry for entry in labels(arm, folder) if entry[0].name in finished]
    if (target / "annotations.json").exists() or not any(regions for _, _, regions in chosen):
        return len(chosen)
    with writing(target):
        (target / "images").mkdir(parents=True, exist_ok=True)
        for number, (path, image, regions) in enumerate(chosen, start=1):
            link_or_copy(path, target / "images" / path.name)
            images.append({"id": number, "file_name": path.name, "width": image["width"], "height": image["height"]})
            for region in regions:
                kept = {key: region[key] for key in ("segmentation", "area", "bbox")}
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0, **kept}
                )
        document = coco.document(images, annotations, description=f"{arm}, first {limit:.0f} core-seconds")
        write_json(target / "annotations.json", document)
    return len(chosen)
