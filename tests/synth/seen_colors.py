"""``python seen_colors.py FOLDER``: the mean colour of each material, and the one colour that diffuse rays see of it.

Prints one JSON object: by name two colours (r, g, b), linear RGB, each the mean over 3 m of it.
"""

import itertools
import json
import os
import sys
from collections.abc import Iterator
from math import pi
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from corrotwin.synth.blender import ground_materials, materials, steel
from corrotwin.synth.scene.surroundings import MATERIAL_COLORS
from corrotwin.synth.spec import Finish

KINDS = ("paint", "galvanised", "cast", "bare")
COLORS = ((0.75, 0.74, 0.69), (0.05, 0.12, 0.30), (0.33, 0.05, 0.035))
SIDE, METRES, PIECES = 64, 3.0, 30


def surface(*, upright: bool) -> tuple[Any, Any]:
    """A camera, and before it a square of pieces of random tone."""
    rng, data = np.random.default_rng(0), bpy.data.meshes.new("surface")
    edges = np.linspace(0, METRES, PIECES + 1)
    corners = [
        (edges[x + a], edges[y + b]) for x, y in np.ndindex(PIECES, PIECES) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    data.from_pydata(
        [(x, 0, y) if upright else (x, y, 0) for x, y in corners], [], np.arange(len(corners)).reshape(-1, 4).tolist()
    )
    data.attributes.new(materials.TONE, "FLOAT", "POINT").data.foreach_set("value", np.repeat(rng.random(PIECES**2), 4))
    own = np.repeat(rng.uniform(0.05, 0.5, (PIECES**2, 4)), 4, axis=0).astype(np.float32)
    data.attributes.new(materials.COLOR, "FLOAT_COLOR", "POINT").data.foreach_set("color", own.ravel())
    data.uv_layers.new(name=steel.ATLAS)
    camera = bpy.data.cameras.new("camera")
    camera.type, camera.ortho_scale = "ORTHO", METRES
    eye = bpy.data.objects.new("camera", camera)
    eye.location = (METRES / 2, -5, METRES / 2) if upright else (METRES / 2, METRES / 2, 5)
    eye.rotation_euler = (pi / 2, 0, 0) if upright else (0, 0, 0)
    body = bpy.data.objects.new("surface", data)
    for each in (eye, body):
        bpy.context.scene.collection.objects.link(each)
    return eye, body


def all_materials() -> Iterator[tuple[str, bool, Any]]:
    """All materials by name, and whether they stand upright: of matter two seeds each; steel clean, worn, all rust."""
    for (name, make), seed in itertools.product(materials.MATERIALS.items(), (7.3, 31.9)):
        ends = np.array(MATERIAL_COLORS.get(name, MATERIAL_COLORS["soil"]))
        yield (
            f"{name}, {seed}",
            make.__module__ != ground_materials.__name__,
            make(tuple(ends.mean(axis=0).tolist()), seed),
        )
    for kind, color, aged in itertools.product(KINDS, COLORS, (0.0, 0.8)):
        yield f"{kind} {color}, {aged}", True, steel.rusting(finish(kind, color, aged), fields(0, 0), 1)
    for years, loss in ((1, 0.05), (10, 0.6), (30, 1.2)):
        yield f"rust of {years} years", True, steel.rusting(finish("paint", COLORS[0], 0.4), fields(years, loss), 1)


def finish(kind: str, color: tuple[float, float, float], aged: float) -> Finish:
    """A finish as dirty as it is worn."""
    return Finish(
        kind=kind, color=color, primer=(0.3, 0.1, 0.05), rust=(1.0, 1.0, 1.0), roughness=0.4, dirt=aged, wear=aged,
        scale=0.5, seed=7.3,
    )  # fmt: skip


def fields(years: float, loss: float) -> Any:
    """Corrosion fields, the same everywhere: rust of so many years and mm, or none after none."""
    image = bpy.data.images.new("fields", 4, 4, alpha=True, float_buffer=True, is_data=True)
    image.alpha_mode = "CHANNEL_PACKED"
    image.pixels.foreach_set(np.tile(np.array([years > 0, years, loss, 0], np.float32), 16))
    return image


def shown(material: Any, color: Any, body: Any, file: Path) -> list[float]:
    """The mean of a colour input of the material over the body."""
    if not color.is_linked:
        return list(color.default_value[:3])
    tree = material.node_tree
    glow = tree.nodes.new("ShaderNodeEmission")
    tree.links.new(color.links[0].from_socket, glow.inputs["Color"])
    tree.links.new(glow.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
    body.data.materials.clear()
    body.data.materials.append(material)
    bpy.context.scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(file))
    image.colorspace_settings.name = "Non-Color"
    pixels = np.array(image.pixels[:]).reshape(SIDE**2, -1)
    bpy.data.images.remove(image)
    return [float(channel) for channel in pixels[:, :3].mean(axis=0)]


def color_of(tree: Any, reflection: Any) -> Any:
    """The input with a reflection's colour; of two that are mixed, with their colours mixed."""
    if reflection.bl_idname == "ShaderNodeBsdfPrincipled":
        return reflection.inputs["Base Color"]
    mixed = tree.nodes.new("ShaderNodeMix")
    mixed.data_type = "RGBA"
    share, *ends = (socket.links[0] for socket in reflection.inputs)
    tree.links.new(share.from_socket, mixed.inputs[0])
    for place, end in zip((6, 7), ends, strict=True):
        color = color_of(tree, end.from_node)
        if color.is_linked:
            tree.links.new(color.links[0].from_socket, mixed.inputs[place])
        else:
            mixed.inputs[place].default_value = color.default_value
    passed = tree.nodes.new("ShaderNodeMix")  # has an input that is linked to it
    passed.data_type = "RGBA"
    tree.links.new(mixed.outputs[2], passed.inputs[6])
    return passed.inputs[6]


def both(material: Any, body: Any, folder: Path) -> tuple[list[float], list[float]]:
    """Mean colour of the material, and what stands for it in diffuse rays."""
    tree = material.node_tree
    (plain,) = (node for node in tree.nodes if node.bl_idname == "ShaderNodeBsdfDiffuse")
    seen = tree.nodes["Material Output"].inputs["Surface"].links[0].from_node
    share, real, mean = (socket.links[0] for socket in seen.inputs)
    assert share.from_socket.name == "Is Diffuse Ray"
    assert mean.from_node == plain
    stands = plain.inputs["Color"].links[0].from_node.inputs[6]  # before gloss is added
    colors = color_of(tree, real.from_node), stands
    real, mean = (shown(material, color, body, folder / "seen.exr") for color in colors)
    return real, mean


def main() -> None:
    """Print the colours of all materials."""
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from corrotwin.synth.blender import session

    folder = Path(sys.argv[1])
    session.start(session.load_blenderproc(), folder, 1, "cpu")
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.cycles.samples, scene.cycles.max_bounces, scene.cycles.use_denoising = 4, 0, False
    surfaces = {upright: surface(upright=upright) for upright in (False, True)}
    found = {}
    for name, upright, material in all_materials():
        scene.camera, body = surfaces[upright]
        found[name] = both(material, body, folder)
    print(json.dumps(found), file=said, flush=True)
    os._exit(0)  # bpy can crash on the way out


if __name__ == "__main__":
    main()
