"""The user's own pictures on surfaces: box projection of colour, roughness and height in metres."""

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from corrotwin.synth.blender import images
from corrotwin.synth.blender.ground_materials import world_space_graph
from corrotwin.synth.blender.shader_graph import Graph
from corrotwin.synth.spec import Prop, Texture

BLEND = 0.2  # share of the way between two faces over which their pictures cross-fade


def surface(prop: Prop, texture: Texture, folder: Path) -> bpy.types.Material:
    """Make the material of a ground or a wall from a texture; patches some metres wide hide its repeats."""
    graph = world_space_graph("textured", prop.seed)
    color, roughness, height = sample(graph, texture, folder)
    tone = graph.ramp(graph.noise(0.9, detail=5, roughness=0.6), ((0.3, (0.72, 0.72, 0.72)), (0.7, (1.0, 1.0, 1.0))))
    return graph.finish(
        color=graph.multiply(color, tone), mean=tuple(0.86 * channel for channel in texture.mean),
        roughness=roughness, normal=graph.bump(height, texture.metres),
    )  # fmt: skip


def sample(graph: Graph, texture: Texture, folder: Path) -> tuple[Any, Any, Any]:
    """Return colour, roughness and height, as a share of the texture's metres, at the shaded point.

    The position in the picture follows from the graph's position, which its seed has shifted.
    """
    tiles = graph.node("ShaderNodeVectorMath", _0=graph.position, _1=(1 / texture.metres,) * 3)
    tiles.operation = "MULTIPLY"
    nodes = []
    for image in _images(texture.file, folder):
        node = graph.node("ShaderNodeTexImage", Vector=tiles.outputs["Vector"])
        node.image, node.projection, node.projection_blend = image, "BOX", BLEND
        node.interpolation, node.extension = "Linear", "REPEAT"
        nodes.append(node)
    look, relief = nodes
    height = graph.node("ShaderNodeSeparateColor", Color=relief.outputs["Color"]).outputs["Red"]
    return look.outputs["Color"], look.outputs["Alpha"], height


def _images(file: str, folder: Path) -> tuple[bpy.types.Image, bpy.types.Image]:
    """Return the images of a texture, made once per scene: sRGB colour with roughness as alpha, and height."""
    names = f"{file}-look", f"{file}-relief"
    look, relief = map(bpy.data.images.get, names)
    if look is not None and relief is not None:
        return look, relief
    with np.load(folder / file) as arrays:
        color, roughness, height = (arrays[name] for name in ("color", "roughness", "height"))
    packed = np.concatenate([color, roughness[..., None]], axis=-1) / np.float32(255)
    look = images.of_rows_from_below(names[0], packed[::-1], space=images.SRGB)
    heights = images.with_alpha(height)
    relief = images.of_rows_from_below(names[1], heights[::-1], space=images.DATA, exact=True)
    return look, relief
