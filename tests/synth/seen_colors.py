"""``python seen_colors.py FOLDER``: the mean colour of each material, and the one colour that diffuse rays see of it.

Prints one JSON object: by name two colours (r, g, b), linear RGB, each the mean over 3 m of it.
"""

import json
import os
import sys
from collections.abc import Iterator
from math import pi
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from synth.blender import matter, steel
from synth.spec import Finish
from synth.surroundings import MATTER

GROUNDS = ("gravel", "asphalt", "soil", "earth", "grass", "stone", "blade", "leaf", "rubble")  # all else stands upright
SIDE, METRES, PIECES = 96, 3.0, 30


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
    data.attributes.new(matter.TONE, "FLOAT", "POINT").data.foreach_set("value", np.repeat(rng.random(PIECES**2), 4))
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


def materials() -> Iterator[tuple[str, Any]]:
    """All materials by name: matter half-way between its two ends, steel without rust and with nothing but rust."""
    for name, make in matter.MATTER.items():
        ends = np.array(MATTER.get(name, MATTER["soil"]))
        yield name, make(tuple(ends.mean(axis=0).tolist()), 7.3)
    for kind in ("paint", "galvanised", "cast", "bare"):
        finish = Finish(
            kind=kind, color=(0.3, 0.4, 0.33), primer=(0.3, 0.1, 0.05), rust=(1.0, 1.0, 1.0), roughness=0.4, dirt=0.3,
            wear=0.3, scale=0.5, seed=7.3,
        )  # fmt: skip
        for cover in (0, 1):
            fields = bpy.data.images.new("fields", 4, 4, alpha=True, float_buffer=True, is_data=True)
            fields.alpha_mode = "CHANNEL_PACKED"
            fields.pixels.foreach_set(np.tile(np.array([cover, 10, 0.6, 0], np.float32), 16))
            yield f"{kind}, {'rust' if cover else 'whole'}", steel.rusting(finish, fields, 1)


def shown(material: Any, color: Any, body: Any, file: Path) -> list[float]:
    """The mean of a colour input of the material over the body."""
    tree = material.node_tree
    glow = tree.nodes.new("ShaderNodeEmission")
    if color.is_linked:
        tree.links.new(color.links[0].from_socket, glow.inputs["Color"])
    else:
        glow.inputs["Color"].default_value = color.default_value
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


def both(material: Any, body: Any, folder: Path) -> tuple[list[float], list[float]]:
    """Mean colour of the material, and what stands for it."""
    nodes = material.node_tree.nodes
    (plain,) = (node for node in nodes if node.bl_idname == "ShaderNodeBsdfDiffuse")
    stands = plain.inputs["Color"].links[0].from_node.inputs[6]  # before gloss is added
    colors = nodes["Principled BSDF"].inputs["Base Color"], stands
    real, mean = (shown(material, color, body, folder / "seen.exr") for color in colors)
    return real, mean


def main() -> None:
    """Print the colours of all materials."""
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from synth.blender import session

    folder = Path(sys.argv[1])
    session.start(session.load_blenderproc(), folder, 1, "cpu")
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = SIDE
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.cycles.samples, scene.cycles.max_bounces, scene.cycles.use_denoising = 4, 0, False
    surfaces = {upright: surface(upright=upright) for upright in (False, True)}
    found = {}
    for name, material in materials():
        scene.camera, body = surfaces[name not in GROUNDS]
        found[name] = both(material, body, folder)
    print(json.dumps(found), file=said, flush=True)
    os._exit(0)  # bpy can crash on the way out


if __name__ == "__main__":
    main()
