"""Differences between Blender 4.5, which is installed, and Blender 5, tried once (docs/reliability.md)."""

from collections.abc import Mapping
from pathlib import Path

import bpy

_IS_5 = bpy.app.version >= (5, 0)
CLEAR_SKY = "SINGLE_SCATTERING" if _IS_5 else "NISHITA"  # type of sky texture that takes the sun's position


def write_outputs(outputs: Mapping[str, str], target: Path, *, depth: str, color_mode: str) -> None:
    """Make each following render write its `outputs`, by the names of their files, as OpenEXR into `target`.

    Parameters
    ----------
    depth : bits of a channel, "16" or "32".
    color_mode : "RGB" or "RGBA".
    """
    scene = bpy.context.scene
    if _IS_5:
        tree = bpy.data.node_groups.new("outputs", "CompositorNodeTree")
        scene.compositing_node_group = tree
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
    layers, files = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    if _IS_5:
        files.directory, files.file_name = str(target), ""
        files.format.media_type = "IMAGE"
    else:
        files.base_path = str(target)
        files.file_slots.clear()
    files.format.file_format, files.format.color_mode, files.format.color_depth = "OPEN_EXR", color_mode, depth
    for name, output in outputs.items():
        if _IS_5:
            files.file_output_items.new("FLOAT" if output == "Depth" else "RGBA", name)
        else:
            files.file_slots.new(name)
        tree.links.new(layers.outputs[output], files.inputs[name])


def written(target: Path, name: str, frame: int) -> Path:
    """Return the file of an output; Blender 5 omits the frame's number, so each frame overwrites the last."""
    return target / (f"{name}.exr" if _IS_5 else f"{name}{frame:04d}.exr")


def write_nothing() -> None:
    """End `write_outputs`; a tree left in use would spoil the next scene's pictures."""
    scene = bpy.context.scene
    if _IS_5:
        tree, scene.compositing_node_group = scene.compositing_node_group, None
        bpy.data.node_groups.remove(tree)
    else:
        scene.use_nodes = False


def adapt_blenderproc() -> None:
    """Keep BlenderProc 2.8.0 from failing at its start in Blender 5, whose scenes have no node tree."""
    from blenderproc.python.renderer import RendererUtility

    if _IS_5:
        RendererUtility.disable_all_denoiser = lambda: None  # no denoiser is set yet
        RendererUtility.set_denoiser = lambda denoiser: None  # `passes` chooses Cycles' own
