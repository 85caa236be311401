"""Materials of props around the steel: concrete, brick, paint, wood, and those of `ground_materials`.

Textures are procedural, in metres of world space.
"""

from collections.abc import Callable
from typing import Any

import bpy

from corrotwin.synth.blender import ground_materials
from corrotwin.synth.blender.ground_materials import COLOR, TONE, cracks, option, world_space_graph
from corrotwin.synth.blender.shader_graph import Graph, scaled
from corrotwin.synth.spec import Color

__all__ = ["COLOR", "MATERIALS", "TONE"]


def concrete(color: Color, seed: float) -> bpy.types.Material:
    """Make cast concrete: form boards, fine pores, water marks, a crack or two, moss near the ground on some."""
    return _cast("concrete", color, seed, stained=False)


def stained_concrete(color: Color, seed: float) -> bpy.types.Material:
    """Make concrete with orange-brown stains of rust water, which people do not label as corrosion."""
    return _cast("stained concrete", color, seed, stained=True)


def _cast(name: str, color: Color, seed: float, *, stained: bool) -> bpy.types.Material:
    graph = world_space_graph(name, seed)
    height, upright = _place(graph)
    blotch, grain = graph.noise(1.6, detail=9, roughness=0.72), graph.noise(210, detail=4, roughness=0.7)
    tone = graph.math("ADD", graph.math("MULTIPLY", blotch, 0.7), graph.math("MULTIPLY", grain, 0.3))
    base = graph.ramp(tone, ((0.3, scaled(color, 0.62)), (0.5, color), (0.72, scaled(color, 1.25))))
    earthy = scaled(color, (1.05, 0.92, 0.74))
    base = graph.mix(graph.math("MULTIPLY", graph.step(graph.noise(0.8, detail=6), 0.48, 0.64), 0.7), base, earthy)
    board, joint = _boards(graph, height, 0.25 + 0.5 * option(seed, 1))
    cast = graph.mix(graph.math("MULTIPLY", board, graph.math("MULTIPLY", upright, 0.25)), base, scaled(color, 0.6))
    run = graph.math("MULTIPLY", _streaks(graph, 6.0), upright)
    water = graph.math("MULTIPLY", graph.step(run, 0.48, 0.66), 0.55 * option(seed, 2) + 0.1)
    worn = graph.mix(water, cast, scaled(color, 0.32))
    if stained:
        # On a wall it runs down; on a slab it spreads.
        spread = graph.math("MULTIPLY", graph.math("SUBTRACT", 1.0, upright), graph.math("MULTIPLY", blotch, 1.02))
        stain = graph.step(
            graph.math("ADD", graph.math("MULTIPLY", run, graph.math("ADD", blotch, 0.5)), spread), 0.47, 0.66
        )
        orange = graph.ramp(grain, ((0.3, (0.16, 0.055, 0.018)), (0.7, (0.36, 0.17, 0.06))))
        strength = 0.3 + 0.7 * option(seed, 4)
        worn = graph.mix(
            graph.math("MULTIPLY", stain, graph.blend(upright, 0.5 * strength, 0.8 * strength)), worn, orange
        )
    low = graph.math("ADD", height, graph.math("MULTIPLY", graph.math("SUBTRACT", blotch, 0.5), 1.6))
    mossy = graph.math("MULTIPLY", graph.step(low, 0.5, 0.05), graph.math("MULTIPLY", upright, 0.8 * option(seed, 3)))
    worn = graph.mix(mossy, worn, (0.045, 0.055, 0.022))
    crack = cracks(graph, 1.8, blotch)
    pores = graph.step(grain, 0.68, 0.74)
    cut = graph.math("MULTIPLY", joint, upright)
    hollow = graph.math("MAXIMUM", pores, cut)
    dark = graph.math("MAXIMUM", graph.math("MULTIPLY", crack, 0.8), graph.math("MULTIPLY", hollow, 0.5))
    relief = graph.math("SUBTRACT", graph.math("MULTIPLY", grain, 0.5), hollow)
    return graph.finish(
        color=graph.mix(graph.math("MULTIPLY", dark, 0.75), worn, scaled(color, 0.22)),
        mean=scaled(color, (0.87, 0.79, 0.73) if stained else (0.9, 0.88, 0.85)), roughness=0.9,
        normal=graph.bump(relief, 0.0015),
    )  # fmt: skip


def brick(color: Color, seed: float) -> bpy.types.Material:
    """Make brickwork: bricks of varying tone, worn pale mortar, efflorescence; red-brown but not rust."""
    graph = world_space_graph("brick", seed)
    height, upright = _place(graph)
    flat = graph.node("ShaderNodeSeparateXYZ", Vector=graph.position)
    along = graph.math("ADD", flat.outputs["X"], flat.outputs["Y"])
    face = graph.node("ShaderNodeCombineXYZ", X=along, Y=flat.outputs["Z"])
    blotch, grain = graph.noise(1.7, detail=6, roughness=0.62), graph.noise(95, detail=5, roughness=0.7)
    wall = graph.node(
        "ShaderNodeTexBrick", Vector=face.outputs["Vector"], Color1=scaled(color, 0.45), Color2=scaled(color, 1.5),
        Mortar=(0.34, 0.32, 0.29), Scale=1.0, Mortar_Size=graph.blend(grain, 0.002, 0.011), Mortar_Smooth=0.3,
        Brick_Width=0.225, Row_Height=0.075,
    )  # fmt: skip
    worn = graph.mix(
        graph.math("MULTIPLY", graph.step(grain, 0.42, 0.75), 0.6), wall.outputs["Color"], scaled(color, 0.45)
    )
    sooty = graph.mix(graph.math("MULTIPLY", graph.step(blotch, 0.52, 0.3), 0.6), worn, scaled(color, 0.22))
    salts = graph.math("MULTIPLY", graph.step(graph.math("MULTIPLY", blotch, grain), 0.27, 0.4), 0.8 * option(seed, 1))
    bloomed = graph.mix(graph.math("MULTIPLY", salts, upright), sooty, (0.52, 0.50, 0.47))
    damp = graph.step(graph.math("ADD", height, blotch), 0.75, 0.45)
    relief = graph.math("SUBTRACT", graph.math("MULTIPLY", grain, 0.6), wall.outputs["Fac"])
    return graph.finish(
        color=graph.mix(graph.math("MULTIPLY", damp, 0.6), bloomed, (0.05, 0.045, 0.03)),
        mean=scaled(color, (0.86, 1.1, 1.33)), roughness=0.92,
        normal=graph.bump(relief, 0.006),
    )  # fmt: skip


def plain(color: Color, seed: float) -> bpy.types.Material:
    """Make weathered paint or plastic of one colour: faded, streaked, scuffed, grimy near the ground."""
    graph = world_space_graph("plain", seed)
    height, upright = _place(graph)
    wear, grain = graph.noise(3, detail=8, roughness=0.62), graph.noise(160, detail=3)
    faded = graph.mix(graph.step(wear, 0.35, 0.68), scaled(color, 1.1), scaled(color, 0.72))
    run = graph.math("MULTIPLY", graph.step(_streaks(graph, 9.0), 0.5, 0.7), upright)
    streaked = graph.mix(graph.math("MULTIPLY", run, 0.2 + 0.4 * option(seed, 1)), faded, scaled(color, 0.35))
    low = graph.step(graph.math("ADD", height, wear), 0.8, 0.42)
    grimy = graph.mix(graph.math("MULTIPLY", low, 0.5), streaked, (0.06, 0.052, 0.04))
    scuff = graph.math("MULTIPLY", graph.step(graph.math("MULTIPLY", wear, grain), 0.33, 0.37), 0.35)
    return graph.finish(
        color=graph.mix(scuff, grimy, scaled(color, 0.4)),
        mean=scaled(color, 0.85), roughness=graph.blend(wear, 0.3, 0.75), normal=graph.bump(grain, 0.0005),
    )  # fmt: skip


def wood(color: Color, seed: float) -> bpy.types.Material:
    """Make sawn planks with their grain along x, gaps between them, knots."""
    graph = world_space_graph("wood", seed)
    _, upright = _place(graph)
    place = graph.node("ShaderNodeSeparateXYZ", Vector=graph.position)
    across = graph.blend(upright, place.outputs["Y"], place.outputs["Z"])
    board, gap = _boards(graph, across, 0.11 + 0.08 * option(seed, 1))
    stretched = graph.node("ShaderNodeMapping", Vector=graph.position, Scale=(0.07, 1.0, 1.0))
    graph.position = stretched.outputs["Vector"]
    knots = graph.node("ShaderNodeTexVoronoi", Vector=graph.position, Scale=5.0)
    knot = graph.step(knots.outputs["Distance"], 0.13, 0.02)
    grain = graph.noise(85, detail=5, roughness=0.65, warp=1.2)
    tone = graph.math("ADD", grain, graph.math("MULTIPLY", graph.math("SUBTRACT", board, 0.5), 0.28))
    weathered = scaled((0.22, 0.205, 0.19), 1.0)
    timber = graph.ramp(tone, ((0.28, scaled(color, 0.3)), (0.5, color), (0.75, scaled(color, 1.5))))
    grey = graph.ramp(tone, ((0.28, scaled(weathered, 0.35)), (0.5, weathered), (0.75, scaled(weathered, 1.6))))
    aged = graph.mix(option(seed, 2), timber, grey)
    knotted = graph.mix(graph.math("MULTIPLY", knot, 0.75), aged, scaled(color, 0.2))
    return graph.finish(
        color=graph.mix(graph.math("MULTIPLY", gap, 0.9), knotted, (0.015, 0.012, 0.01)),
        mean=graph.mix(option(seed, 2), scaled(color, 0.9), scaled(weathered, 0.9)), roughness=0.85,
        normal=graph.bump(graph.math("SUBTRACT", graph.math("MULTIPLY", grain, 0.4), gap), 0.005),
    )  # fmt: skip


def plaster(color: Color, seed: float) -> bpy.types.Material:
    """Make a painted, plastered wall: streaked, grimy near the ground, the coat flaked off in patches."""
    graph = world_space_graph("plaster", seed)
    height, upright = _place(graph)
    patch, grain = graph.noise(1.4, detail=8, roughness=0.66), graph.noise(120, detail=3, roughness=0.7)
    coated = 0.53 + 0.1 * option(seed, 1)  # share of the wall that still has its coat
    low = graph.math("MULTIPLY", graph.step(height, 1.2, 0.0), 0.05)
    worn = graph.math("ADD", patch, low)
    bare, rim = graph.step(worn, coated, coated + 0.012), graph.step(worn, coated - 0.035, coated)
    run = graph.math("MULTIPLY", graph.step(_streaks(graph, 7.0), 0.46, 0.68), upright)
    shade = graph.math("MULTIPLY", run, 0.25 + 0.4 * option(seed, 2))
    coat = graph.ramp(grain, ((0.3, scaled(color, 0.72)), (0.5, color), (0.75, scaled(color, 1.14))))
    coat = graph.mix(shade, coat, scaled(color, (0.42, 0.38, 0.33)))
    coat = graph.mix(graph.math("MULTIPLY", rim, 0.4), coat, scaled(color, 0.45))
    under = graph.ramp(grain, ((0.32, (0.13, 0.12, 0.105)), (0.5, (0.28, 0.265, 0.235)), (0.7, (0.44, 0.42, 0.38))))
    mixed = graph.mix(bare, coat, under)
    grime = graph.math("MULTIPLY", graph.step(graph.math("ADD", height, patch), 0.95, 0.45), 0.6)
    relief = graph.math("SUBTRACT", graph.math("MULTIPLY", grain, 0.35), bare)
    return graph.finish(
        color=graph.mix(grime, mixed, (0.06, 0.052, 0.04)),
        mean=graph.mix(0.25 - 0.2 * option(seed, 1), scaled(color, 0.9), (0.27, 0.255, 0.225)),
        roughness=0.85, normal=graph.bump(relief, 0.003),
    )  # fmt: skip


def worn(color: Color, seed: float) -> bpy.types.Material:
    """Make many things in their own colours, from the attribute `COLOR`: faded, scuffed, dusty on top.

    `color`, their mean, is not used.
    """
    graph = world_space_graph("worn", seed)
    attribute = graph.tree.nodes.new("ShaderNodeAttribute")
    attribute.attribute_name = COLOR
    own_color = attribute.outputs["Color"]
    normal = graph.tree.nodes.new("ShaderNodeNewGeometry").outputs["True Normal"]
    up = graph.step(graph.node("ShaderNodeSeparateXYZ", Vector=normal).outputs["Z"], 0.5, 0.95)
    wear, grain = graph.noise(6, detail=6, roughness=0.68), graph.noise(150, detail=2)
    dark = graph.ramp(wear, ((0.32, (0.5, 0.5, 0.5)), (0.55, (1.0, 1.0, 1.0)), (0.72, (1.15, 1.15, 1.15))))
    spotted = graph.multiply(
        graph.multiply(own_color, dark), graph.ramp(grain, ((0.3, (0.72, 0.72, 0.72)), (0.6, (1.06, 1.06, 1.06))))
    )
    dusty = graph.math("MULTIPLY", graph.math("MULTIPLY", up, graph.step(wear, 0.3, 0.62)), 0.45)
    return graph.finish(
        color=graph.mix(dusty, spotted, (0.24, 0.21, 0.175)), mean=graph.multiply(own_color, (0.82, 0.82, 0.82)),
        roughness=graph.blend(wear, 0.45, 0.95), normal=graph.bump(grain, 0.0006),
    )  # fmt: skip


MATERIALS: dict[str, Callable[[Color, float], bpy.types.Material]] = {
    "concrete": concrete,
    "stained concrete": stained_concrete,
    "gravel": ground_materials.gravel,
    "asphalt": ground_materials.asphalt,
    "soil": ground_materials.soil,
    "earth": ground_materials.earth,
    "grass": ground_materials.grass,
    "brick": brick,
    "plain": plain,
    "plaster": plaster,
    "worn": worn,
    "wood": wood,
    "stone": ground_materials.stone,
    "blade": ground_materials.blade,
    "foliage": ground_materials.blade,
    "leaf": ground_materials.leaf,
    "rubble": ground_materials.rubble,
}


def _place(graph: Graph) -> tuple[Any, Any]:
    """Return the height of the shaded point in metres, and 1 on upright faces, 0 on level ones."""
    geometry = graph.tree.nodes.new("ShaderNodeNewGeometry")
    position = graph.node("ShaderNodeSeparateXYZ", Vector=geometry.outputs["Position"])
    normal = graph.node("ShaderNodeSeparateXYZ", Vector=geometry.outputs["True Normal"])
    upright = graph.step(graph.math("ABSOLUTE", normal.outputs["Z"]), 0.75, 0.6)
    return position.outputs["Z"], upright


def _boards(graph: Graph, across: Any, width_m: float) -> tuple[Any, Any]:
    """Return, for boards side by side, a random tone of each in [0, 1], and 1 in the joint between two."""
    count = graph.math("DIVIDE", across, width_m)
    place = graph.node("ShaderNodeCombineXYZ", X=graph.math("FLOOR", count))
    number = graph.node("ShaderNodeTexWhiteNoise", Vector=place.outputs["Vector"])
    middle = graph.math("ABSOLUTE", graph.math("SUBTRACT", graph.math("FRACT", count), 0.5))
    return number.outputs["Value"], graph.step(middle, 0.5 - 0.006 / width_m, 0.5 - 0.001 / width_m)


def _streaks(graph: Graph, scale: float) -> Any:
    """Return noise stretched downward, like running water; `scale` streaks per metre."""
    stretched = graph.node("ShaderNodeMapping", Vector=graph.position, Scale=(1.0, 1.0, 0.07))
    return graph.node(
        "ShaderNodeTexNoise", Vector=stretched.outputs["Vector"], Scale=scale, Detail=4.0, Roughness=0.6
    ).outputs["Fac"]
