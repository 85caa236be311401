"""Materials of grounds and of the pieces on them: gravel, asphalt, soil, grass, earth, stone, leaves, rubble.

Textures are procedural, in metres of world space. Meshes of many pieces vary by their attribute `TONE`.
"""

from typing import Any

import bpy

from corrotwin.synth.blender.shader_graph import Graph, scaled
from corrotwin.synth.spec import Color

# Names of the point attributes by which a mesh varies; Cycles does not read one named "color".
TONE, COLOR = "tone", "own color"


def gravel(color: Color, seed: float) -> bpy.types.Material:
    """Make crushed stone of two sizes: tilted facets of varying grey, with dust and shadow between them."""
    graph = world_space_graph("gravel", seed)
    large, large_grey, edge = _facets(graph, 34, seed)
    small, small_grey, _ = _facets(graph, 88, seed)
    patch = graph.noise(0.9, detail=4)
    shown = graph.step(graph.math("ADD", large_grey, graph.math("MULTIPLY", patch, 0.6)), 0.72, 0.74)
    tone = graph.blend(shown, small_grey, large_grey)
    height = graph.blend(shown, small, large)
    stone = graph.ramp(tone, ((0.0, scaled(color, 0.5)), (0.6, color), (1.0, scaled(color, 1.6))))
    dusty = graph.mix(graph.math("MULTIPLY", patch, 0.35), stone, scaled(color, 0.8))
    return graph.finish(
        color=graph.mix(graph.math("MULTIPLY", graph.step(edge, 0.5, 0.95), 0.5), dusty, scaled(color, 0.25)),
        mean=color, roughness=0.95, normal=graph.bump(height, 0.008),
    )  # fmt: skip


def asphalt(color: Color, seed: float) -> bpy.types.Material:
    """Make worn asphalt: fine pale grit in dark binder, patches, long cracks."""
    graph = world_space_graph("asphalt", seed)
    _, grit, _ = _facets(graph, 190, seed)
    patch, grain = graph.noise(0.8, detail=5), graph.noise(420, detail=2)
    tone = graph.math("ADD", graph.math("MULTIPLY", grit, 0.55), graph.math("MULTIPLY", grain, 0.45))
    base = graph.ramp(tone, ((0.3, scaled(color, 0.45)), (0.55, color), (0.85, scaled(color, 2.4))))
    worn = graph.mix(graph.math("MULTIPLY", graph.step(patch, 0.35, 0.7), 0.55), base, scaled(color, 1.7))
    crack = cracks(graph, 1.4, patch)
    return graph.finish(
        color=graph.mix(crack, worn, scaled(color, 0.15)),
        mean=scaled(color, 1.18), roughness=0.9, normal=graph.bump(tone, 0.004),
    )  # fmt: skip


def soil(color: Color, seed: float) -> bpy.types.Material:
    """Make soil: brown, clotted, with pebbles and wet patches; it looks like rust but is not."""
    graph = world_space_graph("soil", seed)
    coarse, clots = graph.noise(1.3, detail=4, roughness=0.6), graph.noise(22, detail=9, roughness=0.72)
    wet = graph.math("MULTIPLY", graph.step(coarse, 0.56, 0.64), option(seed, 1))
    tone = graph.math("ADD", graph.math("MULTIPLY", clots, 0.7), graph.math("MULTIPLY", coarse, 0.3))
    earth = graph.ramp(tone, ((0.36, scaled(color, 0.22)), (0.5, color), (0.64, scaled(color, 1.8))))
    cells = _cells(graph, 34, _across(graph, seed))
    split = graph.node("ShaderNodeSeparateColor", Color=cells.outputs["Color"])
    size = graph.math("SUBTRACT", graph.math("MULTIPLY", split.outputs["Red"], 0.9), 0.5)  # over half have no pebble
    pebble = graph.step(graph.math("SUBTRACT", size, cells.outputs["Distance"]), 0.0, 0.06)
    grey = graph.ramp(
        split.outputs["Green"], ((0.0, scaled(color, 0.6)), (0.6, scaled(color, 1.5)), (1.0, (0.33, 0.30, 0.26)))
    )
    dry = graph.mix(graph.math("MULTIPLY", pebble, 0.85), earth, grey)
    return graph.finish(
        color=graph.mix(graph.math("MULTIPLY", wet, 0.75), dry, scaled(color, 0.3)),
        mean=color, roughness=graph.blend(wet, 1.0, 0.35),
        normal=graph.bump(graph.math("ADD", tone, graph.math("MULTIPLY", pebble, 0.25)), 0.025),
    )  # fmt: skip


def earth(color: Color, seed: float) -> bpy.types.Material:
    """Make heaped dirt: crumbs of all sizes, dark where damp; it looks like rust but is not."""
    graph = world_space_graph("earth", seed)
    crumbs, damp = graph.noise(75, detail=8, roughness=0.74), graph.noise(5, detail=3)
    tone = graph.math("ADD", crumbs, graph.math("MULTIPLY", graph.math("SUBTRACT", tone_of(graph), 0.5), 0.25))
    dry = graph.ramp(tone, ((0.34, scaled(color, 0.2)), (0.5, color), (0.66, scaled(color, 2.0))))
    return graph.finish(
        color=graph.mix(graph.math("MULTIPLY", graph.step(damp, 0.52, 0.66), 0.6), dry, scaled(color, 0.35)),
        mean=color, roughness=1.0, normal=graph.bump(crumbs, 0.012),
    )  # fmt: skip


def grass(color: Color, seed: float) -> bpy.types.Material:
    """Make the ground of a lawn below its blades: thatch, earth, uneven green."""
    graph = world_space_graph("grass", seed)
    blades, patch = graph.noise(34, detail=7, roughness=0.78, warp=1.5), graph.noise(1.1, detail=7, roughness=0.68)
    tone = graph.math("ADD", graph.math("MULTIPLY", blades, 0.75), graph.math("MULTIPLY", patch, 0.25))
    green = graph.ramp(tone, ((0.36, scaled(color, 0.2)), (0.5, color), (0.64, scaled(color, 2.2))))
    straw = graph.ramp(tone, ((0.36, (0.03, 0.022, 0.012)), (0.5, (0.12, 0.09, 0.04)), (0.66, (0.34, 0.27, 0.14))))
    return graph.finish(
        color=graph.mix(graph.math("MULTIPLY", graph.step(patch, 0.42, 0.66), 0.85), green, straw),
        mean=scaled(color, (1.3, 1.05, 1.3)), roughness=0.95, normal=graph.bump(tone, 0.05),
    )  # fmt: skip


def stone(color: Color, seed: float) -> bpy.types.Material:
    """Make broken stones: grey, some brownish, dusty on top."""
    graph = world_space_graph("stone", seed)
    grain = graph.noise(160, detail=4, roughness=0.7)
    tone = graph.math("ADD", tone_of(graph), graph.math("MULTIPLY", graph.math("SUBTRACT", grain, 0.5), 0.5))
    brown = scaled(color, (1.05, 0.82, 0.62))
    shades = ((0.1, scaled(color, 0.35)), (0.4, color), (0.55, brown), (0.65, color), (0.95, scaled(color, 1.9)))
    return graph.finish(color=graph.ramp(tone, shades), mean=color, roughness=0.92, normal=graph.bump(grain, 0.0015))


def blade(color: Color, seed: float) -> bpy.types.Material:
    """Make blades of grass: dark at the root, green, some dry."""
    graph = world_space_graph("blade", seed)
    shades = (
        (0.0, scaled(color, 0.18)),
        (0.35, scaled(color, 0.7)),
        (0.65, scaled(color, 1.25)),
        (1.0, (0.36, 0.32, 0.13)),
    )
    lawn = graph.noise(1.1, detail=3)
    tone = graph.math("ADD", tone_of(graph), graph.math("MULTIPLY", graph.math("SUBTRACT", lawn, 0.5), 0.9))
    return graph.finish(color=graph.ramp(tone, shades), mean=scaled(color, (1.2, 1.03, 1.3)), roughness=0.6)


def leaf(color: Color, seed: float) -> bpy.types.Material:
    """Make fallen leaves: dark brown to orange and yellow, spotted."""
    graph = world_space_graph("leaf", seed)
    spots = graph.noise(110, detail=4, roughness=0.65)
    tone = graph.math("ADD", tone_of(graph), graph.math("MULTIPLY", graph.math("SUBTRACT", spots, 0.5), 0.5))
    shades = (
        (0.05, scaled(color, 0.16)), (0.3, scaled(color, 0.5)), (0.55, color), (0.75, (0.42, 0.19, 0.045)),
        (1.0, (0.50, 0.36, 0.10)),
    )  # fmt: skip
    return graph.finish(color=graph.ramp(tone, shades), mean=color, roughness=0.75, normal=graph.bump(spots, 0.002))


def rubble(color: Color, seed: float) -> bpy.types.Material:
    """Make twigs (tone below 1/3), chips of concrete (up to 2/3) and of brick (above)."""
    graph = world_space_graph("rubble", seed)
    grain = graph.noise(140, detail=4, roughness=0.7)
    shades = (
        (0.0, (0.035, 0.024, 0.015)), (0.32, (0.16, 0.12, 0.08)),
        (0.34, scaled(color, 0.6)), (0.65, scaled(color, 1.3)),
        (0.68, (0.13, 0.042, 0.025)), (1.0, (0.36, 0.15, 0.085)),
    )  # fmt: skip
    base = graph.ramp(tone_of(graph), shades)
    dusty = graph.mix(graph.math("MULTIPLY", graph.step(grain, 0.4, 0.7), 0.45), base, scaled(color, 0.8))
    return graph.finish(
        color=dusty, mean=scaled(color, (0.76, 0.58, 0.51)), roughness=0.95, normal=graph.bump(grain, 0.002)
    )


def world_space_graph(name: str, seed: float) -> Graph:
    """Return a graph whose noise is in world space, since the object space of a scaled prop is not in metres."""
    graph = Graph(name, 0.0)
    graph.use_position(graph.tree.nodes.new("ShaderNodeNewGeometry").outputs["Position"], seed)
    return graph


def tone_of(graph: Graph) -> Any:
    """Return the mesh's tone at the shaded point."""
    attribute = graph.tree.nodes.new("ShaderNodeAttribute")
    attribute.attribute_name = TONE
    return attribute.outputs["Fac"]


def cracks(graph: Graph, size_m: float, wander: Any) -> Any:
    """Return thin, winding cracks around slabs of about `size_m`, only where the noise `wander` is low.

    Use them only for the colour: a bump computes its height three times, and the search for edges takes longest.
    """
    bent = graph.node("ShaderNodeVectorMath", _0=wander, _1=(0.9, 0.7, 0.8))
    bent.operation = "MULTIPLY"
    moved = graph.node("ShaderNodeVectorMath", _0=graph.position, _1=bent.outputs["Vector"])
    slabs = graph.node("ShaderNodeTexVoronoi", Vector=moved.outputs["Vector"], Scale=1 / size_m)
    slabs.feature = "DISTANCE_TO_EDGE"
    width = 0.004 / size_m
    line = graph.step(slabs.outputs["Distance"], width, 0.4 * width)
    return graph.math("MULTIPLY", line, graph.step(wander, 0.46, 0.42))


def option(seed: float, number: int) -> float:
    """Return a share in [0, 1) that depends on the seed, so that materials of a kind differ in more than position."""
    return (seed * 12.9898 + number * 0.618034) % 1.0


def _cells(graph: Graph, scale: float, place: Any) -> Any:
    """Return Voronoi cells across the line of sight, `scale` per metre, by camera coordinates `place`.

    In the ground's own plane, stones would become flat slabs when seen from the side; here each is as high as wide.
    """
    cells = graph.node("ShaderNodeTexVoronoi", Vector=place, Scale=scale)
    cells.voronoi_dimensions = "2D"
    return cells


def _across(graph: Graph, seed: float) -> Any:
    """Return camera coordinates in metres, moved by the seed: x to the right, y up, over what the camera sees."""
    seen = graph.node("ShaderNodeSeparateXYZ", Vector=graph.tree.nodes.new("ShaderNodeTexCoord").outputs["Camera"])
    flat = graph.node("ShaderNodeCombineXYZ", X=seen.outputs["X"], Y=seen.outputs["Y"]).outputs["Vector"]
    return graph.node("ShaderNodeVectorMath", _0=flat, _1=(seed, 1.7 * seed, 0.0)).outputs["Vector"]


def _red(graph: Graph, cells: Any) -> Any:
    return graph.node("ShaderNodeSeparateColor", Color=cells.outputs["Color"]).outputs["Red"]


def _facets(graph: Graph, scale: float, seed: float) -> tuple[Any, Any, Any]:
    """Return height and tone in [0, 1] of broken stones, `scale` per metre, and the distance from the middle of each.

    Each cell's random colour tilts its surface, like a facet of crushed stone.
    """
    place = _across(graph, seed)
    cells = _cells(graph, scale, place)
    tip = graph.node("ShaderNodeVectorMath", _0=cells.outputs["Color"], _1=(0.5, 0.5, 0.5))
    tip.operation = "SUBTRACT"
    local = graph.node("ShaderNodeVectorMath", _0=place, _1=cells.outputs["Position"])
    local.operation = "SUBTRACT"
    slope = graph.node("ShaderNodeVectorMath", _0=local.outputs["Vector"], _1=tip.outputs["Vector"])
    slope.operation = "DOT_PRODUCT"
    grey = _red(graph, cells)
    facet = graph.math("MULTIPLY", slope.outputs["Value"], scale * 1.2)
    height = graph.math("ADD", graph.math("ADD", facet, graph.math("MULTIPLY", grey, 0.4)), 0.3)
    rounded = graph.math("SUBTRACT", height, graph.math("MULTIPLY", cells.outputs["Distance"], 0.25))
    return rounded, grey, cells.outputs["Distance"]
