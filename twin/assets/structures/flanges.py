"""Flanges of a built-up girder: angles and cover plates, which pack rust parts and a vehicle dents."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from corrotwin.twin.assets.structures import members
from corrotwin.twin.assets.structures.girder_layout import GirderSize
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch

PACK_ROWS, DENT_ROWS = 6, 16  # rows of the mesh to a pitch, and along a dent


def _rows(size: GirderSize, span: tuple[float, float], *, dented: bool) -> list[float]:
    """Return the x of the rows of a plate's mesh: close where pack rust or a dent bends it."""
    rows = [*span]
    if size.pack:
        rivets = size.rivets
        rows += np.linspace(rivets[0], rivets[-1], PACK_ROWS * (len(rivets) - 1) + 1).tolist()
    if dented and size.dent:
        middle, half = size.dented
        rows += np.linspace(middle - half, middle + half, DENT_ROWS + 1).tolist()
    return [x for x in rows if span[0] <= x <= span[1]]


def flange_angle(size: GirderSize, top: bool, front: bool) -> list[Patch]:
    """Build an angle; which of its legs lies level follows from the quarter turn that brings it to its corner."""
    quarter = {(False, False): 0, (False, True): 1, (True, True): 2, (True, False): 3}[top, front]
    level = quarter % 2 == 0  # the leg along y of the section
    always, cover = [(*members.EVERYWHERE, solids.COVERED)], size.stretches[:1]
    seam = [(*members.EVERYWHERE, "crevice")]
    under = [(a, b, solids.COVERED) for a, b in cover] + [(a, b, "crevice") for a, b in size.seams]
    inner, outer, foot = members.BACK_INNER, members.BACK_OUTER, members.TOE_FOOT
    on_web = {inner: always, outer: always, foot: seam}
    on_cover: dict[int, members.Bands] = {
        inner: [(a, b, solids.COVERED) for a, b in cover], outer: under, foot: [(a, b, "crevice") for a, b in cover]
    }  # fmt: skip
    first, second = (on_cover, on_web) if level else (on_web, on_cover)
    pressed: dict[int, members.Bands] = {**first, **{8 - number: bands for number, bands in second.items()}}
    rows = [0.0, size.length]
    if not top and front:
        rows = _rows(replace(size, pack=0.0), (0.0, size.length), dented=True)
    section = members.angle(size.flange, "flange", size.parted if size.pack else None)
    name = f"{'upper' if top else 'lower'} angle {'front' if front else 'rear'}"
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarter]
    turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    place = (0, (-1 if front else 1) * size.web / 2, size.z + (size.depth if top else 0.0))
    angle = members.member(name, section, rows, pressed)
    return solids.thick(solids.place(angle, turn, place), 1000 * size.flange.t)


def cover_plates(size: GirderSize, top: bool) -> list[Patch]:
    """Build the cover plates of a flange; all are bent alike, so that they still lie on each other."""
    half, inner, parted = size.wide / 2, size.web / 2 + size.tight, size.web / 2 + size.parted
    lines = [-parted, parted]
    if size.pack or size.dent:
        outer = np.array([inner, parted, *np.linspace(parted, half - 0.002, 5)[1:]])
        root = [size.root, (size.root + inner) / 2] if size.dent else []
        lines = sorted([*-outer, *outer, *root, *(-x for x in root)])
    patches: list[Patch] = []
    for number, (start, end) in enumerate(size.stretches):
        steel = members.plank(size.wide, size.cover, lines, (-parted, parted), "flange")
        opened = [(start, end, solids.COVERED)]
        if number == 0:
            opened += [(a, b, "crevice") for a, b in size.seams]
        seam = [(start, end, "crevice")]
        pressed: dict[int, members.Bands] = {
            0: opened, 1: [(start, end, solids.COVERED)], 2: opened, 3: seam, 9: seam
        }  # fmt: skip
        if number + 1 < len(size.stretches):
            next_up = [(*size.stretches[number + 1], solids.COVERED)]
            pressed |= {5: next_up, 6: next_up, 7: next_up}
        name = f"{'upper' if top else 'lower'} cover {number + 1}"
        plate = members.member(name, steel, _rows(size, (start, end), dented=not top), pressed)
        plate = _packed(solids.place(plate, np.eye(3), (0, 0, number * size.cover)), size)
        turn, level = (np.eye(3), size.z + size.depth) if top else (np.diag([1.0, -1.0, -1.0]), size.z)
        patches += solids.place(plate, turn, (0, 0, level))
    return solids.thick(patches, 1000 * size.cover)


def _smooth(share: Floats) -> Floats:
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def opening(size: GirderSize, x: Floats, y: Floats) -> Floats:
    """Return how far pack rust has opened the seam at places of the cover plate, metres: 0 at every rivet.

    Between two rivets the edge of the plate bulges as a sine squared. The height of the bulge varies from seam to seam,
    without a random draw, from 0.55 to 1 of the parameter.
    """
    rivets = size.rivets
    run = (x - rivets[0]) / size.pitch
    seam = np.floor(run)
    swing = 0.775 + 0.225 * np.cos(2.4 * seam + np.where(y < 0, 0.0, 1.9) * (seam > 0))
    inside = (run > 0) & (run < len(rivets) - 1)
    out = np.clip((np.abs(y) - size.web / 2 - size.tight) / (size.wide / 2 - size.web / 2 - size.tight), 0, 1)
    out = out**2 * (3 - out) / 2  # the bend of a strip that is held at one edge and lifted at the other
    return np.asarray(np.where(inside, size.pack * swing * np.sin(np.pi * (run - seam)) ** 2 * out, 0.0))


def _packed(patches: Sequence[Patch], size: GirderSize) -> list[Patch]:
    if not size.pack:
        return list(patches)
    lift = [opening(size, patch.points[..., 0], patch.points[..., 1]) for patch in patches]
    return [
        replace(patch, points=patch.points + up[..., None] * np.array([0.0, 0.0, 1.0]))
        for patch, up in zip(patches, lift, strict=True)
    ]


def dented(patches: Sequence[Patch], size: GirderSize) -> list[Patch]:
    """Bend the front half of the lower flange up, with its rivets: a cosine along it, from the root to the edge."""
    middle, half = size.dented
    moved = []
    for patch in patches:
        if "lower" not in patch.solid or "web" in patch.solid:
            moved.append(patch)
            continue
        points = patch.points.copy()
        along = np.clip((points[..., 0] - middle) / half, -1, 1)
        share = (-points[..., 1] - size.root) / (size.wide / 2 - size.root)
        points[..., 2] += size.dent * (0.5 + 0.5 * np.cos(np.pi * along)) * _smooth(share)
        moved.append(replace(patch, points=points))
    return moved
