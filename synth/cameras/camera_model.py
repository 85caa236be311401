"""A camera with a pose: the pixels of places, the directions through pixels, and the pose from points in a photograph.

Conventions are OpenCV's: x right, y down, z forward; the middle of the first pixel is (0, 0).

References
----------
Collins & Bartoli, Infinitesimal plane-based pose estimation, IJCV 109 (2014): the two poses that a plane allows.
Terzakis & Lourakis, A consistently fast and globally optimal solution to the perspective-n-point problem, ECCV (2020).
"""

from dataclasses import asdict, dataclass
from math import cos, radians, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.spec import Lens, Matrix
from corrotwin.twin.core.errors import InputError

Array = NDArray[np.float64]
MOST_ERROR = 0.005  # largest reprojection error accepted, over the longer side of the picture
UNDECIDED = 2.0  # the better of two poses is taken if the other's error is this many times as large, plus a pixel
APART = 0.05  # poses differ if their eyes are farther apart than this, over the distance to the points
FLAT = 0.01  # points count as coplanar or collinear if they deviate by less than this share of their extent
LOST_PX = 0.5  # a pixel missed by more has no direction under these coefficients
EXACT = 2e-4  # accuracy to which distortion is removed, as a share of the error of a lost pixel
MOST_ROUNDS = 200  # most rounds of OpenCV's iteration
STEPS, ROUNDS = 10, 4  # steps in which the distortion is switched on, and rounds of Newton's method in each
LONGEST = 0.3  # largest change of a slope in a round
DELTA = 1e-6  # step of slopes, for derivatives
RAYS, ALONG = 180, 400  # directions from the middle of the picture, and places on each where folds are sought


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A camera with its pose in the coordinates of a twin.

    Parameters
    ----------
    lens : size of the picture and intrinsics, without the distortion.
    distortion : OpenCV's coefficients k1, k2, p1, p2 and further ones, or none.
    rotation, translation_m : from the twin's coordinates to the camera's: x_camera = rotation x + translation.
    error_px : root mean square distance of the picked points from where the camera shows them; None for a stated pose.
    name : name of the camera, or "".
    """

    lens: Lens
    distortion: tuple[float, ...] = ()
    rotation: tuple[tuple[float, ...], ...]
    translation_m: tuple[float, ...]
    error_px: float | None = None
    name: str = ""

    @property
    def eye_m(self) -> Array:
        """The position of the camera, (3,) metres."""
        return np.asarray(-np.array(self.rotation).T @ np.array(self.translation_m))

    @property
    def pose(self) -> Array:
        """The pose (4, 4) from a camera that looks along its -z, y up, to the twin's coordinates."""
        pose = np.eye(4)
        pose[:3, :3] = np.array(self.rotation).T * [1, -1, -1]
        pose[:3, 3] = self.eye_m
        return pose

    def plain(self) -> dict[str, Any]:
        """Return the camera as an entry of a camera file (`synth.cameras.camera_file`)."""
        return {
            **({"name": self.name} if self.name else {}), **asdict(self.lens), "distortion": list(self.distortion),
            "rotation": [list(row) for row in self.rotation], "translation_m": list(self.translation_m),
        }  # fmt: skip


def from_pose(pose: Matrix | Array, lens: Lens, *, distortion: tuple[float, ...] = (), name: str = "") -> Camera:
    """Return the camera of this pose (`Camera.pose`) and lens."""
    matrix = np.asarray(pose)
    rotation = (matrix[:3, :3] * [1, -1, -1]).T
    return Camera(
        lens=lens, distortion=distortion,
        rotation=tuple(map(tuple, rotation.tolist())), translation_m=tuple((-rotation @ matrix[:3, 3]).tolist()),
        name=name,
    )  # fmt: skip


def looking(eye: Array, look_at: Array, roll_deg: float = 0.0) -> Array:
    """Return the pose (4, 4), as `Camera.pose`, of a camera at `eye` that looks at a point, both (3,) metres.

    It is upright, with its top towards +y if it looks straight down or up, and then turned clockwise by `roll_deg`, as
    the photographer sees it.
    """
    backward = eye - look_at
    backward /= np.linalg.norm(backward)
    right = np.cross([0, 0, 1], backward)
    if np.linalg.norm(right) < 1e-6:
        right = np.array([np.sign(backward[2]), 0.0, 0.0])
    right /= np.linalg.norm(right)
    up = np.cross(backward, right)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, up, backward, eye
    if roll_deg:
        turn = radians(roll_deg)
        pose[:3, 0], pose[:3, 1] = cos(turn) * right - sin(turn) * up, sin(turn) * right + cos(turn) * up
    return pose


def project(lens: Lens, pose: Matrix | Array, places: Array, distortion: tuple[float, ...] = ()) -> Array:
    """Return the pixels (n, 2) of places (n, 3), metres, seen by a camera of this pose (`Camera.pose`).

    Places behind the camera have the pixel (nan, nan).
    """
    matrix = np.asarray(pose)
    local = (places - matrix[:3, 3]) @ matrix[:3, :3] * [1, -1, -1]
    ahead = local[:, 2] > 1e-9
    pixels = np.full((len(places), 2), np.nan)
    if distortion and ahead.any():
        import cv2

        projected, _ = cv2.projectPoints(
            local[ahead], np.zeros(3), np.zeros(3), intrinsic_matrix(lens.fx, lens.fy, lens.cx, lens.cy),
            np.array(distortion),
        )  # fmt: skip
        pixels[ahead] = projected[:, 0]
    else:
        pixels[ahead] = local[ahead, :2] / local[ahead, 2:] * [lens.fx, lens.fy] + [lens.cx, lens.cy]
    return pixels


def pixel_directions(camera: Camera, pixels: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the unit directions through pixels, and which pixels have one.

    Parameters
    ----------
    pixels : (n, 2) column and row.

    Returns
    -------
    Directions (n, 3) in the camera's coordinates, and whether each leads through its pixel, (n,): it does not where
    the distortion cannot be inverted.
    """
    slopes = (pixels - [camera.lens.cx, camera.lens.cy]) / [camera.lens.fx, camera.lens.fy]
    exists = np.ones(len(pixels), dtype=bool)
    if camera.distortion:
        slopes, exists = _undistorted(
            slopes, np.array(camera.distortion), LOST_PX / max(camera.lens.fx, camera.lens.fy)
        )
    directions = np.column_stack([slopes, np.ones(len(slopes))])
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True)), exists


def _undistorted(wanted: Array, distortion: Array, lost: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return the slopes (n, 2) that a lens shows at the distorted slopes `wanted`, and which of them it shows.

    OpenCV's fixed-point iteration gives up long before wide lenses fold their picture. Where it does, the distortion is
    switched on in steps, each followed by Newton's method, which follows the branch that begins in the middle of the
    picture. A slope beyond a fold, where the lens mirrors, does not count.
    """
    import cv2

    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, MOST_ROUNDS, lost * EXACT)
    start = cv2.undistortPointsIter(wanted[:, None], np.eye(3), distortion, np.eye(3), np.eye(3), criteria)[:, 0]
    slopes: Array = np.nan_to_num(start.astype(float), posinf=0.0, neginf=0.0)
    missed = np.linalg.norm(_distorted(slopes, distortion) - wanted, axis=1) > lost * EXACT
    if missed.any():
        traced: Array = wanted[missed]
        for share in np.linspace(1 / STEPS, 1, STEPS):
            for _ in range(ROUNDS):
                error = _distorted(traced, share * distortion) - wanted[missed]
                change = np.linalg.solve(_jacobian(traced, share * distortion), error[..., None])[..., 0]
                length = np.linalg.norm(change, axis=1, keepdims=True)
                traced = traced - change * np.minimum(1, LONGEST / np.maximum(length, 1e-12))
        slopes[missed] = traced
    error = np.linalg.norm(_distorted(slopes, distortion) - wanted, axis=1)
    return slopes, (error <= lost) & (np.linalg.norm(slopes, axis=1) < _fold(slopes, distortion))


def _fold(slopes: Array, distortion: Array) -> Array:
    """Return the length (n,) at which the picture first folds in the direction of each slope (n, 2), or infinity."""
    farthest = float(np.linalg.norm(slopes, axis=1).max(initial=1e-6))
    angles, lengths = np.arange(RAYS) * (2 * np.pi / RAYS), np.linspace(0, 1.01 * farthest, ALONG)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    folded = np.linalg.det(_jacobian((directions[:, None] * lengths[:, None]).reshape(-1, 2), distortion)) <= 0
    folded = folded.reshape(RAYS, ALONG)
    first = np.where(folded.any(axis=1), lengths[folded.argmax(axis=1)], np.inf)
    nearest = np.rint(np.arctan2(slopes[:, 1], slopes[:, 0]) * RAYS / (2 * np.pi)).astype(int) % RAYS
    return np.asarray(first[nearest])


def _distorted(slopes: Array, distortion: Array) -> Array:
    """Return where a lens of focal length 1 shows slopes (n, 2)."""
    import cv2

    places = np.column_stack([slopes, np.ones(len(slopes))])
    return np.asarray(cv2.projectPoints(places, np.zeros(3), np.zeros(3), np.eye(3), distortion)[0][:, 0])


def _jacobian(slopes: Array, distortion: Array) -> Array:
    """Return the derivatives (n, 2, 2) of `_distorted`; singular ones are replaced by one that counts as folded."""
    columns = [
        (_distorted(slopes + step, distortion) - _distorted(slopes - step, distortion)) / (2 * DELTA)
        for step in DELTA * np.eye(2)
    ]
    matrix = np.nan_to_num(np.stack(columns, axis=-1))
    return np.asarray(np.where((np.abs(np.linalg.det(matrix)) < 1e-9)[:, None, None], np.diag([1e-3, -1e-3]), matrix))


def intrinsic_matrix(fx: float, fy: float, cx: float, cy: float) -> Array:
    """Return the 3 x 3 matrix of intrinsics; all arguments in pixels."""
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def solve_pose(where: str, lens: Lens, distortion: Array, pixels: Array, places: Array) -> tuple[Array, Array, float]:
    """Return the pose of a camera that shows known places at known pixels.

    Parameters
    ----------
    where : the camera's file, named in errors.
    distortion : OpenCV's coefficients, (k,), or none.
    pixels, places : (n, 2) pixels and (n, 3) metres in the twin's coordinates; n at least 4.

    Returns
    -------
    Rotation (3, 3), translation (3,) in metres, and the root mean square reprojection error in pixels.

    Raises
    ------
    InputError
        The points lie on one line, or no camera or more than one fits them.
    """
    import cv2

    extents = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    if extents[1] < FLAT * extents[0]:
        raise InputError(f"{where}: the points are on one line; pick others away from it")
    matrix = intrinsic_matrix(lens.fx, lens.fy, lens.cx, lens.cy)
    method = cv2.SOLVEPNP_IPPE if extents[2] < FLAT * extents[0] else cv2.SOLVEPNP_SQPNP
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(places, pixels, matrix, distortion, flags=method)
    except cv2.error as error:
        raise InputError(f"{where}: no camera shows the points at these pixels; check them") from error
    poses = []
    for turn, shift in zip(turns, shifts, strict=True):
        turn, shift = cv2.solvePnPRefineLM(places, pixels, matrix, distortion, turn, shift)
        rotation, translation = np.asarray(cv2.Rodrigues(turn)[0], float), np.asarray(shift, float)[:, 0]
        projected, _ = cv2.projectPoints(places, turn, shift, matrix, distortion)
        missed = float(np.sqrt(((projected[:, 0] - pixels) ** 2).sum(axis=1).mean()))
        if np.isfinite(missed) and ((places @ rotation.T + translation)[:, 2] > 0).all():
            poses.append((missed, rotation, translation))
    if not poses:
        raise InputError(f"{where}: no camera in front of the points shows them at these pixels; check them")
    missed, rotation, translation = min(poses, key=lambda pose: pose[0])
    distance = float(np.linalg.norm(rotation @ places.mean(axis=0) + translation))
    for other_missed, other_rotation, other_translation in poses:
        eye_distance = np.linalg.norm(other_rotation.T @ other_translation - rotation.T @ translation)
        if eye_distance > APART * distance and other_missed < UNDECIDED * missed + 1:
            raise InputError(f"{where}: two cameras fit these points equally well; add points outside their plane")
    return rotation, translation, missed
