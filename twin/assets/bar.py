"""Steel bars: plain, ribbed or threaded, straight or bent; single, in a row, a stack or a mat."""

from typing import Any

import numpy as np

from corrotwin.twin.assets import bar_surface
from corrotwin.twin.assets.bar_surface import Path, Pressed
from corrotwin.twin.core.arguments import check_choices, check_numbers
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import solids
from corrotwin.twin.geometry.atlas import Floats, Patch

SECTIONS = ("round", "square", "flat", "hexagon", "rebar", "deformed", "threaded")
ROUND = ("round", "rebar", "deformed", "threaded")  # sections that lie in the hollows of the row below
ARRANGEMENTS = ("row", "stack", "mat")
SHAPES = ("straight", "bend", "hook", "u", "crank")
BENT = ("round", "rebar", "deformed")
FACES = {"square": (0, 2, 4, 6), "flat": (0, 2, 4, 6), "hexagon": (10, None, 4, None)}  # strips below, +y, above, -y
MOST_DIAMETERS = 1500.0  # total length of ribbed bar; beyond it, the ribs are millions of triangles
# Some of the sizes of EN 10060, EN 10059, EN 10061, EN 10080 and ASTM A615, mm; flats are those of EN 10058.
SIZES_MM = {
    "round": (12, 16, 20, 25, 30, 40, 50, 60),
    "square": (12, 16, 20, 25, 30, 40, 50),
    "flat": (30, 40, 50, 60, 80, 100),
    "hexagon": (17, 19, 22, 27, 32, 36, 46),
    "rebar": (12, 14, 16, 20, 25, 28, 32, 40),
    "deformed": (12.7, 15.9, 19.1, 22.2, 25.4, 28.7, 32.3, 35.8),
    "threaded": tuple(bar_surface.PITCHES_MM),
}
FLATS_MM = (5, 6, 8, 10, 12, 15, 20)
WIDEST_GAP_MM = 1000


def bar(
    *,
    section: str,
    size_mm: float,
    thickness_mm: float,
    length_m: float,
    count: int,
    arrangement: str,
    gap_mm: float,
    shape: str,
    leg_m: float,
    lay: int,
) -> tuple[list[Patch], float]:
    """Build one or several equal bars that lie on the ground.

    Parameters
    ----------
    section : "round", "square", "flat", "hexagon"; "rebar" with crescent ribs (EN 10080), "deformed" with square lugs
        (ASTM A615), or "threaded" rod (ISO 261 coarse).
    size_mm : diameter, side, width across flats, or width of a flat.
    thickness_mm : thickness of a flat; ignored otherwise.
    length_m : length of a straight bar, or of the main part of a bent one.
    count : number of bars; in a mat, each way.
    arrangement : "row" side by side; "stack", rounds in the hollows of the row below, others and bent bars on top of
        each other; "mat", one layer along and one across on top of it.
    gap_mm : clear distance between bars of a row or mat; in a row it varies, and bars lie askew within it. At 0
        they touch.
    shape : "straight"; "bend" with one leg at 90 degrees, "hook" turned back by 180, "u" with two legs, "crank" with a
        leg at 45 degrees between two halves. Inside radii are half the mandrels of EN 1992-1-1, table 8.1N.
    leg_m : straight part beyond a bend, at least 5 diameters.
    lay : random seed of how the bars are rolled, shifted, laid askew and cut a little out of square.

    Returns
    -------
    Patches and the diameter, side or thickness in mm.

    Raises
    ------
    InputError
        A parameter is out of its limits, or the parts do not fit.

    Notes
    -----
    Ribbed bars lie as their envelopes would: where their ribs miss each other, a gap of up to two rib heights is
    left.
    """
    check_choices(
        "bar", section=(section, SECTIONS), arrangement=(arrangement, ARRANGEMENTS), shape=(shape, SHAPES)
    )  # fmt: skip
    check_numbers(
        "bar", length_m=(length_m, 0.05, 20), size_mm=(size_mm, 4, min(200, 500 * length_m)),
        count=(count, range(1, 61)), gap_mm=(gap_mm, 0, WIDEST_GAP_MM), lay=(lay, range(2**32)),
    )  # fmt: skip
    if section == "flat":
        check_numbers("flat bar", thickness_mm=(thickness_mm, 3, size_mm))
    if section == "threaded":
        check_choices("threaded bar", size_mm=(size_mm, bar_surface.PITCHES_MM))
    if shape != "straight":
        if section not in BENT or arrangement == "mat":
            raise InputError(
                f"bar section {section!r}, arrangement {arrangement!r}, shape {shape!r}: only {', '.join(BENT)} bars "
                "can be bent, and not in a mat"
            )
        check_numbers("bent bar", leg_m=(leg_m, 0.005 * size_mm, 5))
    size = size_mm / 1000
    path = _path(shape, size, length_m, leg_m)
    bars = count * (2 if arrangement == "mat" else 1)
    if section in ("rebar", "deformed", "threaded") and not bars * path.length / size <= MOST_DIAMETERS:
        raise InputError(
            f"{bars} ribbed bars of {path.length:.2f} m: more than {MOST_DIAMETERS:.0f} diameters in all; "
            "choose fewer or shorter ones"
        )
    if arrangement == "mat" and not (count - 1) * (size + gap_mm / 1000) + size <= length_m:
        raise InputError(f"mat of {count} bars each way, gap {gap_mm} mm: wider than the bars of {length_m} m are long")
    rng = np.random.default_rng(lay)
    skin = bar_surface.skin(section, size, thickness_mm / 1000, path, rng)
    poses_of = _straight if shape == "straight" else _bent
    poses = poses_of(section, skin.extent, path, arrangement, count, gap_mm / 1000, rng)
    patches: list[Patch] = []
    for number, (turn, place, roll) in enumerate(poses):
        pressed = _pressed(section, skin.extent, size, path.length, poses, number) if section in FACES else []
        solid = bar_surface.solid(f"bar {number + 1}", skin, path, roll, pressed, rng)
        if arrangement == "row":  # on its own lowest ribs
            place = place - [0.0, 0.0, min(patch.points[..., 2].min() for patch in solid)]
        patches += solids.place(solid, turn, place)
    return patches, thickness_mm if section == "flat" else size_mm


def sample(rng: np.random.Generator) -> dict[str, Any]:
    """Draw parameters of random bars, 0.3 to 3 m long, with fewer than 150,000 triangles."""
    section = str(rng.choice(SECTIONS, p=[0.17, 0.1, 0.13, 0.06, 0.3, 0.16, 0.08]))
    bent = section in BENT and rng.random() < 0.35
    arrangement = str(rng.choice(["row", "stack"] if bent or section == "threaded" else ARRANGEMENTS))
    fewest, most = {"row": (2, 8), "stack": (3, 12), "mat": (3, 5)}[arrangement]
    if section == "threaded" or bent:
        fewest, most = 2, 2 if section == "threaded" else 4
    count = 1 if arrangement == "row" and rng.random() < 0.35 else int(rng.integers(fewest, most + 1))
    bars = count * (2 if arrangement == "mat" else 1)
    size_mm = float(rng.choice([size for size in SIZES_MM[section] if size > 15 or bars <= 8]))
    # Lengths in sizes. Ribs cost triangles, threads most of all; the thinner a bar, the less of it a photograph shows.
    affordable = {"threaded": 28.0, "rebar": 230.0, "deformed": 230.0}.get(section, 1e9) / bars
    longest = min(affordable, 55.0 if bent else 40.0 if bars > 1 else 28.0, 3000 / size_mm)
    leg = float(rng.uniform(5.5, 10)) if bent else 0.0
    length = longest * float(rng.uniform(0.6, 1.0)) - (2 * leg + 12 if bent else 0.0)
    length = max(length, (240 if bent else 300) / size_mm, 5.0)
    gap = float(rng.uniform(0.2, 3.0)) if rng.random() < 0.6 else 0.0
    if arrangement == "mat":
        gap = min((length * float(rng.uniform(0.7, 0.95)) - 1) / (count - 1) - 1, WIDEST_GAP_MM / size_mm)
    return {
        "section": section,
        "size_mm": size_mm,
        "thickness_mm": float(rng.choice([t for t in FLATS_MM if t <= size_mm / 2])) if section == "flat" else size_mm,
        "length_m": round(length * size_mm / 1000, 4),
        "count": count,
        "arrangement": arrangement,
        "gap_mm": round(gap * size_mm, 2),
        "shape": str(rng.choice(SHAPES[1:])) if bent else "straight",
        "leg_m": round(leg * size_mm / 1000, 4),
        "lay": int(rng.integers(2**31)),
    }


def _path(shape: str, size: float, length: float, leg: float) -> Path:
    """Return the centre line of a bar, in the plane z = 0."""
    radius = (2.0 if size <= 0.016 else 3.5) * size + size / 2  # EN 1992-1-1, table 8.1N: mandrels of 4 and 7 diameters
    quarter = (radius, np.pi / 2)
    pieces: dict[str, list[float | tuple[float, float]]] = {
        "straight": [length],
        "bend": [length, quarter, leg],
        "hook": [length, (radius, np.pi), leg],
        "u": [leg, quarter, length, quarter, leg],
        "crank": [length / 2, (radius, np.pi / 4), leg, (radius, -np.pi / 4), length / 2],
    }
    return Path.of(pieces[shape], -np.pi / 2 if shape == "u" else 0.0)


Pose = tuple[Floats, Floats, float]  # rotation (3, 3), place (3,) of the middle of the bar, turn about its own axis


def _straight(
    section: str,
    extent: tuple[float, float],
    path: Path,
    arrangement: str,
    count: int,
    gap: float,
    rng: np.random.Generator,
) -> list[Pose]:
    """Return the poses of straight bars; `extent` is their width and height."""
    width, height = extent

    def roll() -> float:
        return float(rng.uniform(0, 2 * np.pi)) if section in ROUND else 0.0

    def along() -> float:
        return float(rng.uniform(-1, 1)) * min(1.5 * width, 0.05 * path.length)

    if arrangement == "row":
        gaps = gap * rng.uniform(0.6, 1.4, count - 1)
        middles = np.concatenate([[0.0], np.cumsum(width + gaps)])
        free = np.minimum(np.append(gaps, np.inf), np.insert(gaps, 0, np.inf))
        free[np.isinf(free)] = 0.0
        yaws = rng.uniform(-0.7, 0.7, count) * free / path.length
        return [(_yaw(yaw), np.array([along(), y, 0.0]), roll()) for y, yaw in zip(middles, yaws, strict=True)]
    if arrangement == "mat":
        across = (np.arange(count) - (count - 1) / 2) * (width + gap)
        lower = [(_yaw(0.0), np.array([along() / 2, y, 0.0]), roll()) for y in across]
        return lower + [(_yaw(np.pi / 2), np.array([x, along() / 2, height]), roll()) for x in across]
    poses: list[Pose] = []
    bottom = int(np.ceil((np.sqrt(8 * count + 1) - 1) / 2))  # bars in the lowest layer of a triangle of rounds
    if section not in ROUND:
        bottom = int(np.ceil(np.sqrt(1.5 * count * height / width)))  # a stack half as wide again as high
    layer = 0
    while len(poses) < count:
        in_layer = min(bottom - layer if section in ROUND else bottom, count - len(poses))
        for place in range(in_layer):
            y = width * (place + (layer / 2 if section in ROUND else 0.0))
            z = height * layer * (np.sqrt(3) / 2 if section in ROUND else 1.0)
            poses.append((_yaw(0.0), np.array([along(), y, z]), roll()))
        layer += 1
    return poses


def _bent(
    section: str,
    extent: tuple[float, float],
    path: Path,
    arrangement: str,
    count: int,
    gap: float,
    rng: np.random.Generator,
) -> list[Pose]:
    """Return the poses of bent bars, which lie flat: clear of each other in a row, or stacked a little askew."""
    width, height = extent
    line = path.at(np.linspace(0, path.length, 400))[0]
    pitch = np.ptp(line[:, 1]) + width + gap
    poses: list[Pose] = []
    yaw = 0.0
    for number in range(count):
        roll = float(rng.uniform(0, 2 * np.pi))
        if arrangement == "row":
            poses.append((_yaw(0.0), np.array([float(rng.uniform(-2, 2)) * width, number * pitch, 0.0]), roll))
            continue
        # Turned about its centre of mass, a bar crosses the one below wherever that is nearest or farthest from it.
        turn, middle = _yaw(yaw), line.mean(axis=0)
        poses.append((turn, middle - turn @ middle + [0.0, 0.0, number * height], roll))
        yaw += float(rng.choice([-1, 1]) * rng.uniform(0.06, 0.2))
    return poses


def _pressed(
    section: str, extent: tuple[float, float], size: float, length: float, poses: list[Pose], number: int
) -> list[Pressed]:
    """Return where other straight bars touch the flat faces of one bar."""
    width, height = extent
    below, right, above, left = FACES[section]
    face = size / np.sqrt(3) if section == "hexagon" else size
    turn, place, _ = poses[number]
    pressed = []
    for other, (its_turn, its_place, _) in enumerate(poses):
        x, y, z = turn.T @ (its_place - place)
        layers, beside = np.isclose(abs(z), height), np.isclose(abs(y), width)
        if other != number and layers and abs(turn[:, 0] @ its_turn[:, 0]) < 0.5:  # across, in a mat
            half = face / 2
        elif (layers and abs(y) < 1e-9) or (beside and abs(z) < 1e-9):
            half = length / 2
        else:
            continue
        strip = (above if z > 0 else below) if layers else right if y > 0 else left
        low, high = np.clip([length / 2 + x - half, length / 2 + x + half], 0.0, length)
        if strip is not None and low < high:
            pressed.append((strip, float(low), float(high)))
    return pressed


def _yaw(angle: float) -> Floats:
    return solids.axes([0, 0, 1], [np.cos(angle), np.sin(angle), 0])
