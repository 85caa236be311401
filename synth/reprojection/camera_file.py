"""Read a camera from JSON: intrinsics, and a pose that is stated or follows from picked points and markers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.segmentation.data import coco
from corrotwin.synth.reprojection.camera_model import MOST_ERROR, Array, Camera, solve_pose
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json

MOST_PIXELS = 120_000_000
LARGEST = 1e9  # largest number accepted: no pixel, metre or coefficient is larger
NAMES = ("width", "height", "fx", "fy", "cx", "cy")


def read_camera(path: Path) -> Camera:
    """Read a camera file, whose format is in docs/twin.md.

    Raises
    ------
    InputError
        The file cannot be read, a value is wrong, or points and markers do not fit one camera.
    """
    given = read_json(path)
    if not isinstance(given, Mapping):
        raise InputError(f"{path}: give a JSON object with {', '.join(NAMES)} and a pose")
    known = {*NAMES, "distortion", "rotation", "translation_m", "points", "markers", "photo"}
    wrong = [*(name for name in NAMES if name not in given), *(name for name in given if name not in known)]
    if wrong:
        raise InputError(f"{path}: missing or unknown: {', '.join(wrong)}; it takes {', '.join(sorted(known))}")
    width, height = (_whole(path, name, given[name]) for name in ("width", "height"))
    focal = _numbers(path, "fx, fy, cx, cy", [given[name] for name in ("fx", "fy", "cx", "cy")], (4,))
    distortion = _numbers(path, "distortion", given.get("distortion", []), None)
    if not (width > 0 < height and width * height <= MOST_PIXELS and (focal[:2] > 0).all()):
        raise InputError(f"{path}: a picture of {width} x {height} pixels, focal lengths {focal[0]:g}, {focal[1]:g}")
    if len(distortion) not in (0, 4, 5, 8, 12, 14):
        raise InputError(f"{path}: distortion has {len(distortion)} numbers; OpenCV takes 4, 5, 8, 12 or 14")
    lens = {"width": width, "height": height, **dict(zip(("fx", "fy", "cx", "cy"), focal.tolist(), strict=True))}
    stated, picked = {"rotation", "translation_m"} & set(given), {"points", "markers"} & set(given)
    if bool(stated) == bool(picked) or len(stated) == 1:
        raise InputError(f"{path}: give either rotation and translation_m, or points, markers or both")
    if stated:
        rotation = _numbers(path, "rotation", given["rotation"], (3, 3))
        translation = _numbers(path, "translation_m", given["translation_m"], (3,))
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
            raise InputError(f"{path}: rotation is not a rotation: its rows must be at right angles, of length 1")
        return _camera(lens, distortion, rotation, translation, None)
    pixels, places = _points(path, given.get("points", []))
    if "markers" in given:
        seen, known_at = _markers(path, given)
        pixels, places = np.concatenate([pixels, seen]), np.concatenate([places, known_at])
    if len(pixels) < 4:
        raise InputError(f"{path}: {len(pixels)} points; a pose needs at least 4")
    if (pixels < -0.5).any() or (pixels > np.array([width, height]) - 0.5).any():
        raise InputError(f"{path}: a point lies outside the picture of {width} x {height} pixels")
    rotation, translation, error = solve_pose(path, lens, distortion, pixels, places)
    most = MOST_ERROR * max(width, height)
    if error > most:
        raise InputError(
            f"{path}: the points miss their places by {error:.1f} px (root mean square; at most {most:.1f}); check "
            "their pixels, places in metres, and the focal length"
        )
    return _camera(lens, distortion, rotation, translation, error)


def _camera(
    lens: Mapping[str, Any], distortion: Array, rotation: Array, translation: Array, error: float | None
) -> Camera:
    return Camera(
        **lens,
        distortion=tuple(distortion.tolist()),
        rotation=tuple(tuple(row) for row in rotation.tolist()),
        translation_m=tuple(translation.tolist()),
        error_px=error,
    )


def _points(path: Path, given: Any) -> tuple[Array, Array]:
    """Return the pixels (n, 2) and the places (n, 3) of picked points."""
    if not isinstance(given, list) or not all(isinstance(point, Mapping) for point in given):
        raise InputError(f'{path}: points: give a list of {{"pixel": [column, row], "place_m": [x, y, z]}}')
    pixels, places = [np.empty((0, 2))], [np.empty((0, 3))]
    for number, point in enumerate(given):
        here = f"points, entry {number} (counted from 0)"
        if set(point) != {"pixel", "place_m"}:
            raise InputError(f"{path}: {here}: give pixel and place_m")
        pixels.append(_numbers(path, here, point["pixel"], (2,))[None])
        places.append(_numbers(path, here, point["place_m"], (3,))[None])
    return np.concatenate(pixels), np.concatenate(places)


def _markers(path: Path, given: Mapping[str, Any]) -> tuple[Array, Array]:
    """Find n ArUco markers in the photograph; return the pixels (4 n, 2) and places (4 n, 3) of their corners."""
    import cv2

    markers = given["markers"]
    names = {"dictionary", "id", "size_m", "centre_m", "right", "up"}
    if not isinstance(markers, list) or not all(isinstance(one, Mapping) and set(one) == names for one in markers):
        raise InputError(f"{path}: markers: give a list of objects with {', '.join(sorted(names))}")
    if not isinstance(given.get("photo"), str):
        raise InputError(f"{path}: photo: name the photograph in which the markers are to be found")
    photo = path.parent / given["photo"]
    picture = cv2.cvtColor(coco.decoded(photo), cv2.COLOR_RGB2GRAY)
    if picture.shape != (given["height"], given["width"]):
        raise InputError(
            f"{photo}: {picture.shape[1]} x {picture.shape[0]} pixels, the camera {given['width']} x {given['height']}"
        )
    pixels, places = [], []
    for marker in markers:
        dictionary = str(marker["dictionary"])
        if not dictionary.startswith("DICT_") or not hasattr(cv2.aruco, dictionary):
            raise InputError(f"{path}: markers: no dictionary {dictionary!r}; such as DICT_4X4_50")
        size = float(_numbers(path, "markers, size_m", marker["size_m"], ()))
        centre, right, up = (
            _numbers(path, f"markers, {name}", marker[name], (3,)) for name in ("centre_m", "right", "up")
        )
        lengths = np.linalg.norm(right), np.linalg.norm(up)
        if size <= 0 or min(lengths) < 1e-9 or abs(right @ up) > 0.01 * lengths[0] * lengths[1]:
            raise InputError(f"{path}: markers: size_m must be positive, right and up at right angles")
        settings = cv2.aruco.DetectorParameters()
        settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        chosen = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
        corners, numbers, _ = cv2.aruco.ArucoDetector(chosen, settings).detectMarkers(picture)
        shown = (
            []
            if numbers is None
            else [quad[0] for quad, number in zip(corners, numbers.ravel(), strict=True) if number == marker["id"]]
        )
        if len(shown) != 1:
            raise InputError(f"{photo}: shows marker {marker['id']} of {dictionary} {len(shown)} times; must be once")
        aside, above = size / 2 * right / lengths[0], size / 2 * up / lengths[1]
        # In the order of the detector: from the marker's own top left, clockwise.
        places.append(centre + np.array([above - aside, above + aside, aside - above, -aside - above]))
        pixels.append(shown[0].astype(float))
    return np.concatenate([np.empty((0, 2)), *pixels]), np.concatenate([np.empty((0, 3)), *places])


def _whole(path: Path, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{path}: {name} {value!r:.40}: give a whole number")
    return value


def _numbers(path: Path, name: str, value: Any, shape: tuple[int, ...] | None) -> Array:
    """Return `value` as finite numbers of this shape, or as a list of any length if `shape` is None."""
    try:
        numbers = np.array(value, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: {name} {value!r:.60}: give numbers") from error
    if (numbers.ndim != 1 if shape is None else numbers.shape != shape) or not (np.abs(numbers) <= LARGEST).all():
        wanted = "a list of" if shape is None else " x ".join(map(str, shape)) or "one of"
        raise InputError(f"{path}: {name} {value!r:.60}: give {wanted} finite numbers, at most {LARGEST:g}")
    return numbers
