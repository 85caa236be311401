"""The pose of a photograph from points of the asset that somebody picked in it, written as a camera file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corrotwin.segmentation.data import coco
from corrotwin.synth.cameras.camera_model import MOST_ERROR, Array, Camera, project, solve_pose
from corrotwin.synth.spec import Lens
from corrotwin.twin import store
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json
from corrotwin.twin.meshes.surface import Frame

COLUMNS = ("px", "py", "x", "y", "z")
FEWEST, FEWEST_FOR_FOCAL = 4, 6
DIAGONAL_MM = 43.267  # diagonal of a frame of 36 x 24 mm, to which CIPA DCG-001 refers equivalent focal lengths
FOCAL_35MM = 41989  # FocalLengthIn35mmFilm in Exif
NARROWEST, WIDEST = 8.0, 0.3  # focal lengths that are tried, over the longer side of the picture


@dataclass(frozen=True, kw_only=True)
class Located:
    """A camera file that was written, and how well its points fit.

    Parameters
    ----------
    focal_px, focal_from : focal length in pixels, and its source.
    error_px : root mean square distance of the points from where the camera shows them.
    worst : line of the table and distance in pixels of the point that fits worst.
    eye_m : position of the camera in the coordinates of the asset.
    """

    out: Path
    focal_px: float
    focal_from: str
    error_px: float
    worst: tuple[int, float]
    eye_m: tuple[float, float, float]

    def __str__(self) -> str:
        eye = ", ".join(f"{value:.3f}" for value in self.eye_m)
        return (
            f"{self.out}: error of the points {self.error_px:.2f} px (root mean square), largest "
            f"{self.worst[1]:.2f} px on line {self.worst[0]}; focal length {self.focal_px:.0f} px ({self.focal_from}); "
            f"camera at {eye} m"
        )


def locate(
    photo: Path,
    points: Path,
    out: Path,
    *,
    twin: Path | None = None,
    focal_px: float | None = None,
    distortion: tuple[float, ...] = (),
) -> Located:
    """Find where a photograph was taken and write it as a camera file, which ``corrotwin synth uvmap`` reads.

    Parameters
    ----------
    photo : the photograph.
    points : table with the columns px and py (pixel: column and row, the middle of the first is 0, 0) and x, y and z of
        at least four points, in metres in the coordinates of the asset.
    out : camera file to write.
    twin : folder of the twin; where it is a mesh, x, y and z are those of its file.
    focal_px : focal length in pixels; by default from the photograph's Exif, else found from at least six points.
    distortion : OpenCV's coefficients.

    Raises
    ------
    InputError
        There are too few points; they lie on one line or outside the picture; no focal length is known; no camera shows
        them where they are; or `out` exists and was not written by this command.
    """
    height, width = coco.decoded(photo).shape[:2]
    side = max(width, height)
    if focal_px is not None and not 0.1 * side <= focal_px <= 100 * side:
        raise InputError(
            f"`focal_px` {focal_px:g}: for a picture of {width} x {height} give {0.1 * side:g} to {100 * side:g}"
        )
    if len(distortion) not in (0, 4, 5, 8, 12, 14) or not np.isfinite(distortion).all():
        raise InputError(f"`distortion`: {len(distortion)} values; OpenCV takes 4, 5, 8, 12 or 14 numbers")
    lines, pixels, places = _read(points, _frame(twin))
    if (pixels < -0.5).any() or (pixels > np.array([width, height]) - 0.5).any():
        line = lines[int(np.argmax((pixels < -0.5).any(axis=1) | (pixels > [width - 0.5, height - 0.5]).any(axis=1)))]
        raise InputError(f"{points}: line {line}: is outside the picture of {width} x {height} pixels")
    coefficients = np.asarray(distortion, dtype=float)
    focal, source = (focal_px, "given") if focal_px is not None else _focal(photo, width, height)
    if focal is None:
        focal, source = _fitted(points, width, height, coefficients, pixels, places), "estimated from the points"
    lens = _lens(width, height, focal)
    rotation, translation, error = solve_pose(str(points), lens, coefficients, pixels, places)
    camera = Camera(
        lens=lens, distortion=distortion, rotation=tuple(map(tuple, rotation.tolist())),
        translation_m=tuple(translation.tolist()),
    )  # fmt: skip
    errors = np.linalg.norm(project(lens, camera.pose, places, distortion) - pixels, axis=1)
    worst = int(np.argmax(errors))
    most = MOST_ERROR * side
    if error > most:
        raise InputError(
            f"{points}: the points miss their pixels by {error:.1f} px (root mean square; at most {most:.1f}), on line "
            f"{lines[worst]} by {errors[worst]:.1f} px; check pixels, places, focal length ({source}: {focal:.0f} px)"
        )
    if out.exists() and not _is_camera(out, camera):
        raise InputError(f"{out}: already exists and was not written by this command; give another file as `out`")
    write_json(out, camera.plain())
    eye = camera.eye_m
    return Located(
        out=out, focal_px=focal, focal_from=source, error_px=error, worst=(lines[worst], float(errors[worst])),
        eye_m=(float(eye[0]), float(eye[1]), float(eye[2])),
    )  # fmt: skip


def _is_camera(path: Path, like: Camera) -> bool:
    """Return whether a file is like those of `locate`, which may be replaced; a labelling program may use its name."""
    try:
        content = read_json(path)
    except InputError:
        return False
    return isinstance(content, dict) and {*content} == {*like.plain()}


def _frame(twin: Path | None) -> Frame:
    parameters = {} if twin is None else store.read(twin).parameters
    return Frame(**parameters["frame"]) if "frame" in parameters else Frame()


def _read(path: Path, frame: Frame) -> tuple[list[int], Array, Array]:
    """Return the lines, the pixels (n, 2) and the places (n, 3), metres, of a table of points."""
    table = tables.read(path, required=COLUMNS)
    if len(table.rows) < FEWEST:
        raise InputError(f"{path}: {len(table.rows)} points; a pose needs at least {FEWEST}")
    values = np.array([[row.number(name, least=-1e6, most=1e6) for name in COLUMNS] for row in table.rows])
    return [row.line for row in table.rows], np.ascontiguousarray(values[:, :2]), frame.to_asset(values[:, 2:])


def _focal(photo: Path, width: int, height: int) -> tuple[float | None, str]:
    """Return the focal length in pixels that a photograph states, or None, and its source."""
    from PIL import Image

    from corrotwin.twin.core.files import open_file

    with open_file(photo) as stream, Image.open(stream) as picture:
        value = picture.getexif().get_ifd(0x8769).get(FOCAL_35MM)
    try:
        equivalent = float(value or 0)
    except (TypeError, ValueError):
        equivalent = 0.0
    if not 5 <= equivalent <= 2000:
        return None, ""
    return equivalent * float(np.hypot(width, height)) / DIAGONAL_MM, f"{equivalent:g} mm in its Exif data"


def _fitted(path: Path, width: int, height: int, distortion: Array, pixels: Array, places: Array) -> float:
    """Return the focal length in pixels with which the points fit best."""
    from scipy.optimize import minimize_scalar

    if len(pixels) < FEWEST_FOR_FOCAL:
        raise InputError(
            f"{path}: {len(pixels)} points, but no focal length is given or in the photo's Exif data; give `focal_px`, "
            f"or at least {FEWEST_FOR_FOCAL} points, not in one plane"
        )
    extents = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    if extents[2] < 0.02 * extents[0]:
        raise InputError(f"{path}: the points are in one plane, which leaves the focal length open; give `focal_px`")
    side = max(width, height)

    def error_at(log_focal: float) -> float:
        focal = float(np.exp(log_focal))
        try:
            return solve_pose(str(path), _lens(width, height, focal), distortion, pixels, places)[2]
        except InputError:  # no camera with this focal length fits
            return 10.0 * side

    candidates = np.linspace(np.log(WIDEST * side), np.log(NARROWEST * side), 25)
    best = int(np.argmin([error_at(candidate) for candidate in candidates]))
    low, high = candidates[max(best - 1, 0)], candidates[min(best + 1, len(candidates) - 1)]
    return float(np.exp(minimize_scalar(error_at, bounds=(low, high), method="bounded", options={"xatol": 1e-4}).x))


def _lens(width: int, height: int, focal: float) -> Lens:
    return Lens(width=width, height=height, fx=focal, fy=focal, cx=(width - 1) / 2, cy=(height - 1) / 2)
