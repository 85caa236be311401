"""Arrange assets on bridges: on a concrete pier under the deck, and girders seen from below."""

import itertools
from dataclasses import replace
from math import sin
from typing import Any

import numpy as np

from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene import surroundings
from corrotwin.synth.scene.ground import mix_colors
from corrotwin.synth.scene.placement import WIDE_M, Arrangement, DrawSpecimen, Placed, corners, place_beside, resting
from corrotwin.synth.scene.specimen import Specimen
from corrotwin.synth.spec import Color, Prop
from corrotwin.twin.assets.beam import MARGIN
from corrotwin.twin.assets.structures.truss import FASTENERS, truss_length
from corrotwin.twin.geometry.section_sizes import ANGLES, BEAMS

STAINED_DECKS = 0.25  # share of the slabs over girders that rust water has stained
CAST = ("concrete", "stained concrete", "stained concrete")  # materials of walls of bridges and of slabs over piers
DEEP = [name for name, (height_mm, *_) in BEAMS.items() if height_mm >= 300]  # sections of girders
GRIMY: tuple[Color, Color] = ((0.11, 0.08, 0.058), (0.34, 0.27, 0.20))  # two ends of a colour, linear RGB


def bridge(draw: DrawSpecimen, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """Arrange the subject on a concrete pier under a deck, with other assets beside and behind it."""
    required: dict[str, dict[str, Any]] = {
        "plate": {"upright": True},
        "bolt": {"upright": True, "joint": "plate"},
        "beam": {"stance": "beam" if rng.random() < 0.7 else "column"},
        "column": {"base": True},
    }
    subject = draw(kind, where=required.get(kind, {}))
    placed = [Placed(specimen=subject, pose=resting(subject.asset.vertices, rng.uniform(-6, 6)))]
    low, high = corners(placed)
    front, back = low[1] - rng.uniform(0.08, 0.6), high[1] + rng.uniform(0.15, 1.6)
    wide, drop = float(max(high - low)) + rng.uniform(0.6, 3.0), rng.uniform(0.5, 2.5)
    bed, wall, slab = (str(rng.choice(materials)) for materials in (chosen.beds, CAST, CAST))
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
        behind = surroundings.prop("box", wall, (0, back + 0.5, 2 - drop), (30, 1, 6), rng, color=tints[1])
        props.append(replace(behind, role="wall"))
    soffit = np.inf  # underside of the deck
    if rng.random() < 0.7:
        soffit = high[2] + rng.uniform(0.0, 0.5)
        props.append(surroundings.prop("box", slab, (0, back, soffit + 0.15), (30, 12, 0.3), rng, color=tints[2]))
    half = 4.0 if shelf else wide / 2
    for _ in range(int(rng.integers(chosen.company[0], chosen.company[1] + 1))):
        others = [name for name in ("beam", "beam", "bearing", "plate", "pipe") if name != kind]
        other = draw(str(rng.choice(others)), beside=subject.twin, subject=False)
        neighbour = place_beside(other, placed, rng, limit=(-half, front, half, back))
        if neighbour is not None and neighbour.vertices[:, 2].max() < soffit:
            placed.append(neighbour)
    if bed in CAST and rng.random() < chosen.rulers:
        props += _ruler(low[0], high[0], front, corners(placed)[0][1], rng)
    bed_area = (-4.0, 4.0, front - 1.0, back) if shelf else (-half, half, front, back)
    heaped = bed_area if chosen.heaps and rng.random() < chosen.heaps else None
    return Arrangement(
        placed=tuple(placed), props=tuple(props), ground=bed if shelf else "", wide_m=8.0, around=(-150, -30),
        height=(-20, 50), floor_m=0.05 if shelf else 0.05 - drop, heaped=heaped, free=bed_area, level_m=-drop,
    )  # fmt: skip


def deck(draw: DrawSpecimen, kind: str, chosen: Preset, rng: np.random.Generator) -> Arrangement:
    """Arrange girders side by side on walls under a concrete slab, with bracing between them, seen mostly from below.

    Rolled girders are braced by struts, riveted ones by cross frames.
    """
    length, drop = round(float(rng.uniform(3.0, 6.0)), 3), rng.uniform(1.5, 3.5)
    girder: dict[str, Any] = {
        "section": str(rng.choice(DEEP)), "length_m": length, "stance": "beam",
        "joint": str(rng.choice(["none", "none", "end plates", "splice"])),
        "joint_m": round(float(length * rng.uniform(0.35, 0.65)), 3), "stiffeners": int(rng.integers(0, 7)),
        "end_plate": False, "blocks": False,
    }  # fmt: skip
    if kind == "girder":
        girder = _riveted(length, rng)
    pitch, behind = rng.uniform(0.9, 1.8), int(rng.integers(1, 3))
    girders = [draw(kind, **girder)]
    girders.append(draw(kind, beside=girders[0].twin, subject=False, **girder))
    girders += [draw(kind, like=girders[1]) for _ in range(behind - 1)]
    vertices = girders[0].asset.vertices
    flange = float(vertices[np.abs(vertices[:, 0]) > 0.45 * length, 2].min())  # joints reach below it
    placed = []
    for row, specimen in enumerate(girders):
        pose = resting(specimen.asset.vertices, 0.0, drop - flange)
        pose[1, 3] += row * pitch
        placed.append(Placed(specimen=specimen, pose=pose))
    low, high = corners(placed)
    if kind == "girder":
        placed += _cross_frames(draw, girders[0], pitch, behind, drop, rng)
    elif girder["joint"] == "none":
        placed += _struts(draw, girders[0], pitch, behind, drop, rng)
    wall, slab = str(rng.choice(CAST)), "stained concrete" if rng.random() >= 1 - STAINED_DECKS else "concrete"
    tints = [_grime(chosen, rng) for _ in range(2)]
    props = []
    for side in (-1, 1):
        place = (side * (0.41 * length + 0.25), behind * pitch / 2, drop / 2)
        props.append(surroundings.prop("box", wall, place, (0.9, behind * pitch + 4, drop), rng, color=tints[0]))
    top = high[2] if kind == "girder" else drop + BEAMS[girder["section"]][0] / 1000
    soffit = top + rng.uniform(0.002, 0.03)
    place, size = (0, (low[1] + high[1]) / 2, soffit + 0.15), (length + 2, high[1] - low[1] + 2.4, 0.3)
    props.append(surroundings.prop("box", slab, place, size, rng, color=tints[1]))
    return Arrangement(
        placed=tuple(placed), props=tuple(props), ground=str(rng.choice(chosen.grounds)), wide_m=WIDE_M,
        around=(-165, -15), height=(-60, 8), floor_m=0.3,
    )  # fmt: skip


def _riveted(length: float, rng: np.random.Generator) -> dict[str, Any]:
    """Draw a riveted girder that is deep enough for cross frames."""
    covers = int(rng.integers(0, 3))
    return {
        "length_m": length, "depth_m": round(float(rng.uniform(0.85, 1.2)), 3),
        "flange": str(rng.choice(["L 90x9", "L 100x10", "L 120x12"])), "covers": covers,
        "pitch_mm": float(rng.integers(90, 140)), "stiffeners": int(rng.integers(0, 6)),
        "pack_rust_mm": round(float(rng.uniform(3, 12)), 1) if covers and rng.random() < 0.5 else 0.0,
        "dent_mm": round(float(rng.uniform(10, 45)), 1) if rng.random() < 0.3 else 0.0,
    }  # fmt: skip


def _cross_frames(
    draw: DrawSpecimen, girder: Specimen, away: float, bays: int, level: float, rng: np.random.Generator
) -> list[Placed]:
    """Place up to three rows of frames between riveted girders `away` metres apart, clear of stiffeners."""
    parameters = girder.twin.parameters
    leg, chord = ANGLES[parameters["flange"]][0] / 1000, str(rng.choice(["L 70x7", "L 80x8"]))
    cover = parameters["covers"] * parameters["cover_mm"] / 1000
    low, high = (level + cover + side for side in (leg + 0.03, parameters["depth_m"] - leg - 0.03))
    frame: dict[str, Any] = {
        "height_m": round(high - low - ANGLES[chord][0] / 1000, 3), "panels": 1, "chord": chord, "brace": "L 60x6",
        "pattern": str(rng.choice(["x", "x", "warren"])), "braces": "single", "gusset_mm": 8.0, "stance": "beam",
        "fastener": str(rng.choice(FASTENERS)),
    }  # fmt: skip
    frame["bow_mm"] = round(float(rng.uniform(5, 20)), 1) if rng.random() < 0.3 else 0.0
    if (length := truss_length(away - parameters["web_mm"] / 1000 - 0.004, **frame)) is None:
        return []
    pieces = parameters["stiffeners"] or 4  # stiffeners stand at the middles of as many equal pieces
    shares = np.arange(1, pieces) / pieces if pieces > 1 else np.array([0.25, 0.75])
    places = parameters["length_m"] * (shares - 0.5)
    rows = rng.choice(places, min(int(rng.integers(1, 4)), len(places)), replace=False)
    placed: list[Placed] = []
    for x, bay in itertools.product(rows, range(bays)):
        arguments = (
            {"like": placed[0].specimen}
            if placed
            else {"beside": girder.twin, "subject": False, **frame, "length_m": length}
        )
        specimen = draw("truss", **arguments)
        pose = resting(specimen.asset.vertices, 90.0, low)
        pose[:2, 3] += [x, (bay + 0.5) * away]
        placed.append(Placed(specimen=specimen, pose=pose))
    return placed


def _struts(
    draw: DrawSpecimen, girder: Specimen, away: float, bays: int, level: float, rng: np.random.Generator
) -> list[Placed]:
    """Place up to three rows of small beams between the webs of girders `away` metres apart, clear of stiffeners."""
    parameters = girder.twin.parameters
    depth, _, web, flange, root = BEAMS[parameters["section"]]
    section = str(rng.choice([name for name, (height, *_) in BEAMS.items() if height < 0.6 * depth]))
    room = depth - BEAMS[section][0] - 2 * (flange + root)
    strut = {
        **parameters, "section": section, "length_m": away - web / 1000 - 0.004, "joint_m": away / 2, "stiffeners": 0
    }  # fmt: skip
    pieces = parameters["stiffeners"] or 4  # stiffeners stand at the middles of as many equal pieces
    places = parameters["length_m"] * (1 - 2 * MARGIN) * (np.arange(pieces + 1) / pieces - 0.5)
    rows = rng.choice(places, min(int(rng.integers(0, 4)), len(places)), replace=False)
    placed: list[Placed] = []
    for x, bay in itertools.product(rows, range(bays)):
        arguments = {"like": placed[0].specimen} if placed else {"beside": girder.twin, "subject": False, **strut}
        specimen = draw("beam", **arguments)
        pose = resting(specimen.asset.vertices, 90.0, level + (flange + root + 0.5 * room) / 1000)
        pose[:2, 3] += [x, (bay + 0.5) * away]
        placed.append(Placed(specimen=specimen, pose=pose))
    return placed


def _ruler(left: float, right: float, front: float, back: float, rng: np.random.Generator) -> list[Prop]:
    """Return a yellow, white or wooden ruler that an inspector left between `front` and `back`, or [] if none fits."""
    color = ((0.62, 0.42, 0.04), (0.70, 0.68, 0.62), (0.42, 0.27, 0.12))[rng.integers(3)]
    size, turn = (rng.uniform(0.15, 0.6), rng.uniform(0.025, 0.05), 0.006), rng.uniform(-0.3, 0.3)
    half = (size[0] * abs(sin(turn)) + size[1]) / 2
    place = (rng.uniform(left, right), rng.uniform(front, back), 0.004)
    fits = front + half < place[1] < back - half
    return [surroundings.prop("box", "plain", place, size, rng, turn=turn, color=color)] if fits else []


def _grime(chosen: Preset, rng: np.random.Generator) -> Color | None:
    """Draw the colour of concrete stained by years of brown dust and water, or None for clean concrete."""
    if not chosen.grime or rng.random() >= chosen.grime:
        return None
    red, green, blue = mix_colors(GRIMY, rng).tolist()
    return red, green, blue
