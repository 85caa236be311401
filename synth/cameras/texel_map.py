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

if TYPE_CHECKING:
    from corrotwin.twin.assets import AssetGeometry

BATCH = 500_000  # rays at a time


def write(folder: Path, camera: Path, out: Path, *, name: str | None = None) -> str:
    """Write the texel map of a photograph, for ``corrotwin twin inspect --uvmap``, and return a line on what it shows.

    Parameters
    ----------
    folder : of the twin.
    camera : JSON, see `read_camera`; `name` of the camera where the file has several.
    out : .npz with ``texel`` (height, width), ``atlas_shape`` (2,) and ``asset``, which identifies the twin's geometry.

    Raises
    ------
    InputError
        No twin there, a camera that is wrong or sees nothing of it; `out` cannot be written, or is something else.
    """
    from corrotwin.twin import store, twin_state
    from corrotwin.twin.inspection.readers import asset_key

    if out.suffix != ".npz":
        raise InputError(f"{out}: a map of texels is written as .npz")
    if out.exists() and not _is_map(out):
        raise InputError(f"{out}: is there already and is no map of texels; give another file as `out`")
    model = read_camera(camera, name=name)
    twin, _ = store.load(folder)
    asset = twin_state.asset(twin)
    try:
        texel = texel_map(model, asset)
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
    fit = "" if model.error_px is None else f"; the points miss by {model.error_px:.2f} px (root mean square)"
    return f"{out}: the {asset.kind} fills {share:.1f} % of the picture, {texels:,} of its texels are seen{fit}"


def _is_map(path: Path) -> bool:
    try:
        with open_file(path) as stream:
            return len(npz.shape(stream, "texel")) == 2
    except (OSError, npz.DamagedError):
        return False


def texel_map(camera: Camera, asset: "AssetGeometry") -> NDArray[np.int32]:
    """Return the texel of the atlas that each pixel's centre sees.

    Parameters
    ----------
    camera : its pose is in the asset's coordinates. Pixels without a direction, by its distortion, see nothing.
    asset : assumed to be unobstructed.

    Returns
    -------
    Flat indices of texels, (height, width); -1 where a pixel sees none.

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
    if lost > len(texel) / 2:
        raise InputError(
            f"distortion: by these coefficients nothing is seen in {lost / len(texel):.0%} of the picture; check them, "
            "fx and fy"
        )
    return texel.reshape(camera.lens.height, camera.lens.width)
