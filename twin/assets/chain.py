"""Mooring chain: studless and stud links that hang, span two points, lie taut on the ground or in a pile; wear."""

from typing import Any

import numpy as np

from corrotwin.twin.assets import chain_link, chain_pile
from corrotwin.twin.assets.chain_link import Link
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch

LAYOUTS = ("hanging", "spanning", "lying", "pile")
DIAMETERS_MM = (16, 19, 22, 26, 30, 34, 38, 42, 48, 52, 58, 64, 70, 76)  # sizes of ISO 1704
MOST_IN_PILE = 40  # each further link costs time
STEEPEST_JOINT = 60.0  # degrees between neighbours; beyond this, a crown would meet the next link's sides
SHACKLE = 1.1  # diameter of the shackle's bow in bar diameters: the next size up


def chain(
    *,
    link: str,
    diameter_mm: float,
    links: int,
    layout: str,
    tension_ratio: float,
    incline_degrees: float,
    wear_percent: float,
    shackles: bool,
    lay: int,
) -> tuple[list[Patch], float]:
    """Build a chain whose links touch and do not intersect.

    Parameters
    ----------
    link : "stud" or "studless".
    diameter_mm : diameter of the bar.
    links : number of links.
    layout : "hanging" straight down; "spanning" two points in a catenary, deep or nearly straight; "lying" taut on the
        ground, links rolled 45 degrees to either side; "pile" on the ground as a dropped chain lies.
    tension_ratio : horizontal tension over the weight of a spanning chain, 0.2 to 1000. The sag is about an eighth
        of the length divided by this ratio.
    incline_degrees : slope of the line between the two points, 0 to 60.
    wear_percent : share of the bar's diameter that has worn off each link where it grips the next, 0 to 15. Each
        link sinks into the next by twice that, so a worn chain is longer.
    shackles : whether a bow shackle holds the top of a hanging chain, or both ends of a spanning one.
    lay : seed of the folds of a pile.

    Returns
    -------
    Patches and the bar diameter in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or neighbouring links would turn too far.
    """
    check_choices("chain", link=(link, chain_link.WIDTH), layout=(layout, LAYOUTS))
    most = MOST_IN_PILE if layout == "pile" else 200
    check_numbers(
        f"{layout} chain", diameter_mm=(diameter_mm, 1, 500), links=(links, range(1, most + 1)),
        wear_percent=(wear_percent, 0, 15), tension_ratio=(tension_ratio, 0.2, 1000),
        incline_degrees=(incline_degrees, 0, 60), lay=(lay, range(2**32)),
    )  # fmt: skip
    if shackles and layout not in ("hanging", "spanning"):
        raise InputError(f"chain layout {layout!r} with shackles: only hanging and spanning chains have shackles")
    d = diameter_mm / 1000
    shape = Link(width=chain_link.WIDTH[link], stud=link == "stud", wear=wear_percent / 100)
    if layout == "pile":
        try:
            centres, rotations = chain_pile.settle(shape, links, lay)
        except RuntimeError as error:
            raise InputError(f"{error}; choose another lay") from error
    else:
        centres, rotations = _row(shape, *_frames(shape, links, layout, tension_ratio, incline_degrees))
    solid = chain_link.link_solids(shape, d)
    patches: list[Patch] = []
    for number, (centre, rotation) in enumerate(zip(centres, rotations, strict=True), start=1):
        patches += solids.named(solids.place(solid, rotation, d * centre), f"{number}")
    if shackles:
        held = chain_link.shackle(SHACKLE * d)
        reach = 2 + shape.wear - SHACKLE / 2  # from the middle of a link to the centre line of the bow within it
        for number, side in ((0, 1), (-1, -1)) if layout == "spanning" else ((0, 1),):
            along, _, normal = rotations[number].T
            turn = np.column_stack([side * along, normal, np.cross(side * along, normal)])
            origin = d * (centres[number] - side * reach * along)
            patches += solids.named(solids.place(held, turn, origin), "first" if side == 1 else "last")
    return patches, diameter_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random chain, 0.3 to 3 m long."""
    layout = str(rng.choice(LAYOUTS, p=[0.15, 0.35, 0.2, 0.3]))
    diameter_mm = float(rng.choice(DIAMETERS_MM))
    fewest, most = {"hanging": (3, 9), "spanning": (5, 14), "lying": (3, 12), "pile": (5, 14)}[layout]
    if layout != "pile":
        most = max(fewest, min(most, int(3000 / (4 * diameter_mm)) - 1))
    slack = rng.random() < 0.6
    return {
        "link": str(rng.choice(list(chain_link.WIDTH))),
        "diameter_mm": diameter_mm,
        "links": int(rng.integers(fewest, most + 1)),
        "layout": layout,
        "tension_ratio": round(float(rng.uniform(0.5, 2.0) if slack else np.exp(rng.uniform(1.0, 4.0))), 3),
        "incline_degrees": round(float(rng.uniform(5, 45)), 1) if rng.random() < 0.6 else 0.0,
        "wear_percent": round(float(rng.uniform(1, 15) * rng.uniform(0.4, 1)), 1) if rng.random() < 0.6 else 0.0,
        "shackles": bool(layout in ("hanging", "spanning") and rng.random() < 0.5),
        "lay": int(rng.integers(2**31)),
    }


def _frames(link: Link, links: int, layout: str, tension_ratio: float, incline_degrees: float) -> tuple[Floats, Floats]:
    """Return directions and second axes, (links, 3) each, of a chain in the plane y = 0, alternating by 90 degrees."""
    slope = np.full(links, -np.pi / 2 if layout == "hanging" else 0.0)
    if layout == "spanning":
        slope = _catenary(link, links, tension_ratio, np.radians(incline_degrees))
        turn = np.degrees(np.abs(np.diff(slope)).max(initial=0.0))
        if turn > STEEPEST_JOINT:
            raise InputError(
                f"chain of {links} links, tension ratio {tension_ratio}: neighbours would turn by {turn:.0f} degrees, "
                f"more than {STEEPEST_JOINT:.0f}; choose more links or more tension"
            )
    direction = np.column_stack([np.cos(slope), 0 * slope, np.sin(slope)])
    across = np.broadcast_to([0.0, 1.0, 0.0], direction.shape)
    upright = np.cross(direction, across)
    even = np.arange(links)[:, None] % 2 == 0
    if layout == "lying":
        if links == 1:
            return direction, across
        return direction, np.where(even, upright + across, upright - across) / np.sqrt(2)
    return direction, np.where(even, upright, across)


def _halves(link: Link, links: int) -> Floats:
    """Return the distance, (links,), from the middle of each link to the points about which it turns.

    One of two neighbours lies in the chain's plane, the other across it. The bar of the latter rests in the crown of
    the former. Both turn about the centre of that bar, which is nearer to the middle of the link in the plane.
    """
    return np.where(np.arange(links) % 2 == 0, 1.5 + 2 * link.wear, 2.5)


def _catenary(link: Link, links: int, tension_ratio: float, incline: float) -> Floats:
    """Return slopes, (links,), of equal links between two points under one horizontal tension (a discrete catenary).

    From link to link the vertical force changes by the link's weight, so the tangent of the slope is linear along the
    chain; its mean is chosen so that the ends lie on a line of this incline.
    """
    from scipy.optimize import brentq

    place = (np.arange(links) - (links - 1) / 2) / (links * tension_ratio)
    lengths = _halves(link, links)

    def miss(mean: float) -> float:
        slope = np.arctan(mean + place)
        return float((lengths * np.sin(slope - incline)).sum())

    reach = np.abs(place).max() + 1e-9
    mean = brentq(miss, np.tan(incline) - reach, np.tan(incline) + reach, xtol=1e-12)
    return np.asarray(np.arctan(place + mean))


def _row(link: Link, direction: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return centres and rotations of links along a line, each pulled into the previous one until they touch."""
    from scipy.optimize import brentq

    rotations = np.stack([direction, second, np.cross(direction, second)], axis=2)
    half = _halves(link, len(direction))
    grips = chain_link.grips(link)
    centres = np.zeros((len(direction), 3))
    for number in range(1, len(centres)):
        before = number - 1
        pull = direction[number if number % 2 == 0 else before]  # along the link that lies in the plane
        centre = centres[before] + half[before] * direction[before] + half[number] * direction[number]
        pairs = ((rotations[number], rotations[before], 1), (rotations[before], rotations[number], -1))

        def gap(by: float, way: Floats = centre - centres[before], pull: Floats = pull, pairs: Any = pairs) -> float:
            apart = way + by * pull
            return min(
                float(chain_link.outside(link, (grips @ rotation.T + sign * apart) @ other_rotation)[0].min())
                for rotation, other_rotation, sign in pairs
            )

        if link.wear > 0:  # scars of links at an angle do not fit exactly
            centre = centre + brentq(gap, -0.3, 0.3, xtol=1e-5) * pull
        centres[number] = centre
    return centres, rotations
