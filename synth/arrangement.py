"""How assets stand together: alone or in a yard, on a bridge pier, under its deck, on a chequer floor, in a rack."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, pi, radians, sin
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import trimesh

from synth import surroundings
from synth.config import Preset
from synth.ground import between
from synth.spec import Color, Prop
from synth.specimen import Specimen
from synth.surroundings import Array
from twin.assets.beam import MARGIN
from twin.assets.section_sizes import BEAMS
from twin.state import Twin

HUNG = ("hanging", "spanning")  # layouts of a chain that may float above the ground
CAST = ("concrete", "stained concrete", "stained concrete")  # of walls and decks of bridges
DEEP = [name for name, (height_mm, *_) in BEAMS.items() if height_mm >= 300]  # sections of girders
GRIMY: tuple[Color, Color] = ((0.11, 0.08, 0.058), (0.34, 0.27, 0.20))  # two ends of a colour, linear RGB
WIDE_M = 60.0  # of a ground, besides what stands on it
TRIES = 12  # places tried for another asset


class Draw(Protocol):
    """Draws the next specimen of a scene."""

    def __call__(
        self,
        kind: str,
        *,
        beside: Twin | None = None,
        subject: bool = True,
        like: Specimen | None = None,
        where: Mapping[str, Any] = MappingProxyType({}),
        **changes: Any,
    ) -> Specimen:
        """One of this kind, as `specimen.draw` makes it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A specimen where it stands: `pose` (4, 4) takes its own coordinates to the world's."""

    specimen: Specimen
    pose: Array

    @property
    def vertices(self) -> Array:
        """Vertices in the world, (n, 3)."""
        return np.asarray(trimesh.transform_points(self.specimen.asset.vertices, self.pose))


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrangement:
    """What stands where, the subject first, and from which sides it can be seen.

    The ground at z = 0, a square of `wide_m`, is of one of `ground.GROUNDS`, or "" where the props have it. `around`
    and `height` are ranges of the direction from the subject to a camera, in degrees: about the vertical (-90 is in
    front), and above the horizontal. No camera goes below `floor_m`.
    """

    placed: tuple[Placed, ...]
    props: tuple[Prop, ...]
    ground: str
    wide_m: float
    around: tuple[float, float] = (-153.0, -27.0)
    height: tuple[float, float] = (-8.0, 65.0)
    floor_m: float = 0.05


def alone(specimen: Specimen, chosen: Preset, eyes: Array, rng: np.random.Generator) -> Arrangement:
    """One asset as it stands, before a wall or none; ground and wall go on behind all `eyes` (n, 3)."""
    placed = Placed(specimen=specimen, pose=np.eye(4))
    return _yard([placed], [], chosen, eyes, rng)


def yard(draw: Draw, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """The subject with other assets about it, on open ground."""
    subject = draw(kind)
    pose, supported = stand(subject.twin, subject.asset.vertices, rng)
    placed = [Placed(specimen=subject, pose=pose)]
    supports = surroundings.blocks(placed[0].vertices, rng) if supported else []
    for _ in range(int(rng.integers(chosen.company[0], chosen.company[1] + 1))):
        other = draw(str(rng.choice(chosen.kinds)), beside=subject.twin if rng.random() < 0.5 else None, subject=False)
        found = _beside(other, placed, rng)
        if found is not None:
            placed.append(found)
    return _yard(placed, supports, chosen, np.empty((0, 3)), rng)


def bridge(draw: Draw, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """The subject on a concrete pier under a deck, with girders behind it."""
    wanted: dict[str, dict[str, Any]] = {
        "plate": {"upright": True},
        "bolt": {"upright": True, "joint": "plate"},
        "beam": {"stance": "beam" if rng.random() < 0.7 else "column"},
    }
    subject = draw(kind, where=wanted.get(kind, {}))
    placed = [Placed(specimen=subject, pose=_turned(subject.asset.vertices, rng.uniform(-6, 6)))]
    low, high = _corners(placed)
    front, back = low[1] - rng.uniform(0.08, 0.6), high[1] + rng.uniform(0.15, 1.6)
    wide, drop = float(max(high - low)) + rng.uniform(0.6, 3.0), rng.uniform(0.5, 2.5)
    bed, wall, slab = (str(rng.choice(of)) for of in (chosen.beds, CAST, CAST))
    tints = [_grime(chosen, rng) for _ in range(3)]
    shelf = rng.random() < 0.5  # the asset stands on a wide shelf, else near the front of a pier
    props = [surroundings.ground(str(rng.choice(chosen.grounds)), WIDE_M, rng, level=-drop)]
    if not shelf:
        props.append(
            surroundings.prop(
                "box", bed, (0, (front + back) / 2, -drop / 2), (wide, back - front, drop), rng, color=tints[0]
            )
        )
    if rng.random() < 0.65:
        props.append(surroundings.prop("box", wall, (0, back + 0.5, 2 - drop), (30, 1, 6), rng, color=tints[1]))
    if rng.random() < 0.7:
        soffit = high[2] + rng.uniform(0.0, 0.5)
        props.append(surroundings.prop("box", slab, (0, back, soffit + 0.15), (30, 12, 0.3), rng, color=tints[2]))
    half = 4.0 if shelf else wide / 2
    for _ in range(int(rng.integers(chosen.company[0], chosen.company[1] + 1))):
        other = draw(str(rng.choice(["beam", "beam", "bearing", "plate", "pipe"])), beside=subject.twin, subject=False)
        found = _beside(other, placed, rng, limit=(-half, front, half, back))
        if found is not None:
            placed.append(found)
    if bed in CAST and rng.random() < chosen.rulers:
        props += _ruler(low[0], high[0], front, _corners(placed)[0][1], rng)
    return Arrangement(
        placed=tuple(placed), props=tuple(props), ground=bed if shelf else "", wide_m=8.0, around=(-150, -30),
        height=(-20, 50), floor_m=0.05 if shelf else 0.05 - drop,
    )  # fmt: skip


def deck(draw: Draw, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """Girders side by side on walls under a concrete slab, with struts between them; seen from below, mostly."""
    length, drop = round(float(rng.uniform(3.0, 6.0)), 3), rng.uniform(1.5, 3.5)
    girder: dict[str, Any] = {
        "section": str(rng.choice(DEEP)), "length_m": length, "stance": "beam",
        "joint": str(rng.choice(["none", "none", "end plates", "splice"])),
        "joint_m": round(float(length * rng.uniform(0.35, 0.65)), 3), "stiffeners": int(rng.integers(0, 7)),
        "end_plate": False, "blocks": False,
    }  # fmt: skip
    away, behind = rng.uniform(0.9, 1.8), int(rng.integers(1, 3))
    girders = [draw(kind, **girder)]
    girders.append(draw(kind, beside=girders[0].twin, subject=False, **girder))
    girders += [draw(kind, like=girders[1]) for _ in range(behind - 1)]
    vertices = girders[0].asset.vertices
    flange = float(vertices[np.abs(vertices[:, 0]) > 0.45 * length, 2].min())  # joints reach below it
    placed = []
    for row, one in enumerate(girders):
        pose = _turned(one.asset.vertices, 0.0, drop - flange)
        pose[1, 3] += row * away
        placed.append(Placed(specimen=one, pose=pose))
    low, high = _corners(placed)
    if girder["joint"] == "none":
        placed += _struts(draw, girders[0], away, behind, drop, rng)
    cast, cover = str(rng.choice(CAST)), "concrete" if rng.random() < 0.75 else "stained concrete"
    tints = [_grime(chosen, rng) for _ in range(2)]
    props = []
    for side in (-1, 1):
        place = (side * (0.41 * length + 0.25), behind * away / 2, drop / 2)
        props.append(surroundings.prop("box", cast, place, (0.9, behind * away + 4, drop), rng, color=tints[0]))
    soffit = drop + BEAMS[girder["section"]][0] / 1000 + rng.uniform(0.002, 0.03)
    place, size = (0, (low[1] + high[1]) / 2, soffit + 0.15), (length + 2, high[1] - low[1] + 2.4, 0.3)
    props.append(surroundings.prop("box", cover, place, size, rng, color=tints[1]))
    return Arrangement(
        placed=tuple(placed), props=tuple(props), ground=str(rng.choice(chosen.grounds)), wide_m=WIDE_M,
        around=(-165, -15), height=(-60, 8), floor_m=0.3,
    )  # fmt: skip


def _struts(
    draw: Draw, girder: Specimen, away: float, bays: int, level: float, rng: np.random.Generator
) -> list[Placed]:
    """Up to three rows of small beams from web to web of girders `away` metres apart, clear of their stiffeners."""
    given = girder.twin.parameters
    depth, _, web, flange, root = BEAMS[given["section"]]
    section = str(rng.choice([name for name, (height, *_) in BEAMS.items() if height < 0.6 * depth]))
    room = depth - BEAMS[section][0] - 2 * (flange + root)
    strut = {
        **given, "section": section, "length_m": away - web / 1000 - 0.004, "joint_m": away / 2, "stiffeners": 0
    }  # fmt: skip
    pieces = given["stiffeners"] or 4  # stiffeners stand at the middles of as many equal pieces
    places = given["length_m"] * (1 - 2 * MARGIN) * (np.arange(pieces + 1) / pieces - 0.5)
    rows = rng.choice(places, min(int(rng.integers(0, 4)), len(places)), replace=False)
    placed: list[Placed] = []
    for x, bay in itertools.product(rows, range(bays)):
        alike = {"like": placed[0].specimen} if placed else {"beside": girder.twin, "subject": False, **strut}
        one = draw("beam", **alike)
        pose = _turned(one.asset.vertices, 90.0, level + (flange + root + 0.5 * room) / 1000)
        pose[:2, 3] += [x, (bay + 0.5) * away]
        placed.append(Placed(specimen=one, pose=pose))
    return placed


def _ruler(left: float, right: float, front: float, back: float, rng: np.random.Generator) -> list[Prop]:
    """A ruler that an inspector has laid down between two lines across, if it fits: yellow, white or wooden."""
    color = ((0.62, 0.42, 0.04), (0.70, 0.68, 0.62), (0.42, 0.27, 0.12))[rng.integers(3)]
    size, turn = (rng.uniform(0.15, 0.6), rng.uniform(0.025, 0.05), 0.006), rng.uniform(-0.3, 0.3)
    half = (size[0] * abs(sin(turn)) + size[1]) / 2
    place = (rng.uniform(left, right), rng.uniform(front, back), 0.004)
    fits = front + half < place[1] < back - half
    return [surroundings.prop("box", "plain", place, size, rng, turn=turn, color=color)] if fits else []


def _grime(chosen: Preset, rng: np.random.Generator) -> Color | None:
    """The colour of concrete under years of brown dust and water, or None where it is its own."""
    if not chosen.grime or rng.random() >= chosen.grime:
        return None
    red, green, blue = between(GRIMY, rng).tolist()
    return red, green, blue


def floor(draw: Draw, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """Chequer plates side by side, with a thin joint between them; what else is the subject stands on them."""
    plates: dict[str, Any] = {
        "fasteners": "chequer" if rng.random() < 0.9 else "none", "upright": False, "stiffeners": 0, "opening_mm": 0.0,
        "butt_weld": False, "thickness_mm": float(rng.choice([5, 6, 8])), "edge": "sheared",
        "length_m": round(float(rng.uniform(1.2, 2.4)), 3), "width_m": round(float(rng.uniform(0.5, 1.2)), 3),
    }  # fmt: skip
    first = draw("plate", **plates)
    gap, turn = rng.uniform(0.001, 0.008), radians(rng.uniform(-25, 25))
    away = plates["width_m"] + gap
    tiles = [first] + [draw("plate", like=first) for _ in range(2 if kind == "plate" else 1)]
    rotation = trimesh.transformations.rotation_matrix(turn, [0, 0, 1])
    placed = []
    for tile, row in zip(tiles, (0, 1, -1), strict=False):
        pose = rotation.copy()
        pose[:3, 3] = rotation[:3, :3] @ [rng.uniform(-0.01, 0.01), row * away, 0.001 + rng.uniform(0, 0.001)]
        placed.append(Placed(specimen=tile, pose=pose))
    top = float(max(one.vertices[:, 2].max() for one in placed)) + 0.0002
    standing = kind if kind != "plate" else "railing" if rng.random() < 0.35 else None
    if standing is not None:
        other = draw(
            standing, beside=first.twin, subject=kind != "plate", where={"upright": False} if standing == "bolt" else {}
        )
        pose = _turned(other.asset.vertices, rng.uniform(-40, 40))
        pose[:3, 3] += [rng.uniform(-0.2, 0.2), rng.uniform(0, 0.4), top]
        placed.insert(0 if kind != "plate" else len(placed), Placed(specimen=other, pose=pose))
    props = []
    low, high = _corners(placed)
    wall = str(rng.choice(chosen.walls))
    if wall != "none" and rng.random() < 0.7:
        props.append(surroundings.wall(wall, high[1] + 0.02, WIDE_M, rng))
    else:
        props += surroundings.clutter(chosen, low, high, rng)
    return Arrangement(
        placed=tuple(placed), props=tuple(props), ground=str(rng.choice(chosen.grounds)), wide_m=WIDE_M,
        around=(-160, -20), height=(18, 80),
    )  # fmt: skip


def rack(draw: Draw, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """Pipes side by side, each on its own supports."""
    subject = draw(kind)
    pose, supported = stand(subject.twin, subject.asset.vertices, rng, turn_degrees=8.0)
    placed = [Placed(specimen=subject, pose=pose)]
    supports = surroundings.blocks(placed[0].vertices, rng) if supported else []
    for _ in range(int(rng.integers(min(1, chosen.company[1]), chosen.company[1] + 2))):
        other = draw("pipe", beside=subject.twin, subject=False)
        _, high = _corners(placed)
        own = _turned(other.asset.vertices, 0.0)
        extent = np.ptp(trimesh.transform_points(other.asset.vertices, own), axis=0)
        own[:3, 3] += [rng.uniform(-0.4, 0.4), high[1] + rng.uniform(0.04, 0.35) + extent[1] / 2, 0.0]
        placed.append(Placed(specimen=other, pose=own))
    return _yard(placed, supports, chosen, np.empty((0, 3)), rng)


ARRANGEMENTS: Mapping[str, Callable[[Draw, str, Preset, np.random.Generator], Arrangement]] = {
    "yard": yard, "bridge": bridge, "deck": deck, "floor": floor, "rack": rack,
}  # fmt: skip
# Which kinds can be the subject of one; a yard takes all.
SUITS = {
    "bridge": ("bearing", "beam", "plate", "bolt"),
    "deck": ("beam",),
    "floor": ("plate", "bolt", "railing", "stair", "pipe"),
    "rack": ("pipe",),
}


def choose(chosen: Preset, kind: str, rng: np.random.Generator) -> str:
    """The name of an arrangement for a subject of this kind, by the preset's weights."""
    fitting = [(name, weight) for name, weight in chosen.arrangements if kind in SUITS.get(name, (kind,))]
    weights = np.array([weight for _, weight in fitting])
    return fitting[int(rng.choice(len(fitting), p=weights / weights.sum()))][0]


def stand(twin: Twin, vertices: Array, rng: np.random.Generator, *, turn_degrees: float = 25.0) -> tuple[Array, bool]:
    """Pose of a drawn asset, turned about the vertical, its middle over the origin; and whether blocks carry it.

    z is up for the twin already, which has corroded so. A pipe that lies without supports and straight bars may be
    raised on blocks, a chain that hangs into the air; all else stands on the ground, on what it brings along.
    """
    turn, lift = float(rng.uniform(-turn_degrees, turn_degrees)), float(rng.choice([0.0, rng.uniform(0.15, 0.9)]))
    if not (_lies_free(twin) or twin.parameters.get("layout") in HUNG):
        lift = 0.0
    return _turned(vertices, turn, lift), _lies_free(twin) and lift > 0


def _lies_free(twin: Twin) -> bool:
    """Whether two blocks could carry an asset: a long one that does not stand and has no supports of its own."""
    given = twin.parameters
    if twin.kind == "bar":
        return bool(given["shape"] == "straight" and given["arrangement"] != "mat")
    return bool(twin.kind == "pipe" and not given["upright"] and not given["supports_at_m"])


def _turned(vertices: Array, degrees: float, lift: float = 0.0) -> Array:
    """Pose of an asset turned about the vertical that rests just above z = `lift`, its middle over the origin."""
    pose: Array = trimesh.transformations.rotation_matrix(radians(degrees), [0, 0, 1])
    turned = trimesh.transform_points(vertices, pose)
    low, high = turned.min(axis=0), turned.max(axis=0)
    pose[:3, 3] = [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, lift - low[2] + 0.001]
    return pose


def _corners(placed: Sequence[Placed]) -> tuple[Array, Array]:
    """Lowest and highest corner of the box about several assets."""
    boxes = [(vertices.min(axis=0), vertices.max(axis=0)) for vertices in (one.vertices for one in placed)]
    return np.min([low for low, _ in boxes], axis=0), np.max([high for _, high in boxes], axis=0)


def _beside(
    other: Specimen, placed: Sequence[Placed], rng: np.random.Generator,
    limit: tuple[float, float, float, float] = (-np.inf, -np.inf, np.inf, np.inf),
) -> Placed | None:  # fmt: skip
    """A place for another asset, clear of the others as seen from above; behind or beside, seldom in front.

    None where none was found within `limit` (x and y from, x and y to).
    """
    boxes = [(box[0], box[1]) for box in (_corners([one]) for one in placed)]
    pose = _turned(other.asset.vertices, rng.uniform(-40, 40))
    turned = trimesh.transform_points(other.asset.vertices, pose)
    half = np.ptp(turned, axis=0)[:2] / 2
    low, high = boxes[0]
    for _ in range(TRIES):
        angle = rng.uniform(-10, 190) if rng.random() < 0.85 else rng.uniform(-170, -10)
        way = np.array([cos(angle * pi / 180), sin(angle * pi / 180)])
        middle = (low + high)[:2] / 2
        # Out along the way until both boxes are apart, and a little further.
        apart = ((high - low)[:2] / 2 + half) / np.maximum(np.abs(way), 1e-6)
        place = middle + way * (apart.min() + rng.uniform(0.03, 0.6))
        if (place - half < limit[:2]).any() or (place + half > limit[2:]).any():
            continue
        if all((place - half > b[:2]).any() or (place + half < a[:2]).any() for a, b in boxes):
            moved = pose.copy()
            moved[:2, 3] += place
            return Placed(specimen=other, pose=moved)
    return None


def _yard(
    placed: Sequence[Placed], supports: Sequence[Prop], chosen: Preset, eyes: Array, rng: np.random.Generator
) -> Arrangement:
    """Assets on open ground, with wall and clutter. Ground and wall go on behind stated cameras, `eyes` (n, 3)."""
    low, high = _corners(placed)
    wide = WIDE_M + 2 * float(np.abs([low[:2], high[:2], *eyes[:, :2]]).max())
    ground, props = str(rng.choice(chosen.grounds)), []
    wall, y = str(rng.choice(chosen.walls)), high[1] + rng.uniform(0.02, 1.2)
    if wall != "none":
        props.append(surroundings.wall(wall, y, wide, rng))
    props += [*supports, *surroundings.clutter(chosen, *_corners(placed[:1]), rng)]
    return Arrangement(placed=tuple(placed), props=tuple(props), ground=ground, wide_m=wide)


def at_age(one: Arrangement, years: float, age: Callable[[Specimen, float], Specimen]) -> Arrangement:
    """The same arrangement with every asset at another age."""
    return replace(one, placed=tuple(replace(each, specimen=age(each.specimen, years)) for each in one.placed))
