"""Tables of steel pipe, flanges and elbows: ASME B36.10M, B16.5 class 150 and B16.9.

The standards are not public: the values were read in public tables that quote them.
"""

from dataclasses import dataclass

NONE: float | None = None  # no such pipe
SCHEDULES = ("10", "20", "30", "STD", "40", "XS", "80", "160", "XXS")

# ASME B36.10M, mm: outside diameter, then the walls of SCHEDULES.
_PIPES: dict[str, tuple[float, tuple[float | None, ...]]] = {
    "1/2": (21.3, (2.11, NONE, 2.41, 2.77, 2.77, 3.73, 3.73, 4.78, 7.47)),
    "3/4": (26.7, (2.11, NONE, 2.41, 2.87, 2.87, 3.91, 3.91, 5.56, 7.82)),
    "1": (33.4, (2.77, NONE, 2.90, 3.38, 3.38, 4.55, 4.55, 6.35, 9.09)),
    "1-1/4": (42.2, (2.77, NONE, 2.97, 3.56, 3.56, 4.85, 4.85, 6.35, 9.70)),
    "1-1/2": (48.3, (2.77, NONE, 3.18, 3.68, 3.68, 5.08, 5.08, 7.14, 10.15)),
    "2": (60.3, (2.77, NONE, 3.18, 3.91, 3.91, 5.54, 5.54, 8.74, 11.07)),
    "2-1/2": (73.0, (3.05, NONE, 4.78, 5.16, 5.16, 7.01, 7.01, 9.53, 14.02)),
    "3": (88.9, (3.05, NONE, 4.78, 5.49, 5.49, 7.62, 7.62, 11.13, 15.24)),
    "3-1/2": (101.6, (3.05, NONE, 4.78, 5.74, 5.74, 8.08, 8.08, NONE, NONE)),
    "4": (114.3, (3.05, NONE, 4.78, 6.02, 6.02, 8.56, 8.56, 13.49, 17.12)),
    "5": (141.3, (3.40, NONE, NONE, 6.55, 6.55, 9.53, 9.53, 15.88, 19.05)),
    "6": (168.3, (3.40, NONE, NONE, 7.11, 7.11, 10.97, 10.97, 18.26, 21.95)),
    "8": (219.1, (3.76, 6.35, 7.04, 8.18, 8.18, 12.70, 12.70, 23.01, 22.23)),
    "10": (273.0, (4.19, 6.35, 7.80, 9.27, 9.27, 12.70, 15.09, 28.58, 25.40)),
    "12": (323.8, (4.57, 6.35, 8.38, 9.53, 10.31, 12.70, 17.48, 33.32, 25.40)),
    "14": (355.6, (6.35, 7.92, 9.53, 9.53, 11.13, 12.70, 19.05, 35.71, NONE)),
    "16": (406.4, (6.35, 7.92, 9.53, 9.53, 12.70, 12.70, 21.44, 40.49, NONE)),
    "18": (457.0, (6.35, 7.92, 11.13, 9.53, 14.27, 12.70, 23.83, 45.24, NONE)),
    "20": (508.0, (6.35, 9.53, 12.70, 9.53, 15.09, 12.70, 26.19, 50.01, NONE)),
    "22": (559.0, (6.35, 9.53, 12.70, 9.53, NONE, 12.70, 28.58, 53.98, NONE)),
    "24": (610.0, (6.35, 9.53, 14.27, 9.53, 17.48, 12.70, 30.96, 59.54, NONE)),
}

# ASME B16.5 class 150 welding-neck flanges with raised face, mm: outside diameter, thickness (of the blind flange
# too), hub at its base, length through hub, raised face; bolt circle, number of bolts, bolt, length of the stud.
_FLANGES: dict[str, tuple[float, float, float, float, float, float, int, float, float]] = {
    "1/2": (90, 9.6, 30, 46, 34.9, 60.3, 4, 12.7, 55),
    "3/4": (100, 11.2, 38, 51, 42.9, 69.9, 4, 12.7, 65),
    "1": (110, 12.7, 49, 54, 50.8, 79.4, 4, 12.7, 65),
    "1-1/4": (115, 14.3, 59, 56, 63.5, 88.9, 4, 12.7, 70),
    "1-1/2": (125, 15.9, 65, 60, 73.0, 98.4, 4, 12.7, 70),
    "2": (150, 17.5, 78, 62, 92.1, 120.7, 4, 15.9, 85),
    "2-1/2": (180, 20.7, 90, 68, 104.8, 139.7, 4, 15.9, 90),
    "3": (190, 22.3, 108, 68, 127.0, 152.4, 4, 15.9, 90),
    "3-1/2": (215, 22.3, 122, 70, 139.7, 177.8, 8, 15.9, 90),
    "4": (230, 22.3, 135, 75, 157.2, 190.5, 8, 15.9, 90),
    "5": (255, 22.3, 164, 87, 185.7, 215.9, 8, 19.1, 95),
    "6": (280, 23.9, 192, 87, 215.9, 241.3, 8, 19.1, 100),
    "8": (345, 27.0, 246, 100, 269.9, 298.5, 8, 19.1, 110),
    "10": (405, 28.6, 305, 100, 323.8, 362.0, 12, 22.2, 115),
    "12": (485, 30.2, 365, 113, 381.0, 431.8, 12, 22.2, 120),
    "14": (535, 33.4, 400, 125, 412.8, 476.3, 12, 25.4, 135),
    "16": (595, 35.0, 457, 125, 469.9, 539.8, 16, 25.4, 135),
    "18": (635, 38.1, 505, 138, 533.4, 577.9, 16, 28.6, 145),
    "20": (700, 41.3, 559, 143, 584.2, 635.0, 20, 28.6, 160),
    "24": (815, 46.1, 663, 151, 692.2, 749.3, 20, 31.8, 170),
}

OUTSIDE_MM = {nps: outside for nps, (outside, _walls) in _PIPES.items()}
WALLS_MM = {
    nps: {name: wall for name, wall in zip(SCHEDULES, walls, strict=True) if wall is not None}
    for nps, (_outside, walls) in _PIPES.items()
}
RAISED_M = 0.002  # raised face, ASME B16.5 classes 150 and 300
GASKET_M = 0.003  # spiral-wound gasket, tightened; by eye
CLEARANCE_M = 0.0032  # bolt holes are 1/8 inch wider than the bolt, ASME B16.5


@dataclass(frozen=True, kw_only=True)
class Flange:
    """A welding-neck flange and its bolting, in metres."""

    outside: float
    thickness: float
    hub: float
    through: float
    face: float
    circle: float
    bolts: int
    bolt: float
    stud: float


FLANGES = {
    nps: Flange(
        outside=row[0] / 1000,
        thickness=row[1] / 1000,
        hub=row[2] / 1000,
        through=row[3] / 1000,
        face=row[4] / 1000,
        circle=row[5] / 1000,
        bolts=row[6],
        bolt=row[7] / 1000,
        stud=row[8] / 1000,
    )
    for nps, row in _FLANGES.items()
}


def elbow_m(nps: str) -> float:
    """Return the radius of a long-radius elbow, m: 1.5 times the nominal size, at least 38 mm (ASME B16.9)."""
    whole, _dash, part = nps.rpartition("-")
    top, _slash, bottom = part.partition("/")
    inches = float(whole or 0) + float(top) / float(bottom or 1)
    return max(0.0381, 1.5 * 0.0254 * inches)


def bead_m(wall_m: float) -> tuple[float, float]:
    """Return width and height of a girth weld's cap, m; by eye, within the usual limits of reinforcement."""
    return min(0.004 + 1.2 * wall_m, 0.026), min(0.001 + 0.15 * wall_m, 0.003)
