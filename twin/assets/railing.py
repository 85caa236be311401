"""Railings: posts on base plates, handrail, rails or pickets, toe plate."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import extrusion, profiles, solids, steelwork
from corrotwin.twin.geometry.atlas import Floats, Patch
from corrotwin.twin.geometry.profiles import Section
from corrotwin.twin.geometry.steelwork import HANGING, SUNK_M, UPRIGHT, saddle

# Closed tubes, mm: outside diameter and wall (EN 10219-2), square side and wall; flat bar width and thickness.
POSTS = {"tube 48": (48.3, 3.2), "tube 60": (60.3, 3.6), "square": (40.0, 3.0), "flat": (40.0, 12.0)}
HANDRAILS = {"tube 48": (48.3, 3.2), "tube 60": (60.3, 3.6), "flat": (50.0, 10.0)}
RAIL_MM = {"tube": (33.7, 2.6), "flat": (40.0, 8.0)}  # flat posts carry flat rails
INFILLS = ("rails", "pickets")
ENDS = ("capped", "returned")
BASES = ("round", "square")
# Sizes by eye, metres.
PICKET = 0.014  # square bar
SPACING = 0.11  # greatest distance between pickets
BASE = 0.01  # thickness of base plates
TOE = (0.1, 0.006)  # height and thickness of the toe plate
BEND = 0.09  # radius of a returned handrail
SEGMENTS, PARTS = 32, 6  # round a tube; across an end that is cut to fit a tube

ALONG = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # a bar along x: its (y, z) is (z, -y)
# Turns of a part on the far side of a post, its z along the rail and its x upwards, and on the near side of the next.
ONWARD = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
BACK = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def railing(
    *,
    length_m: float,
    height_m: float,
    posts: int,
    post: str,
    handrail: str,
    infill: str,
    rails: int,
    ends: str,
    toe_plate: bool,
    base: str,
) -> tuple[list[Patch], float]:
    """Build a railing along x; its posts stand on the ground.

    Parameters
    ----------
    length_m : length between the outer posts.
    height_m : height of the top of the handrail.
    posts, post : number of posts, and a key of `POSTS` for their section.
    handrail : a key of `HANDRAILS`.
    infill : "rails", or "pickets" between an upper and a lower rail.
    rails : number of mid rails, 1 to 4; ignored with pickets, which have two.
    ends : handrail "capped" beyond the outer posts, or "returned" to them in a bend.
    toe_plate : whether a flat bar runs along the feet, behind the posts.
    base : "round" plates with domed bolts, or "square" ones with anchor nuts.

    Returns
    -------
    Patches and the wall of the posts in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.
    """
    check_choices(
        "railing", post=(post, POSTS), handrail=(handrail, HANDRAILS), infill=(infill, INFILLS), ends=(ends, ENDS),
        base=(base, BASES),
    )  # fmt: skip
    check_numbers(
        "railing", length_m=(length_m, 0.5, 20), height_m=(height_m, 0.8, 1.6), posts=(posts, range(2, 41)),
        rails=(rails, range(1, 5)),
    )  # fmt: skip
    if length_m / (posts - 1) < 0.4:
        raise InputError(f"railing of {length_m} m with {posts} posts: leave at least 0.4 m between posts")
    if HANDRAILS[handrail][0] < POSTS[post][0]:
        raise InputError(f"railing handrail {handrail!r} on posts of {post!r}: choose one as wide as the posts")
    if ends == "returned" and not _bends(post, handrail):
        raise InputError(f"railing handrail {handrail!r} cannot be returned to posts of {post!r}: choose ends 'capped'")
    places = np.linspace(-length_m / 2, length_m / 2, posts)
    centre = height_m - (HANDRAILS[handrail][0] / 2000 if handrail != "flat" else HANDRAILS["flat"][1] / 2000)
    if infill == "pickets":
        levels = [0.16 if toe_plate else 0.11, height_m - 0.16]
    else:
        levels = [float(z) for z in np.linspace(0, height_m - 0.02, rails + 2)[1:-1]]
    patches: list[Patch] = []
    for number, x in enumerate(places):
        parts = _post(post, handrail, centre) + _base(base, _half(post)[0])
        patches += solids.named(solids.place(parts, np.eye(3), (x, 0, 0)), f"{number + 1}")
    laid = infill == "pickets"
    for number, (left, right) in enumerate(pairwise(places)):
        for index, z in enumerate(levels):
            patches += solids.named(_rail(post, left, right, z, laid=laid), f"{number + 1} {index + 1}")
        if laid:
            patches += solids.named(_pickets(post, left, right, levels), f"{number + 1}")
    patches += _handrail(places, centre, levels, post, handrail, ends)
    if toe_plate:
        patches += _toe_plate(places, post)
    return patches, POSTS[post][1]


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of a random railing."""
    post = str(rng.choice(list(POSTS), p=[0.35, 0.15, 0.25, 0.25]))
    handrail = "tube 60" if post == "tube 60" else str(rng.choice(list(HANDRAILS), p=[0.5, 0.25, 0.25]))
    length_m = round(float(rng.uniform(0.9, 2.6)), 2)
    return {
        "length_m": length_m,
        "height_m": round(float(rng.uniform(0.95, 1.2)), 2),
        "posts": int(rng.integers(2, 3 + int(length_m / 0.9))),
        "post": post,
        "handrail": handrail,
        "infill": str(rng.choice(INFILLS, p=[0.6, 0.4])),
        "rails": int(rng.integers(1, 4)),
        "ends": str(rng.choice(ENDS)) if _bends(post, handrail) else "capped",
        "toe_plate": bool(rng.random() < 0.4),
        "base": str(rng.choice(BASES)),
    }


def _bends(post: str, handrail: str) -> bool:
    """Return True if the handrail can be bent back to the post: a tube on a tube of the same width."""
    return post.startswith("tube") and handrail.startswith("tube") and HANDRAILS[handrail][0] <= POSTS[post][0]


def _half(post: str) -> tuple[float, float]:
    """Return half of a post's width along x and along y; flat posts stand edge to the front."""
    width, thickness = POSTS[post]
    return (thickness / 2000, width / 2000) if post == "flat" else (width / 2000, width / 2000)


def _bar(kind: str, size: Sequence[float], zone: str) -> Section:
    """Return the section of a closed tube or of a flat bar, in which the broad sides are `zone`."""
    width, thickness = size[0] / 1000, size[1] / 1000
    if kind == "square":
        return profiles.rezone(profiles.flat(width, width, 2 * thickness, PARTS), {"face": zone, "edge": zone})
    if kind == "flat":
        return profiles.rezone(profiles.flat(width, thickness, 0.0015, PARTS), {"face": zone})
    return profiles.rezone(profiles.round_bar(width, SEGMENTS, PARTS), {"body": zone})


def _turned(section: Section) -> Section:
    """Return the section turned by 90 degrees."""
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    return Section(
        pieces=tuple((zone, line @ turn) for zone, line in section.pieces),
        caps=tuple(cap @ turn for cap in section.caps),
    )


def _post(post: str, handrail: str, centre: float) -> list[Patch]:
    """Build a post about the z axis from its base plate to the handrail at `centre`, and its welds."""
    steel = _bar(post.split()[0], POSTS[post], "post")
    if post == "flat":
        steel = _turned(steel)
    width, thickness = (value / 1000 for value in HANDRAILS[handrail])
    radius = None if handrail == "flat" else width / 2
    below = thickness / 2

    def top(section: Floats) -> Floats:
        depth = below if radius is None else saddle(radius, section[..., 1])
        return np.asarray(centre + SUNK_M - depth + np.zeros(section.shape[:-1]))

    column = extrusion.bar("post", steel, BASE, top, (solids.COVERED, solids.COVERED))
    edge = profiles.outline(steel)
    patches = solids.place(column, UPRIGHT, (0, 0, 0))
    patches += solids.place(steelwork.collar("foot weld", edge, 0.005), np.eye(3), (0, 0, BASE))
    head = steelwork.collar("head weld", edge, 0.004, radius)
    hang = centre - (below if radius is None else 0.0)
    return patches + solids.place(head, HANGING, (0, 0, hang))


def _base(base: str, half: float) -> list[Patch]:
    """Build the plate under a post with four fasteners."""
    reach = half + 0.024
    places = reach * np.array([[np.cos(a), np.sin(a)] for a in np.pi / 4 + np.pi / 2 * np.arange(4)])
    if base == "square":
        side = 2 * (half + 0.042)
        places = np.sign(places) * (side / 2 - 0.02)
        fasteners = steelwork.anchors(np.column_stack([places, np.full(4, BASE)]), (0, 0, 1), 0.01, 0.007, "anchor")
        return steelwork.pressed("base", (side, side, BASE)) + fasteners
    radius, r = reach + 0.021, 0.0015
    outside = [
        (solids.COVERED, np.array([[0.0, 0.0], [radius - r, 0.0]])),
        ("crevice", solids.arc((radius - r, r), r, -90, 0, 4)),
        ("edge", np.concatenate([[[radius, r]], solids.arc((radius - r, BASE - r), r, 0, 90, 4)])),
        ("face", np.array([[radius - r, BASE], [0.6 * radius, BASE], [0.0, BASE]])),
    ]
    patches = solids.thick(solids.revolve("base", outside, 48), 1000 * BASE)
    head = solids.thick(solids.dome("bolt", "bolt", 0.022, 0.022, 0.0085), 12.0)
    return patches + solids.copies(head, np.eye(3), [(x, y, BASE) for x, y in places])


def _rail(post: str, left: float, right: float, z: float, *, laid: bool) -> list[Patch]:
    """Build a rail between two posts with its welds; flat bars stand on edge, or are `laid` flat."""
    kind = "flat" if post == "flat" else "tube"
    steel = _bar(kind, RAIL_MM[kind], "rail")
    if kind == "flat" and laid:
        steel = _turned(steel)
    half = _half(post)[0]
    radius = half if post.startswith("tube") else None

    def clear(section: Floats) -> Floats:
        depth = half if radius is None else saddle(radius, section[..., 1])
        return np.asarray(depth - SUNK_M + np.zeros(section.shape[:-1]))

    bar = extrusion.bar(
        "rail", steel, lambda s: left + clear(s), lambda s: right - clear(s), (solids.COVERED, solids.COVERED)
    )
    patches = solids.thick(solids.place(bar, ALONG, (0, 0, z)), RAIL_MM[kind][1])
    weld = steelwork.collar("rail weld", profiles.outline(steel), 0.0035, radius)
    flush = half if radius is None else 0.0
    patches += solids.named(solids.place(weld, ONWARD, (left + flush, 0, z)), "a")
    return patches + solids.named(solids.place(weld, BACK, (right - flush, 0, z)), "b")


def _pickets(post: str, left: float, right: float, levels: Sequence[float]) -> list[Patch]:
    """Build square bars between the two rails of a bay, evenly spread."""
    kind = "flat" if post == "flat" else "tube"
    half = RAIL_MM[kind][1] / 2000 if kind == "flat" else RAIL_MM[kind][0] / 2000
    radius = None if kind == "flat" else half

    def depth(section: Floats) -> Floats:
        inside = half if radius is None else saddle(radius, section[..., 1])
        return np.asarray(inside - SUNK_M + np.zeros(section.shape[:-1]))

    steel = _bar("flat", (1000 * PICKET, 1000 * PICKET), "bar")
    low, high = levels
    bar = extrusion.bar(
        "picket", steel, lambda s: low + depth(s), lambda s: high - depth(s), (solids.COVERED, solids.COVERED)
    )
    flush = half if radius is None else 0.0
    weld = steelwork.collar("picket weld", profiles.outline(steel), 0.0025, radius, spacing=0.004)
    parts = solids.place(bar, UPRIGHT, (0, 0, 0))
    parts += solids.named(solids.place(weld, np.eye(3), (0, 0, low + flush)), "low")
    parts += solids.named(solids.place(weld, HANGING, (0, 0, high - flush)), "high")
    parts = solids.thick(parts, 1000 * PICKET)
    count = int(np.ceil((right - left) / SPACING)) - 1
    return solids.copies(parts, np.eye(3), [(x, 0, 0) for x in np.linspace(left, right, count + 2)[1:-1]])


def _handrail(
    places: Floats, centre: float, levels: Sequence[float], post: str, handrail: str, ends: str
) -> list[Patch]:
    """Build the handrail over all posts and beyond the outer ones."""
    width, thickness = HANDRAILS[handrail]
    steel = _bar(handrail.split()[0], (width, thickness), "rail")
    left, right, over = places[0], places[-1], 0.1
    if ends == "capped":
        bar = extrusion.bar("handrail", steel, left - over, right + over)
        patches = solids.place(bar, np.eye(3), (0, 0, centre))
        if handrail == "flat":
            return solids.thick(patches, thickness)
        cap = solids.dome("cap", "end", 0.97 * width / 1000, 0.97 * width / 1000, 0.12 * width / 1000)
        for name, x, z in (("left", left - over, (-1, 0, 0)), ("right", right + over, (1, 0, 0))):
            patches += solids.named(solids.place(cap, solids.axes(z, (0, 0, 1)), (x, 0, centre)), name)
        return solids.thick(patches, thickness)
    low = max(z for z in levels if z < centre - 2 * BEND - 0.01)
    radius = _half(post)[0]

    def cope(section: Floats) -> Floats:
        return np.asarray(SUNK_M - saddle(radius, section[..., 1]))

    over += BEND
    corners = [(left, low), (left - over, low), (left - over, centre), (right + over, centre)]
    corners += [(right + over, low), (right, low)]
    line = extrusion.bend([(x, 0.0, z) for x, z in corners], BEND)
    covered = (solids.COVERED, solids.COVERED)
    patches = solids.thick(extrusion.run("handrail", steel, line, (0, 1, 0), covered, (cope, cope)), thickness)
    weld = steelwork.collar("return weld", profiles.outline(steel), 0.004, radius)
    patches += solids.named(solids.place(weld, BACK, (left, 0, low)), "left")
    return patches + solids.named(solids.place(weld, ONWARD, (right, 0, low)), "right")


def _toe_plate(places: Floats, post: str) -> list[Patch]:
    """Build a flat bar behind the posts, clear of the fasteners in the base plates, welded upright to each post."""
    high, thickness = TOE
    half, depth = _half(post)
    low = BASE + 0.025
    steel = profiles.rezone(profiles.flat(high, thickness, 0.001), {"face": "side"})
    bar = extrusion.bar("toe plate", steel, places[0] - 0.05, places[-1] + 0.05)
    patches = solids.place(bar, ALONG, (0, depth + thickness / 2, low + high / 2))
    edge = 0.35 * half if post.startswith("tube") else half
    for number, x in enumerate(places):
        for name, side in (("left", -1.0), ("right", 1.0)):
            corner = (x + side * edge, depth)
            faces = ((0, -1, 0), (side, 0, 0))
            bead = steelwork.seam("toe weld", (*corner, low), (*corner, low + high), faces, 0.005)
            patches += solids.named(bead, f"{name} {number + 1}")
    return solids.thick(patches, 1000 * thickness)
