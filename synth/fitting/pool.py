"""Small renders of many presets, stored as scene-linear light, to which cameras and label rules are applied later."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.synth import sensor
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.fitting.appearance import SIDE, Shot
from corrotwin.synth.labels import maps, masks
from corrotwin.synth.presets.schema import LabelRule, Preset, Sensor
from corrotwin.synth.rendering import batch, fanout, provenance
from corrotwin.synth.spec import Map
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import digest, read_bytes

MAPS: tuple[Map, ...] = ("instances", "light", "rust_cover", "stain")
RETRIES = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Render:
    """A small render: the light (SIDE, SIDE, 3) before the camera, and the label pass (SIDE, SIDE, 4)."""

    light: NDArray[np.float32]
    label: NDArray[np.float32]

    def shot(self, camera: Sensor, rule: LabelRule, rng: np.random.Generator) -> Shot:
        """Return the picture that a camera with this sensor takes, with the mask that the label rule gives."""
        return Shot(picture=sensor.develop(self.light, camera, rng), mask=masks.annotated(self.label, rule))


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order of `count` renders of a preset, in a folder of their own.

    The folder's name holds a digest of the settings and of the program, so that no other renders are taken for these.
    """

    inside: Path
    number: int
    preset: Preset
    seed: int
    count: int

    @property
    def config(self) -> RenderConfig:
        """Settings of its renders."""
        return RenderConfig(preset=self.preset, size=SIDE, seed=self.seed, maps=MAPS)

    @property
    def folder(self) -> Path:
        """Folder of its renders."""
        return self.inside / f"{self.number:02d}-{digest([self.config.plain(), provenance.made_by()])[:8]}"


def render(orders: Sequence[Order], *, label: str, workers: int | None = None) -> list[list[Render]]:
    """Render everything that is missing in all orders at once, and return the renders of each order.

    Parameters
    ----------
    label : what is rendered, for the line of progress.
    workers : Blender processes at a time, with one thread each; None: one per core.

    Raises
    ------
    WorkError
        Some batches failed after a retry; all others are complete.
    """
    made_by = provenance.made_by()
    items, batches = [], {}
    folders = [order.folder for order in orders]
    for order, folder in zip(orders, folders, strict=True):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for number, images in enumerate(_batches(order)):
            key = f"{folder.name}-{number}"
            batches[key] = (folder, number, images)
            items.append(
                fanout.Item(key=key, arguments=(folder, order.config, None, number, images, 1, "cpu", made_by))
            )

    def is_done(key: str) -> bool:
        folder, number, images = batches[key]
        return not batch.missing(folder, number, images, MAPS)

    failures = fanout.fan_out(
        batch.render_batch, items, is_done=is_done, label=label,
        needs=fanout.Needs(cpus=1, resources={cluster.BLENDER: 1}), workers=workers or available_cores(),
        retries=RETRIES,
        counter=fanout.ProgressCounter(
            unit="images", total=sum(order.count for order in orders),
            done=lambda: sum(len(list((folder / "images").glob("*.jpg"))) for folder in folders),
        ),
    )  # fmt: skip
    if failures:
        raise WorkError(f"{label}: {len(failures)} of {len(items)} batches failed, the first with {failures[0].error}")
    return [
        [_read(folder, index) for index in range(order.count)] for order, folder in zip(orders, folders, strict=True)
    ]


def _batches(order: Order) -> list[range]:
    """Return the images of each Blender process, at most six scenes."""
    most = 6 * order.preset.views_per_scene
    return [range(first, min(first + most, order.count)) for first in range(0, order.count, most)]


def _read(folder: Path, index: int) -> Render:
    def pixels(name: Map) -> NDArray[Any]:
        path = maps.path(folder, name, index)
        decoded = cv2.imdecode(np.frombuffer(read_bytes(path), np.uint8), cv2.IMREAD_UNCHANGED)
        if decoded is None or decoded.shape[:2] != (SIDE, SIDE):
            raise InputError(f"{path}: damaged; delete it, and the same command renders it again")
        return decoded

    layers = [pixels(name).astype(np.float32) / maps.MOST for name in ("rust_cover", "stain")]
    instances = pixels("instances").astype(np.float32)
    return Render(
        light=maps.light_of(pixels("light")[..., ::-1]),
        label=np.stack([layers[0], np.zeros_like(instances), instances, layers[1]], axis=-1),
    )
