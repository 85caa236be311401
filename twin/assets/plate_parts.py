"""Parts on the face of a plate, here at z = 0: ribs, weld beads, fasteners, the tears of chequer plate."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.fasteners import SIZES, Size, head, hole_mm, washer
from corrotwin.twin.geometry.slabs import Hole

CLEAR_M = 0.012  # least steel between an opening and anything else on the plate
RIM_M = 0.035  # least steel between an opening and an edge
TEAR_PITCH_M = 0.0165  # tears 31 mm long, as the markers in photographs suggest


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A plate and the parts that divide its face: metres; `height` is that of the ribs."""

    length: float
    width: float
    thickness: float
    stiffeners: int
    height: float
    butt_weld: bool

    @property
    def ribs(self) -> Floats:
        """The y of the ribs, which divide the plate evenly."""
        return self.lines[1:-1]

    @property
    def lines(self) -> Floats:
        """The y of the long edges and of the ribs between them."""
        return np.linspace(-self.width / 2, self.width / 2, self.stiffeners + 2)

    @property
    def web(self) -> float:
        """Thickness of a rib; by eye."""
        return max(0.006, 0.1 * self.height)

    @property
    def foot(self) -> float:
        """Distance from the middle of a rib to the toe of its fillet weld, whose leg is 0.7 times the web."""
        return 1.2 * self.web + 0.001

    @property
    def flange(self) -> float:
        """Width of the flange of a tee rib; by eye."""
        return max(0.04, 0.6 * self.height)

    @property
    def weld_x(self) -> float | None:
        """The x of the butt weld."""
        return -0.1 * self.length if self.butt_weld else None

    @property
    def seam(self) -> tuple[float, float]:
        """Half width and height of the butt weld; by eye."""
        return 0.6 * self.thickness + 0.003, 0.0015 + 0.05 * self.thickness

    @property
    def bolt(self) -> Size:
        """Bolt, rivet or hole for a plate of this thickness."""
        return SIZES["M16" if self.thickness < 0.012 else "M20"]


def places(layout: Layout) -> Floats:
    """Return the places of fasteners, (n, 2): in rows along the long edges and beside each rib."""
    bolt = layout.bolt.diameter / 1000
    margin, apart = 2.2 * bolt, 3 * bolt
    beside = max(0.06 + bolt, layout.foot + CLEAR_M + 1.2 * bolt)
    rows: list[float] = []
    for bay, (low, high) in enumerate(pairwise(layout.lines)):
        first = low + (margin if bay == 0 else beside)
        last = high - (margin if bay == layout.stiffeners else beside)
        if last - first >= apart:
            rows += [first, last]
        elif last >= first:
            rows.append((first + last) / 2)
    room = layout.length - 2 * margin
    count = max(2, round(room / (5 * bolt)) + 1) if room >= apart else int(room >= 0)
    columns = np.linspace(-room / 2, room / 2, count) if count > 1 else np.zeros(count)
    if layout.weld_x is not None:
        columns = columns[np.abs(columns - layout.weld_x) >= layout.seam[0] + 1.2 * bolt + CLEAR_M]
    return np.array([(x, y) for y in rows for x in columns]).reshape(-1, 2)


def opening(layout: Layout, fasteners: Floats) -> tuple[float, float, float]:
    """Return the middle, x and y, of an opening in the bay at the middle or above it, and its greatest diameter."""
    bay = (layout.stiffeners + 1) // 2
    low, high = layout.lines[bay : bay + 2]
    x, y = 0.0 if layout.weld_x is None else 0.2 * layout.length, (low + high) / 2
    rib = layout.foot + CLEAR_M
    limits = [layout.length / 2 - x - RIM_M]
    limits.append(y - low - (RIM_M if bay == 0 else rib))
    limits.append(high - y - (RIM_M if bay == layout.stiffeners else rib))
    if layout.weld_x is not None:
        limits.append(x - layout.weld_x - layout.seam[0] - CLEAR_M)
    if len(fasteners):  # squares of the mesh round an opening and a hole must not overlap either
        square = 0.03 + Hole(x=0, y=0, diameter=hole_mm(layout.bolt) / 1000).half
        reach = max(layout.bolt.washer[0] / 2000 + CLEAR_M, square)
        limits.append(float(np.abs(fasteners - [x, y]).max(axis=1).min()) - reach)
    return x, float(y), 2 * float(min(limits))


def ribs(layout: Layout, kind: str) -> list[Patch]:
    """Build ribs along x with a fillet weld on both sides."""
    if not layout.stiffeners:
        return []
    web, height, length = layout.web, layout.height, layout.length - 0.02
    zones = {"face": "stiffener", "side": "stiffener"}
    rib = solids.box("web", np.array([length, web, height]), 0.001, **zones, bottom=solids.COVERED)
    if kind == "tee":
        flange = solids.box("flange", np.array([length, layout.flange, web]), 0.0015, **zones, bottom="stiffener")
        rib += solids.place(flange, np.eye(3), (0, 0, height - 0.0005))
    leg, sunk = 0.7 * web, 0.0005
    turn = np.radians(np.linspace(0, 90, 7))
    swell = (leg + sunk) * (0.72 + 0.28 * np.abs(np.cos(2 * turn)))  # nearly flat between the toes
    line = np.column_stack([swell * np.cos(turn), swell * np.sin(turn)]) - sunk
    for side, name in ((1, "left"), (-1, "right")):
        bead = solids.bead(f"fillet {name}", length, line)
        turned = np.eye(3) if side == 1 else np.diag([-1.0, -1.0, 1.0])
        rib += solids.place(bead, turned, (-side * length / 2, side * web / 2, 0))
    return solids.thick(solids.copies(rib, np.eye(3), [(0, y, 0) for y in layout.ribs]), 1000 * web)


def butt_weld(layout: Layout) -> list[Patch]:
    """Build beads along y from edge to edge, in pieces that end in the fillet welds of the ribs."""
    if layout.weld_x is None:
        return []
    half, crown = layout.seam
    across = np.linspace(-half, half, 9)
    line = np.column_stack([across[::-1], -0.0005 + (crown + 0.0005) * (1 - (across / half) ** 2)])
    into = 0.5 * layout.web + 0.001
    starts = [-layout.width / 2 + 0.003, *(layout.ribs + into)]
    ends = [*(layout.ribs - into), layout.width / 2 - 0.003]
    patches: list[Patch] = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        bead = solids.bead(f"butt weld {number + 1}", end - start, line)
        patches += solids.place(bead, solids.axes([0, 0, 1], [0, 1, 0]), (layout.weld_x, start, 0))
    return patches


def fastened(layout: Layout, at: Floats, kind: str) -> list[Patch]:
    """Build a rivet, or the head of a bolt on its washer, at each place."""
    bolt = layout.bolt.diameter / 1000
    if kind == "rivets":
        parts = solids.dome("", "rivet", 1.6 * bolt, 1.6 * bolt, 0.65 * bolt)
    else:
        top = solids.place(head(layout.bolt, "hexagon", 5), np.eye(3), (0, 0, layout.bolt.washer[1] / 1000))
        parts = washer(layout.bolt, segments=24) + top
    parts = solids.thick(parts, layout.bolt.diameter)
    patches: list[Patch] = []
    for number, (x, y) in enumerate(at):
        # Hexagons stop where the wrench left them: spread by the golden angle, without a random draw.
        angle = 2.4 * (number + 1)
        turn = solids.axes([0, 0, 1], [np.cos(angle), np.sin(angle), 0])
        patches += solids.named(solids.place(parts, turn, (x, y, 0)), f"{kind[:-1]} {number + 1}")
    return patches


def tears(layout: Layout, cut: tuple[float, float, float]) -> list[Patch]:
    """Build raised tears of chequer plate, clear of ribs, of a weld and of an opening `cut`: x, y, diameter or 0."""
    reach = 0.96 * TEAR_PITCH_M  # half a tear

    def clear(x: float, y: float) -> bool:
        welded = layout.weld_x is not None and abs(x - layout.weld_x) < layout.seam[0] + reach
        ribbed = bool((np.abs(layout.ribs - y) < layout.foot + reach).any())
        open_here = cut[2] > 0 and np.hypot(x - cut[0], y - cut[1]) < cut[2] / 2 + 0.005 + reach
        return not (welded or ribbed or open_here)

    return solids.tears("tears", layout.length - 0.008, layout.width - 0.008, TEAR_PITCH_M, clear)
