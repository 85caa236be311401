"""Render a built scene to arrays: scene-linear photographs and exact labels."""

from collections.abc import Iterator, Mapping, Sequence
from math import atan
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.blender import steel, versions
from corrotwin.synth.blender.shader_graph import NORMAL
from corrotwin.synth.spec import MOST_SKINS, Lens, Scene

# Settings of Cycles for a photograph. Metal reflected in metal needs two glossy bounces; the third diffuse one replaces
# the glossy rays that `Graph.close` omits for dull surfaces.
PHOTOGRAPH: Mapping[str, Any] = {
    "max_bounces": 4, "diffuse_bounces": 3, "glossy_bounces": 2, "transmission_bounces": 0,
    "pixel_filter_type": "BLACKMAN_HARRIS", "filter_width": 1.5,
    "denoiser": "OPENIMAGEDENOISE", "denoising_quality": "BALANCED", "denoising_prefilter": "ACCURATE",
}  # fmt: skip
Arrays = dict[str, NDArray[np.float32]]
# Outputs of the label pass that maps need, besides `steel.LABEL`, and the channels kept of each.
_OUTPUTS: Mapping[str, tuple[str, slice | int]] = {
    "depth": ("Depth", 0), "uv": (steel.UV, slice(2)), "age": (steel.AGE, 0), "normals": (NORMAL, slice(3)),
}  # fmt: skip


def oversampling(lens: Lens) -> int:
    """Return the factor by which a small picture is rendered larger, since Blender renders none below 4 pixels.

    It is odd, so that the middle of a block of pixels is the centre of the final pixel.
    """
    size = min(lens.width, lens.height)
    return 1 if size >= 4 else 5 if size == 1 else 3


def prepare(scene: Scene) -> None:
    """Declare the label outputs before the first render; with persistent data a later one would stay zero."""
    view_layer = bpy.context.view_layer
    for output in list(view_layer.aovs):  # those of the previous scene
        view_layer.aovs.remove(output)
    for name in (steel.LABEL, *(output for map_, (output, _) in _OUTPUTS.items() if map_ in scene.maps)):
        if name != "Depth":
            output = view_layer.aovs.add()
            output.name, output.type = name, "COLOR"
    view_layer.use_pass_z = "depth" in scene.maps
    blender = bpy.context.scene
    blender.render.use_persistent_data = True
    blender.render.film_transparent = _has_backdrop(scene)
    blender.cycles.seed = scene.seed
    blender.cycles.use_adaptive_sampling = False
    blender.cycles.transparent_max_bounces = MOST_SKINS


def labels(scene: Scene, temporary: Path) -> Iterator[Arrays]:
    """Render the labels of each view, with one sample through each pixel's centre.

    Yields
    ------
    ``label`` (H, W, 4) float32: rust cover, wall loss in mm, instance, stain of rust water; and, if the scene's maps
    name them, all float32: ``depth`` (H, W) metres along the view axis, 1e10 where nothing is hit; ``uv`` (H, W, 2)
    atlas coordinates of the instance; ``age`` (H, W) of its rust in years; ``normals`` (H, W, 3) of the surface, in the
    scene's coordinates. (H, W) is the size of the view's frame, times its `label_finer`.
    """
    cycles = bpy.context.scene.cycles
    cycles.samples, cycles.max_bounces = 1, 0
    bpy.context.scene.camera.data.dof.use_dof = False
    cycles.pixel_filter_type, cycles.filter_width = "BOX", 0.01
    _denoise(False)
    outputs = {name: (output, channels) for name, (output, channels) in _OUTPUTS.items() if name in scene.maps}
    named = {"label": steel.LABEL, **{name: output for name, (output, _) in outputs.items()}}
    lenses = [(view.frame or view.lens).finer(view.label_finer) for view in scene.views]
    for lens, rendered in zip(lenses, _render(lenses, named, temporary / "labels", depth="32"), strict=True):
        step = oversampling(lens)
        centres = {name: pixels[step // 2 :: step, step // 2 :: step] for name, pixels in rendered.items()}
        arrays = {name: centres[name][..., channels] for name, (_, channels) in outputs.items()}
        arrays["label"] = centres["label"]
        cover_loss, packed = np.split(arrays["label"], [2], axis=-1)
        instance = np.floor(packed)
        stain = (packed - instance) / np.float32(steel.STAIN_SHARE)
        yield arrays | {"label": np.concatenate([cover_loss, instance, stain], axis=-1)}


def photographs(
    scene: Scene, temporary: Path, settings: Mapping[str, Any] = PHOTOGRAPH
) -> Iterator[NDArray[np.float32]]:
    """Render scene-linear pictures (H, W, 3) float32 of each view's frame, denoised by Cycles' own Open Image Denoise.

    If the scene goes before photographs, they are (H, W, 4), premultiplied by the alpha, the last channel.

    `settings` are attributes of `bpy.types.CyclesRenderSettings`, except the samples, which the scene states.
    """
    cycles = bpy.context.scene.cycles
    cycles.samples = scene.samples
    # On for every view: were it off for some, their samples would depend on which others are rendered beside them.
    bpy.context.scene.camera.data.dof.use_dof = True
    _denoise(True)
    for name, value in settings.items():
        setattr(cycles, name, value)
    lenses = [view.frame or view.lens for view in scene.views]
    channels = 4 if _has_backdrop(scene) else 3
    pictures = _render(lenses, {"light": "Image"}, temporary / "photographs", depth="16", channels=channels)
    for lens, rendered in zip(lenses, pictures, strict=True):
        step = oversampling(lens)
        yield rendered["light"].reshape(lens.height, step, lens.width, step, channels).mean(axis=(1, 3))


def _has_backdrop(scene: Scene) -> bool:
    return any(view.backdrop is not None for view in scene.views)


def _denoise(on: bool) -> None:
    """Switch Cycles' denoiser on or off; it needs the view layer's switch, too."""
    cycles = bpy.context.scene.cycles
    cycles.use_denoising = bpy.context.view_layer.cycles.use_denoising = on


def _render(
    lenses: Sequence[Lens], outputs: dict[str, str], target: Path, *, depth: str, channels: int = 3
) -> Iterator[Arrays]:
    """Render every view once, by its lens, and yield its render `outputs` under the given names, top row first."""
    versions.write_outputs(outputs, target, depth=depth, color_mode="RGBA" if channels == 4 else "RGB")
    for frame, lens in enumerate(lenses):
        bpy.context.scene.frame_set(frame)
        _use(lens.finer(oversampling(lens)))
        bpy.ops.render.render()
        yield {name: _read_exr(versions.written(target, name, frame), channels) for name in outputs}
    versions.write_nothing()


def _use(lens: Lens) -> None:
    """Set size, angle, principal point and pixel aspect of the pictures that follow."""
    render, camera = bpy.context.scene.render, bpy.context.scene.camera.data
    render.resolution_x, render.resolution_y, render.resolution_percentage = lens.width, lens.height, 100
    # Only one of them may exceed 1: pixels are as wide as the first and as high as the second.
    render.pixel_aspect_x, render.pixel_aspect_y = max(1.0, lens.fy / lens.fx), max(1.0, lens.fx / lens.fy)
    camera.lens_unit, camera.sensor_fit = "FOV", "HORIZONTAL"
    camera.sensor_width = 36 * lens.width / max(lens.width, lens.height)  # full frame, for which f-numbers are given
    camera.angle = 2 * atan(lens.width / 2 / lens.fx)
    # Both are in widths of the picture.
    camera.shift_x = ((lens.width - 1) / 2 - lens.cx) / lens.width
    camera.shift_y = (lens.cy - (lens.height - 1) / 2) * (lens.fx / lens.fy) / lens.width


def _read_exr(path: Path, channels: int) -> NDArray[np.float32]:
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, -1)[::-1, :, :channels].copy()
