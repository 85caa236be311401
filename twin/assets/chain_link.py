"""One link of a chain, and the shackle at its end: solids, and the surfaces where it may touch another link.

Lengths are in bar diameters until a solid is made, so a link's outside length is 6, and its bar has radius 1/2. A link
lies about its centre, its length along x, in the plane z = 0.
"""

from dataclasses import dataclass, replace

import numpy as np

from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch

# Outside width in bar diameters; the outside length is 6 (ISO 1704 stud link, ISO 20438 studless).
WIDTH = {"stud": 3.6, "studless": 3.35}
UPSET = 0.02  # height of the ground flash-butt weld over the bar, and half its length; set by eye
WELD = 0.25
RUB_DEGREES = (30.0, 45.0)  # half angles, along the crown and round the bar, rubbed bright on a new chain; by eye
GRIP_SEGMENTS, REST_SEGMENTS = 20, 22  # round the bar: within the grip, and outside it
GRIP_ROWS = 20  # along the crown within the grip


@dataclass(frozen=True, kw_only=True)
class Link:
    """Shape of a link in bar diameters; `wear` is the share of the bar that is lost at each grip."""

    width: float
    stud: bool
    wear: float

    @property
    def bend(self) -> float:
        """Radius of the bar's centre line around the crown."""
        return (self.width - 1) / 2

    @property
    def straight(self) -> float:
        """Half the length of the straight sides."""
        return 2.5 - self.bend

    @property
    def seat(self) -> float:
        """Radius of the worn seat, between that of the bar and that of the crown's inside.

        The scar then has an edge on both sides; 0.58 and 0.42 keep it within the seat up to 15 % of wear.
        """
        return 1 / (0.58 / 0.5 + 0.42 / (self.bend - 0.5))


def centre_line(link: Link, count: int) -> Floats:
    """Return points, (count, 3), evenly spaced along the centre line of the bar."""
    quarter = np.array([2 * link.straight, np.pi * link.bend])
    ends = np.concatenate([[0.0], np.cumsum(np.tile(quarter, 2))])
    along = (np.arange(count) + 0.5) / count * ends[-1]
    piece = np.searchsorted(ends, along, side="right") - 1
    beyond = along - ends[piece]
    turn = np.where(piece % 2 == 1, beyond / link.bend, 0.0) + np.where(piece >= 2, np.pi, 0.0) - np.pi / 2
    x = np.select([piece == 0, piece == 1, piece == 2], [beyond - link.straight, link.straight, link.straight - beyond])
    x[piece == 3] = -link.straight
    return np.column_stack([x + link.bend * np.cos(turn) * (piece % 2), link.bend * np.sin(turn), np.zeros(count)])


def nearest(link: Link, points: Floats) -> Floats:
    """Return the nearest points, (..., 3), on the centre line."""
    end = np.clip(points[..., 0], -link.straight, link.straight)
    out = np.stack([points[..., 0] - end, points[..., 1]], axis=-1)
    out *= link.bend / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-12)
    return np.stack([end + out[..., 0], out[..., 1], np.zeros_like(end)], axis=-1)


def bar_radius(points: Floats) -> Floats:
    """Return the bar's radius, (...), at points of its centre line: larger at the weld, mid-side at y < 0."""
    near = np.clip(np.abs(points[..., 0]) / WELD, 0, 1)
    return np.where(points[..., 1] < 0, 0.5 + UPSET * np.cos(np.pi / 2 * near) ** 2, 0.5)


def over_seat(link: Link, points: Floats) -> tuple[Floats, Floats]:
    """Return heights, (...), over the worn seat of the nearer crown, positive within the metal, and their gradient.

    The seat is a saddle, hollow along the crown and round across it as the bar is. Two links that grip each other at
    right angles are each cut back to the same saddle, so their scars fit; `wear` is its depth in the middle.
    """
    across, steepness = [], []
    limit = 0.95 * link.seat
    for index in (1, 2):
        value = np.abs(points[..., index])
        inner, beyond = np.minimum(value, limit), np.maximum(value - limit, 0.0)
        root = np.sqrt(link.seat**2 - inner**2)
        # The circle turns vertical: a parabola goes on from it, steep enough to end the scar before the sides begin.
        across.append(link.seat - root + inner / root * beyond + 20 * beyond**2)
        steepness.append((inner / root + 40 * beyond) * np.sign(points[..., index]))
    height = np.abs(points[..., 0]) - 2 - link.wear + across[0] - across[1]
    return height, np.stack([np.sign(points[..., 0]), steepness[0], -steepness[1]], axis=-1)


def outside(link: Link, points: Floats) -> tuple[Floats, Floats]:
    """Return distances, (...), from the bar, negative within, and their gradient; nearly exact near the scars."""
    way = points - nearest(link, points)
    length = np.maximum(np.linalg.norm(way, axis=-1), 1e-12)
    distance, gradient = length - 0.5, way / length[..., None]
    height, rise = over_seat(link, points)
    cut = (-height > distance) & (np.abs(points[..., 0]) > link.straight) & (link.wear > 0)
    return np.where(cut, -height, distance), np.where(cut[..., None], -rise, gradient)


def crown(link: Link, along: Floats, around: Floats) -> Floats:
    """Return the crown's surface at +x, (along, around, 3), at radians from its middle and the bend's inside."""
    theta, phi = along[:, None], around[None, :]
    outward = np.stack(np.broadcast_arrays(np.cos(theta), np.sin(theta), 0 * phi), axis=-1)
    centre = link.bend * outward + [link.straight, 0, 0]
    way = np.stack(np.broadcast_arrays(-np.cos(theta) * np.cos(phi), -np.sin(theta) * np.cos(phi), np.sin(phi)), -1)
    radius = np.full(way.shape[:2], 0.5)
    if link.wear > 0:
        low, high = np.zeros_like(radius), np.full_like(radius, 0.75)
        for _ in range(40):
            middle = (low + high) / 2
            within = over_seat(link, centre + middle[..., None] * way)[0] > 0
            low, high = np.where(within, middle, low), np.where(within, high, middle)
        lip = 0.7 * link.wear  # the scar's edge is rounded over this much depth, but not into the straight sides
        mix = np.clip(0.5 + (0.5 - low) / (2 * lip), 0, 1)
        radius = 0.5 + (mix * (low - 0.5) - lip * mix * (1 - mix)) * np.clip((np.pi / 2 - np.abs(theta)) / 0.2, 0, 1)
    return np.asarray(centre + radius[..., None] * way)


def grip_degrees(link: Link) -> tuple[float, float]:
    """Return half angles of the contact zone along the crown and around the section: the scar or the rubbed zone."""
    angle = np.radians(np.arange(0.0, 86.0))
    reach = []
    for index, limit in enumerate(RUB_DEGREES):
        line = crown(link, angle, np.zeros(1))[:, 0] if index == 0 else crown(link, np.zeros(1), angle)[0]
        worn = np.linalg.norm(line - nearest(link, line), axis=1) < 0.5 - 1e-6
        reach.append(max(limit, float(np.degrees(angle[worn].max(initial=0.0))) + 2))
    return min(reach[0], 75.0), min(reach[1], 85.0)


def grips(link: Link) -> Floats:
    """Return points, (n, 3), inside both crowns, dense enough to find where a neighbour touches."""
    inside = crown(link, np.radians(np.linspace(-78, 78, 17)), np.radians(np.linspace(-88, 88, 15))).reshape(-1, 3)
    return np.concatenate([inside, inside * [-1, -1, 1]])


def link_solids(link: Link, diameter: float) -> list[Patch]:
    """Build the link, metres: swept counter-clockwise from the welded side, and its stud."""
    half_crown, half_section = np.radians(grip_degrees(link))
    grip = np.linspace(-half_section, half_section, GRIP_SEGMENTS + 1)
    outer = np.linspace(half_section, 2 * np.pi - half_section, REST_SEGMENTS + 1)
    outer[-1] = grip[0]
    ring = np.concatenate([grip, outer[1:]])
    ring[-1] = ring[0]
    swell = np.linspace(-WELD, WELD, 9)
    a = link.straight
    pieces = [("side", _side(link, [-a, -WELD], -1, ring)), ("weld", _side(link, swell, -1, ring))]
    pieces += [("side", _side(link, [WELD, a], -1, ring)), ("side", _side(link, [a, -a], 1, ring))]
    quarter = np.linspace(half_crown, np.pi / 2, 8)
    middle = np.linspace(-half_crown, half_crown, GRIP_ROWS + 1)
    for zone, along, around in (
        ("crown", -quarter[::-1], ring),
        ("contact", middle, grip),
        ("crown", middle, outer),
        ("crown", quarter, ring),
    ):
        points = crown(link, along, around)
        pieces += [(zone, points), (zone, points * [-1, -1, 1])]
    patches = []
    for zone, points in pieces:
        # The last column of a ring repeats the first exactly.
        wrap = points.shape[1] == len(ring)
        if wrap:
            points[:, -1] = points[:, 0]
        patch = Patch(solid="link", zone=zone, points=diameter * points, wrap_u=wrap)
        patches += solids.thick([patch], 1000 * diameter * (1 - link.wear)) if zone == "contact" else [patch]
    if link.stud:
        patches += solids.thick(_stud(link, diameter), 600 * diameter)
    return patches


def stud_points(link: Link) -> tuple[Floats, Floats]:
    """Return points, (n, 3), along the stud's middle and its radius there, (n,): flared to the bars, by eye."""
    y = np.linspace(-link.bend + 0.45, link.bend - 0.45, 15)
    flare = np.clip((np.abs(y) - 0.2) / (link.bend - 0.65), 0, 1)
    return np.column_stack([0 * y, y, 0 * y]), 0.3 + 0.15 * flare**1.5


def _side(link: Link, line: Floats | list[float], side: int, around: Floats) -> Floats:
    """Build a straight bar along `line` at y = side x bend."""
    x = np.asarray(line, dtype=float)
    centres = np.column_stack([x, np.full(len(x), side * link.bend), 0 * x])
    section = np.column_stack([np.cos(around), np.sin(around)]) * bar_radius(centres)[:, None, None]
    inward = np.tile([0.0, -side, 0.0], (len(x), 1))
    return solids.sweep(centres, inward, np.tile([0.0, 0.0, 1.0], (len(x), 1)), section)


def _stud(link: Link, diameter: float) -> list[Patch]:
    middle, radius = stud_points(link)
    end = link.bend - 0.25  # within the bar
    outline = np.column_stack([radius, middle[:, 1]])
    outline = np.concatenate([[[radius[0], -end]], outline, [[radius[-1], end]]])
    tips = [np.array([[0.0, -end], outline[0]]), np.array([outline[-1], [0.0, end]])]
    bar = solids.revolve("stud", [(solids.COVERED, tips[0]), ("stud", outline), (solids.COVERED, tips[1])], 32)
    turned = solids.place(bar, solids.axes([0, 1, 0], [1, 0, 0]), (0, 0, 0))
    return [replace(patch, points=diameter * patch.points) for patch in turned]


# Bolt-type bow shackle in diameters of its bow: pin, inside width at the pin, inside width of the bow, inside length
# from pin to bow, eye. Proportions of the 1-inch size of US Federal Specification RR-C-271, from memory.
PIN, JAW, BOW, INSIDE, EYE = 1.12, 1.69, 2.69, 3.75, 2.38


def shackle(diameter: float) -> list[Patch]:
    """Build a bow shackle of this bow diameter (m) in the plane z = 0: bow through the origin, pin at -x.

    What the pin holds is not built: a plate eye on a structure would be between the eyes.
    """
    thick, bevel, rim, hole = 1.06, 0.12, EYE / 2, PIN / 2
    radius, half = (BOW + 1) / 2, (JAW + thick) / 2
    pin = INSIDE + PIN / 2 + 0.5  # from the origin
    # From the bow's circle a tangent leads to where each leg ends, within the eye but clear of the pin.
    foot = np.array([0.75 - pin, half])
    way = foot - [-radius, 0.0]
    angle = np.arctan2(way[1], way[0]) - np.arccos(radius / np.hypot(*way))
    arc = np.linspace(angle, -angle, 41)
    line = np.column_stack([radius * (np.cos(arc) - 1), radius * np.sin(arc), 0 * arc])
    out = np.column_stack([np.cos(arc), np.sin(arc), 0 * arc])
    centres = np.concatenate([[[*foot, 0.0]], line, [[foot[0], -foot[1], 0.0]]])[::-1]
    out = np.concatenate([out[:1], out, out[-1:]])[::-1]
    bar = solids.sweep(centres, -out, np.tile([0.0, 0.0, 1.0], (len(out), 1)), solids.circle(0.5, 40))
    tips = [np.broadcast_to(centres[row], bar[row].shape) for row in (0, -1)]
    patches = [
        Patch(solid="bow", zone="body", points=bar, wrap_u=True),
        Patch(solid="bow", zone=solids.COVERED, points=np.stack([tips[0], bar[0]]), wrap_u=True),
        Patch(solid="bow", zone=solids.COVERED, points=np.stack([bar[-1], tips[1]]), wrap_u=True),
    ]
    across = solids.axes([0, 1, 0], [1, 0, 0])
    outline = [(0.0, 0.0), (hole, 0.0), (rim - bevel, 0.0), (rim, bevel), (rim, thick - bevel)]
    outline += [(rim - bevel, thick), (hole, thick), (0.0, thick)]
    eye = solids.facets(outline, [solids.COVERED, *["body"] * 5, solids.COVERED])
    for name, y in (("a", half - thick / 2), ("b", -half - thick / 2)):
        patches += solids.named(solids.place(solids.revolve("eye", eye, 40), across, (-pin, y, 0)), name)
    head, nut, outer = 0.45 * PIN, 0.8 * PIN, half + thick / 2
    levels = head + np.cumsum([0.0, thick, JAW, thick + nut, 0.35 * nut])
    outline = [(0.0, 0.0), (0.72 * PIN, 0.0), (0.8 * PIN, 0.08 * PIN), (0.8 * PIN, head)]
    outline += [(hole, head), *((hole, level) for level in levels[1:4])]
    outline += [(hole, levels[4] - 0.06), (hole - 0.06, levels[4]), (0.0, levels[4])]
    rod = solids.facets(outline, [*["bolt"] * 3, *[solids.COVERED] * 2, "bolt", solids.COVERED, *["bolt"] * 3])
    pinned = solids.place(solids.revolve("pin", rod, 40), across, (-pin, -outer - head, 0))
    hexagon = solids.nut("pin nut", PIN - 0.0032 / 1.5, nut)  # 1.5 pins across flats
    patches += solids.thick(pinned + solids.place(hexagon, across, (-pin, outer, 0)), 1000 * PIN * diameter)
    return [replace(patch, points=diameter * patch.points) for patch in patches]
