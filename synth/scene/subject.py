"""A saved twin as the subject of a dataset: its state, and cameras that a user states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from math import atan2, degrees, hypot
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from corrotwin.synth.cameras import camera_file, distortion
from corrotwin.synth.cameras.camera_model import Camera
from corrotwin.synth.config import MOST_SIDE, RenderConfig
from corrotwin.synth.spec import Lens
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_manifest

if TYPE_CHECKING:
    from corrotwin.twin.assets import AssetGeometry
    from corrotwin.twin.model.corrosion import Fields
    from corrotwin.twin.twin_state import TwinState

MOST_TEXELS = 16_000_000  # of a photographed twin: Blender holds them all, in float textures
FARTHEST_M = 500.0  # largest distance of a camera from the origin, about which assets stand; more suggests wrong units
LEAST_DEG, MOST_DEG = 1.0, 80.0  # least field of view, and largest angle from the axis to a corner, that are rendered
MOST_ASPECT = 10.0  # largest ratio of a camera's focal lengths, the aspect ratio of its pixels


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One state of a saved twin, to photograph with stated cameras or, if there are none, with drawn ones."""

    folder: Path  # absolute: every worker reads it
    id: str
    kind: str
    years: float
    clock: str
    content: str  # digest of the twin's entry in twin.json
    fields: str  # file whose name carries the digest of the fields
    cameras: tuple[Camera, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the entry for dataset.json."""
        facts = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "folder"}
        return {**facts, "cameras": [camera.plain() for camera in self.cameras]}

    def claim(self) -> dict[str, Any]:
        """Return the settings that must be the same when a dataset of this twin is resumed."""
        number = len(self.cameras)
        return {
            "twin": self.id, "twin clock": self.clock, "twin content": self.content, "twin fields": self.fields,
            "cameras": f"{number} stated, {digest(self.record()['cameras'])}" if number else "drawn",
        }  # fmt: skip


def saved(folder: Path, cameras: tuple[Camera, ...] = ()) -> Subject:
    """Return the current state of the twin in a folder.

    Raises
    ------
    InputError
        There is no complete twin, or another command is changing it.
    """
    folder = folder.resolve()
    manifest, twin, grown = _load(folder)
    if (count := grown.rust_cover.size) > MOST_TEXELS:
        raise InputError(
            f"{folder}: its atlas has {count:,} texels, but at most {MOST_TEXELS:,} can be rendered; use a twin with "
            f"texels larger than {twin.texel_mm:g} mm"
        )
    if Path(str(twin.id)).name != twin.id:
        raise InputError(f"{folder}: {twin.id!r} cannot name a folder; give the twin in twin.json another id")
    return Subject(
        folder=folder, id=twin.id, kind=twin.kind, years=round(twin.years, 4), clock=f"{twin.clock:%Y-%m-%dT%H:%M:%SZ}",
        content=digest(manifest["twin"]), fields=manifest["fields"], cameras=cameras,
    )  # fmt: skip


@lru_cache(maxsize=1)  # the scenes of a batch show one twin
def read(wanted: Subject) -> "tuple[TwinState, AssetGeometry, Fields]":
    """Read the twin, its geometry and its stored fields, without growing it again.

    Raises
    ------
    InputError
        The folder now holds another state.
    """
    from corrotwin.twin import twin_state

    manifest, twin, grown = _load(wanted.folder)
    if (digest(manifest["twin"]), manifest["fields"]) != (wanted.content, wanted.fields):
        raise InputError(f"{wanted.folder}: the twin has changed since rendering started")
    return twin, twin_state.asset(twin), grown


def _load(folder: Path) -> "tuple[Mapping[str, Any], TwinState, Fields]":
    """Read manifest, twin and fields, all of one state."""
    from corrotwin.twin import store

    before = read_manifest(folder, "twin")
    twin, grown = store.load(folder)
    if before is None or read_manifest(folder, "twin") != before:
        raise InputError(f"{folder}: the twin is being changed by another command; wait for it")
    return before, twin, grown


def read_cameras(path: Path, *, size: tuple[int, int]) -> tuple[Camera, ...]:
    """Read cameras to render with from a camera file; those without a size get `size`, (width, height) pixels.

    Raises
    ------
    InputError
        The file cannot be read, or an entry is wrong or cannot be rendered; the message names the entry and the fault.
    """
    return _renderable(str(path), camera_file.read_cameras(path, size=size))


def cameras(where: str, entries: Sequence[Any], *, size: tuple[int, int]) -> tuple[Camera, ...]:
    """Return the cameras of a list of entries; `where` begins the message of an InputError, and `size` is as above."""
    return _renderable(where, camera_file.cameras(where, entries, size=size))


def _renderable(where: str, found: tuple[Camera, ...]) -> tuple[Camera, ...]:
    """Return the cameras; refuse any that cannot photograph an asset."""
    for number, camera in enumerate(found):
        prefix = f"{where}: camera {camera.name or f'{number} (counted from 0)'}"
        eye = tuple(camera.eye_m.round(6).tolist())
        if np.linalg.norm(eye) > FARTHEST_M:
            raise InputError(f"{prefix}: is at {eye}: give metres, at most {FARTHEST_M:g} from the asset")
        if eye[2] <= 0:
            raise InputError(f"{prefix}: is at {eye}, which is not above the ground, z = 0")
        if max(camera.lens.width, camera.lens.height) > MOST_SIDE:
            raise InputError(
                f"{prefix}: {camera.lens.width} x {camera.lens.height} pixels: give sides of at most {MOST_SIDE}"
            )
        if max(camera.lens.fx / camera.lens.fy, camera.lens.fy / camera.lens.fx) > MOST_ASPECT:
            raise InputError(f"{prefix}: fx {camera.lens.fx:g}, fy {camera.lens.fy:g}: give more similar focal lengths")
        try:
            frame = distortion.frame(camera.lens, camera.distortion)[0] if camera.distortion else camera.lens
        except InputError as error:
            raise InputError(f"{prefix}: {error}") from error
        if (angle := 2 * degrees(atan2(camera.lens.width / 2, camera.lens.fx))) < LEAST_DEG:
            raise InputError(f"{prefix}: a field of view of {angle:.2g} degrees: give at least {LEAST_DEG:g}")
        if (angle := _farthest_deg(frame)) > MOST_DEG:
            raise InputError(
                f"{prefix}: a corner of the picture is {angle:.3g} degrees off the axis, more than the limit of "
                f"{MOST_DEG:g}; "
                "check focal lengths and principal point, in pixels"
            )
    return found


def _farthest_deg(lens: Lens) -> float:
    """Return the angle between the axis and the farthest corner of the picture, degrees."""
    across = max(lens.cx + 0.5, lens.width - 0.5 - lens.cx) / lens.fx
    down = max(lens.cy + 0.5, lens.height - 0.5 - lens.cy) / lens.fy
    return degrees(atan2(hypot(across, down), 1))


def views_per_scene(config: RenderConfig, shown: Subject | None) -> int:
    """Return the number of photographs of each scene: one for each stated camera, else the preset's number."""
    return len(shown.cameras) if shown is not None and shown.cameras else config.content().views_per_scene
