"""Camera files: JSON with the intrinsics and the pose of one camera or more, for rendering and for photographs.

A pose is stated, follows from eye and target or from picked points and markers, or is one of many on a trajectory.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import radians, tan
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.synth.cameras import poses
from corrotwin.synth.cameras.camera_model import Camera, from_pose, intrinsic_matrix, looking
from corrotwin.synth.cameras.values import numbers, shown, whole
from corrotwin.synth.spec import Lens
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import can_name_a_file, read_json

MOST_PIXELS = 120_000_000
MOST_CAMERAS = 10_000  # in a file
LENS = ("width", "height", "fx", "fy", "cx", "cy", "K", "field_of_view_deg", "distortion")
POSES = (
    poses.STATED, ("eye_m", "look_at_m", "roll_deg"), ("points", "markers", "photo"), ("trajectory",)
)  # fmt: skip
KNOWN = ("name", *LENS, *(name for names in POSES for name in names))


def read_camera(path: Path, *, name: str | None = None) -> Camera:
    """Read a camera file of one camera, or the camera called `name` of several.

    Raises
    ------
    InputError
        The file holds several cameras and no name is given, or none has that name; or as in `read_cameras`.
    """
    candidates = read_cameras(path, only=name)
    if name is not None:
        candidates = tuple(camera for camera in candidates if camera.name == name)
        if not candidates:
            raise InputError(f"{path}: has no camera {name!r}")
    if len(candidates) > 1:
        raise InputError(f"{path}: has {len(candidates)} cameras; choose one with `name`")
    return candidates[0]


def read_cameras(path: Path, *, size: tuple[int, int] | None = None, only: str | None = None) -> tuple[Camera, ...]:
    """Read a camera file: one camera object, or a list of them; docs/cameras.md describes the format.

    Parameters
    ----------
    size : width and height in pixels of cameras that state neither; None if all must state both.
    only : if given, entries that cannot have a camera of this name are left out.

    Raises
    ------
    InputError
        The file cannot be read, a value is wrong, or points and markers do not fit one camera.
    """
    content = read_json(path)
    if not isinstance(content, Mapping | list):
        raise InputError(f"{path}: give a camera, a JSON object, or a list of cameras")
    if isinstance(content, Mapping):
        return _named(str(path), _cameras(str(path), content, path.parent, size))
    if only is not None:
        content = [entry for entry in content if not isinstance(entry, Mapping) or _may_be(entry.get("name"), only)]
        if not content:
            raise InputError(f"{path}: has no camera {only!r}")
    return cameras(str(path), content, folder=path.parent, size=size)


def _may_be(name: Any, wanted: str) -> bool:
    """Return whether an entry of this name may hold the wanted camera, perhaps along its trajectory."""
    return name == wanted or (isinstance(name, str) and wanted.startswith(f"{name}-"))


def cameras(
    where: str, entries: Sequence[Any], *, folder: Path = Path(), size: tuple[int, int] | None = None
) -> tuple[Camera, ...]:
    """Return the cameras of a list of entries; `where` begins the message of an InputError.

    `folder` is the one in which photographs are looked up; `size` is as in `read_cameras`.
    """
    if not entries:
        raise InputError(f"{where}: lists no camera; give at least one")
    result: list[Camera] = []
    for number, entry in enumerate(entries):
        prefix = f"{where}: camera {number} (counted from 0)"
        if not isinstance(entry, Mapping):
            raise InputError(
                f"{prefix}: {shown(entry)} is not an object; give an object with fields from {', '.join(KNOWN)}"
            )
        result += _cameras(prefix, entry, folder, size)
        if len(result) > MOST_CAMERAS:
            raise InputError(f"{where}: more than {MOST_CAMERAS:,} cameras; split the list")
    return _named(where, result)


def _named(where: str, found: Sequence[Camera]) -> tuple[Camera, ...]:
    """Return the cameras; refuse two with the same name."""
    names = Counter(camera.name for camera in found if camera.name)
    if twice := [name for name, count in names.items() if count > 1]:
        raise InputError(f"{where}: {names[twice[0]]} cameras are called {twice[0]!r}; give each its own name")
    return tuple(found)


def _cameras(where: str, given: Mapping[str, Any], folder: Path, size: tuple[int, int] | None) -> list[Camera]:
    """Return the camera of an entry, or those along its trajectory."""
    if unknown := sorted(set(given) - set(KNOWN)):
        raise InputError(f"{where}: unknown fields: {', '.join(unknown)}; choose from {', '.join(KNOWN)}")
    name = given.get("name", "")
    if not isinstance(name, str) or len(name) > 100 or "\\" in name or (name and not can_name_a_file(name)):
        raise InputError(
            f"{where}: name {shown(name)}: give a name that a file can have: at most 100 printable characters, "
            "without / and \\, not beginning with a dot"
        )
    lens = _lens(where, given, size)
    distortion = numbers(f"{where}: distortion", given.get("distortion", []), None)
    if len(distortion) not in (0, 4, 5, 8, 12, 14):
        raise InputError(f"{where}: distortion has {len(distortion)} numbers; OpenCV takes 4, 5, 8, 12 or 14")
    coefficients = tuple(distortion.tolist()) if distortion.any() else ()
    pose_fields = [names for names in POSES if set(names) & set(given)]
    if len(pose_fields) != 1:
        raise InputError(
            f"{where}: give one pose: rotation and translation_m; eye_m and look_at_m; points, markers or both; or a "
            "trajectory"
        )
    if "trajectory" in given:
        trajectory_poses = poses.trajectory(f"{where}: trajectory", given["trajectory"])
        return [
            from_pose(pose, lens, distortion=coefficients, name=f"{name}-{number:04d}" if name else "")
            for number, pose in enumerate(trajectory_poses)
        ]
    if "eye_m" in given or "look_at_m" in given:
        return [from_pose(looking(*poses.upright(where, given)), lens, distortion=coefficients, name=name)]
    error = None
    if pose_fields[0] == poses.STATED:
        rotation, translation = poses.stated(where, given)
    else:
        rotation, translation, error = poses.fitted(where, given, folder, lens, distortion)
    return [
        Camera(
            lens=lens, distortion=coefficients, rotation=tuple(tuple(row) for row in rotation.tolist()),
            translation_m=tuple(translation.tolist()), error_px=error, name=name,
        )
    ]  # fmt: skip


def _lens(where: str, given: Mapping[str, Any], size: tuple[int, int] | None) -> Lens:
    """Return size and intrinsics: from focal lengths, the matrix K, or the field of view across the width."""
    if ("width" in given) != ("height" in given) or ("width" not in given and size is None):
        raise InputError(f"{where}: give width and height of the picture, in pixels")
    width, height = (
        (whole(where, name, given[name]) for name in ("width", "height")) if "width" in given else size or (0, 0)
    )
    if not (width > 0 < height and width * height <= MOST_PIXELS):
        raise InputError(
            f"{where}: a picture of {width} x {height} pixels; give sides above 0, {MOST_PIXELS:,} at most in all"
        )
    options = [names for names in (("fx", "fy", "cx", "cy"), ("K",), ("field_of_view_deg",)) if set(names) & set(given)]
    if len(options) != 1:
        raise InputError(f"{where}: give one of fx and fy (with cx and cy), K, or field_of_view_deg")
    middle = {"cx": (width - 1) / 2, "cy": (height - 1) / 2}
    if "K" in given:
        matrix = numbers(f"{where}: K", given["K"], (3, 3))
        fx, fy, cx, cy = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
        if not np.array_equal(matrix, intrinsic_matrix(fx, fy, cx, cy)):
            raise InputError(f"{where}: K {shown(given['K'])}: give [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]")
    elif "field_of_view_deg" in given:
        angle = float(numbers(f"{where}: field_of_view_deg", given["field_of_view_deg"], ()))
        if not 0.1 <= angle <= 170:
            raise InputError(f"{where}: field_of_view_deg {angle:g}: give an angle from 0.1 to 170")
        fx = fy = width / 2 / tan(radians(angle) / 2)
        cx, cy = middle["cx"], middle["cy"]
    else:
        if missing := [name for name in ("fx", "fy") if name not in given]:
            raise InputError(f"{where}: missing: {', '.join(missing)}")
        fx, fy, cx, cy = (
            numbers(f"{where}: {name}", given.get(name, middle.get(name)), ()) for name in ("fx", "fy", "cx", "cy")
        )
    if not (fx > 0 < fy):
        raise InputError(f"{where}: focal lengths {fx:g}, {fy:g} px: give some above 0")
    return Lens(width=width, height=height, fx=float(fx), fy=float(fy), cx=float(cx), cy=float(cy))
