"""A twin: what an asset is, where it stands, and how old it is; and its folder on disk."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from twin import assets, corrosion, files
from twin.assets.surface import Asset
from twin.corrosion import Coating, Exposure, Fields
from twin.files import InputError

FIELD_NAMES = ("start_years", "age_years", "wall_loss_mm", "rust_cover")


@dataclass(frozen=True, kw_only=True)
class Twin:
    """One asset and its history; everything else follows from it.

    Parameters
    ----------
    id : its name.
    kind, parameters : what `twin.assets.build` takes.
    texel_mm : wanted side of a texel on the surface.
    exposure, coating : where it stands and what protects it; coating None is bare steel.
    years : of service so far.
    seed : decides everything random in its history.
    """

    id: str
    kind: str
    parameters: Mapping[str, Any]
    texel_mm: float
    exposure: Exposure
    coating: Coating | None
    years: float
    seed: int

    def __post_init__(self) -> None:
        if not (np.isfinite(self.years) and self.years >= 0):
            raise InputError(f"twin {self.id}: years {self.years}: must be a number, at least 0")
        if self.seed < 0:
            raise InputError(f"twin {self.id}: seed {self.seed}: must be at least 0")


def sample_twin(kind: str, rng: np.random.Generator, *, texel_mm: float, clean: bool = False) -> Twin:
    """Draw a twin with its history; `clean` means freshly coated, without any rust."""
    parameters = assets.sample(kind, rng)
    exposure, coating, years = corrosion.sample_history(rng, kind)
    if clean:
        coating, years = coating or Coating(life_years=10.0), 0.0
    seed = int(rng.integers(2**31))
    return Twin(
        id=f"{kind}-{seed:08x}",
        kind=kind,
        parameters=parameters,
        texel_mm=texel_mm,
        exposure=exposure,
        coating=coating,
        years=years,
        seed=seed,
    )


def asset(twin: Twin) -> Asset:
    """Geometry and atlas of a twin."""
    return assets.build(twin.kind, twin.parameters, texel_mm=twin.texel_mm)


def fields(twin: Twin) -> Fields:
    """State of corrosion of a twin at its age."""
    built = asset(twin)
    return corrosion.grow(
        built,
        assets.texels(built),
        exposure=twin.exposure,
        coating=twin.coating,
        years=twin.years,
        seed=twin.seed,
    )


def save(twin: Twin, folder: Path) -> None:
    """Write a twin and its fields; a reader sees the old state or the new, never a mixture.

    Raises
    ------
    InputError
        The folder holds something else, or another process is writing to it.
    """
    state = fields(twin)
    with files.hold(folder, "twin", {}):
        _write(twin, state, folder)


def advance(folder: Path, years: float) -> Twin:
    """Let `years` pass for the twin in a folder, and return it.

    Raises
    ------
    InputError
        Negative years, no whole twin there, or another process is writing to it. The state is unchanged then.
    """
    if not (np.isfinite(years) and years >= 0):
        raise InputError(f"--years {years}: a clock does not run backwards; give a number of at least 0")
    load(folder)  # before the lock, which would create the folder
    with files.hold(folder, "twin", {}):
        before, _ = load(folder)
        after = replace(before, years=before.years + years)
        _write(after, fields(after), folder)
    return after


def _write(twin: Twin, state: Fields, folder: Path) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, **{name: getattr(state, name) for name in FIELD_NAMES})
    content = stream.getvalue()
    name = f"fields-{hashlib.sha256(content).hexdigest()[:16]}.npz"
    with files.atomic_file(folder / name) as target:
        target.write(content)
    files.write_manifest(folder, "twin", {"twin": asdict(twin), "fields": name})
    for old in folder.glob("fields-*.npz"):
        if old.name != name:
            old.unlink()


def load(folder: Path) -> tuple[Twin, Fields]:
    """Read a twin and its fields.

    Raises
    ------
    InputError
        No twin there, or one that is damaged or from a newer version.
    """
    for _ in range(3):  # a writer may swap the state between our two reads; then the manifest names another file
        manifest = files.read_manifest(folder, "twin")
        if manifest is None:
            raise InputError(f"{folder}: holds no twin.json; make one with python -m twin new")
        twin, name = _parse(folder / "twin.json", manifest)
        try:
            content = (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"{folder / name}: cannot be read ({error.strerror})") from error
        return twin, _fields_of(folder / name, content, asset(twin).atlas_shape)
    raise InputError(f"{folder}: the fields that twin.json names are missing; make the twin again")


def _parse(path: Path, manifest: Mapping[str, Any]) -> tuple[Twin, str]:
    try:
        content = dict(manifest["twin"])
        content["exposure"] = Exposure(**content["exposure"])
        content["coating"] = None if content["coating"] is None else Coating(**content["coating"])
        twin = Twin(**content)
        name = str(manifest["fields"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a twin of this version ({error})") from error
    if Path(name).name != name or not name.startswith("fields-"):
        raise InputError(f"{path}: names {name!r} as its fields, which is no file of a twin")
    return twin, name


def _fields_of(path: Path, content: bytes, shape: tuple[int, int]) -> Fields:
    if path.name != f"fields-{hashlib.sha256(content).hexdigest()[:16]}.npz":
        raise InputError(f"{path}: damaged (its content does not match its name); make the twin again")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            state = {name: arrays[name] for name in FIELD_NAMES}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not the fields of a twin ({error}); make the twin again") from error
    if any(array.shape != shape or array.dtype != np.float32 for array in state.values()):
        raise InputError(f"{path}: does not fit the atlas of its asset, {shape[0]} x {shape[1]}; make the twin again")
    return Fields(**state)
