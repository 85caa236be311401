"""Panels of riveted or bolted lattice: chords, verticals and diagonals on gusset plates; lying, or as a braced bay."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from corrotwin.twin.assets.structures.lattice import PATTERNS, Chord, Lattice, Member
from corrotwin.twin.assets.structures.members import Angle
from corrotwin.twin.assets.structures.truss_parts import TrussParts
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Patch
from corrotwin.twin.geometry.section_sizes import ANGLES, CHANNELS

STANCES = ("beam", "bay")
BRACES = ("single", "double")
FASTENERS = ("rivets", "bolts")
CHORDS = (*ANGLES, *CHANNELS)
BOW = 0.08  # greatest bow of a member, as a share of its free length


def truss(
    *,
    length_m: float,
    height_m: float,
    panels: int,
    pattern: str,
    chord: str,
    brace: str,
    braces: str,
    gusset_mm: float,
    fastener: str,
    stance: str = "beam",
    bow_mm: float = 0.0,
) -> tuple[list[Patch], float]:
    """Build a plane lattice whose chords and web members lie against gusset plates between them.

    Parameters
    ----------
    length_m, height_m : between the middles of the outer nodes, along the chords and across.
    panels : number of panels, 1 to 8.
    pattern : "pratt", verticals and diagonals that fall towards the middle; "warren", a zigzag between end posts;
        "x", crossed diagonals of single angles, one in front of the gussets and one behind.
    chord : size of the two angles or channels of each chord, one of `CHORDS`.
    brace, braces : size of the angles of verticals and diagonals, and whether each is "single" or "double".
    gusset_mm : thickness of the gussets.
    fastener : "rivets" or "bolts".
    stance : "beam", chords lying one above the other; or "bay", upright on base plates as posts with bracing.
    bow_mm : how far the middle diagonal is bent: a single angle away from the gussets, a double one in its plane.

    Returns
    -------
    Patches and the thickness of the gussets in mm.
    """
    size, bent = layout(
        length_m=length_m, height_m=height_m, panels=panels, pattern=pattern, chord=chord, brace=brace, braces=braces,
        gusset_mm=gusset_mm, fastener=fastener, stance=stance, bow_mm=bow_mm,
    )  # fmt: skip
    web = size.members()
    build = TrussParts(size, gusset_mm / 1000, braces == "double", fastener)
    patches: list[Patch] = []
    for number, member in enumerate(web):
        patches += solids.named(
            build.web_member(member, bow_mm / 1000 if member.nodes == bent.nodes else 0.0), f"{number + 1}"
        )
    for node in range(len(size.nodes)):
        patches += solids.named(build.node(node, [member for member in web if node in member.nodes]), f"{node + 1}")
    upright = stance == "bay"
    for name, level in (("lower", -1.0), ("upper", 1.0)):
        patches += solids.named(build.chord(level, upright=upright), name)
    if pattern == "x":
        for number in range(panels):
            if not (bow_mm and bent.nodes == _diagonals(web)[number].nodes):
                patches += solids.named(build.crossing(number), f"{number + 1}")
    if upright:
        turn = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
        patches = solids.place(patches, turn, (0, 0, 0))
    return patches, gusset_mm


def layout(
    *,
    length_m: float,
    height_m: float,
    panels: int,
    pattern: str,
    chord: str,
    brace: str,
    braces: str,
    gusset_mm: float,
    fastener: str,
    stance: str,
    bow_mm: float,
) -> tuple[Lattice, Member]:
    """Return the lattice and the diagonal that may be bent, or raise InputError; parameters are those of `truss`."""
    check_choices(
        "truss", pattern=(pattern, PATTERNS), chord=(chord, CHORDS), brace=(brace, ANGLES), braces=(braces, BRACES),
        stance=(stance, STANCES), fastener=(fastener, FASTENERS),
    )  # fmt: skip
    check_numbers(
        "truss", length_m=(length_m, 0.5, 20), height_m=(height_m, 0.4, 5), panels=(panels, range(1, 9)),
        gusset_mm=(gusset_mm, 5, 25),
    )  # fmt: skip
    if pattern == "x" and braces == "double":
        raise InputError("truss braces 'double' with pattern 'x': crossing diagonals are single angles; choose single")
    size = _lattice(length_m, height_m, panels, pattern, chord, brace)
    if fault := size.fault():
        raise InputError(
            f"truss of {length_m} x {height_m} m in {panels} panels with {brace} on {chord}: {fault}; choose "
            "larger panels or smaller angles"
        )
    diagonals = _diagonals(size.members())
    bent = diagonals[len(diagonals) // 2]
    free = bent.length - 2 * bent.joint
    if not 0 <= bow_mm <= 1000 * BOW * free:
        raise InputError(f"truss bow_mm {bow_mm}: give 0 to {int(1000 * BOW * free)} mm, {BOW:g} of the free length")
    return size, bent


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random truss."""
    pattern = str(rng.choice(PATTERNS, p=[0.3, 0.3, 0.4]))
    stance = str(rng.choice(STANCES, p=[0.7, 0.3]))
    brace = str(rng.choice(["L 60x6", "L 70x7", "L 80x8"]))
    braces = "single" if pattern == "x" else str(rng.choice(BRACES))
    chord = str(rng.choice(["L 80x8", "L 100x10", "L 120x12", "UPE 120", "UPE 140", "UPE 160"]))
    panels = int(rng.integers(1, 4) if pattern != "warren" else rng.integers(2, 5))
    height = round(float(rng.uniform(0.95, 1.5)), 3)
    panel = float(rng.uniform(0.8, 1.25)) * height if pattern != "warren" else float(rng.uniform(0.55, 0.8)) * height
    length = round(panels * panel, 3)
    # If members do not fit, try fewer and longer panels.
    while panels > 1 and _lattice(length, height, panels, pattern, chord, brace).fault():
        panels -= 1
    return {
        "length_m": length,
        "height_m": height,
        "panels": panels,
        "pattern": pattern,
        "chord": chord,
        "brace": brace,
        "braces": braces,
        "gusset_mm": float(rng.choice([8, 10, 12])),
        "fastener": str(rng.choice(FASTENERS, p=[0.75, 0.25] if panels < 3 else [1.0, 0.0])),
        "stance": stance,
        "bow_mm": round(float(rng.uniform(8, 40)), 1) if rng.random() < 0.35 else 0.0,
    }


def truss_length(
    overall_m: float,
    *,
    height_m: float,
    panels: int,
    pattern: str,
    chord: str,
    brace: str,
    bow_mm: float = 0.0,
    **_: Any,
) -> float | None:
    """Return `length_m` of a truss whose chords are `overall_m` long, or None if its members do not fit."""
    length = overall_m - 0.4
    for _step in range(12):  # the slope of the diagonals, and with it the size of the gussets, changes little
        if length < 0.5:
            return None
        size = _lattice(length, height_m, panels, pattern, chord, brace)
        length += overall_m - TrussParts(size, 0.01, False, "rivets").overall
    bent = _diagonals(size.members())[-1]
    fits = size.fault() is None and bow_mm <= 1000 * BOW * (bent.length - 2 * bent.joint) and height_m >= 0.4
    return length if fits else None


def _lattice(length: float, height: float, panels: int, pattern: str, chord: str, brace: str) -> Lattice:
    return Lattice(
        length=length, height=height, panels=panels, pattern=pattern, chord=Chord.of(chord), brace=Angle.of(brace)
    )


def _diagonals(web: Sequence[Member]) -> list[Member]:
    """Return the diagonals in front of the gussets, or on both sides of them."""
    return [member for member in web if member.kind == "diagonal"]
