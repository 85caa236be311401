"""Build shader graphs as expressions."""

from typing import Any

import bpy

from corrotwin.synth.spec import Color

NORMAL = "normal"  # render output with the normal of the mesh, without bumps and smoothing
GLOSS = 0.07  # share of light that dull paint and stone reflect uncoloured


class Graph:
    """A material's node tree, built as expressions: each method adds a node and returns its output socket."""

    def __init__(self, name: str, seed: float) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()
        coordinates = self.tree.nodes.new("ShaderNodeTexCoord")
        self.use_position(coordinates.outputs["Object"], seed)

    def use_position(self, position: Any, seed: float) -> None:
        """Evaluate noise at `position`, shifted by `seed` so that two materials of a kind differ."""
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
        """Add an arithmetic node."""
        node = self.node("ShaderNodeMath", _0=a, _1=b)
        node.operation, node.use_clamp = operation, clamp
        return node.outputs[0]

    def noise(self, scale: float, *, detail: float = 4.0, roughness: float = 0.55, warp: float = 0.0) -> Any:
        """Return Perlin noise in [0, 1], `scale` features per metre."""
        return self.node(
            "ShaderNodeTexNoise", Vector=self.position, Scale=scale, Detail=detail, Roughness=roughness, Distortion=warp
        ).outputs["Fac"]

    def step(self, value: Any, low: float, high: float) -> Any:
        """Return 0 below `low`, 1 above `high`, and a smooth step between."""
        node = self.tree.nodes.new("ShaderNodeMapRange")
        node.interpolation_type = "SMOOTHSTEP"
        self.put(node.inputs["Value"], value)
        node.inputs["From Min"].default_value, node.inputs["From Max"].default_value = low, high
        return node.outputs["Result"]

    def ramp(self, value: Any, stops: tuple[tuple[float, Color], ...]) -> Any:
        """Return a colour interpolated between stops."""
        node = self.node("ShaderNodeValToRGB", Fac=value)
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(0.5)
        for element, (position, color) in zip(elements, stops, strict=True):
            element.position, element.color = position, (*color, 1)
        return node.outputs["Color"]

    def mix(self, share: Any, a: Any, b: Any) -> Any:
        """Mix two colours: `a` where `share` is 0, `b` where it is 1."""
        node = self.tree.nodes.new("ShaderNodeMix")
        node.data_type = "RGBA"
        self.put(node.inputs[0], share)
        self.put(node.inputs[6], a)
        self.put(node.inputs[7], b)
        return node.outputs[2]

    def multiply(self, a: Any, b: Any) -> Any:
        """Return the product of two colours."""
        node = self.node("ShaderNodeMix")
        node.data_type, node.blend_type = "RGBA", "MULTIPLY"
        for index, value in ((0, 1.0), (6, a), (7, b)):
            self.put(node.inputs[index], value)
        return node.outputs[2]

    def times(self, color: Any, factor: Any | None) -> Any:
        """Return a colour or vector times a number, unclamped; unchanged if the factor is None."""
        if factor is None:
            return color
        node = self.node("ShaderNodeVectorMath", _0=color)
        node.operation = "SCALE"
        self.put(node.inputs["Scale"], factor)
        return node.outputs["Vector"]

    def blend(self, share: Any, a: Any, b: Any) -> Any:
        """Mix two numbers: `a` where `share` is 0, `b` where it is 1."""
        node = self.node("ShaderNodeMix")
        self.put(node.inputs[0], share)
        self.put(node.inputs[2], a)
        self.put(node.inputs[3], b)
        return node.outputs[0]

    def bump(self, height: Any, distance_m: float, *, strength: float = 1.0) -> Any:
        """Return the normal perturbed by a height in [0, 1], whose full range is `distance_m`."""
        return self.node("ShaderNodeBump", Height=height, Distance=distance_m, Strength=strength).outputs["Normal"]

    def reflection(self, *, color: Any, roughness: Any, metallic: Any = 0.0, normal: Any = None) -> Any:
        """Return how a surface reflects light, by Blender's principled model."""
        node = self.node("ShaderNodeBsdfPrincipled", Base_Color=color, Roughness=roughness, Metallic=metallic)
        if normal is not None:
            self.put(node.inputs["Normal"], normal)
        return node.outputs[0]

    def either(self, share: Any, a: Any, b: Any) -> Any:
        """Return the reflection `a` where `share` is 0, `b` where it is 1, and a mixture in between.

        Unlike with `mix` and `blend`, the inputs of one are not evaluated where only the other is used.
        """
        return self.node("ShaderNodeMixShader", _0=share, _1=a, _2=b).outputs[0]

    def finish(
        self, *, color: Any, mean: Any, roughness: Any, metallic: Any = 0.0, normal: Any = None
    ) -> bpy.types.Material:
        """Wire a surface of one reflection and return the material; see `close`."""
        return self.close(self.reflection(color=color, roughness=roughness, metallic=metallic, normal=normal), mean)

    def close(self, seen: Any, mean: Any, *, left: Any = None) -> bpy.types.Material:
        """Wire the surface and return the material; where `left` is 0 instead of 1, there is no surface.

        Diffuse rays, which come from a dull surface, see only the colour `mean`, so that Cycles evaluates the graph of
        the reflection `seen` for cameras and glossy rays alone.
        """
        output = self.tree.nodes.new("ShaderNodeOutputAOV")
        output.aov_name = NORMAL
        true_normal = self.tree.nodes.new("ShaderNodeNewGeometry").outputs["True Normal"]
        self.put(output.inputs["Color"], self.times(true_normal, left))
        bounced = self.tree.nodes.new("ShaderNodeLightPath").outputs["Is Diffuse Ray"]
        plain = self.node("ShaderNodeBsdfDiffuse", Color=self.mix(GLOSS, mean, (1.0, 1.0, 1.0))).outputs[0]
        surface = self.either(bounced, seen, plain)
        if left is not None:
            open_air = self.tree.nodes.new("ShaderNodeBsdfTransparent").outputs[0]
            surface = self.either(left, open_air, surface)
        self.put(self.tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"], surface)
        return self.material


def scaled(color: Color, factor: float | Color) -> Color:
    """Return a lighter or darker colour; three factors also change its hue."""
    factors = (factor,) * 3 if isinstance(factor, float | int) else factor
    red, green, blue = (min(1.0, channel * share) for channel, share in zip(color, factors, strict=True))
    return red, green, blue
