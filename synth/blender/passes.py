"""A built scene becomes arrays: scene-linear photographs and exact labels."""

from collections.abc import Iterator
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from synth.blender import steel
from synth.spec import Scene


def oversampling(size: int) -> int:
    """How many times as large as asked a picture is rendered: Blender makes none below 4 pixels.

    Odd, so that the middle of a block of pixels is the centre of the pixel it becomes.
    """
    return 1 if size >= 4 else 5 if size == 1 else 3


def prepare(scene: Scene) -> None:
    """Declare the label output, before the first render: under persistent data a later one would stay zero."""
    view_layer = bpy.context.view_layer
    if steel.LABEL not in {output.name for output in view_layer.aovs}:
        output = view_layer.aovs.add()
        output.name, output.type = steel.LABEL, "COLOR"
    blender = bpy.context.scene
    blender.render.use_persistent_data = True
    blender.render.film_transparent = False
    blender.cycles.seed = scene.seed
    blender.cycles.use_adaptive_sampling = False


def labels(scene: Scene, temporary: Path) -> Iterator[NDArray[np.float32]]:
    """One sample through each pixel's centre: (size, size, 3) float32 rust cover, wall loss in mm, instance."""
    cycles = bpy.context.scene.cycles
    cycles.samples, cycles.max_bounces = 1, 0
    cycles.pixel_filter_type, cycles.filter_width = "BOX", 0.01
    _denoise(False)
    step = oversampling(scene.size)
    for label in _render(scene, steel.LABEL, temporary / "labels", depth="32"):
        yield label[step // 2 :: step, step // 2 :: step]


def photographs(scene: Scene, temporary: Path) -> Iterator[NDArray[np.float32]]:
    """Scene-linear (size, size, 3) float32 pictures, denoised by Cycles' own Open Image Denoise."""
    cycles = bpy.context.scene.cycles
    cycles.samples, cycles.max_bounces = scene.samples, 4
    cycles.diffuse_bounces, cycles.glossy_bounces, cycles.transmission_bounces = 2, 2, 0
    cycles.pixel_filter_type, cycles.filter_width = "BLACKMAN_HARRIS", 1.5
    _denoise(True)
    step = oversampling(scene.size)
    for light in _render(scene, "Image", temporary / "photographs", depth="16"):
        yield light.reshape(scene.size, step, scene.size, step, 3).mean(axis=(1, 3))


def _denoise(on: bool) -> None:
    """Switch Cycles' denoiser; it needs the view layer's switch too."""
    cycles = bpy.context.scene.cycles
    cycles.use_denoising = bpy.context.view_layer.cycles.use_denoising = on
    if on:
        cycles.denoiser, cycles.denoising_quality, cycles.denoising_prefilter = "OPENIMAGEDENOISE", "FAST", "FAST"


def _render(scene: Scene, output: str, target: Path, *, depth: str) -> Iterator[NDArray[np.float32]]:
    """Render every view and yield one render output of each, top row first."""
    blender = bpy.context.scene
    blender.use_nodes = True
    tree = blender.node_tree
    tree.nodes.clear()
    layers, files = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    files.base_path = str(target)
    files.format.file_format, files.format.color_mode, files.format.color_depth = "OPEN_EXR", "RGB", depth
    tree.links.new(layers.outputs[output], files.inputs[0])
    for frame in range(len(scene.views)):
        blender.frame_set(frame)
        bpy.ops.render.render()
        yield _read_exr(target / f"Image{frame:04d}.exr")
    blender.use_nodes = False  # an emptied tree left in use would spoil the next scene's pictures


def _read_exr(path: Path) -> NDArray[np.float32]:
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, -1)[::-1, :, :3].copy()
