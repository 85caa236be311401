"""Shader graphs: steel that rusts where the twin says so, and the matter that stands around it.

Textures are procedural, in metres of object space. Colours follow what rust is made of: young lepidocrocite is orange,
old goethite and magnetite are dark brown to black.
"""

from collections.abc import Callable
from typing import Any

import bpy

from synth.spec import Color, Finish

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


class Graph:
    """A material's node tree, written as expressions: each method adds a node and returns its output socket."""

    def __init__(self, name: str, seed: float) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.surface = self.tree.nodes["Principled BSDF"]
        coordinates = self.tree.nodes.new("ShaderNodeTexCoord")
        self.use_position(coordinates.outputs["Object"], seed)

    def use_position(self, position: Any, seed: float) -> None:
        """Take `position` as where the noise is looked up, moved by `seed` so that two materials of a kind differ."""
        moved = self.node("ShaderNodeVectorMath", _0=position, _1=(seed, seed * 1.7, seed * 0.3))
        self.position = moved.outputs["Vector"]

    def node(self, kind: str, **inputs: Any) -> Any:
        """Add a node and connect or set its inputs, by name or as ``_0`` for the first."""
        node = self.tree.nodes.new(kind)
        for name, value in inputs.items():
            self.put(node.inputs[int(name[1:]) if name.startswith("_") else name.replace("_", " ")], value)
        return node

    def put(self, socket: Any, value: Any) -> None:
        """Connect an output to an input socket, or set its value."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif isinstance(value, tuple | list) and socket.type == "RGBA":
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value

    def math(self, operation: str, a: Any, b: Any = 0.0, *, clamp: bool = False) -> Any:
        """An arithmetic node."""
        node = self.node("ShaderNodeMath", _0=a, _1=b)
        node.operation, node.use_clamp = operation, clamp
        return node.outputs[0]

    def noise(self, scale: float, *, detail: float = 4.0, roughness: float = 0.55, warp: float = 0.0) -> Any:
        """Perlin noise in [0, 1], `scale` features a metre."""
        return self.node(
            "ShaderNodeTexNoise", Vector=self.position, Scale=scale, Detail=detail, Roughness=roughness, Distortion=warp
        ).outputs["Fac"]

    def step(self, value: Any, low: float, high: float) -> Any:
        """0 below `low`, 1 above `high`, smooth between."""
        node = self.tree.nodes.new("ShaderNodeMapRange")
        node.interpolation_type = "SMOOTHSTEP"
        self.put(node.inputs["Value"], value)
        node.inputs["From Min"].default_value, node.inputs["From Max"].default_value = low, high
        return node.outputs["Result"]

    def ramp(self, value: Any, stops: tuple[tuple[float, Color], ...]) -> Any:
        """A colour between stops."""
        node = self.node("ShaderNodeValToRGB", Fac=value)
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(0.5)
        for element, (position, color) in zip(elements, stops, strict=True):
            element.position, element.color = position, (*color, 1)
        return node.outputs["Color"]

    def mix(self, share: Any, a: Any, b: Any) -> Any:
        """Colour `a` where `share` is 0, `b` where it is 1."""
        node = self.tree.nodes.new("ShaderNodeMix")
        node.data_type = "RGBA"
        self.put(node.inputs[0], share)
        self.put(node.inputs[6], a)
        self.put(node.inputs[7], b)
        return node.outputs[2]

    def blend(self, share: Any, a: Any, b: Any) -> Any:
        """Number `a` where `share` is 0, `b` where it is 1."""
        node = self.node("ShaderNodeMix")
        self.put(node.inputs[0], share)
        self.put(node.inputs[2], a)
        self.put(node.inputs[3], b)
        return node.outputs[0]

    def bump(self, height: Any, distance_m: float, *, strength: float = 1.0) -> Any:
        """A normal disturbed by a height in [0, 1], whose full range is `distance_m` high."""
        return self.node("ShaderNodeBump", Height=height, Distance=distance_m, Strength=strength).outputs["Normal"]

    def finish(self, *, color: Any, roughness: Any, metallic: Any = 0.0, normal: Any = None) -> bpy.types.Material:
        """Wire the surface and return the material."""
        self.put(self.surface.inputs["Base Color"], color)
        self.put(self.surface.inputs["Roughness"], roughness)
        self.put(self.surface.inputs["Metallic"], metallic)
        if normal is not None:
            self.put(self.surface.inputs["Normal"], normal)
        return self.material


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


def concrete(color: Color, seed: float) -> bpy.types.Material:
    """Cast concrete: pale, blotched, with pores."""
    graph = _matter("concrete", seed)
    blotch, grain = graph.noise(1.8, detail=5), graph.noise(90, detail=3, roughness=0.7)
    tone = graph.math("ADD", graph.math("MULTIPLY", blotch, 0.7), graph.math("MULTIPLY", grain, 0.3))
    pores = graph.step(graph.noise(28, detail=2), 0.62, 0.7)
    base = graph.ramp(tone, ((0.25, _scaled(color, 0.45)), (0.55, color), (0.8, _scaled(color, 1.3))))
    return graph.finish(
        color=graph.mix(pores, base, _scaled(color, 0.4)),
        roughness=0.9,
        normal=graph.bump(graph.math("SUBTRACT", grain, pores), 0.0012),
    )


def gravel(color: Color, seed: float) -> bpy.types.Material:
    """Crushed stone: cells of differing grey, deep between."""
    graph = _matter("gravel", seed)
    cells = graph.node("ShaderNodeTexVoronoi", Vector=graph.position, Scale=60.0)
    split = graph.node("ShaderNodeSeparateColor", Color=cells.outputs["Color"])
    gap = graph.step(cells.outputs["Distance"], 0.25, 0.65)
    stone = graph.ramp(split.outputs["Red"], ((0.0, _scaled(color, 0.45)), (0.5, color), (1.0, _scaled(color, 1.7))))
    return graph.finish(
        color=graph.mix(gap, stone, _scaled(color, 0.15)), roughness=0.95,
        normal=graph.bump(graph.math("SUBTRACT", 1.0, cells.outputs["Distance"]), 0.006),
    )  # fmt: skip


def soil(color: Color, seed: float) -> bpy.types.Material:
    """Earth: brown, clotted. It looks like rust and is none."""
    graph = _matter("soil", seed)
    clots, grain = graph.noise(9, detail=6, roughness=0.75), graph.noise(160, detail=2)
    tone = graph.math("ADD", graph.math("MULTIPLY", clots, 0.75), graph.math("MULTIPLY", grain, 0.25))
    return graph.finish(
        color=graph.ramp(tone, ((0.3, _scaled(color, 0.35)), (0.55, color), (0.75, _scaled(color, 1.6)))),
        roughness=1.0, normal=graph.bump(tone, 0.012),
    )  # fmt: skip


def grass(color: Color, seed: float) -> bpy.types.Material:
    """A mown lawn seen from a few metres."""
    graph = _matter("grass", seed)
    blades, patch = graph.noise(130, detail=6, roughness=0.8, warp=2.0), graph.noise(2.5)
    tone = graph.math("ADD", graph.math("MULTIPLY", blades, 0.7), graph.math("MULTIPLY", patch, 0.3))
    return graph.finish(
        color=graph.ramp(tone, ((0.3, _scaled(color, 0.25)), (0.55, color), (0.8, _scaled(color, 2.0)))),
        roughness=0.9, normal=graph.bump(blades, 0.03),
    )  # fmt: skip


def brick(color: Color, seed: float) -> bpy.types.Material:
    """Brickwork with pale mortar: red-brown, and no rust."""
    graph = _matter("brick", seed)
    turned = graph.node("ShaderNodeMapping", Vector=graph.position, Rotation=(1.5708, 0.0, 0.0))
    wall = graph.node(
        "ShaderNodeTexBrick", Vector=turned.outputs["Vector"], Color1=color, Color2=_scaled(color, 0.6),
        Mortar=(0.32, 0.3, 0.27), Scale=1.0, Mortar_Size=0.008, Brick_Width=0.22, Row_Height=0.075,
    )  # fmt: skip
    grain = graph.noise(70, detail=5)
    worn = graph.mix(graph.step(grain, 0.45, 0.8), wall.outputs["Color"], _scaled(color, 0.5))
    height = graph.math("SUBTRACT", graph.math("MULTIPLY", grain, 0.4), wall.outputs["Fac"])
    return graph.finish(color=worn, roughness=0.92, normal=graph.bump(height, 0.006))


def plain(color: Color, seed: float) -> bpy.types.Material:
    """Weathered paint or plastic of one colour."""
    graph = _matter("plain", seed)
    wear = graph.noise(5, detail=7)
    return graph.finish(
        color=graph.mix(graph.step(wear, 0.35, 0.75), color, _scaled(color, 0.6)),
        roughness=graph.blend(wear, 0.35, 0.7), normal=graph.bump(graph.noise(60), 0.0006),
    )  # fmt: skip


def wood(color: Color, seed: float) -> bpy.types.Material:
    """Sawn timber with its grain along x."""
    graph = _matter("wood", seed)
    stretched = graph.node("ShaderNodeMapping", Vector=graph.position, Scale=(0.06, 1.0, 1.0))
    graph.position = stretched.outputs["Vector"]
    grain = graph.noise(70, detail=4, warp=1.5)
    return graph.finish(
        color=graph.ramp(grain, ((0.3, _scaled(color, 0.4)), (0.55, color), (0.8, _scaled(color, 1.5)))),
        roughness=0.8, normal=graph.bump(grain, 0.004),
    )  # fmt: skip


PROPS: dict[str, Callable[[Color, float], bpy.types.Material]] = {
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


def _scaled(color: Color, factor: float) -> Color:
    red, green, blue = (min(1.0, channel * factor) for channel in color)
    return red, green, blue
