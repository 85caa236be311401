"""The task of a dataset folder: the images it is to hold, those that exist, and whether they belong together."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import departures
from corrotwin.synth.rendering import batch, devices
from corrotwin.synth.scene.subject import Subject
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import changes, digest, read_json, read_manifest
from corrotwin.twin.core.locks import CLAIM

SCENES_PER_BATCH = 3  # a Blender process lives for one batch
CONTENT = "preset content"  # key in the settings: a digest of the preset's values that are not defaults


MOST_IMAGES = 1_000_000  # of a dataset: a machine could not read the annotations of more at once


@dataclass(frozen=True, kw_only=True)
class Task:
    """The images a folder is to hold: 0 to `count` - 1, or image `only` alone."""

    config: RenderConfig
    shown: Subject | None  # a saved twin to photograph
    count: int
    only: int | None = None
    device: str = devices.CPU  # a result of `devices.choose`

    def __post_init__(self) -> None:
        if self.only is not None and self.only < 0:
            raise InputError(f"`only` {self.only}: images are numbered from 0")
        if self.count < 1:
            raise InputError(f"`count` {self.count}: give at least 1 image")
        if self.count > MOST_IMAGES:
            option = f"`count` {self.count}" if self.only is None else f"`only` {self.only}"
            raise InputError(f"{option}: a dataset has at most {MOST_IMAGES:,} images; make several with other seeds")
        if self.shown is not None and self.config.content().timelapse:
            raise InputError(
                f"`preset` {self.config.name}: ages the assets that it draws, but a saved twin stays as it is; "
                "grow the twin instead"
            )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that determine every bit of the folder's files."""
        return {
            **{name: value for name, value in self.config.plain().items() if name != "size" or not self._are_stated},
            CONTENT: digest(departures(self.config.preset_stated())),
            **({} if self.shown is None else self.shown.claim()),
            **({} if self.only is None else {"only": self.only}),
            **({} if self.device == devices.CPU else {"device": self.device}),
        }

    def sides(self, index: int) -> tuple[int, int]:
        """Return width and height of image `index`, pixels."""
        if self.shown is None or not self._are_stated:
            return self.config.sides
        camera = self.shown.cameras[index % len(self.shown.cameras)]
        return camera.lens.width, camera.lens.height

    @property
    def _are_stated(self) -> bool:
        """True if cameras are stated, which have their own sizes."""
        return self.shown is not None and bool(self.shown.cameras)

    @property
    def images(self) -> int:
        """The least number of images the folder is to hold."""
        return self.count if self.only is None else 1

    @property
    def batches(self) -> dict[int, range]:
        """The image indices of each batch, by its number."""
        size = SCENES_PER_BATCH * self.config.content().views_per_scene
        if self.only is not None:
            return {self.only // size: range(self.only, self.only + 1)}
        firsts = range(0, self.count, size)
        return {number: range(first, min(first + size, self.count)) for number, first in enumerate(firsts)}


def claim(out: Path, task: Task) -> dict[str, Any]:
    """Return the settings of a task to compare with the claim in `out`, without differences that do not matter.

    Those are a setting that an earlier version did not have, at its default, and the content of the preset in a folder
    that already holds all of the task's images.
    """
    path, settings = out / CLAIM, task.settings
    recorded = read_json(path, inside=out) if path.is_file() else None
    configuration = recorded.get("configuration") if isinstance(recorded, dict) else None
    if not isinstance(configuration, dict):
        return settings
    defaults = {"changes": "", **{field.name: field.default for field in fields(RenderConfig)}}
    for name, default in defaults.items():
        if name not in configuration and name in settings and settings[name] == default:
            del settings[name]
    if "changes" in configuration and _same_preset(configuration, task.config):
        settings["changes"] = configuration["changes"]
    if finished(out, task) is not None:
        del settings[CONTENT]
        settings |= {CONTENT: configuration[CONTENT]} if CONTENT in configuration else {}
    return settings


def _same_preset(there: Mapping[str, Any], config: RenderConfig) -> bool:
    """Return whether a claim states the same preset, perhaps in other words, such as 1 for 1.0."""
    stated = {name: there.get(name) for name in ("preset", "changes")}
    try:
        return RenderConfig.from_plain({**config.plain(), **stated}) == config
    except (InputError, KeyError, TypeError, ValueError):
        return False


def extended(out: Path, task: Task) -> Task:
    """Return the task, extended to the number of images of a finished folder if that has more."""
    return replace(task, count=max(task.count, _stated(out) or 0)) if task.only is None else task


def finished(out: Path, task: Task) -> int | None:
    """Return the number of images in a folder that holds the whole task, or None if an image or a file is missing."""
    images = _stated(out)
    if images is None or images < task.images:
        return None
    present = (batch.has_files(out, index, task.config.maps) for images in task.batches.values() for index in images)
    return images if all(present) else None


def _stated(out: Path) -> int | None:
    """Return the number of images that a finished folder states, or None if it is unfinished."""
    manifest = read_manifest(out, "dataset")
    if manifest is None:
        return None
    if not isinstance(manifest.get("images"), int):
        raise InputError(f"{out / 'dataset.json'}: damaged; delete it, and the same command writes it again")
    return int(manifest["images"])


def check_program(out: Path, task: Task, made_by: Mapping[str, str]) -> None:
    """Raise InputError if images are missing and another version of the program rendered the others.

    The images of one dataset would look different.
    """
    lacking, different = False, ""
    for number, images in task.batches.items():
        part = batch.read_part(out, number)
        lacking = lacking or bool(batch.missing_from_part(out, part, images, task.config.maps))
        if part["images"] and not different:
            stated = part["made_by"]
            different = changes(stated, made_by) if stated else "not recorded"
    if lacking and different:
        raise InputError(
            f"{out}: was started with another version of the program ({different}); continue with that version, "
            "delete the folder, or choose another folder"
        )
