"""Poses of cameras in a camera file: stated, by eye and target, along a trajectory, from picked points and markers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.segmentation.data import coco
from corrotwin.synth.cameras.camera_model import MOST_ERROR, Array, looking, solve_pose
from corrotwin.synth.cameras.values import numbers, shown, whole
from corrotwin.synth.spec import Lens
from corrotwin.twin.core.errors import InputError

APART_M = 1e-3  # least distance of two points that are not the same
MOST_FRAMES = 10_000
FINER = 20  # steps per frame at which the length of a trajectory is measured
STATED = ("rotation", "translation_m")
PATH = ("frames", "eye_m", "look_at_m", "roll_deg")  # fields of a trajectory


def stated(where: str, given: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return rotation (3, 3) and translation (3,) as an entry states them.

    Parameters
    ----------
    where : place in the file; error messages begin with it.
    given : the entry of the camera file.

    Raises
    ------
    InputError
        Either is missing, or the rotation is not one.
    """
    if missing := [name for name in STATED if name not in given]:
        raise InputError(f"{where}: missing: {missing[0]}; rotation and translation_m go together")
    rotation = numbers(f"{where}: rotation", given["rotation"], (3, 3))
    deviation = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if deviation > 1e-3 or np.linalg.det(rotation) < 0:
        raise InputError(f"{where}: rotation: its rows must be at right angles and of length 1")
    if deviation > 1e-9:  # the numbers were rounded: take the nearest rotation
        left, _, right = np.linalg.svd(rotation)
        rotation = left @ right
    return rotation, numbers(f"{where}: translation_m", given["translation_m"], (3,))


def upright(where: str, given: Mapping[str, Any]) -> tuple[Array, Array, float]:
    """Return the eye, the point that it looks at, and the roll in degrees.

    Parameters
    ----------
    where : place in the file; error messages begin with it.
    given : the entry of the camera file.

    Raises
    ------
    InputError
        Either point is missing, or both are the same.
    """
    if missing := [name for name in ("eye_m", "look_at_m") if name not in given]:
        raise InputError(f"{where}: missing: {missing[0]}; eye_m and look_at_m go together")
    eye, look_at = (numbers(f"{where}: {name}", given[name], (3,)) for name in ("eye_m", "look_at_m"))
    if np.abs(eye - look_at).max() < APART_M:
        raise InputError(f"{where}: eye_m and look_at_m are the same point, {shown(given['eye_m'])}")
    return eye, look_at, float(numbers(f"{where}: roll_deg", given.get("roll_deg", 0.0), ()))


def trajectory(where: str, given: Any) -> list[Array]:
    """Return the poses (4, 4) along a smooth path through stated points, at equal distances.

    The path is a spline, cubic if there are four points or more, over the length of the line that joins the eyes.

    Parameters
    ----------
    where : place in the file; error messages begin with it.
    given : the entry of the camera file.

    Raises
    ------
    InputError
        A field is missing or unknown, or two eyes in a row are the same point.
    """
    from scipy.interpolate import make_interp_spline

    if not isinstance(given, Mapping) or not {*PATH[:3]} <= {*given} <= {*PATH}:
        raise InputError(f"{where}: give an object with frames, eye_m and look_at_m, and optionally roll_deg")
    frames = whole(where, "frames", given["frames"])
    if not 2 <= frames <= MOST_FRAMES:
        raise InputError(f"{where}: frames {frames}: give 2 to {MOST_FRAMES:,}")
    eyes = numbers(f"{where}: eye_m", given["eye_m"], (-1, 3))
    steps = np.linalg.norm(np.diff(eyes, axis=0), axis=1)
    if len(eyes) < 2 or steps.min() < APART_M:
        raise InputError(f"{where}: eye_m: give two or more points, no two consecutive ones the same")
    targets = numbers(f"{where}: look_at_m", given["look_at_m"], (3,) if _is_point(given["look_at_m"]) else (-1, 3))
    targets = np.broadcast_to(targets, eyes.shape) if targets.ndim == 1 else targets
    roll = given.get("roll_deg", 0.0)
    rolls = numbers(f"{where}: roll_deg", roll if isinstance(roll, Sequence) else [roll] * len(eyes), None)
    if not len(targets) == len(rolls) == len(eyes):
        raise InputError(
            f"{where}: eye_m has {len(eyes)} entries, look_at_m {len(targets)}, roll_deg {len(rolls)}; give equal "
            "numbers"
        )
    along = np.concatenate([[0.0], np.cumsum(steps)])
    path = make_interp_spline(along, np.column_stack([eyes, targets, rolls]), k=min(3, len(eyes) - 1))
    fine = np.linspace(0, along[-1], FINER * frames)
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path(fine)[:, :3], axis=0), axis=1))])
    rows = path(np.interp(np.linspace(0, lengths[-1], frames), lengths, fine))
    if np.linalg.norm(rows[:, :3] - rows[:, 3:6], axis=1).min() < APART_M:
        raise InputError(f"{where}: the camera passes through the point it looks at")
    upright = np.array([looking(row[:3], row[3:6])[:3, 0] for row in rows])
    if ((upright[1:] * upright[:-1]).sum(axis=1) < 0).any():
        raise InputError(f"{where}: the camera passes over the point it looks at, where an upright picture turns over")
    return [looking(row[:3], row[3:6], float(row[6])) for row in rows]


def _is_point(given: Any) -> bool:
    return isinstance(given, Sequence) and len(given) == 3 and not any(isinstance(value, Sequence) for value in given)


def fitted(
    where: str, given: Mapping[str, Any], folder: Path, lens: Lens, distortion: Array
) -> tuple[Array, Array, float]:
    """Return the pose that shows picked points and markers where they are, and its error in pixels.

    Parameters
    ----------
    where : place in the file; error messages begin with it.
    given : the entry of the camera file.
    folder : folder of the camera file, in which the photograph lies.
    lens, distortion : lens and distortion of the camera.

    Raises
    ------
    InputError
        There are fewer than four points, one lies outside the picture, or no pose fits them.
    """
    if "points" not in given and "markers" not in given:
        raise InputError(f"{where}: names a photo, but neither points nor markers")
    pixels, places = _points(where, given.get("points", []))
    if "markers" in given:
        corner_pixels, corner_places = _markers(where, given, folder, lens)
        pixels, places = np.concatenate([pixels, corner_pixels]), np.concatenate([places, corner_places])
    if len(pixels) < 4:
        raise InputError(f"{where}: {len(pixels)} points; a pose needs at least 4")
    if (pixels < -0.5).any() or (pixels > np.array([lens.width, lens.height]) - 0.5).any():
        raise InputError(f"{where}: a point is outside the picture of {lens.width} x {lens.height} pixels")
    rotation, translation, error = solve_pose(where, lens, distortion, pixels, places)
    limit = MOST_ERROR * max(lens.width, lens.height)
    if error > limit:
        raise InputError(
            f"{where}: the points miss their pixels by {error:.1f} px (root mean square; at most {limit:.1f}); check "
            "their pixels, places in metres, and the focal length"
        )
    return rotation, translation, error


def _points(where: str, given: Any) -> tuple[Array, Array]:
    """Return the pixels (n, 2) and the places (n, 3) of picked points."""
    if not isinstance(given, list) or not all(isinstance(point, Mapping) for point in given):
        raise InputError(f'{where}: points: give a list of {{"pixel": [column, row], "place_m": [x, y, z]}}')
    pixels, places = [np.empty((0, 2))], [np.empty((0, 3))]
    for number, point in enumerate(given):
        entry = f"points, entry {number} (counted from 0)"
        if set(point) != {"pixel", "place_m"}:
            raise InputError(f"{where}: {entry}: give pixel and place_m")
        pixels.append(numbers(f"{where}: {entry}", point["pixel"], (2,))[None])
        places.append(numbers(f"{where}: {entry}", point["place_m"], (3,))[None])
    return np.concatenate(pixels), np.concatenate(places)


def _markers(where: str, given: Mapping[str, Any], folder: Path, lens: Lens) -> tuple[Array, Array]:
    """Find n ArUco markers in the photograph; return the pixels (4 n, 2) and places (4 n, 3) of their corners."""
    import cv2

    markers = given["markers"]
    names = {"dictionary", "id", "size_m", "centre_m", "right", "up"}
    if not isinstance(markers, list) or not all(isinstance(item, Mapping) and set(item) == names for item in markers):
        raise InputError(f"{where}: markers: give a list of objects with {', '.join(sorted(names))}")
    if not isinstance(given.get("photo"), str):
        raise InputError(f"{where}: photo: name the photograph that shows the markers")
    photo = folder / given["photo"]
    picture = cv2.cvtColor(coco.decoded(photo), cv2.COLOR_RGB2GRAY)
    if picture.shape != (lens.height, lens.width):
        raise InputError(
            f"{photo}: {picture.shape[1]} x {picture.shape[0]} pixels, but the camera has {lens.width} x {lens.height}"
        )
    pixels, places = [], []
    for marker in markers:
        dictionary = str(marker["dictionary"])
        if not dictionary.startswith("DICT_") or not hasattr(cv2.aruco, dictionary):
            raise InputError(f"{where}: markers: no dictionary {dictionary!r}; give one such as DICT_4X4_50")
        size = float(numbers(f"{where}: markers, size_m", marker["size_m"], ()))
        centre, right, up = (
            numbers(f"{where}: markers, {name}", marker[name], (3,)) for name in ("centre_m", "right", "up")
        )
        lengths = np.linalg.norm(right), np.linalg.norm(up)
        if size <= 0 or min(lengths) < 1e-9 or abs(right @ up) > 0.01 * lengths[0] * lengths[1]:
            raise InputError(f"{where}: markers: size_m must be positive, and right and up must be at right angles")
        settings = cv2.aruco.DetectorParameters()
        settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        patterns = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
        corners, ids, _ = cv2.aruco.ArucoDetector(patterns, settings).detectMarkers(picture)
        quads = (
            []
            if ids is None
            else [quad[0] for quad, number in zip(corners, ids.ravel(), strict=True) if number == marker["id"]]
        )
        if len(quads) != 1:
            raise InputError(
                f"{photo}: shows marker {marker['id']} of {dictionary} {len(quads)} times; it must appear once"
            )
        aside, above = size / 2 * right / lengths[0], size / 2 * up / lengths[1]
        # In the order of the detector: from the marker's own top left, clockwise.
        places.append(centre + np.array([above - aside, above + aside, aside - above, -aside - above]))
        pixels.append(quads[0].astype(float))
    return np.concatenate([np.empty((0, 2)), *pixels]), np.concatenate([np.empty((0, 3)), *places])
