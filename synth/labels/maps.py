"""Exact per-pixel maps beside the images, such as depth and wall loss: PNG, one sample at each pixel's centre."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.labels import severity
from corrotwin.twin.core.files import atomic_file, remove

Arrays = dict[str, NDArray[np.float32]]
Counts = NDArray[np.uint8] | NDArray[np.uint16]
MOST = 65_535  # largest value of a 16-bit PNG
AGE_COUNTS = 100  # per year
LIGHT_COUNTS = 8192  # for the root of a radiance of 1


def write(out: Path, index: int, seen: Arrays, names: Sequence[str]) -> None:
    """Write the maps `names` of image `index` into the dataset folder `out`, each ``maps/<name>/<index>.png``.

    Parameters
    ----------
    seen : ``label`` (H, W, 4) rust cover, wall loss in mm, instance, stain; for maps of these names ``depth`` (H, W)
        metres along the view axis, ``uv`` (H, W, 2) atlas coordinates, ``age`` (H, W) years, ``normals`` (H, W, 3),
        ``light`` (H, W, 3) scene-linear radiance.
    """
    for name in names:
        with atomic_file(path(out, name, index)) as stream:
            stream.write(png(_COUNTS[name](seen)))


def path(out: Path, name: str, index: int) -> Path:
    """Return the path of the map `name` of image `index`."""
    return out / "maps" / name / f"{index:06d}.png"


def remove_leftovers(out: Path) -> None:
    """Remove the temporary files of killed writers; only safe while no process writes maps."""
    for leftover in out.glob("maps/*/.*.tmp"):
        remove(leftover, missing_ok=True)


def png(counts: Counts) -> bytes:
    """Encode (H, W) grey or (H, W, 3) red, green, blue as PNG, with the 8 or 16 bits of the array."""
    import cv2

    success, content = cv2.imencode(".png", counts[..., ::-1] if counts.ndim == 3 else counts)
    assert success  # noqa: S101  PNG has pictures of this kind
    return bytes(content)


def _rust_cover(seen: Arrays) -> Counts:
    return _share(seen, seen["label"][..., 0])


def _stain(seen: Arrays) -> Counts:
    return _share(seen, seen["label"][..., 3])


def _share(seen: Arrays, values: NDArray[np.float32]) -> Counts:
    return _saturated(float(MOST) * np.where(seen["label"][..., 2] > 0, values, 0))


def _age(seen: Arrays) -> Counts:
    on_assets = (seen["label"][..., 0] > 0) & (seen["label"][..., 2] > 0)
    return _saturated(float(AGE_COUNTS) * np.where(on_assets, seen["age"], 0))


def _normals(seen: Arrays) -> Counts:
    hit = np.linalg.norm(seen["normals"], axis=-1, keepdims=True) > 0.5
    return _saturated(np.where(hit, MOST / 2 * (seen["normals"] + 1), 0))


def _wall_loss(seen: Arrays) -> Counts:
    return _saturated(1000.0 * seen["label"][..., 1])


def _severity(seen: Arrays) -> Counts:
    return severity.loss_bands(seen["label"][..., 1])


def _instances(seen: Arrays) -> Counts:
    return _saturated(seen["label"][..., 2])


def _depth(seen: Arrays) -> Counts:
    nothing = seen["depth"] >= 1e9  # as Cycles marks it
    return _saturated(np.where(nothing, 0, 1000.0 * seen["depth"]))


def _uv(seen: Arrays) -> Counts:
    instance = seen["label"][..., 2:3]
    return _saturated(np.concatenate([MOST * np.where(instance > 0, seen["uv"], 0), instance], axis=-1))


def _light(seen: Arrays) -> Counts:
    return _saturated(LIGHT_COUNTS * np.sqrt(np.maximum(seen["light"], 0)))


def light_of(counts: Counts) -> NDArray[np.float32]:
    """Return the radiance (H, W, 3) that a map of ``light`` states."""
    return np.asarray((counts.astype(np.float32) / LIGHT_COUNTS) ** 2)


def _saturated(values: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    """Round to 16-bit counts; values out of range are clipped."""
    return np.asarray(np.rint(values).clip(0, MOST), np.uint16)


_COUNTS: dict[str, Callable[[Arrays], Counts]] = {
    "rust_cover": _rust_cover, "stain": _stain, "age": _age, "wall_loss": _wall_loss, "severity": _severity,
    "instances": _instances, "depth": _depth, "normals": _normals, "uv": _uv, "light": _light,
}  # fmt: skip

_BANDS = severity.LOSS_BANDS_MM.items()

# The meaning of the values, for dataset.json.
MEANING: dict[str, str] = {
    "rust_cover": "16-bit, rust cover in 1/65535; 0 off the assets",
    "stain": "16-bit, stain of rust water in 1/65535; 0 off the assets",
    "age": "16-bit, age of the rust in hundredths of a year; 0 where there is none",
    "normals": "16-bit RGB, x, y and z of the normal of the mesh in the scene's coordinates, -1 to 1 as 0 to "
    "65535, towards the camera, without bumps and smoothing; 0, 0, 0 where there is no surface",
    "wall_loss": "16-bit, wall loss in micrometres; 65535 stands for 65.535 mm and more; 0 off the assets",
    "severity": "8-bit, band of wall loss: 0 below all bands, "
    + ", ".join(f"{number} {name} (from {edge:g} mm)" for number, (name, edge) in enumerate(_BANDS, start=1)),
    "depth": "16-bit, millimetres along the view axis; 0 where there is no surface; 65535 stands for 65.535 m and more",
    "uv": "16-bit RGB: u and v of the asset's atlas in 1/65535, number of the asset in its scene; 0 off the assets",
    "instances": "16-bit, number of the asset in its scene, from 1; 0 off the assets",
    "light": f"16-bit RGB, the square root of scene-linear radiance before the camera, in 1/{LIGHT_COUNTS}; 65535 "
    "stands for 64 and more",
}
