"""A saved twin as the subject of a dataset: its state, and cameras that a user states."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrotwin.synth.config import RenderConfig
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest, read_json, read_manifest

if TYPE_CHECKING:
    from corrotwin.twin.assets import AssetGeometry
    from corrotwin.twin.model.corrosion import Fields
    from corrotwin.twin.twin_state import TwinState

Point = tuple[float, float, float]
MOST_TEXELS = 16_000_000  # of a twin that is photographed: Blender holds them all, in float textures
FARTHEST_M = 500.0  # largest distance of a camera from the middle of the asset; more suggests wrong units


@dataclass(frozen=True, kw_only=True)
class StatedCamera:
    """A camera position in the asset's coordinates: the asset rests on z = 0, centred, and z is up.

    The picture is upright; its top is towards +y if the camera looks straight down or up.
    """

    eye_m: Point
    look_at_m: Point
    field_of_view_deg: float  # across the square picture

    def __post_init__(self) -> None:
        for name in ("eye_m", "look_at_m"):
            point = getattr(self, name)
            if not isinstance(point, tuple) or len(point) != 3 or not all(map(_is_number, point)):
                raise InputError(f"{name} {point!r:.60}: give three finite numbers, in metres")
            if any(abs(value) > FARTHEST_M for value in point):
                raise InputError(f"{name} {point}: give metres, at most {FARTHEST_M:g} from the asset")
        angle = self.field_of_view_deg
        if not _is_number(angle) or not 5 <= angle <= 120:
            raise InputError(f"field_of_view_deg {angle!r:.60}: give a number from 5 to 120")
        if self.eye_m[2] <= 0:
            raise InputError(f"eye_m {self.eye_m}: is not above the ground, z = 0")
        if max(abs(a - b) for a, b in zip(self.eye_m, self.look_at_m, strict=True)) < 1e-3:
            raise InputError(f"eye_m and look_at_m are the same point, {self.eye_m}")


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
    cameras: tuple[StatedCamera, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the entry for dataset.json."""
        facts = asdict(self)
        del facts["folder"]
        return facts

    def claim(self) -> dict[str, Any]:
        """Return the settings that must be the same when a dataset of this twin is resumed."""
        number = len(self.cameras)
        return {
            "twin": self.id, "twin clock": self.clock, "twin content": self.content, "twin fields": self.fields,
            "cameras": f"{number} stated, {digest(self.record()['cameras'])}" if number else "drawn",
        }  # fmt: skip


def saved(folder: Path, cameras: tuple[StatedCamera, ...] = ()) -> Subject:
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
            f"{folder}: its atlas has {count:,} texels, and pictures are made of {MOST_TEXELS:,} at most; photograph a "
            f"twin whose texels are larger than {twin.texel_mm:g} mm"
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
        raise InputError(f"{wanted.folder}: the twin has changed since its photographs were begun")
    return twin, twin_state.asset(twin), grown


def _load(folder: Path) -> "tuple[Mapping[str, Any], TwinState, Fields]":
    """Read manifest, twin and fields, all of one state."""
    from corrotwin.twin import store

    before = read_manifest(folder, "twin")
    twin, grown = store.load(folder)
    if before is None or read_manifest(folder, "twin") != before:
        raise InputError(f"{folder}: the twin is being changed by another command; wait for it")
    return before, twin, grown


def read_cameras(path: Path) -> tuple[StatedCamera, ...]:
    """Read cameras from a JSON list of ``{"eye_m": [x, y, z], "look_at_m": [x, y, z], "field_of_view_deg": 50}``.

    Raises
    ------
    InputError
        The file cannot be read, or an entry is wrong; the message names the entry, counted from 0, and the fault.
    """
    content = read_json(path)
    if not isinstance(content, list) or not content:
        raise InputError(f"{path}: give a JSON list of at least one camera")
    return cameras(str(path), content)


def cameras(where: str, entries: Sequence[Any]) -> tuple[StatedCamera, ...]:
    """Return the cameras that such a list describes; `where` begins the message of an InputError."""
    return tuple(_camera(f"{where}: camera {number} (counted from 0)", entry) for number, entry in enumerate(entries))


def views_per_scene(config: RenderConfig, shown: Subject | None) -> int:
    """Return the number of photographs of each scene: one for each stated camera, else the preset's number."""
    return len(shown.cameras) if shown is not None and shown.cameras else config.content().views_per_scene


def _camera(where: str, entry: Any) -> StatedCamera:
    expected = [field.name for field in fields(StatedCamera)]
    if not isinstance(entry, Mapping):
        raise InputError(f"{where}: {entry!r:.60} is no object with {', '.join(expected)}")
    wrong = sorted(set(entry) ^ set(expected))
    if wrong:
        raise InputError(f"{where}: unknown or missing: {', '.join(wrong)}; give {', '.join(expected)}")
    eye, at = (tuple(entry[name]) if isinstance(entry[name], list) else entry[name] for name in ("eye_m", "look_at_m"))
    try:
        given = StatedCamera(eye_m=eye, look_at_m=at, field_of_view_deg=entry["field_of_view_deg"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    # 1 and 1.0 are the same camera.
    (a, b, c), (d, e, f), angle = given.eye_m, given.look_at_m, given.field_of_view_deg
    return StatedCamera(
        eye_m=(float(a), float(b), float(c)), look_at_m=(float(d), float(e), float(f)), field_of_view_deg=float(angle)
    )  # fmt: skip


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
