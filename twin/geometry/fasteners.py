"""Bolts, nuts, washers and threads of the metric series, as an inspector sees them: each part stands on z = 0."""

from dataclasses import dataclass

import numpy as np

from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.solids import COVERED

ROWS = 16  # rows of the mesh to one pitch of thread: crest, root and flanks begin on a row
COLUMNS = 32  # columns of the mesh round a thread
GAP_M = 0.0004  # height of the lowest strip of a nut, a washer or a round head that counts as its crevice


@dataclass(frozen=True, kw_only=True)
class Size:
    """A metric size, mm.

    Parameters
    ----------
    diameter, pitch : diameter and pitch of the thread, coarse series (ISO 261).
    flats, head : hexagon head, width across flats and height (ISO 4014, ISO 4017).
    nut : height of a nut of the same width (ISO 4032, greatest).
    washer : outside diameter and thickness (ISO 7089).
    socket : head diameter, key width and depth of the recess (ISO 4762); the head is as high as the thread is thick.
    cup : head diameter and height of a cup head (DIN 603, middle of the limits); None if there is none.
    """

    diameter: float
    pitch: float
    flats: float
    head: float
    nut: float
    washer: tuple[float, float]
    socket: tuple[float, float, float]
    cup: tuple[float, float] | None = None


SIZES = {
    "M12": Size(
        diameter=12, pitch=1.75, flats=18, head=7.5, nut=10.8, washer=(24, 2.5), socket=(18, 10, 6), cup=(30, 6.5)
    ),
    "M16": Size(
        diameter=16, pitch=2, flats=24, head=10, nut=14.8, washer=(30, 3), socket=(24, 14, 8), cup=(38, 8.5)
    ),
    "M20": Size(
        diameter=20, pitch=2.5, flats=30, head=12.5, nut=18, washer=(37, 3), socket=(30, 17, 10), cup=(46, 10.5)
    ),
    "M24": Size(diameter=24, pitch=3, flats=36, head=15, nut=21.5, washer=(44, 4), socket=(36, 19, 12)),
    "M30": Size(diameter=30, pitch=3.5, flats=46, head=18.7, nut=25.6, washer=(56, 4), socket=(45, 22, 15.5)),
    "M36": Size(diameter=36, pitch=4, flats=55, head=22.5, nut=31, washer=(66, 5), socket=(54, 27, 19)),
}  # fmt: skip
HEADS = ("hexagon", "socket", "cup")


def hole_mm(size: Size) -> float:
    """Return the diameter of a normal round bolt hole (EN 1090-2: 1 mm over up to M14, 2 mm to M24, then 3 mm)."""
    return size.diameter + (1 if size.diameter < 16 else 2 if size.diameter <= 24 else 3)


def reach_m(size: Size, head: str, *, washers: bool) -> float:
    """Return the greatest radius of the parts that lie on a plate around a bolt, m."""
    widest = max(size.flats / np.cos(np.pi / 6), size.washer[0] if washers else 0.0)
    if head == "cup" and size.cup:
        widest = max(widest, size.cup[0])
    return float(widest) / 2000


def headed(size: Size, kind: str, *, washers: bool) -> list[Patch]:
    """Build the visible parts of a bolt at its head; a cup head has no washer."""
    parts = solids.thick(head(size, kind), size.diameter)
    if not washers or kind == "cup":
        return parts
    seat_mm = size.socket[0] / 2 if kind == "socket" else None
    return solids.thick(washer(size, seat_mm), size.washer[1]) + _above(parts, size.washer[1])


def nutted(size: Size, *, nuts: int, washers: bool, protrusion_m: float) -> list[Patch]:
    """Build the visible parts at a bolt's other end: washer, one nut or two, and the thread beyond."""
    parts = solids.thick(washer(size), size.washer[1]) if washers else []
    level = size.washer[1] if washers else 0.0
    for number in range(nuts):
        last = number == nuts - 1
        turned = solids.place(nut(size, locked=not last), solids.axes([0, 0, 1], [1, 0.9 * number, 0]), (0, 0, 0))
        parts += _above(solids.thick(solids.named(turned, "" if last else "lower"), size.diameter), level)
        level += size.nut
    start = level - 0.1 * size.diameter - 0.5
    hidden = (level - start - 0.05 * size.diameter) / 1000  # the countersink shows a little of the thread in the nut
    end = thread(size, protrusion_m + (level - start) / 1000, hidden)
    return parts + _above(solids.thick(end, size.diameter), start)


def _above(parts: list[Patch], height_mm: float) -> list[Patch]:
    return solids.place(parts, np.eye(3), (0, 0, height_mm / 1000))


def head(size: Size, kind: str, parts: int = 6) -> list[Patch]:
    """Build the head of a bolt, named "head": one of `HEADS`."""
    if kind == "socket":
        return _socket_head(size)
    if kind == "cup":
        return _cup_head(size)
    return _hexagon_head(size, parts)


def _hexagon_head(size: Size, parts: int) -> list[Patch]:
    """Build a head with its washer face, a step that shows as a gap under the corners, and a chamfered top."""
    across, height = size.flats / 1000, size.head / 1000
    outline, seat, step = _outline(across, parts), 0.475 * across, 0.0004 + 0.00001 * size.diameter
    lines = [solids.ring(outline, 0.0, seat), solids.ring(outline, step, seat), solids.ring(outline, step)]
    lines += [solids.ring(outline, height - solids.chamfer(outline, seat)), solids.ring(outline, height, seat)]
    middle = [solids.ring(outline, z, 0.0) for z in (0.0, height)]
    return solids.rings(
        "head",
        [
            (COVERED, [middle[0], lines[0]]),
            ("crevice", lines[:2]),
            (COVERED, lines[1:3]),
            ("bolt", lines[2:4]),
            ("bolt", [*lines[3:], middle[1]]),
        ],
    )


def _socket_head(size: Size) -> list[Patch]:
    """Build a cylinder with a recess for a hexagon key, whose bottom is the cone of the drill."""
    diameter, key, depth = (value / 1000 for value in size.socket)
    height, radius, bevel = size.diameter / 1000, diameter / 2, 0.0005 + 0.03 * diameter
    outline = _outline(key, 6, 0.02)
    turn = np.linspace(0, np.pi / 2, 5)
    wall = [solids.ring(outline, z, radius) for z in (0.0, GAP_M)]
    lip = [solids.ring(outline, height - bevel + bevel * np.sin(a), radius - bevel + bevel * np.cos(a)) for a in turn]
    mouth = solids.ring(outline, height, 0.62 * key)  # countersunk a little: beyond the corners of the key
    edge = solids.ring(outline, height - (0.62 * key - np.linalg.norm(outline, axis=1)))
    floor = solids.ring(outline, height - depth)
    middle = [solids.ring(outline, z, 0.0) for z in (0.0, height - depth - 0.5 * key * np.tan(np.pi / 6))]
    return solids.rings(
        "head",
        [
            (COVERED, [middle[0], wall[0]]),
            ("crevice", wall),
            ("bolt", [wall[1], *lip]),
            ("bolt", [lip[-1], mouth]),
            ("bolt", [mouth, edge, floor]),
            ("bolt", [floor, middle[1]]),
        ],
    )


def _cup_head(size: Size) -> list[Patch]:
    """Build a low dome: a cap of a sphere on a short rim."""
    assert size.cup is not None  # noqa: S101  the builder checks
    radius, height = size.cup[0] / 2000, size.cup[1] / 1000
    rise = height - 3 * GAP_M
    sphere = (radius**2 + rise**2) / (2 * rise)
    turn = np.linspace(np.arcsin(radius / sphere), 0, 9)
    cap = np.column_stack([sphere * np.sin(turn), height - sphere + sphere * np.cos(turn)])
    cap[0], cap[-1, 0] = (radius, height - rise), 0.0
    rim = np.array([[radius, 0.0], [radius, GAP_M], [radius, height - rise]])
    base = np.array([[0.0, 0.0], rim[0]])
    return solids.revolve("head", [(COVERED, base), ("crevice", rim[:2]), ("bolt", rim[1:]), ("bolt", cap)], 48)


def nut(size: Size, *, locked: bool = False) -> list[Patch]:
    """Build a nut, named "nut", with both chamfers and the countersink of its thread; a locked one carries another."""
    across, height, bolt = size.flats / 1000, size.nut / 1000, size.diameter / 1000
    outline, seat = _outline(across, 6), 0.475 * across
    depth = solids.chamfer(outline, seat)
    lines = [solids.ring(outline, 0.0, seat), solids.ring(outline, depth), solids.ring(outline, depth + GAP_M)]
    lines += [solids.ring(outline, height - depth), solids.ring(outline, height, seat)]
    sink = [solids.ring(outline, height, 0.54 * bolt), solids.ring(outline, height - 0.1 * bolt, 0.44 * bolt)]
    middle = [solids.ring(outline, z, 0.0) for z in (0.0, height - 0.1 * bolt)]
    return solids.rings(
        "nut",
        [
            (COVERED, [middle[0], *lines[:2]]),
            ("crevice", lines[1:3]),
            ("bolt", lines[2:4]),
            ("bolt", lines[3:]),
            (COVERED if locked else "bolt", [lines[4], sink[0]]),
            (COVERED if locked else "thread", sink),
            (COVERED, [sink[1], middle[1]]),
        ],
    )


def washer(size: Size, seat_mm: float | None = None, segments: int = 40) -> list[Patch]:
    """Build a plain washer, named "washer", without its hole, which the bolt fills; covered near the middle.

    `seat_mm` is the radius within which it is covered: by default the flats of the hexagon on it.
    """
    radius, height = size.washer[0] / 2000, size.washer[1] / 1000
    seat, bevel = (0.5 * size.flats if seat_mm is None else seat_mm) / 1000, 0.1 * height
    rim = np.array([[radius, 0.0], [radius, GAP_M]])
    top = np.array([rim[1], [radius, height - bevel], [radius - bevel, height], [seat, height]])
    base, under = np.array([[0.0, 0.0], rim[0]]), np.array([top[-1], [0.0, height]])
    return solids.revolve("washer", [(COVERED, base), ("crevice", rim), ("bolt", top), (COVERED, under)], segments)


def thread(size: Size, length_m: float, buried_m: float = 0.0) -> list[Patch]:
    """Build the threaded end of a bolt, named "thread", as long as given within 1/16 pitch, its foot in a nut.

    Basic profile of ISO 68-1: flanks at 60 degrees, crest P/8, root P/4, depth 5/8 of H = P cos 30. Right-handed.
    """
    pitch, radius = size.pitch / 1000, size.diameter / 2000
    rows = max(ROWS // 2, round(length_m / pitch * ROWS))
    z = np.arange(rows + 1)[:, None] * (pitch / ROWS)
    angle = np.arange(COLUMNS + 1) / COLUMNS
    phase = (z / pitch - angle + 1 / 16 + np.ceil(length_m / pitch)) % 1.0  # 1/16: half the crest
    depth = np.interp(phase, [0, 1 / 8, 7 / 16, 11 / 16, 1], [0, 0, 1, 1, 0]) * (5 / 8 * pitch * np.cos(np.pi / 6))
    # The tip is chamfered to a little below the root (ISO 4753).
    crest = np.minimum(radius - depth, 0.96 * (radius - depth.max()) + z[-1] - z)
    crest[:, -1] = crest[:, 0]
    foot = min(round(buried_m / pitch * ROWS), rows - 1)
    turn = solids.circle(1.0, COLUMNS)
    points = np.concatenate([crest[..., None] * turn, np.broadcast_to(z[..., None], (*crest.shape, 1))], axis=2)
    ends = [points[0] * 0 + np.array([0.0, 0.0, height]) for height in (0.0, z[-1, 0])]
    return solids.rings(
        "thread",
        [
            (COVERED, [ends[0], *points[: foot + 1]]),
            ("thread", list(points[foot:])),
            ("bolt", [points[-1], ends[1]]),
        ],
    )


def _outline(across_m: float, parts: int, rounding: float = 0.03) -> Floats:
    return solids.spanner_flats(across_m, rounding * across_m, parts)
