"""Mooring chain: studless and stud links, hanging, sagging in a catenary or lying taut."""

from typing import Any

import numpy as np

from twin.assets import shapes
from twin.assets.surface import Floats, Patch
from twin.files import InputError

# Outside width of a link in bar diameters; its outside length is 6 (ISO 1704 stud link, ISO 20438 studless).
WIDTH = {"stud": 3.6, "studless": 3.35}
LAYOUTS = ("hanging", "sagging", "lying")
SECTION = 48  # segments round the bar


def chain(
    *, link: str, diameter_mm: float, links: int, layout: str, end_slope_degrees: float
) -> tuple[list[Patch], float]:
    """Build a chain whose links touch and do not pierce.

    Parameters
    ----------
    link : "stud" or "studless".
    diameter_mm : of the bar.
    links : their number.
    layout : "hanging" straight down, "sagging" between two points of equal height, "lying" taut on the ground.
    end_slope_degrees : slope of a sagging chain at its ends, 0 to 60.

    Returns
    -------
    Patches and the bar diameter in mm.
    """
    if link not in WIDTH or layout not in LAYOUTS:
        raise InputError(
            f"chain link {link!r}, layout {layout!r}: choose from {', '.join(WIDTH)} and {', '.join(LAYOUTS)}"
        )
    if not (1 <= diameter_mm <= 500 and 1 <= links <= 200 and 0 <= end_slope_degrees <= 60):
        raise InputError(
            f"chain of {links} links, {diameter_mm} mm, end slope {end_slope_degrees} degrees: "
            "1 to 200 links, 1 to 500 mm, 0 to 60 degrees"
        )
    d = diameter_mm / 1000
    shape = _link(d, WIDTH[link], stud=link == "stud")
    # Tension changes from link to link by the link's weight, so the tangent of the slope is linear along the chain.
    place_in_chain = np.arange(links) - (links - 1) / 2
    slope = np.arctan(np.tan(np.radians(end_slope_degrees)) * place_in_chain / max((links - 1) / 2, 1))
    if layout != "sagging":
        slope = np.full(links, -np.pi / 2 if layout == "hanging" else 0.0)
    patches: list[Patch] = []
    joint = np.zeros(3)
    for number in range(links):
        direction = np.array([np.cos(slope[number]), 0.0, np.sin(slope[number])])
        across, upright = np.array([0.0, 1.0, 0.0]), np.cross(direction, [0.0, 1.0, 0.0])
        in_plane = number % 2 == 0
        # Two links meet where the bar of the one that lies across the chain's plane rests in the crown of the one
        # that lies in it. They turn about the centre of that bar, 1 d nearer to the middle of the latter.
        half = (1.5 if in_plane else 2.5) * d
        second = upright if in_plane else across
        if layout == "lying":
            second = (upright + across if in_plane else upright - across) / np.sqrt(2)
        rotation = np.column_stack([direction, second, np.cross(direction, second)])
        patches += shapes.named(shapes.place(shape, rotation, joint + half * direction), f"{number + 1}")
        joint = joint + 2 * half * direction
    return patches, diameter_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Parameters of a random chain."""
    return {
        "link": str(rng.choice(list(WIDTH))),
        "diameter_mm": float(rng.choice([16, 22, 30, 40, 52, 64, 76])),
        "links": int(rng.integers(3, 8)),
        "layout": str(rng.choice(LAYOUTS)),
        "end_slope_degrees": round(float(rng.uniform(5, 40)), 1),
    }


def _link(d: float, width: float, *, stud: bool) -> list[Patch]:
    """A link about its centre: length along x, in the plane z = 0, both sides of the bar swept counter-clockwise."""
    bend = (width - 1) / 2 * d
    straight = 2.5 * d - bend
    weld = 0.25 * d
    swell = np.linspace(-1, 1, 9)
    patches = []
    lines: list[tuple[str, Floats]] = [
        ("side", np.array([-straight, -weld])),
        ("weld", weld * swell),
        ("side", np.array([weld, straight])),
        ("crown", np.linspace(-90, 90, 33)),
        ("side", np.array([straight, -straight])),
        ("crown", np.linspace(90, 270, 33)),
    ]
    ring = shapes.circle(d / 2, SECTION)
    for number, (zone, line) in enumerate(lines):
        section = ring
        if zone == "crown":
            outward = shapes.arc((0, 0), 1.0, line[0], line[-1], len(line) - 1)
            outward[[0, -1]] = np.round(outward[[0, -1]])
            centres = bend * outward + [straight if number == 3 else -straight, 0]
        else:
            lower = number < 3
            outward = np.tile([0.0, -1.0 if lower else 1.0], (len(line), 1))
            centres = np.column_stack([line, bend * outward[:, 1]])
            if zone == "weld":  # flash-butt weld: the upset metal, ground flush but for 4 %
                section = ring * (1 + 0.04 * np.cos(np.pi / 2 * swell) ** 2)[:, None, None]
        flat = np.zeros((len(centres), 1))
        points = shapes.sweep(
            np.hstack([centres, flat]),
            np.hstack([-outward, flat]),
            np.tile([0.0, 0.0, 1.0], (len(centres), 1)),
            section,
        )
        patches.append(Patch(solid="link", zone=zone, points=points, wrap_u=True))
    if stud:
        end = bend - 0.25 * d  # within the bar
        half = np.array([[0.45 * d, end], [0.45 * d, bend - 0.45 * d], [0.3 * d, 0.25 * d]])
        profile = np.concatenate([half[::-1] * [1, 1]])
        outside = np.concatenate([half * [1, -1], profile])
        tips = [np.array([[0.0, -end], outside[0]]), np.array([outside[-1], [0.0, end]])]
        bar = shapes.revolve("stud", [(shapes.COVERED, tips[0]), ("stud", outside), (shapes.COVERED, tips[1])], 32)
        patches += shapes.place(bar, shapes.axes([0, 1, 0], [1, 0, 0]), (0, 0, 0))
    return patches
