"""What a dataset folder shall hold, what it has of it already, and whether the one may be added to the other."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import departures
from corrotwin.synth.rendering import batch, devices, provenance
from corrotwin.synth.scene.subject import Subject
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_json, read_manifest
from corrotwin.twin.core.locks import CLAIM

SCENES_PER_BATCH = 3  # as many images as three scenes of the preset have; a Blender process lives for one batch
CONTENT = "preset content"  # of the settings: a digest of what in the preset is no default


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a folder shall hold: images 0 to `count` - 1, or image `only` alone."""

    config: RenderConfig
    shown: Subject | None  # a saved twin to photograph
    count: int
    only: int | None = None
    device: str = devices.CPU  # as `devices.choose` has it

    def __post_init__(self) -> None:
        if self.only is not None and self.only < 0:
            raise InputError(f"--only {self.only}: images are numbered from 0")
        if self.count < 1:
            raise InputError(f"--count {self.count}: give at least 1 image")
        if self.shown is not None and self.config.content().timelapse:
            raise InputError(
                f"--preset {self.config.preset}: it ages what it draws; a saved twin stays as it is, so grow it"
            )

    @property
    def settings(self) -> dict[str, Any]:
        """What decides every bit of the folder's files."""
        return {
            **asdict(self.config),
            CONTENT: digest(departures(self.config.preset_stated())),
            **({} if self.shown is None else self.shown.claim()),
            **({} if self.only is None else {"only": self.only}),
            **({} if self.device == devices.CPU else {"device": self.device}),
        }

    @property
    def images(self) -> int:
        """How many images the folder shall hold, at least."""
        return self.count if self.only is None else 1

    @property
    def batches(self) -> dict[int, range]:
        """The images of each batch, by its number."""
        size = SCENES_PER_BATCH * self.config.content().views_per_scene
        if self.only is not None:
            return {self.only // size: range(self.only, self.only + 1)}
        firsts = range(0, self.count, size)
        return {number: range(first, min(first + size, self.count)) for number, first in enumerate(firsts)}


def claim(out: Path, task: Task) -> dict[str, Any]:
    """The settings of a task, in the words of the claim in `out` where what differs decides nothing.

    That is a setting which an earlier version did not have, at its default; and in a folder that has all of the task,
    where nothing is drawn any more, the content of the preset.
    """
    path, settings = out / CLAIM, task.settings
    found = read_json(path) if path.is_file() else None
    there = found.get("configuration") if isinstance(found, dict) else None
    if not isinstance(there, dict):
        return settings
    for field in fields(RenderConfig):
        if field.name not in there and settings[field.name] == field.default:
            del settings[field.name]
    if finished(out, task) is not None:
        del settings[CONTENT]
        settings |= {CONTENT: there[CONTENT]} if CONTENT in there else {}
    return settings


def whole(out: Path, task: Task) -> Task:
    """The task with as many images as a finished folder has, if those are more."""
    return replace(task, count=max(task.count, _stated(out) or 0)) if task.only is None else task


def finished(out: Path, task: Task) -> int | None:
    """The number of images in a folder that has all of the task; None where it has not, or has lost a file of one."""
    images = _stated(out)
    if images is None or images < task.images:
        return None
    kept = (batch.there(out, index, task.config.maps) for each in task.batches.values() for index in each)
    return images if all(kept) else None


def _stated(out: Path) -> int | None:
    """The number of images that a finished folder states; None where it is unfinished."""
    manifest = read_manifest(out, "dataset")
    if manifest is None:
        return None
    if not isinstance(manifest.get("images"), int):
        raise InputError(f"{out / 'dataset.json'}: damaged; delete it, and the same command writes it again")
    return int(manifest["images"])


def check_program(out: Path, task: Task, made_by: Mapping[str, str]) -> None:
    """Refuse to add to images that another version of the program rendered: they would be of two looks."""
    lacking, different = False, ""
    for number, images in task.batches.items():
        part = batch.read_part(out, number)
        lacking = lacking or bool(batch.lacking(out, part, images, task.config.maps))
        if part["images"] and not different:
            stated = part["made_by"]
            different = provenance.changes(stated, made_by) if stated else "one that did not state itself"
    if lacking and different:
        raise InputError(
            f"{out}: was begun with another version of the program ({different}); go on with that one, delete the "
            "folder, or choose another"
        )
