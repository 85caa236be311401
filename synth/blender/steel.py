"""Steel that rusts where the twin says so.

Textures are procedural, in metres of object space. Colours follow what rust is made of: young lepidocrocite is orange,
old goethite and magnetite are dark brown to black.
"""

from typing import Any

import bpy

from synth.blender.graph import Graph
from synth.spec import Finish

ATLAS = "atlas"  # name of the UV layer
LABEL = "label"  # name of the render output that carries rust cover, wall loss and instance

# Age runs from fresh (0) to old (1).
_RUST = (
    (0.0, (0.40, 0.135, 0.03)),
    (0.3, (0.21, 0.068, 0.02)),
    (0.62, (0.105, 0.038, 0.016)),
    (0.85, (0.05, 0.023, 0.014)),
    (1.0, (0.024, 0.015, 0.012)),
)


def rusting(finish: Finish, fields: bpy.types.Image, instance: int) -> bpy.types.Material:
    """Painted or bare steel whose rust follows the twin's fields.

    The picture reads the fields with linear interpolation, the label with none, so that a label pixel is exactly one
    texel's value: rust cover, wall loss in mm, and the instance number.
    """
    graph = Graph("rusting", finish.seed)
    cover, age, loss = _fields(graph, fields, "Linear")
    coarse, middle, fine = (
        graph.noise(6, detail=2),
        graph.noise(40, detail=4, roughness=0.65),
        graph.noise(300, detail=2, roughness=0.7),
    )

    rusted = graph.step(
        graph.math("ADD", cover, graph.math("MULTIPLY", graph.math("SUBTRACT", fine, 0.5), 0.16)), 0.42, 0.58
    )
    # Rust darkens with age, fast at first; every patch keeps a mixture of tones.
    youth = graph.math("EXPONENT", graph.math("MULTIPLY", age, -1 / 5))
    stage = graph.math("SUBTRACT", 0.72, graph.math("MULTIPLY", youth, 0.62))
    for noise, weight in ((coarse, 0.7), (middle, 1.2), (fine, 0.5)):
        stage = graph.math("ADD", stage, graph.math("MULTIPLY", graph.math("SUBTRACT", noise, 0.5), weight))
    rust = graph.ramp(stage, _RUST)

    steel, steel_roughness, metallic = _unrusted(graph, finish, coarse, middle)
    # Rust water tints the surface around a spot before it breaks; people do not label it.
    halo = graph.math("MULTIPLY", graph.step(cover, 0.04, 0.5), graph.math("MULTIPLY", middle, 0.8))
    stained = graph.mix(halo, steel, graph.mix(0.6, steel, (0.30, 0.125, 0.04)))

    # A coat of paint stands proud of the rust; scale and pits roughen it.
    film = graph.math("MULTIPLY", graph.math("SUBTRACT", 1.0, rusted), 0.35)
    scale = graph.math(
        "MULTIPLY", rusted, graph.math("ADD", graph.math("MULTIPLY", middle, 0.6), graph.math("MULTIPLY", fine, 0.5))
    )
    depth = graph.math("MULTIPLY", graph.math("MINIMUM", loss, 2.0), 0.15)
    height = graph.math("SUBTRACT", graph.math("ADD", film, scale), depth)

    label = graph.tree.nodes.new("ShaderNodeOutputAOV")
    label.aov_name = LABEL
    exact_cover, _, exact_loss = _fields(graph, fields, "Closest")
    packed = graph.node("ShaderNodeCombineColor", Red=exact_cover, Green=exact_loss, Blue=float(instance))
    graph.put(label.inputs["Color"], packed.outputs["Color"])
    return graph.finish(
        color=graph.mix(rusted, stained, rust),
        roughness=graph.blend(rusted, steel_roughness, graph.blend(fine, 0.75, 1.0)),
        metallic=graph.blend(rusted, metallic, 0.0),
        normal=graph.bump(height, 0.0022),
    )


def _fields(graph: Graph, image: bpy.types.Image, interpolation: str) -> tuple[Any, Any, Any]:
    """Rust cover, age in years and wall loss in mm at the shaded point.

    The channels are separated before use: a colour wired into a value would become its luminance.
    """
    texture = graph.tree.nodes.new("ShaderNodeTexImage")
    texture.image, texture.interpolation, texture.extension = image, interpolation, "EXTEND"
    uv = graph.tree.nodes.new("ShaderNodeUVMap")
    uv.uv_map = ATLAS
    graph.put(texture.inputs["Vector"], uv.outputs["UV"])
    split = graph.node("ShaderNodeSeparateColor", Color=texture.outputs["Color"])
    return split.outputs["Red"], split.outputs["Green"], split.outputs["Blue"]


def _unrusted(graph: Graph, finish: Finish, coarse: Any, middle: Any) -> tuple[Any, Any, float]:
    """Colour, roughness and metalness of the surface where it has not rusted."""
    shade = tuple(channel * 0.72 for channel in finish.color)
    color = graph.mix(graph.step(coarse, 0.3, 0.75), finish.color, shade)
    if finish.kind == "galvanised":
        cells = graph.node("ShaderNodeTexVoronoi", Vector=graph.position, Scale=55.0)
        grey = graph.node("ShaderNodeSeparateColor", Color=cells.outputs["Color"]).outputs["Red"]
        color = graph.mix(grey, color, shade)
    grime = graph.math("MULTIPLY", graph.step(graph.math("MULTIPLY", coarse, middle), 0.16, 0.42), finish.dirt)
    metallic = {"paint": 0.0, "galvanised": 0.85, "bare": 0.9}[finish.kind]
    roughness = graph.blend(grime, graph.math("ADD", finish.roughness, graph.math("MULTIPLY", middle, 0.15)), 0.9)
    return graph.mix(grime, color, (0.07, 0.062, 0.05)), roughness, metallic
