"""Map each pixel of a photograph to the texel of a twin that it sees."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.cameras.camera_file import read_camera
from corrotwin.synth.cameras.camera_model import Camera, pixel_directions
from corrotwin.twin import npz
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, open_file
from corrotwin.twin.inspection import footprints
from corrotwin.twin.inspection.footprints import PixelMap

Array = NDArray[np.float64]

if TYPE_CHECKING:
    from corrotwin.twin.assets import AssetGeometry

BATCH = 500_000  # rays at a time
GRAZING = 0.05  # least cosine between a ray and the normal of a surface for which footprints grow


def write(folder: Path, camera: Path, out: Path, *, name: str | None = None) -> str:
    """Write the texel map of a photograph, for ``corrotwin twin inspect --uvmap``, and return a line on what it shows.

    Parameters
    ----------
    folder : folder of the twin.
    camera : JSON file, see `read_camera`; `name` is that of the camera if the file has several.
    out : .npz with the arrays of a `PixelMap`, ``atlas_shape`` (2,) and ``asset``, which identifies the geometry.

    Raises
    ------
    InputError
        There is no twin; the camera is wrong or sees nothing of it; or `out` cannot be written or is something else.
    """
    from corrotwin.twin import assets, store, twin_state
    from corrotwin.twin.inspection.readers import asset_key

    if out.suffix != ".npz":
        raise InputError(f"{out}: a map of texels is written as .npz")
    if out.exists() and not _is_map(out):
        raise InputError(f"{out}: already exists and is not a map of texels; give another file as `out`")
    model = read_camera(camera, name=name)
    twin, _ = store.load(folder)
    asset = twin_state.asset(twin)
    try:
        pixels = pixel_map(model, asset)
    except InputError as error:
        raise InputError(f"{camera}: {error}") from error
    on_asset = pixels.texel >= 0
    if not on_asset.any():
        raise InputError(f"{camera}: this camera sees nothing of the {asset.kind}; check its pose")
    try:
        with atomic_file(out) as stream:
            np.savez_compressed(stream, **vars(pixels), atlas_shape=asset.atlas_shape, asset=asset_key(twin))
    except OSError as error:
        raise InputError(f"{error.filename or out}: cannot be written ({error.strerror})") from error
    centre, _ = footprints.centres(pixels, assets.texels(asset), asset.texel_mm)
    share, texels = 100 * on_asset.mean(), int((centre >= 0).sum())
    fit = "" if model.error_px is None else f"; error of the points {model.error_px:.2f} px (root mean square)"
    return f"{out}: the {asset.kind} fills {share:.1f} % of the picture, {texels:,} of its texels are visible{fit}"


def _is_map(path: Path) -> bool:
    try:
        with open_file(path) as stream:
            return len(npz.shape(stream, "texel")) == 2
    except (OSError, npz.DamagedError):
        return False


def texel_map(camera: Camera, asset: "AssetGeometry") -> NDArray[np.int32]:
    """Return the texel of the atlas that each pixel's centre sees, (height, width); see `pixel_map`."""
    texel: NDArray[np.int32] = pixel_map(camera, asset).texel.astype(np.int32, copy=False)
    return texel


def pixel_map(camera: Camera, asset: "AssetGeometry") -> PixelMap:
    """Return the texel of the atlas that each pixel's centre sees, and how far its footprint reaches from there.

    Parameters
    ----------
    camera : camera with its pose in the asset's coordinates. Pixels that its distortion leaves without a direction see
        nothing.
    asset : asset, assumed to be unobstructed.

    Raises
    ------
    InputError
        Most pixels have no direction: the distortion is not this camera's.
    """
    import trimesh

    from corrotwin.twin import assets

    solid = assets.mesh(asset)
    rows, columns = asset.atlas_shape
    rotation, translation = np.array(camera.rotation), np.array(camera.translation_m)
    eye = -rotation.T @ translation
    texel = np.full(camera.lens.width * camera.lens.height, -1, dtype=np.int32)
    reach_m = np.zeros(len(texel), dtype=np.float16)
    lost = 0
    for start in range(0, len(texel), BATCH):
        pixel = np.arange(start, min(start + BATCH, len(texel)))
        directions, exists = pixel_directions(
            camera, np.column_stack([pixel % camera.lens.width, pixel // camera.lens.width])
        )
        lost += int((~exists).sum())
        pixel, directions = pixel[exists], directions[exists] @ rotation
        place, ray, face = solid.ray.intersects_location(
            np.tile(eye, (len(directions), 1)), directions, multiple_hits=False
        )
        weight = trimesh.triangles.points_to_barycentric(solid.triangles[face], place).clip(0, 1)
        uv = (asset.uv[face] * weight[..., None]).sum(axis=1) / weight.sum(axis=1, keepdims=True)
        column = (uv[:, 0] * columns).astype(int).clip(0, columns - 1)
        row = (uv[:, 1] * rows).astype(int).clip(0, rows - 1)
        texel[pixel[ray]] = row * columns + column
        depth = (place - eye) @ rotation[2]
        reach = _reach_m(camera, pixel[ray], depth, directions[ray], solid.face_normals[face])
        reach_m[pixel[ray]] = np.where(reach > asset.texel_mm / 2000, reach, 0)
    if lost > len(texel) / 2:
        raise InputError(
            f"distortion: with these coefficients, {lost / len(texel):.0%} of the picture shows nothing; check them, "
            "fx and fy"
        )
    size = (camera.lens.height, camera.lens.width)
    return PixelMap(texel=texel.reshape(size), reach_m=reach_m.reshape(size), eye_m=eye)


def _reach_m(camera: Camera, pixel: NDArray[np.int64], depth_m: Array, way: Array, normal: Array) -> Array:
    """Return how far the footprints of pixels reach on the plane that their centres see, (n,) metres.

    That is half the root of the sum of the squared steps from a centre to the next ones across and down: no point of a
    lattice is farther from its nearest node (Babai 1986, nearest-plane method).

    Parameters
    ----------
    pixel : (n,) flat indices.
    depth_m : (n,) depths that their centres see, along the camera's axis.
    way, normal : (n, 3) directions through the centres, and normals of the surface, in the asset's coordinates.
    """
    at = np.column_stack([pixel % camera.lens.width, pixel // camera.lens.width]).astype(float)
    rotation, slopes, squares = np.array(camera.rotation), _slopes(camera, at), np.zeros(len(pixel))
    facing = (way * normal).sum(axis=1)
    facing = np.where(facing < 0, -1, 1) * np.maximum(abs(facing), GRAZING)
    for step in np.eye(2):
        offset = depth_m[:, None] * (_slopes(camera, at + step) - slopes) @ rotation
        on_surface = offset - way * ((offset * normal).sum(axis=1) / facing)[:, None]
        squares += (on_surface**2).sum(axis=1)
    return np.sqrt(squares) / 2


def _slopes(camera: Camera, pixels: Array) -> Array:
    """Return the directions through pixels (n, 2), each 1 long along the camera's axis, (n, 3)."""
    directions, _ = pixel_directions(camera, pixels)
    return directions / directions[:, 2:]
