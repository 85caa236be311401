"""Which texel of a twin each pixel of a photograph sees, from where the camera stood; no Blender.

Conventions are OpenCV's: x right, y down, z forward; the middle of the first pixel is (0, 0).

References
----------
Collins & Bartoli, Infinitesimal plane-based pose estimation, IJCV 109 (2014): the two poses that a plane allows.
Terzakis & Lourakis, A consistently fast and globally optimal solution to the perspective-n-point problem, ECCV (2020).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.segmentation.data import coco
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, read_json

if TYPE_CHECKING:
    from corrotwin.twin.assets import AssetGeometry

Array = NDArray[np.float64]

MOST_ERROR = 0.005  # reprojection error that is let through, over the longer side of the picture
UNDECIDED = 2.0  # two poses are told apart where one errs by so many times as much as the other, and by a pixel more
APART_DEG, APART = 5.0, 0.05  # angle, and distance over that to the points, from which two poses are two
FLAT = 0.01  # points lie in a plane, or on a line, where they leave it by less than this share of their extent
MOST_PIXELS = 120_000_000
LARGEST = 1e9  # of a number in a camera's file: no pixel, metre or coefficient is larger
BATCH = 500_000  # rays at a time
EXACT_PX, MOST_ROUNDS = 1e-4, 200  # to which distortion is taken out, in so many rounds at most
LOST_PX = 0.5  # a pixel that is missed by more lies where no direction leads by these coefficients
NAMES = ("width", "height", "fx", "fy", "cx", "cy")


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera where it stood.

    Parameters
    ----------
    width, height : of the picture, pixels.
    fx, fy, cx, cy : focal lengths and principal point, pixels.
    distortion : OpenCV's coefficients k1, k2, p1, p2 and further ones, or none.
    rotation, translation_m : from the twin's coordinates to the camera's: x_camera = rotation x + translation.
    error_px : root mean square distance of the picked points from where the camera has them; None for a stated pose.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()
    rotation: tuple[tuple[float, ...], ...]
    translation_m: tuple[float, ...]
    error_px: float | None = None


def read_camera(path: Path) -> Camera:
    """A camera from JSON: intrinsics, and a pose that is stated or follows from points and markers (docs/twin.md).

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
    stated, found = {"rotation", "translation_m"} & set(given), {"points", "markers"} & set(given)
    if bool(stated) == bool(found) or len(stated) == 1:
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
    rotation, translation, error = _solve(path, lens, distortion, pixels, places)
    most = MOST_ERROR * max(width, height)
    if error > most:
        raise InputError(
            f"{path}: the points miss their places by {error:.1f} px (root mean square; at most {most:.1f}); check "
            "their pixels, places in metres, and the focal length"
        )
    return _camera(lens, distortion, rotation, translation, error)


def write(folder: Path, camera: Path, out: Path) -> str:
    """Write which texel each pixel sees, for ``corrotwin twin inspect --uvmap``, and say in a line what was found.

    Parameters
    ----------
    folder : of the twin.
    camera : JSON, see `read_camera`.
    out : .npz with ``texel`` (height, width), ``atlas_shape`` (2,) and ``asset``, which tells the twin's geometry.

    Raises
    ------
    InputError
        No twin there, a camera that is wrong or sees nothing of it, or `out` cannot be written.
    """
    from corrotwin.twin import store, twin_state
    from corrotwin.twin.inspection.readers import asset_key

    if out.suffix != ".npz":
        raise InputError(f"{out}: a map of texels is written as .npz")
    stood = read_camera(camera)
    twin, _ = store.load(folder)
    asset = twin_state.asset(twin)
    try:
        texel = texel_map(stood, asset)
    except InputError as error:
        raise InputError(f"{camera}: {error}") from error
    seen = texel >= 0
    if not seen.any():
        raise InputError(f"{camera}: this camera sees nothing of the {asset.kind}; check its pose")
    try:
        with atomic_file(out) as stream:
            np.savez_compressed(stream, texel=texel, atlas_shape=asset.atlas_shape, asset=asset_key(twin))
    except OSError as error:
        raise InputError(f"{error.filename or out}: cannot be written ({error.strerror})") from error
    share, texels = 100 * seen.mean(), len(np.unique(texel[seen]))
    fit = "" if stood.error_px is None else f"; the points miss by {stood.error_px:.2f} px (root mean square)"
    return f"{out}: the {asset.kind} fills {share:.1f} % of the picture, {texels:,} of its texels are seen{fit}"


def texel_map(camera: Camera, asset: "AssetGeometry") -> NDArray[np.int32]:
    """The texel of the atlas that each pixel's centre sees, as flat index, (height, width); -1 where it sees none.

    Parameters
    ----------
    camera : in the asset's coordinates. Pixels to which its distortion leads no direction see nothing.
    asset : nothing else stands before it.

    Raises
    ------
    InputError
        Those are most of the picture: the distortion is not this camera's.
    """
    import trimesh

    from corrotwin.twin import assets

    solid = assets.mesh(asset)
    rows, columns = asset.atlas_shape
    rotation, translation = np.array(camera.rotation), np.array(camera.translation_m)
    eye = -rotation.T @ translation
    found = np.full(camera.width * camera.height, -1, dtype=np.int32)
    lost = 0
    for start in range(0, len(found), BATCH):
        pixel = np.arange(start, min(start + BATCH, len(found)))
        ways, led = _ways(camera, np.column_stack([pixel % camera.width, pixel // camera.width]))
        lost += int((~led).sum())
        pixel, ways = pixel[led], ways[led] @ rotation
        place, ray, face = solid.ray.intersects_location(np.tile(eye, (len(ways), 1)), ways, multiple_hits=False)
        weight = trimesh.triangles.points_to_barycentric(solid.triangles[face], place).clip(0, 1)
        uv = (asset.uv[face] * weight[..., None]).sum(axis=1) / weight.sum(axis=1, keepdims=True)
        column = (uv[:, 0] * columns).astype(int).clip(0, columns - 1)
        row = (uv[:, 1] * rows).astype(int).clip(0, rows - 1)
        found[pixel[ray]] = row * columns + column
    if lost > len(found) / 2:
        raise InputError(
            f"distortion: by these coefficients nothing is seen in {lost / len(found):.0%} of the picture; check them, "
            "fx and fy"
        )
    return found.reshape(camera.height, camera.width)


def _ways(camera: Camera, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Directions in the camera's coordinates, (n, 3), through pixels (n, 2), and whether they lead there, (n,)."""
    led = np.ones(len(pixels), dtype=bool)
    if camera.distortion:
        import cv2

        matrix, distortion = _matrix(camera.fx, camera.fy, camera.cx, camera.cy), np.array(camera.distortion)
        until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, MOST_ROUNDS, EXACT_PX)
        straight = cv2.undistortPointsIter(
            pixels.astype(float)[:, None], matrix, distortion, np.eye(3), np.eye(3), until
        )[:, 0]
        back, _ = cv2.projectPoints(
            np.column_stack([straight, np.ones(len(straight))]), np.zeros(3), np.zeros(3), matrix, distortion
        )
        led = np.linalg.norm(back[:, 0] - pixels, axis=1) <= LOST_PX
    else:
        straight = (pixels - [camera.cx, camera.cy]) / [camera.fx, camera.fy]
    ways = np.column_stack([straight, np.ones(len(straight))])
    return np.asarray(ways / np.linalg.norm(ways, axis=1, keepdims=True)), led


def _matrix(fx: float, fy: float, cx: float, cy: float) -> Array:
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


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


def _solve(
    path: Path, lens: Mapping[str, Any], distortion: Array, pixels: Array, places: Array
) -> tuple[Array, Array, float]:
    """Rotation, translation and reprojection error in pixels of the camera that has places (n, 3) at pixels (n, 2)."""
    import cv2

    extents = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    if extents[1] < FLAT * extents[0]:
        raise InputError(f"{path}: the points lie on one line; pick some beside it")
    matrix = _matrix(lens["fx"], lens["fy"], lens["cx"], lens["cy"])
    method = cv2.SOLVEPNP_IPPE if extents[2] < FLAT * extents[0] else cv2.SOLVEPNP_SQPNP
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(places, pixels, matrix, distortion, flags=method)
    except cv2.error as error:
        raise InputError(f"{path}: no camera has the points where they are; check them") from error
    poses = []
    for turn, shift in zip(turns, shifts, strict=True):
        turn, shift = cv2.solvePnPRefineLM(places, pixels, matrix, distortion, turn, shift)
        rotation, translation = np.asarray(cv2.Rodrigues(turn)[0], float), np.asarray(shift, float)[:, 0]
        shown, _ = cv2.projectPoints(places, turn, shift, matrix, distortion)
        missed = float(np.sqrt(((shown[:, 0] - pixels) ** 2).sum(axis=1).mean()))
        if np.isfinite(missed) and ((places @ rotation.T + translation)[:, 2] > 0).all():
            poses.append((missed, rotation, translation))
    if not poses:
        raise InputError(f"{path}: no camera in front of the points has them where they are; check them")
    missed, rotation, translation = min(poses, key=lambda pose: pose[0])
    distance = float(np.linalg.norm(rotation @ places.mean(axis=0) + translation))
    for other_missed, turned, moved in poses:
        angle = np.degrees(np.arccos(np.clip((np.trace(turned.T @ rotation) - 1) / 2, -1, 1)))
        eyes = np.linalg.norm(turned.T @ moved - rotation.T @ translation)
        if (angle > APART_DEG or eyes > APART * distance) and other_missed < UNDECIDED * missed + 1:
            raise InputError(f"{path}: two cameras fit these points equally well; add points off their plane")
    return rotation, translation, missed


def _points(path: Path, given: Any) -> tuple[Array, Array]:
    """Pixels (n, 2) and places (n, 3) of picked points."""
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise InputError(f'{path}: points: give a list of {{"pixel": [column, row], "place_m": [x, y, z]}}')
    pixels, places = [np.empty((0, 2))], [np.empty((0, 3))]
    for number, one in enumerate(given):
        here = f"points, entry {number} (counted from 0)"
        if set(one) != {"pixel", "place_m"}:
            raise InputError(f"{path}: {here}: give pixel and place_m")
        pixels.append(_numbers(path, here, one["pixel"], (2,))[None])
        places.append(_numbers(path, here, one["place_m"], (3,))[None])
    return np.concatenate(pixels), np.concatenate(places)


def _markers(path: Path, given: Mapping[str, Any]) -> tuple[Array, Array]:
    """Pixels (4 n, 2) and places (4 n, 3) of the corners of n ArUco markers, found in the photograph."""
    import cv2

    asked = given["markers"]
    names = {"dictionary", "id", "size_m", "centre_m", "right", "up"}
    if not isinstance(asked, list) or not all(isinstance(one, Mapping) and set(one) == names for one in asked):
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
    for one in asked:
        dictionary = str(one["dictionary"])
        if not dictionary.startswith("DICT_") or not hasattr(cv2.aruco, dictionary):
            raise InputError(f"{path}: markers: no dictionary {dictionary!r}; such as DICT_4X4_50")
        size = float(_numbers(path, "markers, size_m", one["size_m"], ()))
        centre, right, up = (
            _numbers(path, f"markers, {name}", one[name], (3,)) for name in ("centre_m", "right", "up")
        )
        lengths = np.linalg.norm(right), np.linalg.norm(up)
        if size <= 0 or min(lengths) < 1e-9 or abs(right @ up) > 0.01 * lengths[0] * lengths[1]:
            raise InputError(f"{path}: markers: size_m must be positive, right and up at right angles")
        settings = cv2.aruco.DetectorParameters()
        settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        chosen = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
        corners, numbers, _ = cv2.aruco.ArucoDetector(chosen, settings).detectMarkers(picture)
        mine = (
            []
            if numbers is None
            else [each[0] for each, own in zip(corners, numbers.ravel(), strict=True) if own == one["id"]]
        )
        if len(mine) != 1:
            raise InputError(f"{photo}: shows marker {one['id']} of {dictionary} {len(mine)} times; must be once")
        aside, above = size / 2 * right / lengths[0], size / 2 * up / lengths[1]
        # As the detector has them: from the marker's own top left, clockwise.
        places.append(centre + np.array([above - aside, above + aside, aside - above, -aside - above]))
        pixels.append(mine[0].astype(float))
    return np.concatenate([np.empty((0, 2)), *pixels]), np.concatenate([np.empty((0, 3)), *places])


def _whole(path: Path, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{path}: {name} {value!r:.40}: give a whole number")
    return value


def _numbers(path: Path, name: str, value: Any, shape: tuple[int, ...] | None) -> Array:
    """Finite numbers of a shape; of any length where that is None."""
    try:
        found = np.array(value, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: {name} {value!r:.60}: give numbers") from error
    if (found.ndim != 1 if shape is None else found.shape != shape) or not (np.abs(found) <= LARGEST).all():
        wanted = "a list of" if shape is None else " x ".join(map(str, shape)) or "one of"
        raise InputError(f"{path}: {name} {value!r:.60}: give {wanted} finite numbers, at most {LARGEST:g}")
    return found
