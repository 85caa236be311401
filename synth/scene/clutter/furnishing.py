"""Furnish an arrangement: objects beside the steel, fixtures on walls, weeds, litter, and a background.

Nothing touches an asset: boxes around the assets stay free of everything placed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import trimesh

from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene import visibility
from corrotwin.synth.scene.clutter import catalogue, far, fixtures, plants
from corrotwin.synth.scene.clutter.footprints import Box, beside, corners_of, is_free, seen_from_above
from corrotwin.synth.scene.clutter.litter import litter
from corrotwin.synth.scene.clutter.shapes import Array, Shape, joined, written
from corrotwin.synth.scene.debris import heap_props
from corrotwin.synth.scene.ground import GROUND_COLORS, ground_props, mix_colors, write_pieces
from corrotwin.synth.scene.ground_cover import Pieces
from corrotwin.synth.scene.placement import Arrangement, corners
from corrotwin.synth.scene.surroundings import vary
from corrotwin.synth.spec import Prop

Corners = tuple[Array, Array]  # of a box, (3,) metres each
GAP_M = 0.012  # between an asset and anything placed here
REPLACED = 0.85  # share of the blocks in a yard that objects replace
PLACES = 6  # objects tried for a place, until one fits
WEEDS, LITTER = 2_500, 14  # most triangles of weeds; most pieces of litter
HIGHEST_M = 2.8  # greatest height of a fixture on a wall
FEET_M, BLADES_M = 0.06, 0.3  # heights below which steel stands on the ground, and below which blades of grass reach it


@dataclass(frozen=True, kw_only=True, eq=False)
class Occupied:
    """Boxes of the assets and of other things in a scene, and the subject's greatest extent and middle."""

    assets: tuple[Corners, ...]
    others: tuple[Corners, ...]
    reach: float
    middle: Array

    def clear(self, box: Corners, gap: float = GAP_M) -> bool:
        """Return True if a box stays `gap` away from all of these boxes."""
        return is_free((box[0] - gap, box[1] + gap), (*self.assets, *self.others))

    def footprints(self, height: float) -> list[Box]:
        """Return the boxes, seen from above, of everything that stands or hangs between the ground and a height."""
        return [
            seen_from_above(low, high)
            for low, high in (*self.assets, *self.others)
            if high[2] > 0.01 and low[2] < height
        ]


def furnish(
    stand: Arrangement, pieces: Sequence[Prop], chosen: Preset, folder: Path, prefix: str, rng: np.random.Generator,
    *, bare_walls: bool = True,
) -> list[Prop]:  # fmt: skip
    """Return the props of an arrangement with clutter `pieces`, some of them replaced, and everything added.

    Meshes are written to ``folder/<prefix>-*.npz``. `bare_walls` is False if walls have the user's own pictures, which
    no sheets then hide. A preset without clutter adds nothing.
    """
    props = list(stand.props)
    if not chosen.clutter[1]:
        return [*props, *pieces]
    draws = dict(zip(("objects", "walls", "weeds", "litter", "far", "looks"), rng.spawn(6), strict=True))
    site = _site(stand, [piece for piece in pieces if piece.shape == "model"], folder)
    shapes, kept = _objects(stand, pieces, chosen, site, draws["objects"])
    props, hung = _walls(props, site, draws["walls"], bare=bare_walls)
    shapes += hung
    shapes += _litter(stand, site, draws["litter"])
    leaves = _weeds(stand, site, draws["weeds"])
    if not any(prop.role == "wall" for prop in props):
        back = max(high[1] for _, high in (*site.assets, *site.others))
        behind, hedges = far.behind(draws["far"], float(site.middle[0]), float(back), stand.level_m)
        shapes, leaves = shapes + behind, leaves + [_clear_of(plant, site) for plant in hedges]
    result = [*props, *kept]
    if shapes:
        result.append(written(joined(shapes), folder, f"{prefix}-things.npz", float(draws["looks"].uniform(0, 100))))
    for number, plant in enumerate(leaves):
        green = vary(
            mix_colors(GROUND_COLORS["blade"], draws["looks"]) * draws["looks"].uniform(0.6, 1.1), draws["looks"]
        )
        result.append(
            write_pieces(
                plant, "foliage", green, float(draws["looks"].uniform(0, 100)), folder, f"{prefix}-leaves-{number}.npz"
            )
        )
    return result


def on_the_ground(
    stand: Arrangement, index: int, folder: Path, rng: np.random.Generator, heaping: np.random.Generator
) -> tuple[list[Prop], list[Prop]]:
    """Return the ground, and the pieces that lie, grow or are heaped on it around the assets.

    Meshes are written to ``folder/ground-<index>*.npz`` and ``folder/heap-<index>*.npz``.
    """
    if not stand.ground and stand.heaped is None:
        return [], []
    vertices = stand.placed[0].vertices
    middle, extent = (vertices.min(axis=0) + vertices.max(axis=0)) / 2, np.ptp(vertices, axis=0)
    near_ground = []
    for placed in stand.placed:
        mesh = trimesh.Trimesh(placed.vertices, placed.specimen.asset.faces, process=False)
        count = int(np.clip(4000 * mesh.area, 6000, 40_000))  # a few in each 4 cm square of a plate
        points, _ = trimesh.sample.sample_surface(mesh, count, seed=0)
        near_ground.append(points[points[:, 2] < BLADES_M])
    low = np.concatenate(near_ground)
    feet = low[low[:, 2] < FEET_M, :2]
    pieces: Sequence[Prop] = []
    if stand.ground:
        pieces = ground_props(
            stand.ground, rng, middle[:2], float(extent.max()) / 2, folder, f"ground-{index}", wide=stand.wide_m,
            occupied=low[:, :2] if stand.ground == "grass" else feet,
        )  # fmt: skip
    heap = [] if stand.heaped is None else heap_props(stand.heaped, feet, folder, f"heap-{index}", heaping)
    return list(pieces[:1]), [*pieces[1:], *heap]


def _site(stand: Arrangement, models: Sequence[Prop], folder: Path) -> Occupied:
    assets = tuple(corners([placed]) for placed in stand.placed)
    others = [corners_of(prop) for prop in stand.props if prop.role not in ("ground", "wall") and prop.shape != "mesh"]
    others = [box for box in others if box[1][2] > GAP_M]  # not what everything stands on, such as a pier
    for prop in models:
        low, high = visibility.prop_mesh(prop, folder).bounds
        others.append((low, high))
    low, high = assets[0]
    return Occupied(assets=assets, others=tuple(others), reach=float(max(high - low)), middle=(low + high) / 2)


def _objects(
    stand: Arrangement, pieces: Sequence[Prop], chosen: Preset, site: Occupied, rng: np.random.Generator
) -> tuple[list[Shape], list[Prop]]:
    """Return objects, some in place of blocks of clutter, and the pieces that stay: models, and clear blocks."""
    shapes: list[Shape] = []
    kept: list[Prop] = []
    boxes: list[Corners] = []
    walls = [corners_of(prop) for prop in stand.props if prop.role == "wall"]
    room = replace(site, others=(*site.others, *walls))
    for piece in pieces:
        if piece.shape == "model":
            kept.append(piece)
        elif rng.random() >= REPLACED and site.clear(box := corners_of(piece)):
            kept.append(piece)
            boxes.append(box)
    count = len(pieces) - len(kept) + int(rng.integers(chosen.clutter[0], chosen.clutter[1] + 1))
    for _ in range(count):
        for _ in range(PLACES):
            name = str(rng.choice(list(catalogue.SAMPLERS)))
            drawn = catalogue.SAMPLERS[name](rng)
            low, high = drawn.moved(turn=(turn := rng.uniform(0, 2 * np.pi))).corners
            half = (high - low)[:2] / 2
            if max(half) > max(0.3, 1.1 * site.reach):
                continue
            taken = [*room.footprints(float(high[2])), *(seen_from_above(*box) for box in boxes)]
            place = beside(seen_from_above(*site.assets[0]), half, taken, rng, farthest=0.5 + 0.6 * site.reach)
            if place is None or not _within(stand.free, place, half):
                continue
            shape = drawn.moved(turn=turn).moved([*place, 0.0005])
            if room.clear(shape.corners):
                shapes.append(shape)
                boxes.append(shape.corners)
                break
    return shapes, kept


def _within(area: tuple[float, float, float, float] | None, place: Array, half: Array) -> bool:
    if area is None:
        return True
    x0, x1, y0, y1 = area
    return bool((place - half >= [x0, y0]).all() and (place + half <= [x1, y1]).all())


def _walls(
    props: Sequence[Prop], site: Occupied, rng: np.random.Generator, *, bare: bool
) -> tuple[list[Prop], list[Shape]]:
    """Return the props, some painted walls turned to plaster, and fixtures on walls, clear of everything else."""
    dressed: list[Prop] = []
    hung: list[Shape] = []
    for prop in props:
        if prop.role != "wall":
            dressed.append(prop)
            continue
        face = float(corners_of(prop)[0][1])
        wide = float(np.clip(1.3 * site.reach + 1.2, 1.5, 6.0))
        low, high = np.array([site.middle[0] - wide, 0.0]), np.array([site.middle[0] + wide, HIGHEST_M])
        look, gap = rng.random(), face - max(high[1] for _, high in site.assets)
        face_rng, sheet_depth = rng.spawn(1)[0], 0.0
        if prop.material == "plain":
            if look < 0.35 and gap > fixtures.RIDGE_M + 3 * GAP_M and bare:
                hung.append(
                    fixtures.sheeting(face_rng, low - np.array([4, 0]), high + np.array([4, 1.5])).moved([0, face, 0])
                )
                sheet_depth = face - float(hung[-1].corners[0][1])
            elif look < 0.85:
                prop = replace(prop, material="plaster")
        elif "concrete" in prop.material and look < 0.7:
            hung.append(fixtures.ties(face_rng, low, high).moved([0, face, 0]))
        dressed.append(prop)
        for name in rng.permutation(list(fixtures.FIXTURES))[: int(rng.integers(1, 5))]:
            shape = _hung(str(name), rng, low, high, face - sheet_depth, site)
            if shape is not None:
                hung.append(shape)
    return dressed, hung


def _hung(name: str, rng: np.random.Generator, low: Array, high: Array, face: float, site: Occupied) -> Shape | None:
    """Hang a fixture on a stretch of a wall or a part of it, clear of everything else; None if it does not fit."""
    for share in (1.0, 0.5, 0.5, 0.35, 0.35):
        start = low + rng.random(2) * (high - low) * (1 - share)
        end = start + (high - low) * share
        shape = fixtures.FIXTURES[name](rng, start, end).moved([0, face, 0])
        if site.clear(shape.corners):
            return shape
    return None


def _litter(stand: Arrangement, site: Occupied, rng: np.random.Generator) -> list[Shape]:
    """Return small things on the ground, clear of everything that stands or lies there."""
    count = int(rng.integers(0, LITTER + 1))
    spread = 0.25 + 0.6 * site.reach
    at = site.middle[:2] + rng.normal(0, spread, (count, 2)) - [0, 0.2 * spread]
    low, high = np.full(2, -np.inf), np.full(2, np.inf)
    if stand.free is not None:
        low, high = np.array(stand.free[0::2]), np.array(stand.free[1::2])
    taken, shapes = site.footprints(0.3), []
    for point in at:
        if (point > low + 0.15).all() and (point < high - 0.15).all() and is_free((point, point), taken):
            piece = litter(rng, np.array([[*point, 0.0006]]))
            shapes += [piece] if site.clear(piece.corners) else []
    return shapes


def _weeds(stand: Arrangement, site: Occupied, rng: np.random.Generator) -> list[Pieces]:
    """Return weeds at the foot of a wall, or shrubs beside the subject, if the land around is at its level."""
    if stand.level_m or rng.random() < 0.35 or not stand.ground:
        return []
    walls = [corners_of(prop) for prop in stand.props if prop.role == "wall"]
    wide = 1.3 * site.reach + 1.0
    ends = (float(site.middle[0] - wide), float(site.middle[0] + wide))
    if walls:
        grown = plants.along_wall(rng, ends, float(walls[0][0][1]), level=0.0, budget=WEEDS)
    else:
        count = int(rng.integers(1, 7))
        sizes = rng.uniform(0.15, 0.7, count)
        x, y = (
            rng.uniform(ends[0], ends[1], count),
            site.assets[0][1][1] + rng.uniform(0.3, 1.5, count) * (0.4 + site.reach),
        )
        flat = rng.uniform(0.6, 1.3)
        places = np.stack([x, y, 0.42 * flat * sizes], 1)
        grown = plants.shrubs(rng, places, sizes, leaf_m=0.045, budget=WEEDS, flat=flat)
    return [_clear_of(grown, site)]


def _clear_of(pieces: Pieces, site: Occupied) -> Pieces:
    """Return the leaves, four vertices and two triangles each, that stay clear of all assets."""
    leaves = pieces.vertices.reshape(-1, 4, 3)
    kept = np.ones(len(leaves), bool)
    for low, high in site.assets:
        kept &= ~((leaves > low - GAP_M) & (leaves < high + GAP_M)).all(axis=2).any(axis=1)
    return plants.leaves(leaves[kept], pieces.tone.reshape(-1, 4)[kept])
