"""Parts of a truss: web members, gussets, chords, packings and their rivets or bolts; the gussets lie in y = 0."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from corrotwin.twin.assets.structures import members, outlined_plates
from corrotwin.twin.assets.structures.lattice import END, PITCH, Lattice, Member
from corrotwin.twin.assets.structures.members import Angle
from corrotwin.twin.geometry import solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.section_sizes import ANGLES, CHANNELS

STITCH = 0.45  # greatest distance between rivets that hold two angles together; by eye
OVER = 0.03  # overhang of a chord beyond its last gusset; by eye
BASE, ROD = 0.02, 0.02  # thickness of the base plates of a bay, and diameter of their anchors; by eye


class TrussParts:
    """The parts of one truss; front is -y, the gussets are centred on y = 0."""

    def __init__(self, size: Lattice, gusset: float, double: bool, fastener: str) -> None:
        self.size, self.gusset, self.double = size, gusset, double
        self.fasten = steelwork.rivets if fastener == "rivets" else steelwork.bolts
        self.word = fastener[:-1]
        web = size.members()
        self.outlines = [
            size.gusset(node, [member for member in web if node in member.nodes]) for node in range(len(size.nodes))
        ]

    def sides(self, member: Member) -> tuple[float, ...]:
        """Return the sides of the gussets on which a web member lies: -1 front, 1 rear."""
        if self.double:
            return (-1.0, 1.0)
        return (1.0,) if member.kind == "counter" else (-1.0,)

    def through(self, places: Floats, sides: Sequence[float], t: float, d: float) -> list[Patch]:
        """Build fasteners through the gusset, or a packing, and the parts on these sides of it; `places` (n, 2)."""
        near = -self.gusset / 2 - (t if -1.0 in sides else 0.0)
        grip = self.gusset + t * len(sides)
        return self.fasten([(x, near, z) for x, z in places], (0, -1, 0), d, grip, self.word)

    def angle(
        self, solid: str, size: Angle, zone: str, ends: tuple[Floats, Floats], toe: Floats, side: float,
        contacts: Sequence[tuple[float, float]], bow: float, cut: tuple[str, str] = ("end", "end"),
    ) -> list[Patch]:  # fmt: skip
        """Build an angle whose leg lies on the gussets from its heel towards `toe`, (2,) unit; `cut` as `ends`."""
        out, heel_to_toe = np.array([0.0, side, 0.0]), np.array([toe[0], 0.0, toe[1]])
        along = np.cross(heel_to_toe, out)
        start, end = (np.array([point[0], 0.0, point[1]]) for point in ends)
        length = float(np.linalg.norm(end - start))
        if along @ (end - start) < 0:
            start, contacts, cut = end, [(length - b, length - a) for a, b in contacts], (cut[1], cut[0])
        covered, seam = ([(a, b, name) for a, b in contacts] for name in (solids.COVERED, "crevice"))
        pressed = {
            members.BACK_INNER: covered, members.BACK_OUTER: covered, members.TOE_FOOT: seam, members.OTHER_INNER: seam
        }  # fmt: skip
        rows = [0.0, length]
        free = (min(b for _, b in contacts), max(a for a, _ in contacts))
        if bow:
            rows += np.linspace(*free, members.BOW_ROWS + 1).tolist()
        bar = members.member(solid, members.angle(size, zone), rows, pressed, cut)
        if bow:  # away from the gussets, or a pair of them in its plane
            bar = members.bowed(bar, *free, bow, 1 if self.double else 2)
        origin = start + out * self.gusset / 2 - heel_to_toe * size.leg / 2
        turn = np.column_stack([along, heel_to_toe, out])
        return solids.thick(solids.place(bar, turn, origin), 1000 * size.t)

    def web_member(self, one: Member, bow: float) -> list[Patch]:
        """Build a vertical or diagonal, its heel up or to the right, with the rivets between its two angles."""
        brace = self.size.brace
        across = np.array([-one.way[1], one.way[0]])
        toe = -across if across[1] > 1e-6 or (abs(across[1]) < 1e-6 and across[0] > 0) else across
        contacts = [(0.0, one.joint), (one.length - one.joint, one.length)]
        patches: list[Patch] = []
        for side in self.sides(one):
            name = "front" if side < 0 else "rear"
            patches += self.angle(
                f"{one.kind} {name}", brace, "brace", (one.start, one.end), toe, side, contacts, bow
            )  # fmt: skip
        line = toe * (brace.gauge - brace.leg / 2)
        along = (END + PITCH * np.arange(self.size.rivets))[:, None] * brace.rivet * one.way
        places = np.concatenate([one.start + along, one.end - along]) + line
        patches += solids.named(self.through(places, self.sides(one), brace.t, brace.rivet), one.kind)
        if self.double and not bow:
            count = int((one.length - 2 * one.joint) / STITCH)
            share = (one.joint + (one.length - 2 * one.joint) * (np.arange(count) + 1) / (count + 1))[:, None]
            patches += self.stitches(one.start + share * one.way + line, brace.t, brace.rivet)
        return patches

    def stitches(self, places: Floats, t: float, d: float) -> list[Patch]:
        """Build rivets through two members with round packings between them."""
        patches = solids.named(self.through(places, (-1.0, 1.0), t, d), "stitch") if len(places) else []
        disc = members.packing("packing", 1.5 * d, self.gusset)
        turn, at = solids.axes((0, 1, 0), (1, 0, 0)), [(x, -self.gusset / 2, z) for x, z in places]
        return patches + solids.copies(disc, turn, at)

    def node(self, node: int, web: list[Member]) -> list[Patch]:
        """Build the gusset of a node and its rivets in the chord."""
        size, chord = self.size, self.size.chord
        up = 1.0 if node <= size.panels else -1.0
        outline = self.outlines[node]
        on_chord = outlined_plates.clipped(outline, chord.high / 2)
        under: tuple[list[Floats], list[Floats]] = ([on_chord], [on_chord])
        for member in web:
            pad = size.pad(member, node, 0.0)
            pad[[1, 2]] -= 0.001 * (pad[1] - pad[0]) / np.linalg.norm(pad[1] - pad[0])
            pad = pad * [1, up]
            for side in self.sides(member):
                under[0 if side * up < 0 else 1].append(pad if up > 0 else pad[::-1])
        plate = outlined_plates.sheet(
            "gusset", outline, self.gusset, under, face="gusset", edge="edge", hidden_below=chord.high / 2 - 0.001
        )
        x, z = size.nodes[node]
        plate = solids.place(plate, np.diag([1.0, up, up]), (x, 0, z))
        along = size.seat(node) / chord.rivet - END
        count = round(2 * along / PITCH) + 1
        places = [
            (x + dx * chord.rivet, z + up * (row - chord.high / 2))
            for row in chord.rows for dx in (np.arange(count) - (count - 1) / 2) * PITCH
        ]  # fmt: skip
        rivets = solids.named(self.through(np.array(places), (-1.0, 1.0), chord.t, chord.rivet), "chord")
        return plate + rivets

    def chord(self, level: float, *, upright: bool) -> list[Patch]:
        """Build the two halves of a chord, their stitch rivets, and under a post its base plate with anchors."""
        size, chord = self.size, self.size.chord
        nodes = [node for node in range(len(size.nodes)) if (node > size.panels) == (level > 0)]
        z = float(size.nodes[nodes[0], 1])
        spans = [self._span(node) for node in nodes]
        ends = (np.array([spans[0][0] - OVER, z]), np.array([spans[-1][1] + OVER, z]))
        middles = size.nodes[nodes, 0] - ends[0][0]
        contacts = [(x - size.seat(node), x + size.seat(node)) for x, node in zip(middles, nodes, strict=True)]
        cut = (solids.COVERED, "end") if upright else ("end", "end")
        patches: list[Patch] = []
        for side in (-1.0, 1.0):
            name = "chord front" if side < 0 else "chord rear"
            if chord.name in CHANNELS:
                patches += self._channel(name, ends, side, contacts, cut)
            else:
                toe = np.array([0.0, -level])
                patches += self.angle(name, Angle.of(chord.name), "chord", ends, toe, side, contacts, 0.0, cut)
        row = z + level * (chord.high / 2 - chord.rows[0])
        for (_, left), (right, _) in pairwise(spans):
            count = int((right - left) / STITCH)
            x = left + (right - left) * (np.arange(count) + 1) / (count + 1)
            stitches = self.stitches(np.column_stack([x, np.full(count, row)]), chord.t, chord.rivet)
            patches += solids.named(stitches, f"at {round(1000 * left)}")
        return patches + (self._base(ends[0][0], z) if upright else [])

    @property
    def overall(self) -> float:
        """Length of the longer chord."""
        rows = (0, self.size.panels), (self.size.panels + 1, 2 * self.size.panels + 1)
        return max(self._span(last)[1] - self._span(first)[0] for first, last in rows) + 2 * OVER

    def _span(self, node: int) -> tuple[float, float]:
        """Return the least and the greatest x of the gusset of a node."""
        x = self.outlines[node][:, 0] + self.size.nodes[node, 0]
        return float(x.min()), float(x.max())

    def _channel(
        self, solid: str, ends: tuple[Floats, Floats], side: float, contacts: Sequence[tuple[float, float]],
        cut: tuple[str, str],
    ) -> list[Patch]:  # fmt: skip
        """Build a channel along x, its back on the gussets."""
        length, high = float(ends[1][0] - ends[0][0]), self.size.chord.high
        covered, seam = ([(a, b, name) for a, b in contacts] for name in (solids.COVERED, "crevice"))
        pressed = {members.CHANNEL_BACK: covered, members.LOWER_SEAM: seam, members.UPPER_SEAM: seam}
        bar = members.member(solid, members.channel(self.size.chord.name, "chord"), (0.0, length), pressed, cut)
        # Along x on both sides; at the front it is upside down, which its symmetric section allows.
        turn = np.array([[1.0, 0.0, 0.0], [0.0, side, 0.0], [0.0, 0.0, side]])
        origin = (ends[0][0], side * self.gusset / 2, ends[0][1] - side * high / 2)
        return solids.place(bar, turn, origin)

    def crossing(self, panel: int) -> list[Patch]:
        """Build the packing and the rivet where two diagonals of a panel cross."""
        x = (self.size.nodes[panel, 0] + self.size.nodes[panel + 1, 0]) / 2
        return solids.named(self.stitches(np.array([(x, 0.0)]), self.size.brace.t, self.size.brace.rivet), "crossing")

    def _base(self, x: float, z: float) -> list[Patch]:
        """Build the base plate of a post, whose foot is at `x`, with an anchor on either side of the bay's plane."""
        chord = self.size.chord
        wide = self.gusset + 2 * (chord.high if chord.name in ANGLES else CHANNELS[chord.name][1] / 1000)
        plate = (wide + 8 * ROD, chord.high + 0.05, BASE)
        across = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        patches = solids.place(steelwork.pressed("base plate", plate), across, (x - BASE, 0, z))
        places = [(x, side * (wide / 2 + 2 * ROD), z) for side in (-1, 1)]
        return patches + steelwork.anchors(places, (1, 0, 0), ROD, 1.1 * ROD, "anchor")
