"""Tables of steel pipe, flanges and elbows: ASME B36.10M and B36.19M, B16.5 class 150 and B16.9.

The standards are not public: the values were read in public tables that quote them. Those of pipes are the metric ones
of `fluids.piping` (PyPI, fluids 1.3.1), compared with the inch table of neutrium (github.com/neutrium/pipe,
src/ASME_B36_10_Pipe.ts), from which they differ at NPS 8 schedule 30, NPS 12 schedule 60 and NPS 34 schedule 10; a
third table agrees with the first there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from corrotwin.twin.core.errors import InputError

# ASME B36.10M, then those of B36.19M, which are of stainless steel.
SCHEDULES = (
    "5", "10", "20", "30", "STD", "40", "60", "XS", "80", "100", "120", "140", "160", "XXS", "5S", "10S", "40S", "80S",
)  # fmt: skip

# Outside diameter, mm, then the walls of SCHEDULES, mm; "-": no such pipe. Named schedules end at NPS 48.
_PIPES: dict[str, tuple[float, str]] = {
    "1/2": (21.3, "1.65 2.11 - 2.41 2.77 2.77 - 3.73 3.73 - - - 4.78 7.47 1.65 2.11 2.77 3.73"),
    "3/4": (26.7, "1.65 2.11 - 2.41 2.87 2.87 - 3.91 3.91 - - - 5.56 7.82 1.65 2.11 2.87 3.91"),
    "1": (33.4, "1.65 2.77 - 2.9 3.38 3.38 - 4.55 4.55 - - - 6.35 9.09 1.65 2.77 3.38 4.55"),
    "1-1/4": (42.2, "1.65 2.77 - 2.97 3.56 3.56 - 4.85 4.85 - - - 6.35 9.7 1.65 2.77 3.56 4.85"),
    "1-1/2": (48.3, "1.65 2.77 - 3.18 3.68 3.68 - 5.08 5.08 - - - 7.14 10.15 1.65 2.77 3.68 5.08"),
    "2": (60.3, "1.65 2.77 - 3.18 3.91 3.91 - 5.54 5.54 - - - 8.74 11.07 1.65 2.77 3.91 5.54"),
    "2-1/2": (73.0, "2.11 3.05 - 4.78 5.16 5.16 - 7.01 7.01 - - - 9.53 14.02 2.11 3.05 5.16 7.01"),
    "3": (88.9, "2.11 3.05 - 4.78 5.49 5.49 - 7.62 7.62 - - - 11.13 15.24 2.11 3.05 5.49 7.62"),
    "3-1/2": (101.6, "2.11 3.05 - 4.78 5.74 5.74 - 8.08 8.08 - - - - - 2.11 3.05 5.74 8.08"),
    "4": (114.3, "2.11 3.05 - 4.78 6.02 6.02 - 8.56 8.56 - 11.13 - 13.49 17.12 2.11 3.05 6.02 8.56"),
    "5": (141.3, "2.77 3.4 - - 6.55 6.55 - 9.53 9.53 - 12.7 - 15.88 19.05 2.77 3.4 6.55 9.53"),
    "6": (168.3, "2.77 3.4 - - 7.11 7.11 - 10.97 10.97 - 14.27 - 18.26 21.95 2.77 3.4 7.11 10.97"),
    "8": (219.1, "2.77 3.76 6.35 7.04 8.18 8.18 10.31 12.7 12.7 15.09 18.26 20.62 23.01 22.23 2.77 3.76 8.18 12.7"),
    "10": (273.0, "3.4 4.19 6.35 7.8 9.27 9.27 12.7 12.7 15.09 18.26 21.44 25.4 28.58 25.4 3.4 4.19 9.27 12.7"),
    "12": (323.8, "3.96 4.57 6.35 8.38 9.53 10.31 14.27 12.7 17.48 21.44 25.4 28.58 33.32 25.4 3.96 4.57 9.53 12.7"),
    "14": (355.6, "3.96 6.35 7.92 9.53 9.53 11.13 15.09 12.7 19.05 23.83 27.79 31.75 35.71 - 3.96 4.78 9.53 12.7"),
    "16": (406.4, "4.19 6.35 7.92 9.53 9.53 12.7 16.66 12.7 21.44 26.19 30.96 36.53 40.49 - 4.19 4.78 9.53 12.7"),
    "18": (457.0, "4.19 6.35 7.92 11.13 9.53 14.27 19.05 12.7 23.83 29.36 34.93 39.67 45.24 - 4.19 4.78 9.53 12.7"),
    "20": (508.0, "4.78 6.35 9.53 12.7 9.53 15.09 20.62 12.7 26.19 32.54 38.1 44.45 50.01 - 4.78 5.54 9.53 12.7"),
    "22": (559.0, "4.78 6.35 9.53 12.7 9.53 - 22.23 12.7 28.58 34.93 41.28 47.63 53.98 - 4.78 5.54 - -"),
    "24": (610.0, "5.54 6.35 9.53 14.27 9.53 17.48 24.61 12.7 30.96 38.89 46.02 52.37 59.54 - 5.54 6.35 9.53 12.7"),
    "26": (660.0, "- 7.92 12.7 - 9.53 - - 12.7 - - - - - - - - - -"),
    "28": (711.0, "- 7.92 12.7 15.88 9.53 - - 12.7 - - - - - - - - - -"),
    "30": (762.0, "6.35 7.92 12.7 15.88 9.53 - - 12.7 - - - - - - 6.35 7.92 - -"),
    "32": (813.0, "- 7.92 12.7 15.88 9.53 17.48 - 12.7 - - - - - - - - - -"),
    "34": (864.0, "- 7.92 12.7 15.88 9.53 17.48 - 12.7 - - - - - - - - - -"),
    "36": (914.0, "- 7.92 12.7 15.88 9.53 19.05 - 12.7 - - - - - - - - - -"),
    "38": (965.0, "- - - - 9.53 - - 12.7 - - - - - - - - - -"),
    "40": (1016.0, "- - - - 9.53 - - 12.7 - - - - - - - - - -"),
    "42": (1067.0, "- - - - 9.53 - - 12.7 - - - - - - - - - -"),
    "44": (1118.0, "- - - - 9.53 - - 12.7 - - - - - - - - - -"),
    "46": (1168.0, "- - - - 9.53 - - 12.7 - - - - - - - - - -"),
    "48": (1219.0, "- - - - 9.53 - - 12.7 - - - - - - - - - -"),
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
    nps: {name: float(wall) for name, wall in zip(SCHEDULES, walls.split(), strict=True) if wall != "-"}
    for nps, (_outside, walls) in _PIPES.items()
}
SAME_MM = 1.0  # an own diameter within this of a nominal size takes the flanges of that size
LEAST_OD_MM, MOST_OD_MM = 10.0, 3000.0
LEAST_WALL_MM = 0.5
MOST_WALL = 0.42  # share of the outside diameter; the thickest of B36.10M is 0.35
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


def outside_mm(parameters: Mapping[str, Any]) -> float:
    """Return the outside diameter of a pipe, mm, from its parameters: its own if one is given, else that of its NPS."""
    return float(parameters.get("od_mm", 0.0) or OUTSIDE_MM[parameters["nps"]])


def inches(nps: str) -> float:
    """Return a nominal size as a number, such as 1.5 for "1-1/2"."""
    whole, _dash, fraction = nps.rpartition("-")
    top, _slash, bottom = fraction.partition("/")
    return float(whole or 0) + float(top) / float(bottom or 1)


def nominal_size(od_mm: float) -> str:
    """Return the nominal size with this outside diameter, within `SAME_MM`; empty if there is none."""
    return next((nps for nps, outside in OUTSIDE_MM.items() if abs(outside - od_mm) <= SAME_MM), "")


def check_own(od_mm: float, wall_mm: float, nps: str) -> None:
    """Raise InputError if a pipe cannot have this outside diameter or wall of its own, mm; 0 means none given."""
    if od_mm != 0 and not LEAST_OD_MM <= od_mm <= MOST_OD_MM:
        raise InputError(f"pipe od_mm {od_mm}: give {LEAST_OD_MM:g} to {MOST_OD_MM:g} mm, or 0 for that of the nps")
    if od_mm != 0 and wall_mm == 0 and abs(od_mm - OUTSIDE_MM[nps]) > SAME_MM:
        raise InputError(f"pipe od_mm {od_mm:g} is not that of nps {nps}, so no schedule applies: also give wall_mm")
    outside = od_mm or OUTSIDE_MM[nps]
    if wall_mm != 0 and not LEAST_WALL_MM <= wall_mm <= MOST_WALL * outside:
        raise InputError(
            f"pipe wall_mm {wall_mm}: give {LEAST_WALL_MM:g} to {MOST_WALL * outside:.4g} mm at "
            f"{outside:g} mm outside, or 0 for that of the schedule"
        )


def elbow_m(nps: str, od_mm: float = 0.0) -> float:
    """Return the radius of a long-radius elbow, m: 1.5 times the nominal size, at least 38 mm (ASME B16.9).

    `nps` is empty for a pipe with an outside diameter of its own, `od_mm`: the radius is then 1.5 times `od_mm`.
    """
    return max(0.0381, 1.5 * 0.0254 * inches(nps) if nps else 1.5 * od_mm / 1000)


def bead_m(wall_m: float) -> tuple[float, float]:
    """Return width and height of a girth weld's cap, m; by eye, within the usual limits of reinforcement."""
    return min(0.004 + 1.2 * wall_m, 0.026), min(0.001 + 0.15 * wall_m, 0.003)
