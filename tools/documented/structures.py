"""Steel structures of the documented script, built from primitives: plates, beams, pipes, railings, stairs, chains.

A structure is a list of parts that stand around the origin on z = 0, a metre or two across.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import pi
from types import ModuleType
from typing import Any

import numpy as np

from tools.documented.materials import SIZE

Vector = Sequence[float]

FAR_M = 1e3  # an extent for parts without edges of their own


@dataclass
class Workshop:
    """A workshop that makes parts as BlenderProc objects and keeps bodies and bolts apart."""

    bproc: ModuleType
    rng: np.random.Generator
    bodies: list[Any] = field(default_factory=list)
    bolts: list[Any] = field(default_factory=list)

    def _added(self, part: Any, size: Vector) -> Any:
        part.persist_transformation_into_mesh(location=False, rotation=False, scale=True)
        part.set_cp(SIZE, [float(side) for side in size])
        self.bodies.append(part)
        return part

    def box(self, at: Vector, size: Vector, turn: Vector = (0.0, 0.0, 0.0)) -> Any:
        """Add a box with its middle `at`; sides in metres."""
        part = self.bproc.object.create_primitive(
            "CUBE", location=list(at), scale=[side / 2 for side in size], rotation=list(turn)
        )
        return self._added(part, size)

    def rod(self, start: Vector, end: Vector, radius_m: float) -> Any:
        """Add a cylinder from one point to another."""
        first, second = np.array(start, float), np.array(end, float)
        axis = second - first
        length = float(np.linalg.norm(axis))
        part = self.bproc.object.create_primitive("CYLINDER", radius=radius_m, depth=length, vertices=32)
        part.set_location((first + second) / 2)
        part.set_rotation_mat(self.bproc.camera.rotation_from_forward_vec(-axis))
        part.set_shading_mode("smooth")
        part.get_mesh().set_sharp_from_angle(angle=0.5)  # mode "auto" needs files that pip's bpy lacks
        return self._added(part, (0.0, FAR_M, length))  # so that `Nodes.edge_m` is the distance to its ends

    def ring(self, at: Vector, radius_m: float, thickness_m: float, turn: Vector, stretch: float) -> Any:
        """Add a torus, stretched along its own x: a link of a chain."""
        import bpy

        bpy.ops.mesh.primitive_torus_add(
            location=list(at), rotation=list(turn), major_radius=radius_m, minor_radius=thickness_m,
            major_segments=36, minor_segments=14,
        )  # fmt: skip
        (part,) = self.bproc.object.convert_to_meshes([bpy.context.object])
        part.set_scale([stretch, 1.0, 1.0])
        part.set_shading_mode("smooth")
        return self._added(part, (FAR_M, FAR_M, FAR_M))

    def bolt(self, at: Vector, toward: Vector, size_m: float) -> None:
        """Add a hexagonal head that stands on a surface."""
        foot = np.array(at, float)
        axis = np.array(toward, float)
        part = self.bproc.object.create_primitive(
            "CYLINDER", radius=0.6 * size_m, depth=0.65 * size_m, vertices=int(self.rng.choice([6, 16]))
        )
        part.set_location(foot + axis * 0.12 * size_m)
        part.set_rotation_mat(self.bproc.camera.rotation_from_forward_vec(-axis))
        part.set_cp(SIZE, [FAR_M, FAR_M, FAR_M])
        self.bolts.append(part)


def beam(shop: Workshop, start: Vector, length_m: float, height_m: float, turned: bool = False) -> None:
    """Add an I-section along x, or along y if `turned`, its middle at `start`."""
    width, flange, web = height_m * shop.rng.uniform(0.4, 0.9), height_m * 0.05, height_m * 0.035
    x, y, z = start

    def add(dz: float, across: float, tall: float) -> None:
        size = (across, length_m, tall) if turned else (length_m, across, tall)
        shop.box((x, y, z + dz), size)

    add((height_m - flange) / 2, width, flange)
    add((flange - height_m) / 2, width, flange)
    add(0.0, web, height_m - 2 * flange)
    for offset in np.arange(-length_m / 2 + 0.05, length_m / 2, float(shop.rng.uniform(0.35, 0.9))):
        size = (0.012, width * 0.95, height_m - 2 * flange)
        if turned:
            shop.box((x, y + offset, z), (size[1], size[0], size[2]))
        else:
            shop.box((x + offset, y, z), size)


def girders(shop: Workshop) -> None:
    """Build one to three girders on blocks, with bolted plates between them."""
    rng = shop.rng
    height = float(rng.uniform(0.3, 0.9))
    base = float(rng.uniform(0.05, 0.6))
    count = int(rng.integers(1, 4))
    for number in range(count):
        beam(shop, (0.0, number * 0.8, base + height / 2), float(rng.uniform(1.5, 3.0)), height)
    if count > 1:
        for _ in range(2):  # bracing
            x = float(rng.uniform(-0.6, 0.6))
            shop.box((x, 0.4, base + height / 2), (0.06, 0.95, 0.01), (rng.choice([-1, 1]) * 0.6, 0.0, 0.0))
    x = float(rng.uniform(-0.5, 0.5))
    shop.box((x, -0.02, base + height / 2), (0.35, 0.03, height * 0.7))
    for row in np.linspace(-0.28, 0.28, 5) * height:
        for column in (-0.11, -0.04, 0.04, 0.11):
            shop.bolt((x + column, -0.036, base + height / 2 + row), (0, -1, 0), 0.028)


def bearing(shop: Workshop) -> None:
    """Build a bearing: plates and a roller between a girder and its support."""
    rng = shop.rng
    shop.box((0, 0, 0.03), (0.7, 0.5, 0.06))
    shop.rod((0, -0.22, 0.13), (0, 0.22, 0.13), 0.075)
    for x in (-0.16, 0.0, 0.16):
        if rng.random() < 0.6:
            shop.box((x, 0, 0.14), (0.025, 0.42, 0.16))
    shop.box((0, 0, 0.235), (0.55, 0.45, 0.05))
    for x in (-0.3, 0.3):
        for y in (-0.2, 0.2):
            shop.bolt((x, y, 0.06), (0, 0, 1), 0.04)
    beam(shop, (0.0, 0.0, 0.26 + 0.35), 2.4, 0.7)


def plate(shop: Workshop) -> None:
    """Build a plate with ribs, or with the tears of chequer plate, lying or upright."""
    rng = shop.rng
    kind = rng.choice(["ribs", "chequer", "chequer", "bolts"])
    if kind == "chequer":
        shop.box((0, 0, 0.02), (1.6, 1.6, 0.012))
        step = 0.055
        for i in range(int(1.0 / step)):
            for j in range(int(1.0 / step)):
                turn = pi / 4 * (1 if (i + j) % 2 else -1)
                at = (-0.5 + (i + 0.5) * step, -0.5 + (j + 0.5) * step, 0.0275)
                part = shop.box(at, (0.032, 0.008, 0.004), (0, 0, turn))
                part.set_cp(SIZE, [FAR_M, FAR_M, FAR_M])
        tears = shop.bodies[1:]
        tears[0].join_with_other_objects(tears[1:])
        del shop.bodies[2:]
        return
    shop.box((0, 0, 0.6), (1.6, 0.014, 1.2))
    if kind == "ribs":
        for x in np.arange(-0.7, 0.71, float(rng.uniform(0.25, 0.5))):
            shop.box((x, -0.05, 0.6), (0.012, 0.09, 1.2))
        shop.box((0, -0.08, float(rng.uniform(0.1, 0.5))), (1.6, 0.16, 0.012))
    else:
        for x in np.arange(-0.7, 0.71, 0.14):
            for z in (0.1, 0.6, 1.1):
                shop.bolt((x, -0.007, z), (0, -1, 0), float(rng.uniform(0.02, 0.035)))


def pipes(shop: Workshop) -> None:
    """Build pipes with flanges, lying or standing, on saddles."""
    rng = shop.rng
    for number in range(int(rng.integers(1, 4))):
        radius, y = float(rng.uniform(0.05, 0.22)), number * 0.55
        z = 0.1 + radius
        shop.rod((-1.3, y, z), (1.3, y, z), radius)
        x = float(rng.uniform(-0.5, 0.5))
        for side in (-0.022, 0.022):
            shop.rod((x + side - 0.018, y, z), (x + side + 0.018, y, z), radius * 1.6)
        for angle in np.arange(0, 2 * pi, pi / 4):
            at = (x + 0.04, y + 1.35 * radius * np.cos(angle), z + 1.35 * radius * np.sin(angle))
            shop.bolt(at, (1, 0, 0), radius * 0.22)
        for support in (-0.8, 0.8):
            shop.box((support, y, z / 2 - radius / 2), (0.1, 1.4 * radius, z - 0.6 * radius))
        if rng.random() < 0.5:
            shop.rod((x - 0.5, y, z), (x - 0.5, y, z + 1.2), radius * 0.6)


def railing(shop: Workshop) -> None:
    """Build a railing: posts on base plates, rails, perhaps pickets."""
    rng = shop.rng
    radius = float(rng.uniform(0.018, 0.035))
    for x in np.arange(-1.2, 1.21, 0.8):
        shop.rod((x, 0, 0), (x, 0, 1.1), radius)
        shop.box((x, 0, 0.006), (0.14, 0.14, 0.012))
        for dx in (-0.05, 0.05):
            shop.bolt((x + dx, 0.05, 0.012), (0, 0, 1), 0.018)
    for z in (0.35, 0.7, 1.1):
        shop.rod((-1.4, 0, z), (1.4, 0, z), radius * (1.0 if z > 1 else 0.7))
    if rng.random() < 0.5:
        for x in np.arange(-1.1, 1.11, 0.16):
            shop.rod((x, 0, 0.1), (x, 0, 1.1), 0.009)


def stair(shop: Workshop) -> None:
    """Build a stair: two stringers, treads, a handrail."""
    slope, count = 0.7, 7
    for y in (-0.4, 0.4):
        shop.box((0, y, 0.72), (2.1, 0.012, 0.22), (0, -slope, 0))
        for number in (0, 3, 6):
            x = (number - 3) * 0.24
            shop.rod((x, y, 0.72 + x * 0.84), (x, y, 1.6 + x * 0.84), 0.02)
    for number in range(count):
        x = (number - 3) * 0.24
        shop.box((x, 0, 0.72 + x * 0.84), (0.25, 0.79, 0.03))
    shop.rod((-0.9, -0.4, 0.84), (0.9, -0.4, 2.36), 0.022)


def chain(shop: Workshop) -> None:
    """Build a chain: links in a wavy row on the ground, each turned a quarter against the one before."""
    rng = shop.rng
    radius, thickness = 0.09, float(rng.uniform(0.022, 0.034))
    swing, phase = float(rng.uniform(0, 0.25)), float(rng.uniform(0, 6))
    for number in range(12):
        x = (number - 6) * 0.2
        turn = (pi / 4 if number % 2 else -pi / 4, 0.0, swing * float(np.cos(x * 3 + phase)))
        shop.ring((x, swing * float(np.sin(x * 3 + phase)), 0.09), radius, thickness, turn, 1.55)


def tank(shop: Workshop) -> None:
    """Build a standing tank with bands, a nozzle and a ladder's rails."""
    radius = float(shop.rng.uniform(0.4, 0.9))
    shop.rod((0, 0, 0.05), (0, 0, 1.8), radius)
    for z in (0.1, 0.9, 1.7):
        shop.rod((0, 0, z), (0, 0, z + 0.05), radius * 1.03)
    shop.rod((0, -radius - 0.2, 0.5), (0, 0, 0.5), 0.09)
    shop.rod((0, -radius - 0.22, 0.5), (0, -radius - 0.18, 0.5), 0.15)
    for angle in np.arange(0, 2 * pi, pi / 4):
        at = (0.125 * np.cos(angle), -radius - 0.22, 0.5 + 0.125 * np.sin(angle))
        shop.bolt(at, (0, -1, 0), 0.026)


STRUCTURES: tuple[Callable[[Workshop], None], ...] = (
    girders, girders, bearing, plate, plate, pipes, railing, stair, chain, tank
)  # fmt: skip
