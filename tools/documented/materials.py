"""Materials of the documented script, by `bproc.material.create` and nodes: paint, rust, grounds, clutter.

Rust is a separate shell a little outside the steel, with holes where its noise is below a threshold.
`enable_segmentation_output` compares its alpha with `pass_alpha_threshold`, so that a hole shows what lies beneath it,
in the picture as well as in the segmentation.
"""

from types import ModuleType
from typing import Any

import numpy as np

Color = tuple[float, float, float]

SIZE = "size_m"  # custom property of a part: its extent along its own axes, for distances to its edges
# Linear RGB, read off photographs of steel.
PAINTS: tuple[Color, ...] = (
    (0.55, 0.56, 0.54), (0.40, 0.42, 0.42), (0.22, 0.24, 0.25), (0.70, 0.70, 0.66), (0.62, 0.58, 0.42),
    (0.20, 0.33, 0.22), (0.30, 0.45, 0.30), (0.10, 0.17, 0.14), (0.05, 0.09, 0.16), (0.09, 0.20, 0.35),
    (0.60, 0.45, 0.06), (0.33, 0.06, 0.04), (0.05, 0.05, 0.05), (0.45, 0.52, 0.50),
)  # fmt: skip
RUSTS: tuple[tuple[Color, Color, Color], ...] = (  # dark, middle, light
    ((0.018, 0.008, 0.005), (0.085, 0.028, 0.012), (0.24, 0.085, 0.030)),
    ((0.030, 0.014, 0.009), (0.120, 0.045, 0.020), (0.33, 0.130, 0.045)),
    ((0.012, 0.008, 0.007), (0.050, 0.024, 0.015), (0.13, 0.060, 0.030)),
    ((0.045, 0.016, 0.008), (0.190, 0.065, 0.018), (0.42, 0.170, 0.050)),
)
GROUNDS: tuple[tuple[Color, Color], ...] = (
    ((0.30, 0.29, 0.27), (0.45, 0.44, 0.41)), ((0.16, 0.16, 0.16), (0.26, 0.26, 0.25)),
    ((0.10, 0.075, 0.05), (0.22, 0.17, 0.12)), ((0.03, 0.07, 0.015), (0.10, 0.17, 0.04)),
    ((0.35, 0.30, 0.23), (0.20, 0.16, 0.12)), ((0.05, 0.05, 0.055), (0.10, 0.10, 0.10)),
    ((0.28, 0.12, 0.08), (0.40, 0.20, 0.14)), ((0.55, 0.54, 0.50), (0.38, 0.37, 0.35)),
)  # fmt: skip


class Nodes:
    """A BlenderProc material under construction, with the nodes that several materials share."""

    def __init__(self, bproc: ModuleType, name: str) -> None:
        self.material = bproc.material.create(name)

    def node(self, kind: str, **settings: Any) -> Any:
        """Add a node; `settings` are its attributes."""
        node = self.material.new_node(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        return node

    def put(self, socket: Any, value: Any) -> None:
        """Link an output to an input, or set the input's value."""
        if hasattr(value, "is_output"):
            self.material.link(value, socket)
        else:
            socket.default_value = (*value, 1.0) if socket.type == "RGBA" else value

    def math(self, operation: str, first: Any, second: Any = 0.0) -> Any:
        """Return the result of a math node."""
        node = self.node("Math", operation=operation)
        self.put(node.inputs[0], first)
        self.put(node.inputs[1], second)
        return node.outputs[0]

    def place(self, offset: Any, scale: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Any:
        """Return the position in the world, moved by `offset` and scaled along the axes."""
        mapping = self.node("Mapping")
        self.put(mapping.inputs["Vector"], self.node("NewGeometry").outputs["Position"])
        self.put(mapping.inputs["Location"], offset)
        self.put(mapping.inputs["Scale"], scale)
        return mapping.outputs["Vector"]

    def noise(self, place: Any, scale: float, detail: float = 6.0, roughness: float = 0.6) -> Any:
        """Return fractal noise, about 0 to 1 with a mean of 0.5."""
        node = self.node("TexNoise")
        self.put(node.inputs["Vector"], place)
        for name, value in (("Scale", scale), ("Detail", detail), ("Roughness", roughness)):
            node.inputs[name].default_value = value
        return node.outputs["Fac"]

    def ramp(self, value: Any, low: float, high: float, bottom: float = 0.0, top: float = 1.0) -> Any:
        """Map low to high onto bottom to top, clamped."""
        node = self.node("MapRange")
        for name, setting in zip(
            ("Value", "From Min", "From Max", "To Min", "To Max"), (value, low, high, bottom, top), strict=True
        ):
            self.put(node.inputs[name], setting)
        return node.outputs[0]

    def blend(self, share: Any, first: Any, second: Any) -> Any:
        """Return a mix of two colours."""
        node = self.node("MixRGB")
        for socket, value in zip(node.inputs, (share, first, second), strict=True):
            self.put(socket, value)
        return node.outputs[0]

    def colors(self, value: Any, stops: tuple[tuple[float, Color], ...]) -> Any:
        """Return the colour of a value on a ramp of colours."""
        node = self.node("ValToRGB")
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(0.5)
        for element, (position, color) in zip(elements, stops, strict=True):
            element.position, element.color = position, (*color, 1.0)
        self.put(node.inputs[0], value)
        return node.outputs[0]

    def edge_m(self) -> Any:
        """Return the distance to the nearest edge of a box, m, from its generated coordinates and its `SIZE`."""
        generated = self.node("SeparateXYZ")
        self.put(generated.inputs[0], self.node("TexCoord").outputs["Generated"])
        size = self.node("SeparateXYZ")
        extent = self.node("Attribute", attribute_type="OBJECT", attribute_name=SIZE)
        self.put(size.inputs[0], extent.outputs["Vector"])
        a, b, c = (
            self.math("MULTIPLY", self.math("MINIMUM", coordinate, self.math("SUBTRACT", 1.0, coordinate)), length)
            for coordinate, length in zip(generated.outputs, size.outputs, strict=True)
        )  # to the nearer face along each axis: one is 0, and the lesser of the others is the result
        return self.math("MAXIMUM", self.math("MINIMUM", a, b), self.math("MINIMUM", self.math("MAXIMUM", a, b), c))

    def bump(self, height: Any, distance_m: float, strength: float = 1.0) -> None:
        """Bend the normals of the principled shader."""
        node = self.node("Bump")
        self.put(node.inputs["Height"], height)
        node.inputs["Distance"].default_value, node.inputs["Strength"].default_value = distance_m, strength
        self.material.set_principled_shader_value("Normal", node.outputs["Normal"])

    def finish(self, color: Any, roughness: Any) -> Any:
        """Give the principled shader colour and roughness, and return the material."""
        principled = self.material.get_the_one_node_with_type("BsdfPrincipled")
        self.put(principled.inputs["Base Color"], color)
        self.put(principled.inputs["Roughness"], roughness)
        return self.material


class Weathering:
    """Paint and rust of one structure, with a noise that both share, so that stains surround the rust."""

    def __init__(self, bproc: ModuleType, rng: np.random.Generator) -> None:
        self._bproc = bproc
        self._offset = tuple(rng.uniform(-50, 50, 3))
        self._scale = float(rng.choice([3.0, 6.0, 12.0, 25.0]) * rng.uniform(0.7, 1.4))
        self._streak = float(rng.choice([1.0, 1.0, 0.35]))  # patches longer from top to bottom than across
        self._edges = float(rng.uniform(0.0, 0.16))
        self._reach_m = float(rng.uniform(0.01, 0.06))
        self._low = float(rng.choice([0.0, 0.0, rng.uniform(0.05, 0.2)]))  # more rust near the ground
        self._height_m = float(rng.uniform(0.15, 0.7))
        self._threshold = float(rng.uniform(0.49, 0.63))
        self._rust = RUSTS[rng.integers(len(RUSTS))]
        self._paint = PAINTS[rng.integers(len(PAINTS))]
        self._rng = rng

    def _field(self, nodes: Nodes) -> Any:
        place = nodes.place(self._offset, (1.0, 1.0, self._streak))
        broad = nodes.noise(place, self._scale / 5, 2.0)  # where there is much rust, and where little
        patches = nodes.noise(place, self._scale, 9.0, 0.62)
        combined = nodes.math("ADD", nodes.math("MULTIPLY", patches, 0.6), nodes.math("MULTIPLY", broad, 0.4))
        near_edges = nodes.ramp(nodes.edge_m(), 0.0, self._reach_m, self._edges, 0.0)
        height = nodes.node("SeparateXYZ")
        nodes.put(height.inputs[0], nodes.node("NewGeometry").outputs["Position"])
        low = nodes.ramp(height.outputs[2], 0.0, self._height_m, self._low, 0.0)
        return nodes.math("ADD", nodes.math("ADD", combined, near_edges), low)

    def paint(self) -> Any:
        """Return the paint: dirty, a little uneven, with brown stains where rust is near."""
        nodes, rng = Nodes(self._bproc, "paint"), self._rng
        place = nodes.place(self._offset)
        dirt = nodes.noise(place, float(rng.uniform(2, 8)), 8.0, 0.7)
        darker = tuple(channel * rng.uniform(0.45, 0.9) for channel in self._paint)
        color = nodes.blend(nodes.ramp(dirt, 0.4, 0.65), self._paint, darker)
        stain = nodes.ramp(
            self._field(nodes), self._threshold - rng.uniform(0.04, 0.12), self._threshold, 0.0, rng.uniform(0.1, 0.7)
        )
        color = nodes.blend(stain, color, tuple(0.6 * channel for channel in self._rust[2]))
        nodes.bump(nodes.noise(place, float(rng.uniform(60, 250)), 2.0), float(rng.uniform(0, 0.0008)))
        metal = float(rng.choice([0.0, 0.0, 0.0, 0.6]))  # galvanised
        nodes.material.set_principled_shader_value("Metallic", metal)
        return nodes.finish(color, nodes.ramp(dirt, 0.3, 0.7, float(rng.uniform(0.25, 0.5)), 0.75))

    def rust(self, *, everywhere: bool = False) -> Any:
        """Return the rust of a shell, with holes; or without, for parts that are all rust."""
        nodes, rng = Nodes(self._bproc, "rust"), self._rng
        dark, middle, light = self._rust
        place = nodes.place(self._offset)
        patches = nodes.noise(place, self._scale * float(rng.uniform(2, 5)), 10.0, 0.7)
        grain = nodes.noise(place, float(rng.uniform(120, 400)), 4.0, 0.8)
        combined = nodes.math("ADD", nodes.math("MULTIPLY", patches, 0.65), nodes.math("MULTIPLY", grain, 0.35))
        color = nodes.colors(combined, ((0.34, dark), (0.5, middle), (0.66, light)))
        nodes.bump(combined, float(rng.uniform(0.002, 0.012)))
        material = nodes.finish(color, float(rng.uniform(0.75, 1.0)))
        if not everywhere:
            alpha = nodes.ramp(self._field(nodes), self._threshold, self._threshold + float(rng.uniform(0.004, 0.03)))
            material.set_principled_shader_value("Alpha", alpha)
        return material


def ground(bproc: ModuleType, rng: np.random.Generator) -> Any:
    """Return the material of a ground or a wall: two colours mixed by noise, with stones or joints as bumps."""
    nodes = Nodes(bproc, "ground")
    first, second = GROUNDS[rng.integers(len(GROUNDS))]
    place = nodes.place(tuple(rng.uniform(-50, 50, 3)))
    coarse = nodes.noise(place, float(rng.uniform(1, 6)), 10.0, 0.75)
    fine = nodes.noise(place, float(rng.uniform(20, 120)), 6.0, 0.7)
    combined = nodes.math("ADD", nodes.math("MULTIPLY", coarse, 0.5), nodes.math("MULTIPLY", fine, 0.5))
    nodes.bump(fine, float(rng.uniform(0.002, 0.03)))
    return nodes.finish(nodes.blend(nodes.ramp(combined, 0.35, 0.65), first, second), float(rng.uniform(0.6, 1.0)))


def plain(bproc: ModuleType, rng: np.random.Generator) -> Any:
    """Return the material of an object beside the steel: any colour, wood and brick among them."""
    nodes = Nodes(bproc, "clutter")
    color = tuple(rng.uniform(0.02, 0.7, 3)) if rng.random() < 0.6 else GROUNDS[rng.integers(len(GROUNDS))][0]
    place = nodes.place(tuple(rng.uniform(-50, 50, 3)))
    shade = nodes.ramp(nodes.noise(place, float(rng.uniform(3, 40)), 6.0), 0.3, 0.7)
    return nodes.finish(
        nodes.blend(shade, color, tuple(0.6 * channel for channel in color)), float(rng.uniform(0.2, 0.95))
    )


def marker(bproc: ModuleType) -> Any:
    """Return black and white squares, like those of the markers that photographers lay down."""
    nodes = Nodes(bproc, "marker")
    checker = nodes.node("TexChecker")
    nodes.put(checker.inputs["Vector"], nodes.node("TexCoord").outputs["Generated"])
    for name, value in (("Color1", (0.02, 0.02, 0.02, 1.0)), ("Color2", (0.75, 0.75, 0.75, 1.0)), ("Scale", 5.0)):
        checker.inputs[name].default_value = value
    return nodes.finish(checker.outputs["Color"], 0.6)
