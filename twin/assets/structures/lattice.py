"""Layout of a lattice in the plane of x and z: nodes, members and their ends, and the outlines of gusset plates."""

from dataclasses import dataclass

import numpy as np

from corrotwin.twin.assets.structures import outlined_plates
from corrotwin.twin.assets.structures.members import Angle
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.geometry.section_sizes import CHANNELS

CLEAR = 0.01  # clear distance between members that meet at a node
MARGIN = 0.012  # margin of a gusset beside and beyond a member
END, PITCH = 1.75, 3.5  # rivets: edge distance and pitch in diameters; usual practice is at least 1.5, and 3 to 6
INSET = 0.008  # distance of a gusset from the outer edge of its chord
PATTERNS = ("pratt", "warren", "x")


@dataclass(frozen=True, kw_only=True)
class Chord:
    """A chord of two angles or two channels, metres: `high` is its height on the gusset, `t` its thickness there."""

    name: str
    high: float
    t: float
    rivet: float
    rows: tuple[float, ...]  # distances of rows of rivets from its outer edge

    @classmethod
    def of(cls, name: str) -> "Chord":
        """Return a chord by the name of an angle or a channel."""
        if name in CHANNELS:
            h, _, tw, tf, r = (value / 1000 for value in CHANNELS[name])
            d = 0.014 if h < 0.15 else 0.018
            inner = tf + r + 0.85 * d
            return cls(name=name, high=h, t=tw, rivet=d, rows=(inner, h - inner))
        size = Angle.of(name)
        return cls(name=name, high=size.leg, t=size.t, rivet=size.rivet, rows=(size.gauge,))


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """A web member between two nodes: where its steel starts and ends, (2,) metres, and the length of its joints."""

    kind: str  # "vertical", "diagonal", or "counter": a diagonal behind the gussets
    start: Floats
    end: Floats
    joint: float
    nodes: tuple[int, int]

    @property
    def length(self) -> float:
        """Length of the steel."""
        return float(np.linalg.norm(self.end - self.start))

    @property
    def way(self) -> Floats:
        """Unit vector from start to end."""
        return np.asarray((self.end - self.start) / np.linalg.norm(self.end - self.start))


@dataclass(frozen=True, kw_only=True, eq=False)
class Lattice:
    """A lattice about the origin: length and height between the middles of its outer nodes, metres."""

    length: float
    height: float
    panels: int
    pattern: str
    chord: Chord
    brace: Angle

    @property
    def rivets(self) -> int:
        """Rivets at each end of a web member."""
        return 2 if self.brace.leg < 0.08 else 3

    @property
    def joint(self) -> float:
        """Length of a web member on its gusset."""
        return (2 * END + (self.rivets - 1) * PITCH) * self.brace.rivet

    @property
    def nodes(self) -> Floats:
        """Nodes (2 (panels + 1), 2): those of the lower chord from left to right, then those of the upper one."""
        x = np.linspace(-self.length / 2, self.length / 2, self.panels + 1)
        return np.concatenate([np.column_stack([x, np.full(len(x), z)]) for z in (-self.height / 2, self.height / 2)])

    def seat(self, node: int) -> float:
        """Return half of the length of the chord on the gusset of a node."""
        rows = 4 if self.ways(node) > 2 else 3
        return ((rows - 1) / 2 * PITCH + END) * self.chord.rivet

    def ways(self, node: int) -> int:
        """Return the number of web members that meet at a node."""
        return sum(node in (a, b) for _, a, b in self._pairs())

    def _pairs(self) -> list[tuple[str, int, int]]:
        """Return kind, first and second node of each web member."""
        n = self.panels
        upright = range(n + 1) if self.pattern != "warren" else (0, n)
        pairs = [("vertical", i, n + 1 + i) for i in upright]
        for i in range(n):
            if self.pattern == "x":
                pairs += [("diagonal", i, n + 2 + i), ("counter", n + 1 + i, i + 1)]
            elif self.pattern == "warren":
                pairs.append(("diagonal", i, n + 2 + i) if i % 2 == 0 else ("diagonal", n + 1 + i, i + 1))
            else:  # they fall towards the middle, as in a bridge that is loaded from above
                pairs.append(("diagonal", n + 1 + i, i + 1) if i < n / 2 else ("diagonal", i, n + 2 + i))
        return pairs

    def members(self) -> list[Member]:
        """Return the web members, each cut clear of the chords and of its neighbours."""
        web_members, nodes, wide = [], self.nodes, self.brace.leg
        uprights = {node for kind, a, b in self._pairs() if kind == "vertical" for node in (a, b)}
        for kind, a, b in self._pairs():
            way = (nodes[b] - nodes[a]) / np.linalg.norm(nodes[b] - nodes[a])
            ends = []
            for node, sign in ((a, 1.0), (b, -1.0)):
                back = (self.chord.high / 2 + CLEAR + wide / 2 * abs(way[0])) / abs(way[1])
                if kind != "vertical":  # clear of the vertical, or of the diagonal on the other side of the node
                    beside = wide / 2 if node in uprights else 0.0
                    back = max(back, (beside + CLEAR / 2 + wide / 2 * abs(way[1])) / abs(way[0]))
                ends.append(nodes[node] + sign * back * way)
            web_members.append(Member(kind=kind, start=ends[0], end=ends[1], joint=self.joint, nodes=(a, b)))
        return web_members

    def gusset(self, node: int, members: list[Member]) -> Floats:
        """Return the outline of the gusset of a node, (n, 2) about it, its chord at the bottom."""
        up = 1.0 if node <= self.panels else -1.0
        half, half_seat = self.chord.high / 2, self.seat(node)
        points = [(x, z) for x in (-half_seat, half_seat) for z in (INSET - half, half)]
        for member in members:
            points += [(float(x), up * float(z)) for x, z in self.pad(member, node, MARGIN)]
        return outlined_plates.hull(points)

    def pad(self, member: Member, node: int, margin: float) -> Floats:
        """Return the rectangle of a member's joint at a node, (4, 2) about it, grown by `margin` except at its end."""
        first = node == member.nodes[0]
        start, way = (member.start, member.way) if first else (member.end, -member.way)
        across = np.array([-way[1], way[0]]) * (self.brace.leg / 2 + margin)
        ends = (start - self.nodes[node], start - self.nodes[node] + way * self.joint)
        return np.array([ends[0] - across, ends[1] - across, ends[1] + across, ends[0] + across])

    def fault(self) -> str | None:
        """Return what does not fit, or None."""
        members = self.members()
        for member in members:
            straight = float((member.end - member.start) @ (self.nodes[member.nodes[1]] - self.nodes[member.nodes[0]]))
            if straight <= 0 or member.length < 2 * self.joint + 0.1:
                return f"no room for its {member.kind}s between the gussets"
        for first in (0, self.panels + 1):
            right = -np.inf
            for node in range(first, first + self.panels + 1):
                outline = self.gusset(node, [bar for bar in members if node in bar.nodes])[:, 0] + self.nodes[node, 0]
                if outline.min() < right + 0.02:
                    return "its gussets meet"
                right = outline.max()
        return None
