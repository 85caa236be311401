"""Arrange assets: alone, in a yard, on a bridge pier, under a bridge deck, on a chequer-plate floor, in a rack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import radians
from typing import Any

import numpy as np
import trimesh

from corrotwin.synth.presets import own_twins
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene import surroundings
from corrotwin.synth.scene.bridges import bridge, deck
from corrotwin.synth.scene.clutter.footprints import corners_of, is_free, of_prop, seen_from_above
from corrotwin.synth.scene.placement import (
    BACKDROP_HEIGHT,
    WIDE_M,
    Arrangement,
    DrawSpecimen,
    Placed,
    corners,
    place_beside,
    resting,
)
from corrotwin.synth.scene.specimen import Specimen
from corrotwin.synth.scene.surroundings import Array
from corrotwin.synth.spec import Prop
from corrotwin.twin.twin_state import TwinState

HUNG = ("hanging", "spanning")  # layouts of a chain that may float above the ground


def alone(specimen: Specimen, chosen: Preset, eyes: Array, rng: np.random.Generator) -> Arrangement:
    """Arrange one asset as it stands, with or without a wall behind it.

    Ground and wall extend beyond all camera positions `eyes`, (n, 3) metres.
    """
    placed = Placed(specimen=specimen, pose=np.eye(4))
    return _yard([placed], [], chosen, eyes, rng)


def lone(draw: DrawSpecimen, kind: str, rng: np.random.Generator) -> Arrangement:
    """Arrange the subject alone, on its supports if it has any, to stand before a photograph."""
    subject = draw(kind)
    pose, supported = stand(subject.twin, subject.asset.vertices, rng)
    placed = Placed(specimen=subject, pose=pose)
    supports = _supports(placed, rng) if supported else []
    return Arrangement(placed=(placed,), props=tuple(supports), ground="", wide_m=WIDE_M, height=BACKDROP_HEIGHT)


def yard(draw: DrawSpecimen, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """Arrange the subject and other assets around it on open ground."""
    subject = draw(kind)
    pose, supported = stand(subject.twin, subject.asset.vertices, rng)
    placed = [Placed(specimen=subject, pose=pose)]
    supports = _supports(placed[0], rng) if supported else []
    for _ in range(int(rng.integers(chosen.company[0], chosen.company[1] + 1))):
        kinds = [name for name in chosen.kinds if name != kind] or chosen.kinds
        other = draw(str(rng.choice(kinds)), beside=subject.twin if rng.random() < 0.5 else None, subject=False)
        _join(other, placed, supports, rng)
    return _yard(placed, supports, chosen, np.empty((0, 3)), rng)


def floor(draw: DrawSpecimen, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """Arrange chequer plates side by side with a thin joint between them; any other subject stands on them."""
    plates: dict[str, Any] = {
        "fasteners": "chequer" if rng.random() < 0.9 else "none", "upright": False, "stiffeners": 0, "opening_mm": 0.0,
        "butt_weld": False, "dents": 0, "thickness_mm": float(rng.choice([5, 6, 8])), "edge": "sheared",
        "length_m": round(float(rng.uniform(1.2, 2.4)), 3), "width_m": round(float(rng.uniform(0.5, 1.2)), 3),
    }  # fmt: skip
    first = draw("plate", **plates)
    gap, turn = rng.uniform(0.001, 0.008), radians(rng.uniform(-25, 25))
    spacing = plates["width_m"] + gap
    tiles = [first] + [draw("plate", like=first) for _ in range(2 if kind == "plate" else 1)]
    rotation = trimesh.transformations.rotation_matrix(turn, [0, 0, 1])
    placed = []
    for tile, row in zip(tiles, (0, 1, -1), strict=False):
        pose = rotation.copy()
        pose[:3, 3] = rotation[:3, :3] @ [rng.uniform(-0.01, 0.01), row * spacing, 0.001 + rng.uniform(0, 0.001)]
        placed.append(Placed(specimen=tile, pose=pose))
    top = float(max(asset.vertices[:, 2].max() for asset in placed)) + 0.0002
    other_kind = str(rng.choice(["railing", "railing", "bolt"]))
    standing = kind if kind != "plate" else other_kind if rng.random() < 0.5 else None
    if standing is not None:
        other = draw(
            standing, beside=first.twin, subject=kind != "plate", where={"upright": False} if standing == "bolt" else {}
        )
        pose = resting(other.asset.vertices, rng.uniform(-40, 40))
        pose[:3, 3] += [rng.uniform(-0.2, 0.2), rng.uniform(0, 0.4), top]
        placed.insert(0 if kind != "plate" else len(placed), Placed(specimen=other, pose=pose))
    props, clutter = [], []
    low, high = corners(placed)
    wall = str(rng.choice(chosen.walls))
    if wall != "none" and rng.random() < 0.7:
        props.append(surroundings.wall(wall, high[1] + 0.02, WIDE_M, rng))
    else:
        clutter = surroundings.clutter(chosen, low, high, rng)
    return Arrangement(
        placed=tuple(placed), props=tuple(props), clutter=tuple(clutter), ground=str(rng.choice(chosen.grounds)),
        wide_m=WIDE_M, around=(-160, -20), height=(18, 80),
    )  # fmt: skip


def rack(draw: DrawSpecimen, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """Arrange pipes side by side, each on its own supports, and perhaps another asset beside them."""
    subject = draw(kind)
    pose, supported = stand(subject.twin, subject.asset.vertices, rng, turn_degrees=8.0)
    placed = [Placed(specimen=subject, pose=pose)]
    supports = surroundings.blocks(placed[0].vertices, rng) if supported else []
    count = int(rng.integers(min(1, chosen.company[1]), chosen.company[1] + 2))
    other_kinds = [name for name in chosen.kinds if name != "pipe"]
    for number in range(count):
        if number and number == count - 1 and other_kinds:
            other = draw(str(rng.choice(other_kinds)), beside=subject.twin, subject=False)
            _join(other, placed, supports, rng)
            continue
        other = draw("pipe", beside=subject.twin, subject=False)
        _, high = corners(placed)
        other_pose = resting(other.asset.vertices, 0.0)
        extent = np.ptp(trimesh.transform_points(other.asset.vertices, other_pose), axis=0)
        other_pose[:3, 3] += [rng.uniform(-0.4, 0.4), high[1] + rng.uniform(0.04, 0.35) + extent[1] / 2, 0.0]
        placed.append(Placed(specimen=other, pose=other_pose))
    return _yard(placed, supports, chosen, np.empty((0, 3)), rng)


ARRANGEMENTS: Mapping[str, Callable[[DrawSpecimen, str, Preset, np.random.Generator], Arrangement]] = {
    "yard": yard, "bridge": bridge, "deck": deck, "floor": floor, "rack": rack,
}  # fmt: skip


def choose(chosen: Preset, kind: str, rng: np.random.Generator) -> str:
    """Draw the name of an arrangement for a subject of this kind, by the preset's weights."""
    fitting = [(name, weight) for name, weight in chosen.arrangements if own_twins.suits(name, kind)]
    weights = np.array([weight for _, weight in fitting])
    return fitting[int(rng.choice(len(fitting), p=weights / weights.sum()))][0]


def stand(
    twin: TwinState, vertices: Array, rng: np.random.Generator, *, turn_degrees: float = 25.0
) -> tuple[Array, bool]:
    """Return the pose (4, 4) of a drawn asset, and whether something supports it.

    The asset is turned about the vertical by at most `turn_degrees`, with its middle over the origin.

    Its z axis stays vertical, since it corroded in that position. A pipe without supports or a straight bar may be
    raised on blocks, a tank on a foundation, and a hanging chain into the air; a leaning asset has a block behind it.
    Other assets stand on the ground or on their own supports.
    """
    turn, lift = float(rng.uniform(-turn_degrees, turn_degrees)), float(rng.choice([0.0, rng.uniform(0.15, 0.9)]))
    if twin.kind == "tank":
        lift *= 0.4
    elif not (_lies_free(twin) or twin.parameters.get("layout") in HUNG):
        lift = 0.0
    carried = (_lies_free(twin) or twin.kind == "tank") and lift > 0
    return resting(vertices, turn, lift), carried or bool(twin.parameters.get("lean_degrees"))


def _join(other: Specimen, placed: list[Placed], supports: list[Prop], rng: np.random.Generator) -> None:
    """Add an asset beside the placed ones, with what it leans on, if there is room for both."""
    neighbour = place_beside(other, placed, rng, taken=[corners_of(prop) for prop in supports])
    if neighbour is None:
        return
    own_supports = _supports(neighbour, rng) if other.twin.parameters.get("lean_degrees") else []
    boxes = [seen_from_above(*corners([asset])) for asset in placed]
    if all(is_free(of_prop(prop), boxes) for prop in own_supports):
        placed.append(neighbour)
        supports += own_supports


def _supports(placed: Placed, rng: np.random.Generator) -> list[Prop]:
    """Return the props that carry a raised asset, or that a leaning asset leans on."""
    if placed.specimen.twin.kind == "tank":
        return [surroundings.plinth(placed.vertices, rng)]
    if lean := placed.specimen.twin.parameters.get("lean_degrees"):
        return [surroundings.backrest(placed.specimen.asset.vertices, lean, placed.pose, rng)]
    return surroundings.blocks(placed.vertices, rng)


def _lies_free(twin: TwinState) -> bool:
    """Return True if two blocks can support the asset: it is long, lies flat and has no supports of its own."""
    parameters = twin.parameters
    if twin.kind == "bar":
        return bool(parameters["shape"] == "straight" and parameters["arrangement"] != "mat")
    return bool(twin.kind == "pipe" and not parameters["upright"] and not parameters["supports_at_m"])


def _yard(
    placed: Sequence[Placed], supports: Sequence[Prop], chosen: Preset, eyes: Array, rng: np.random.Generator
) -> Arrangement:
    """Arrange placed assets on open ground, with clutter and perhaps a wall.

    Ground and wall extend beyond the stated cameras, at `eyes` (n, 3).
    """
    low, high = corners(placed)
    wide = WIDE_M + 2 * float(np.abs([low[:2], high[:2], *eyes[:, :2]]).max())
    ground, props = str(rng.choice(chosen.grounds)), []
    wall, y = str(rng.choice(chosen.walls)), high[1] + rng.uniform(0.02, 1.2)
    if wall != "none":
        props.append(surroundings.wall(wall, y, wide, rng))
    clutter = surroundings.clutter(chosen, *corners(placed[:1]), rng)
    return Arrangement(
        placed=tuple(placed), props=(*props, *supports), clutter=tuple(clutter), ground=ground, wide_m=wide
    )


def at_age(arrangement: Arrangement, years: float, age: Callable[[Specimen, float], Specimen]) -> Arrangement:
    """Return the same arrangement with every asset at another age in years."""
    placed = tuple(replace(asset, specimen=age(asset.specimen, years)) for asset in arrangement.placed)
    return replace(arrangement, placed=placed)
