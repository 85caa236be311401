"""Folder of a twin on disk: written atomically, by one process at a time."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.twin import assets, npz
from corrotwin.twin.core import files, locks
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.text import quoted
from corrotwin.twin.mechanisms.catalogue import usual
from corrotwin.twin.mechanisms.mechanism import Mechanism
from corrotwin.twin.meshes import mesh_file
from corrotwin.twin.model.coating import COATINGS
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.exposure import Climate, Exposure, Period
from corrotwin.twin.model.pits import Pits
from corrotwin.twin.twin_state import TwinState, asset, fields

FIELD_NAMES = ("start_years", "age_years", "wall_loss_mm", "rust_cover")


def save(twin: TwinState, folder: Path, *, new: bool = False) -> None:
    """Write a twin and its fields; a reader sees the old state or the new, never a mixture.

    Parameters
    ----------
    twin : the state to write.
    folder : a folder that is absent or empty, or that of a twin, which is replaced.
    new : refuse a folder that already holds a twin.

    Raises
    ------
    InputError
        The folder holds something else, or another process is writing to it, or it holds a twin and `new` is set.
    """
    if new:
        check_new(folder)  # before the slow part
    state = fields(twin)
    with locks.hold(folder, "twin", {}):
        if new:
            check_new(folder)  # another process may have written one in the meantime
        write(twin, state, folder)


def check_new(folder: Path) -> None:
    """Raise InputError if a folder already holds a twin."""
    if files.read_manifest(folder, "twin") is not None:
        raise InputError(f"{folder}: already holds a twin; grow it, or choose another folder")


def advance(folder: Path, to: Callable[[datetime], datetime], *, move: Period | None = None) -> TwinState:
    """Let time pass for the twin in a folder, and return it.

    Parameters
    ----------
    folder : folder of the twin.
    to : function from the old time to the new one, such as ``lambda clock: later(clock, 5)``.
    move : place where the twin stands from the old time on, or None if it does not move; its `from_years` is replaced.

    Raises
    ------
    InputError
        The clock would run backwards, the folder holds no twin, or another process is writing to it. The state is then
        unchanged.
    """
    read(folder)  # before the lock, which would create the folder
    with locks.hold(folder, "twin", {}):
        before = read(folder)
        after = aged(before, to(before.clock), move=move, name=str(folder))
        write(after, fields(after), folder)
    return after


def aged(twin: TwinState, clock: datetime, *, move: Period | None = None, name: str = "") -> TwinState:
    """Return a twin at a later time; `move` as for `advance`. Errors call it `name`, by default its id.

    Raises
    ------
    InputError
        The clock would run backwards.
    """
    if clock < twin.clock:
        raise InputError(
            f"{name or twin.id}: its clock stands at {twin.clock:%Y-%m-%d} and cannot run back to {clock:%Y-%m-%d}"
        )
    return replace(twin, clock=clock, exposure=twin.exposure if move is None else _moved(twin, move))


def _moved(twin: TwinState, place: Period) -> Exposure:
    """Return the exposure of a twin that stands at another place from now on, with the splash and debris of that place.

    A place of the same category or climate without splash is not a move.
    """
    last = twin.exposure.periods[-1]
    if (place.category, place.climate) == (last.category, last.climate) and place.splash_m is None:
        return twin.exposure
    earlier = tuple(period for period in twin.exposure.periods if period.from_years < twin.years)
    return replace(twin.exposure, periods=(*earlier, replace(place, from_years=twin.years)))


def write(twin: TwinState, state: Fields, folder: Path) -> None:
    """Write a twin and its fields into its folder; the caller must hold the lock of the folder."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **{name: getattr(state, name) for name in FIELD_NAMES})
    content = stream.getvalue()
    name = f"fields-{hashlib.sha256(content).hexdigest()[:16]}.npz"
    if twin.kind == mesh_file.KIND:
        mesh_file.copy(Path(twin.parameters[mesh_file.FILE]), folder)
    with files.atomic_file(folder / name) as target:
        target.write(content)
    files.write_manifest(folder, "twin", {"twin": plain(twin), "fields": name})
    for path in folder.glob("fields-*.npz"):
        if path.name != name:
            files.remove(path)


def load(folder: Path) -> tuple[TwinState, Fields]:
    """Read a twin and its fields.

    Raises
    ------
    InputError
        There is no twin, or it is damaged or from a newer version.
    """
    for _ in range(3):  # a writer may replace the state between the two reads; the manifest then names another file
        twin, name = _named(folder)
        try:
            content = files.read_bytes(folder / name, inside=folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"{folder / name}: cannot be read ({error.strerror})") from error
        with _of_this_version(folder / "twin.json"):
            shape = asset(twin).atlas_shape
        return twin, _fields_of(folder / name, content, shape)
    raise InputError(f"{folder}: the fields that twin.json names are missing; {_again(folder)}")


def is_twin(folder: Path) -> bool:
    """Return whether a folder holds a twin."""
    return files.read_manifest(folder, "twin") is not None


def read(folder: Path) -> TwinState:
    """Read a twin without its fields, which can be computed from it.

    Raises
    ------
    InputError
        There is no twin, or it is damaged or from a newer version.
    """
    twin, _ = _named(folder)
    with _of_this_version(folder / "twin.json"):
        asset(twin)
    return twin


def asset_of(folder: Path) -> TwinState:
    """Read a twin to use only its asset: kind and parameters are checked, but nothing is built.

    Raises
    ------
    InputError
        As for `read`.
    """
    twin, _ = _named(folder)
    with _of_this_version(folder / "twin.json"):
        assets.area_m2(twin.kind, twin.parameters)
    return twin


def _named(folder: Path) -> tuple[TwinState, str]:
    """Return a twin and the file name of its fields."""
    manifest = files.read_manifest(folder, "twin")
    if manifest is None:
        raise InputError(f"{folder}: holds no twin.json; choose a folder that Twin.save or corrotwin twin new wrote")
    return _parse(folder / "twin.json", manifest)


def _again(folder: Path) -> str:
    return f"create the fields again with corrotwin twin grow {quoted(folder)} --years 0"


def plain(twin: TwinState) -> dict[str, Any]:
    """Return a twin as values for JSON."""
    content = {**asdict(twin), "parameters": plain_parameters(twin)}
    if twin.coating is not None:
        name = next(name for name, kind in COATINGS.items() if isinstance(twin.coating, kind))
        content["coating"] = {"kind": name, **content["coating"]}
    return {**content, "built": _text(twin.built), "clock": _text(twin.clock)}


def plain_parameters(twin: TwinState) -> dict[str, Any]:
    """Return the parameters of a twin's asset, whatever its folder: for a mesh the name of its file, not its path.

    The name contains the digest of the file's content.
    """
    parameters = deepcopy(dict(twin.parameters))
    if twin.kind == mesh_file.KIND:
        parameters[mesh_file.FILE] = Path(parameters[mesh_file.FILE]).name
    return parameters


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _parse(path: Path, manifest: Mapping[str, Any]) -> tuple[TwinState, str]:
    with _of_this_version(path):
        content = dict(manifest["twin"])
        if content["kind"] == mesh_file.KIND:
            mesh_name = content["parameters"][mesh_file.FILE]
            if not mesh_file.is_name(mesh_name):
                raise InputError(f"names {mesh_name!r:.60} as its mesh, which is not a file of a twin")
            content["parameters"] = {**content["parameters"], mesh_file.FILE: str(path.parent.resolve() / mesh_name)}
        content["exposure"] = Exposure(periods=tuple(_periods(**content["exposure"])))
        if content["coating"] is not None:
            coating = dict(content["coating"])
            content["coating"] = COATINGS[coating.pop("kind")](**coating)
        if content["pits"] is not None:
            content["pits"] = Pits(**content["pits"])
        laws = content.get("mechanisms")  # None in older files, which do not state the fluid inside
        content["mechanisms"] = usual(content["kind"]) if laws is None else tuple(_mechanism(**law) for law in laws)
        content["built"], content["clock"] = (datetime.fromisoformat(content[name]) for name in ("built", "clock"))
        twin = TwinState(**content)
        name = str(manifest["fields"])
    if Path(name).name != name or not name.startswith("fields-"):
        raise InputError(f"{path}: names {name!r} as its fields, which is not a file of a twin")
    return twin, name


def _periods(periods: list[dict[str, Any]], **for_life: Any) -> Iterator[Period]:
    """Yield the periods of an exposure from JSON; `for_life`, in older files, has splash and debris of all."""
    for period in periods:
        values = {**for_life, **period}
        if values["climate"] is not None:
            values["climate"] = Climate(**values["climate"])
        if values.get("splash_m") is not None:
            low, high = values["splash_m"]
            values["splash_m"] = (low, high)
        yield Period(**values)


def _mechanism(*, zones: list[str], heights_m: list[float] | None, **values: Any) -> Mechanism:
    heights = None if heights_m is None else (float(heights_m[0]), float(heights_m[1]))
    return Mechanism(zones=tuple(zones), heights_m=heights, **values)


@contextmanager
def _of_this_version(path: Path) -> Iterator[None]:
    """Re-raise the errors of a damaged twin.json as an InputError that names it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {as_read(error)}") from error
    # Values of a wrong type, such as a word for a length.
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise InputError(f"{path}: not a twin of this version ({type(error).__name__}: {error})") from error


def _fields_of(path: Path, content: bytes, shape: tuple[int, int]) -> Fields:
    if path.name != f"fields-{hashlib.sha256(content).hexdigest()[:16]}.npz":
        raise InputError(f"{path}: damaged (its content does not match its name); {_again(path.parent)}")
    try:
        state = npz.read(io.BytesIO(content), dict.fromkeys(FIELD_NAMES, shape[0] * shape[1] * 8))
    except npz.DamagedError as error:
        raise InputError(f"{path}: not the fields of a twin ({error}); {_again(path.parent)}") from error
    if any(array.shape != shape or array.dtype != np.float32 for array in state.values()):
        raise InputError(f"{path}: does not fit the atlas of its asset, {shape[0]} x {shape[1]}; {_again(path.parent)}")
    return Fields(**state)
