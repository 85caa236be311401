"""Profiles of corrugated and trapezoidal sheet, and the screws that hold it."""

from dataclasses import dataclass

import numpy as np

from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch

STEPS = 16  # steps of the mesh to a corrugation
SCREW_M = {"flats": 0.008, "head": 0.005, "washer": 0.016, "gasket": 0.0018}  # 5.5 mm screw, 16 mm washer; by eye
SUNK_M = 0.0003  # how deep a washer reaches into the sheet


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One profile of sheet, mm.

    Parameters
    ----------
    depth, pitch : depth and pitch of a corrugation or rib.
    crown : width of the flat of a rib, on the side away from the supports; 0 for a sinusoidal profile.
    trough : width of the flat between ribs.
    ribs : pitches to a sheet, its side lap not counted.
    """

    depth: float
    pitch: float
    crown: float = 0.0
    trough: float = 0.0
    ribs: int

    @property
    def round(self) -> bool:
        """True if it is corrugated."""
        return self.crown == 0

    def period(self) -> Floats:
        """Return the line of one pitch, (n, 2) metres of x and height, from the middle of a trough to the next."""
        if self.round:
            x = np.linspace(0, self.pitch, STEPS + 1)
            return np.column_stack([x, self.depth / 2 * (1 - np.cos(2 * np.pi * x / self.pitch))]) / 1000
        web = (self.pitch - self.crown - self.trough) / 2
        x = np.cumsum([0, self.trough / 2, web, self.crown / 2, self.crown / 2, web, self.trough / 2])
        return np.column_stack([x, self.depth * np.array([0, 0, 1, 1, 1, 0, 0])]) / 1000

    def height(self, x: Floats) -> Floats:
        """Return the height of the line at places across the sheet, m."""
        line = self.period()
        return np.asarray(np.interp(x % (self.pitch / 1000), line[:, 0], line[:, 1]))


# Corrugated 76 x 17.5 mm is the standard of metalroofing.org.nz/corrugate-profile; 160 x 42 and the depth and pitch of
# the trapezoidal ones follow from their names; the widths of flats and the number of ribs are by eye.
PROFILES = {
    "corrugated 76/18": Profile(depth=17.5, pitch=76, ribs=10),
    "corrugated 160/42": Profile(depth=42, pitch=160, ribs=5),
    "trapezoidal 20/138": Profile(depth=20, pitch=137.5, crown=35, trough=80, ribs=8),
    "trapezoidal 35/207": Profile(depth=35, pitch=207, crown=40, trough=119, ribs=5),
}


def screw(profile: Profile, x: float) -> list[Patch]:
    """Build a hexagon head on a washer whose gasket follows the sheet's outer face about `x`; z = 0 is that face."""
    half, gasket = SCREW_M["washer"] / 2, SCREW_M["gasket"]
    rim = solids.circle(half, 24)
    base = profile.height(np.array([x]))
    seat = profile.height(x + rim[:, 0]) - base
    low = float(seat.min())
    rings = [solids.ring(rim, seat - SUNK_M), solids.ring(rim, np.maximum(seat, 0.0) + gasket)]
    if low < -0.0002 or profile.round:  # it bends over a crest or hangs in a trough, but its top stays level
        rings[1] = solids.ring(rim, float(seat.max()) + gasket)
    top = float(rings[1][0, 2])
    inner = solids.ring(rim, top + 0.0006, 0.6 * half)
    washer = solids.rings(
        "washer",
        [
            (solids.COVERED, [solids.ring(rim, -SUNK_M, 0.0), rings[0]]),
            ("crevice", rings),
            ("bolt", [rings[1], inner]),
            (solids.COVERED, [inner, solids.ring(rim, top + 0.0006, 0.0)]),
        ],
    )
    head = solids.nut("head", (SCREW_M["flats"] - 0.0032) / 1.5, SCREW_M["head"])
    patches = washer + solids.place(head, np.eye(3), (0, 0, top + 0.0005))
    return solids.thick(patches, 5.5)
