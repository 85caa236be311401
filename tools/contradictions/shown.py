"""Identify what each pixel of a render shows, by rays cast at the recorded scene: asset and layer, or prop material."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.preview.look_alikes import is_rust_colored
from corrotwin.synth.scene import visibility
from corrotwin.synth.scene.sampling import sample_scene
from corrotwin.synth.spec import Body, Prop, Scene
from corrotwin.twin.core.files import open_file

RUSTED = 0.5  # rust cover above which it is rust
RIM = 0.02  # rust cover from which the paint is tinted or broken back
STAINED = 0.15  # stain above which it is rust water
BACKDROP = "backdrop"  # the light map or the sky behind everything
Words = NDArray[np.object_]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Asset:
    """An asset as rays meet it: its surface in world space, and its fields (H, W, 4)."""

    body: Body
    surface: visibility.Target
    fields: NDArray[np.float32]


def shown(config: RenderConfig, index: int) -> Words:
    """Return what each pixel of image `index` shows, (side, side), such as "beam: rust water" or "soil".

    The preset must have one view per scene and square pictures.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        scene = sample_scene(config, index, [index], folder)
        assets = [_asset(body, folder) for body in scene.bodies]
        props = [visibility.prop_mesh(prop, folder) for prop in scene.props]
    return _seen(scene, assets, props).reshape(config.sides)


def _asset(body: Body, folder: Path) -> _Asset:
    with open_file(folder / body.file) as stream, np.load(stream) as arrays:
        saved: Mapping[str, Any] = dict(arrays)
    surface = visibility.Target(
        vertices=trimesh.transform_points(saved["vertices"], np.array(body.pose)), faces=saved["faces"], uv=saved["uv"],
        cover=saved["fields"][..., 0], outside=np.ones(len(saved["faces"]), dtype=bool), gone=saved.get("gone"),
    )  # fmt: skip
    return _Asset(body=body, surface=surface, fields=saved["fields"])


def _seen(scene: Scene, assets: list[_Asset], props: list[trimesh.Trimesh]) -> Words:
    """Return what the rays through the pixels of the scene's only view meet first, (size * size,)."""
    (view,) = scene.views
    targets = tuple(asset.surface for asset in assets)
    solid = visibility.combined_mesh(targets, props)
    space = visibility.ViewingSpace(targets=targets, solid=solid, around=(0, 0), height=(0, 0), floor_m=0)
    origins, directions = visibility.rays(np.array(view.pose), view.lens, view.lens.width)
    points, ray, face = visibility.first_hits(space, origins, directions)
    words: Words = np.full(view.lens.width**2, BACKDROP, dtype=object)
    first = 0
    for asset in assets:
        hits = (face >= first) & (face < first + len(asset.surface.faces))
        words[ray[hits]] = _layers(asset, visibility.uv_at(asset.surface, face[hits] - first, points[hits]))
        first += len(asset.surface.faces)
    for prop, mesh in zip(scene.props, props, strict=True):
        words[ray[(face >= first) & (face < first + len(mesh.faces))]] = _prop(prop)
        first += len(mesh.faces)
    return words


def _layers(asset: _Asset, uv: NDArray[np.float64]) -> Words:
    """Return what an asset shows at atlas coordinates (n, 2): rust, its rim, rust water, or the coat."""
    finish = asset.body.finish
    coat = finish.kind
    if finish.kind == "paint":
        coat = f"{'red' if is_rust_colored(finish.color) else 'other'} paint"
        coat += f" on {'red' if is_rust_colored(finish.primer) else 'grey'} primer"
    cover, stain = (visibility.lookup(asset.fields[..., channel], uv) for channel in (0, 3))
    layer = np.select([cover > RUSTED, cover > RIM, stain > STAINED], [0, 1, 2], 3)
    names = ["rust that the rule leaves out", "rim of rust", "rust water", coat]
    words: Words = np.array([f"{asset.body.kind}: {name}" for name in names], dtype=object)
    return np.asarray(words[layer])


def _prop(prop: Prop) -> str:
    colored = prop.material == "plain" and is_rust_colored(prop.color)
    return (
        "rust-coloured object" if colored else "other object" if prop.material in ("plain", "worn") else prop.material
    )
