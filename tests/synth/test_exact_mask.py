"""The exact mask against rays cast by trimesh through the pixel centres: an independent way to the same pixels.

A border one pixel wide is judged more mildly: there two roundings of one ray may meet different texels.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
import views
from scipy import ndimage

from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.labels import masks
from corrotwin.synth.presets.schema import SHOWN
from corrotwin.synth.scene import sampling, visibility

pytestmark = [pytest.mark.slow, pytest.mark.blender]

SIZE = 160
CONFIG = RenderConfig(preset="balanced", size=SIZE, seed=1)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, spec.Scene]]:
    """One rendered scene of each kind, two views each, in one Blender process; the folder and the scenes."""
    folder = tmp_path_factory.mktemp("scenes")
    made: dict[str, spec.Scene] = {}
    for index in range(8 * len(SHOWN)):
        kind = sampling.kind_of(CONFIG, index)
        if kind in made or sampling.is_clean(CONFIG, index):
            continue
        one = sampling.sample_scene(CONFIG, index, [2 * index, 2 * index + 1], folder)
        if all(cast_mask(folder, one, view).sum() > 30 for view in one.views):
            made[kind] = replace(one, samples=1)
    assert made.keys() == set(SHOWN)
    (folder / "batch.json").write_text(spec.dump(spec.Batch(scenes=tuple(made.values()), threads=2)))
    subprocess.run(
        [sys.executable, "-m", "corrotwin.synth.blender", str(folder / "batch.json"), str(os.getpid())],
        check=True, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return folder, made


@pytest.mark.parametrize("place", range(2))
@pytest.mark.parametrize("kind", SHOWN)
def test_mask_is_what_rays_through_pixel_centres_see(
    kind: str, place: int, scenes: tuple[Path, dict[str, spec.Scene]]
) -> None:
    folder, made = scenes
    one = made[kind]
    view = one.views[place]
    label = views.view(folder, view.index)["label"]
    drawn = masks.exact(label, 0.5)
    cast = cast_mask(folder, one, view)
    assert drawn.sum() > 15
    assert (drawn != cast).sum() <= max(1, 0.005 * (drawn | cast).sum())
    square = np.ones((3, 3))
    inside = ndimage.binary_erosion(cast, square, border_value=1) | ~ndimage.binary_dilation(cast, square)
    # Where an asset ends, rounding decides whether a pixel's centre meets it at all.
    inside &= ndimage.maximum_filter(label[..., 2], 3) == ndimage.minimum_filter(label[..., 2], 3)
    assert iou(drawn & inside, cast & inside) >= 0.999
    assert (drawn == cast).mean() > 0.999


def test_scenes_are_cluttered_and_show_rust(scenes: tuple[Path, dict[str, spec.Scene]]) -> None:
    folder, made = scenes
    assert sum(len(one.bodies) > 1 for one in made.values()) >= 3
    assert sum(len(one.props) > 4 for one in made.values()) >= 3
    shares = [
        masks.exact(views.view(folder, view.index)["label"], 0.5).mean() for one in made.values() for view in one.views
    ]
    assert np.median(shares) > 0.05


def iou(one: np.ndarray, other: np.ndarray) -> float:
    either = (one | other).sum()
    return float((one & other).sum() / either) if either else 1.0


def cast_mask(folder: Path, one: spec.Scene, view: spec.View) -> np.ndarray:
    """Rust cover above one half, (SIZE, SIZE), by casting rays at the assets and everything around them."""
    bodies = [np.load(folder / body.file) for body in one.bodies]
    meshes = [
        trimesh.Trimesh(arrays["vertices"], arrays["faces"], process=False).apply_transform(np.array(body.pose))
        for arrays, body in zip(bodies, one.bodies, strict=True)
    ]
    solid = trimesh.util.concatenate([*meshes, *(visibility.prop_mesh(prop, folder) for prop in one.props)])
    pose = np.array(view.pose)
    focal = view.lens.fx
    row, column = np.divmod(np.arange(SIZE * SIZE), SIZE)
    rays = np.stack([(column + 0.5 - SIZE / 2) / focal, (SIZE / 2 - row - 0.5) / focal, -np.ones(SIZE * SIZE)], 1)
    rays = rays @ pose[:3, :3].T
    hit, ray, face = solid.ray.intersects_location(np.tile(pose[:3, 3], (len(rays), 1)), rays, multiple_hits=False)
    weights = trimesh.triangles.points_to_barycentric(solid.triangles[face], hit)
    mask = np.zeros(SIZE * SIZE, bool)
    first = 0
    for arrays in bodies:
        mine = (face >= first) & (face < first + len(arrays["faces"]))
        at = (arrays["uv"][face[mine] - first] * weights[mine][..., None]).sum(axis=1)
        cover = arrays["fields"][..., 0]
        height, width = cover.shape
        texel = cover[
            (at[:, 1] * height).astype(int).clip(0, height - 1), (at[:, 0] * width).astype(int).clip(0, width - 1)
        ]
        mask[ray[mine]] = texel > 0.5
        first += len(arrays["faces"])
    return mask.reshape(SIZE, SIZE)
