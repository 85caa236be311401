"""What stands around the steel: concrete, stone, earth, grass, brick, paint, wood. None of it rusts.

Textures are procedural, in metres of world space.
"""

from collections.abc import Callable

import bpy

from synth.blender.graph import Graph
from synth.spec import Color

TONE = "tone"  # name of the point attribute by which a mesh varies


def concrete(color: Color, seed: float) -> bpy.types.Material:
    """Cast concrete: pale, blotched, with pores."""
    graph = _matter("concrete", seed)
    blotch, grain = graph.noise(1.8, detail=5), graph.noise(90, detail=3, roughness=0.7)
    tone = graph.math("ADD", graph.math("MULTIPLY", blotch, 0.7), graph.math("MULTIPLY", grain, 0.3))
    pores = graph.step(graph.noise(28, detail=2), 0.62, 0.7)
    base = graph.ramp(tone, ((0.25, scaled(color, 0.45)), (0.55, color), (0.8, scaled(color, 1.3))))
    return graph.finish(
        color=graph.mix(pores, base, scaled(color, 0.4)),
        roughness=0.9,
        normal=graph.bump(graph.math("SUBTRACT", grain, pores), 0.0012),
    )


def gravel(color: Color, seed: float) -> bpy.types.Material:
    """Crushed stone: cells of differing grey, deep between."""
    graph = _matter("gravel", seed)
    cells = graph.node("ShaderNodeTexVoronoi", Vector=graph.position, Scale=60.0)
    split = graph.node("ShaderNodeSeparateColor", Color=cells.outputs["Color"])
    gap = graph.step(cells.outputs["Distance"], 0.25, 0.65)
    stone = graph.ramp(split.outputs["Red"], ((0.0, scaled(color, 0.45)), (0.5, color), (1.0, scaled(color, 1.7))))
    return graph.finish(
        color=graph.mix(gap, stone, scaled(color, 0.15)), roughness=0.95,
        normal=graph.bump(graph.math("SUBTRACT", 1.0, cells.outputs["Distance"]), 0.006),
    )  # fmt: skip


def soil(color: Color, seed: float) -> bpy.types.Material:
    """Earth: brown, clotted. It looks like rust and is none."""
    graph = _matter("soil", seed)
    clots, grain = graph.noise(9, detail=6, roughness=0.75), graph.noise(160, detail=2)
    tone = graph.math("ADD", graph.math("MULTIPLY", clots, 0.75), graph.math("MULTIPLY", grain, 0.25))
    return graph.finish(
        color=graph.ramp(tone, ((0.3, scaled(color, 0.35)), (0.55, color), (0.75, scaled(color, 1.6)))),
        roughness=1.0, normal=graph.bump(tone, 0.012),
    )  # fmt: skip


def grass(color: Color, seed: float) -> bpy.types.Material:
    """A mown lawn seen from a few metres."""
    graph = _matter("grass", seed)
    blades, patch = graph.noise(130, detail=6, roughness=0.8, warp=2.0), graph.noise(2.5)
    tone = graph.math("ADD", graph.math("MULTIPLY", blades, 0.7), graph.math("MULTIPLY", patch, 0.3))
    return graph.finish(
        color=graph.ramp(tone, ((0.3, scaled(color, 0.25)), (0.55, color), (0.8, scaled(color, 2.0)))),
        roughness=0.9, normal=graph.bump(blades, 0.03),
    )  # fmt: skip


def brick(color: Color, seed: float) -> bpy.types.Material:
    """Brickwork with pale mortar: red-brown, and no rust."""
    graph = _matter("brick", seed)
    turned = graph.node("ShaderNodeMapping", Vector=graph.position, Rotation=(1.5708, 0.0, 0.0))
    wall = graph.node(
        "ShaderNodeTexBrick", Vector=turned.outputs["Vector"], Color1=color, Color2=scaled(color, 0.6),
        Mortar=(0.32, 0.3, 0.27), Scale=1.0, Mortar_Size=0.008, Brick_Width=0.22, Row_Height=0.075,
    )  # fmt: skip
    grain = graph.noise(70, detail=5)
    worn = graph.mix(graph.step(grain, 0.45, 0.8), wall.outputs["Color"], scaled(color, 0.5))
    height = graph.math("SUBTRACT", graph.math("MULTIPLY", grain, 0.4), wall.outputs["Fac"])
    return graph.finish(color=worn, roughness=0.92, normal=graph.bump(height, 0.006))


def plain(color: Color, seed: float) -> bpy.types.Material:
    """Weathered paint or plastic of one colour."""
    graph = _matter("plain", seed)
    wear = graph.noise(5, detail=7)
    return graph.finish(
        color=graph.mix(graph.step(wear, 0.35, 0.75), color, scaled(color, 0.6)),
        roughness=graph.blend(wear, 0.35, 0.7), normal=graph.bump(graph.noise(60), 0.0006),
    )  # fmt: skip


def wood(color: Color, seed: float) -> bpy.types.Material:
    """Sawn timber with its grain along x."""
    graph = _matter("wood", seed)
    stretched = graph.node("ShaderNodeMapping", Vector=graph.position, Scale=(0.06, 1.0, 1.0))
    graph.position = stretched.outputs["Vector"]
    grain = graph.noise(70, detail=4, warp=1.5)
    return graph.finish(
        color=graph.ramp(grain, ((0.3, scaled(color, 0.4)), (0.55, color), (0.8, scaled(color, 1.5)))),
        roughness=0.8, normal=graph.bump(grain, 0.004),
    )  # fmt: skip


MATTER: dict[str, Callable[[Color, float], bpy.types.Material]] = {
    "concrete": concrete,
    "gravel": gravel,
    "soil": soil,
    "grass": grass,
    "brick": brick,
    "plain": plain,
    "wood": wood,
}


def _matter(name: str, seed: float) -> Graph:
    graph = Graph(name, 0.0)
    # Object space of a scaled prop is not in metres; world space is.
    graph.use_position(graph.tree.nodes.new("ShaderNodeNewGeometry").outputs["Position"], seed)
    return graph


def scaled(color: Color, factor: float) -> Color:
    """A lighter or darker colour."""
    red, green, blue = (min(1.0, channel * factor) for channel in color)
    return red, green, blue
