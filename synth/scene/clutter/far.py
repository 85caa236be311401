"""Background objects for scenes without a wall: hedges, trees, fences, buildings, containers, masts.

They look small and are often blurred, so each has only a few hundred triangles. They keep the background from being
empty.
"""

import numpy as np

from corrotwin.synth.scene.clutter import looks, plants
from corrotwin.synth.scene.clutter.fixtures import sheeting
from corrotwin.synth.scene.clutter.shapes import Array, Shape, boxes, joined, tube
from corrotwin.synth.scene.ground_cover import Pieces

Rng = np.random.Generator
NEAR_M, FAR_M = 4.0, 16.0  # from the back of the objects in front
LEAVES = 9_000  # triangles of all leaves together


def behind(rng: Rng, middle: float, y: float, level: float) -> tuple[list[Shape], list[Pieces]]:
    """Draw three rows of things beyond `y`, about x = `middle`, on ground at z = `level`."""
    shapes: list[Shape] = []
    leaves: list[Pieces] = []
    rows = [
        str(name)
        for name in rng.choice(["hedge", "hedge", "trees", "fence", "building", "container", "masts"], 3, replace=False)
    ]
    planted = sum(name in ("hedge", "trees") for name in rows)
    for name in rows:
        row_y = y + np.exp(rng.uniform(np.log(NEAR_M), np.log(FAR_M)))
        origin = np.array([middle, row_y, level])
        if name == "hedge":
            leaves.append(_hedge(rng, origin, LEAVES // planted))
        elif name == "trees":
            crown, trunks = _trees(rng, origin, LEAVES // planted)
            leaves.append(crown)
            shapes += trunks
        else:
            shapes.append(
                {"fence": _fence, "building": _building, "container": _container, "masts": _masts}[name](rng).moved(
                    origin
                )
            )
    return shapes, leaves


def _hedge(rng: Rng, origin: Array, budget: int) -> Pieces:
    count, distance = int(rng.integers(5, 14)), origin[1]
    sizes = rng.uniform(0.6, 2.4, count) * np.clip(distance / 8, 0.7, 1.6)
    x = np.sort(rng.uniform(-1.1, 1.1, count)) * (4 + distance)
    places = origin + np.stack([x, rng.normal(0, 0.6, count), 0.38 * 0.9 * sizes], 1)
    return plants.shrubs(
        rng, places, sizes, leaf_m=0.05 + 0.012 * distance, budget=budget, flat=0.9, level=float(origin[2])
    )


def _trees(rng: Rng, origin: Array, budget: int) -> tuple[Pieces, list[Shape]]:
    count, distance = int(rng.integers(2, 6)), origin[1]
    places = origin + np.stack(
        [rng.uniform(-1.2, 1.2, count) * (4 + distance), rng.normal(0, 1.0, count), np.zeros(count)], 1
    )
    return plants.trees(
        rng, places, rng.uniform(3.5, 8.0, count), leaf_m=0.08 + 0.014 * distance, budget=budget, level=float(origin[2])
    )


def _fence(rng: Rng) -> Shape:
    """Make a fence of posts and rails, with or without pickets."""
    height, long = rng.uniform(1.0, 2.2), 24.0
    posts = np.arange(-long / 2, long / 2 + 0.1, 2.4)
    look = str(rng.choice(["old timber", "zinc", "green plastic"]))
    parts = [
        boxes(
            np.stack([posts, 0 * posts, 0 * posts + height / 2], 1),
            [0.08, 0.08, height],
            looks.draw(look, rng, len(posts)),
        )
    ]
    if rng.random() < 0.6:
        x = np.arange(-long / 2, long / 2, rng.choice([0.12, 0.16]))
        tall = height * rng.uniform(0.93, 1.0, len(x))
        parts.append(boxes(np.stack([x, 0 * x - 0.05, tall / 2], 1), np.stack([0 * x + 0.08, 0 * x + 0.02, tall], 1),
                           looks.draw(look, rng, len(x), spread=0.2)))  # fmt: skip
    rails = np.linspace(0.15, 0.95, int(rng.integers(2, 6))) * height
    parts.append(boxes([[0, 0, z] for z in rails], [long, 0.03, 0.04], looks.draw(look, rng)))
    return joined(parts)


def _building(rng: Rng) -> Shape:
    """Make a long building: wall, plinth, windows with frames and sills, a gutter, a roof."""
    long, tall = rng.uniform(12, 26), rng.uniform(3.0, 7.0)
    wall = looks.draw(str(rng.choice(["render", "block", "fired clay"])), rng)
    parts = [
        boxes([[0, 2, tall / 2], [0, 1.99, 0.25]], [[long, 4, tall], [long, 4.04, 0.5]], np.stack([wall, 0.6 * wall]))
    ]
    floors, across = max(1, int(tall / 2.9)), int(long / rng.uniform(1.8, 3.0))
    x, z = np.meshgrid((np.arange(across) + 0.5) / across * long - long / 2, 1.5 + 2.8 * np.arange(floors))
    place, wide, high = np.stack([x.ravel(), 0 * x.ravel(), z.ravel()], 1), rng.uniform(0.7, 1.2), rng.uniform(0.9, 1.4)
    count, frame = len(place), looks.draw("white plastic", rng)
    parts += [
        boxes(place + np.array([0, -0.02, 0]), [wide + 0.14, 0.08, high + 0.14], frame),
        boxes(place + np.array([0, -0.05, 0]), [wide, 0.06, high], looks.draw("glass", rng, count, spread=0.5)),
        boxes(place + np.array([0, -0.07, 0]), [0.05, 0.05, high], frame),
        boxes(place + np.array([0, -0.08, -high / 2 - 0.08]), [wide + 0.25, 0.16, 0.06], 0.8 * wall),
    ]
    roof = looks.draw(str(rng.choice(["dark", "fired clay", "zinc"])), rng)
    parts.append(
        boxes(
            [[0, 1.9, tall + 0.1], [0, -0.12, tall - 0.03]],
            [[long + 0.6, 4.6, 0.2], [long, 0.12, 0.1]],
            np.stack([roof, 0.5 * wall]),
        )
    )
    return joined(parts)


def _container(rng: Rng) -> Shape:
    """Make a row of site containers of ribbed sheet."""
    parts = []
    for number in range(int(rng.integers(1, 4))):
        ribbed = sheeting(rng, np.array([-3.0, 0.15]), np.array([2.9, 2.6]))
        color = ribbed.color.mean(axis=0)
        sizes = [[6.08, 2.38, 2.6], [6.08, 0.1, 0.16], [6.08, 0.1, 0.12]]
        shell = boxes([[0, 1.21, 1.35], [0, 0.02, 0.1], [0, 0.02, 2.65]], sizes,
                      np.stack([0.9 * color, 0.6 * color, 0.7 * color]))  # fmt: skip
        parts.append(joined([ribbed, shell]).moved([(number - 1) * 6.6 + rng.normal(0, 0.3), rng.normal(0, 0.2), 0]))
    return joined(parts)


def _masts(rng: Rng) -> Shape:
    """Make masts with cross-arms and wires that sag between them."""
    x = np.array([-14.0, 0.0, 14.0]) + rng.uniform(-3, 3)
    tall = rng.uniform(5, 9)
    poles = boxes(np.stack([x, 0 * x, 0 * x + tall / 2], 1), [0.2, 0.2, tall], looks.draw("old timber", rng, 3))
    arms = boxes(np.stack([x, 0 * x, 0 * x + tall - 0.5], 1), [0.1, 1.6, 0.12], looks.draw("old timber", rng, 3))
    along = np.linspace(x[0], x[-1], 25)
    share = (along - x[0]) / 14 % 1.0
    wires = [
        tube(
            np.stack([along, 0 * along + y, tall - 0.4 - 2.0 * share * (1 - share)], 1),
            0.02,
            looks.draw("dark", rng),
            sides=4,
        )
        for y in (-0.7, 0.0, 0.7)
    ]
    return joined([poles, arms, *wires])
