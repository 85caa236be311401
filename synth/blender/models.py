"""The user's own models: triangles with materials and textures from a file of plain arrays."""

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.blender import images, meshes
from corrotwin.synth.blender.shader_graph import Graph, scaled
from corrotwin.synth.spec import Color, Prop


def add(bproc: ModuleType, prop: Prop, folder: Path) -> Any:
    """Add the object of a prop whose shape is "model", at the origin, and return it."""
    with np.load(folder / prop.file) as stored:
        arrays = dict(stored)
    target = bproc.object.create_with_empty_mesh(prop.file)
    data = target.get_mesh()
    meshes.fill(data, arrays["vertices"], arrays["faces"])
    data.uv_layers.new(name="uv").data.foreach_set("uv", arrays["uv"].ravel())
    for number, (values, texture) in enumerate(zip(arrays["materials"], arrays["texture"], strict=True)):
        picture = arrays[f"texture-{texture}"] if texture >= 0 else None
        data.materials.append(_material(f"{prop.file}-{number}", values.tolist(), picture))
    data.polygons.foreach_set("material_index", arrays["face_material"])
    return target


def _material(name: str, values: list[float], picture: NDArray[np.uint8] | None) -> bpy.types.Material:
    """Return a material from factors (red, green, blue, roughness, metallic) and, if there is one, a texture."""
    graph = Graph(name, 0.0)
    red, green, blue, roughness, metallic = values
    factor: Color = (red, green, blue)
    color: Any = factor
    mean = factor
    if picture is not None:
        texture = graph.node("ShaderNodeTexImage", Vector=graph.node("ShaderNodeUVMap").outputs["UV"])
        pixels = images.with_alpha(picture[::-1] / np.float32(255))
        texture.image = images.of_rows_from_below(name, pixels, space=images.SRGB)
        color, mean = graph.multiply(texture.outputs["Color"], factor), scaled(_mean(picture), factor)
    return graph.finish(color=color, mean=mean, roughness=roughness, metallic=metallic)


def _mean(picture: NDArray[np.uint8]) -> Color:
    """Return the mean linear colour of sRGB bytes (H, W, 3)."""
    share = picture / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    red, green, blue = linear.mean(axis=(0, 1)).tolist()
    return red, green, blue
