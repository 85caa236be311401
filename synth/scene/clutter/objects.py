"""Builders of objects that stand or lie around a site, one for each kind.

A builder's `rng` draws only what differs within a piece, such as the tone of each board. Each object stands on z = 0
with its middle over the origin and its long side along x; lengths are metres.
"""

import numpy as np

from corrotwin.synth.scene.clutter import looks
from corrotwin.synth.scene.clutter.shapes import Shape, boxes, grounded, joined, sheet, tipped, tube, turned

Rng = np.random.Generator


def barrel(rng: Rng, *, look: str, radius: float, height: float) -> Shape:
    """Make a plastic drum with rolling hoops, a bung lid and a dirty foot."""
    shares = np.array([0, 0.02, 0.3, 0.32, 0.36, 0.38, 0.64, 0.66, 0.7, 0.72, 0.97, 1.0, 1.0, 0.965])
    wide = np.array([0.93, 1, 1, 1.035, 1.035, 1, 1, 1.035, 1.035, 1, 1, 0.96, 0.9, 0.88])
    color = looks.draw(look, rng) * np.interp(shares, [0, 0.15, 1], [0.45, 0.85, 1.0])[:, None]
    lid = turned([[0.05, height], [0.05, height * 1.02]], looks.draw("black rubber", rng), sides=10)
    body = turned(np.stack([radius * wide, height * shares], 1), color, sides=28)
    return grounded(joined([body, lid.moved([0.55 * radius, 0, -0.03 * height])]))


def cone(rng: Rng, *, height: float) -> Shape:
    """Make a traffic cone: worn orange, a band that was once white, a dark foot."""
    orange, white = looks.draw("orange plastic", rng), 0.75 * looks.draw("white plastic", rng)
    shares = np.array([0.05, 0.4, 0.4, 0.62, 0.62, 1.0])
    color = np.stack([0.6 * orange, orange, white, white, orange, 0.85 * orange])
    radius = height * (0.2 - 0.165 * shares)
    foot = boxes([0, 0, 0.025 * height], [0.5 * height, 0.5 * height, 0.05 * height], looks.draw("black rubber", rng))
    return grounded(joined([foot, turned(np.stack([radius, height * shares], 1), color)]))


def coil(rng: Rng, *, look: str, radius: float, thick: float, rounds: int) -> Shape:
    """Make a hose or cable that lies in loops, with one end leading away."""
    angle = np.linspace(0, 2 * np.pi * rounds, 22 * rounds)
    wave = sum(rng.normal(0, 0.05) * np.cos(k * angle / 1.7 + rng.uniform(0, 6)) for k in range(1, 5))
    away = radius * (1 + wave) + rng.normal(0, 0.01, rounds + 1)[(angle / 2 / np.pi).astype(int)]
    height = thick * (1 + 1.6 * np.linspace(0, rounds, len(angle)) * rng.uniform(0.3, 0.7))
    path = np.stack([away * np.cos(angle), away * np.sin(angle), height], 1)
    out = np.linspace(0.08, 1, 10)[:, None] * [1.1 * radius, 0.9 * radius, 0.0]
    tail = path[-1] + out
    tail[:, 2] = np.interp(np.linspace(0, 1, 10), [0, 0.5, 1], [height[-1], thick, thick])
    return grounded(tube(np.concatenate([path, tail]), thick, looks.draw(look, rng), sides=6))


def hose(rng: Rng, *, look: str, length: float, thick: float) -> Shape:
    """Make a hose or cable that wanders along the ground."""
    count = 26
    heading = np.cumsum(rng.normal(0, 0.28, count))
    heading -= heading.mean()
    step = length / count * np.stack([np.cos(heading), np.sin(heading), np.zeros(count)], 1)
    return grounded(tube(np.cumsum(step, axis=0), thick, looks.draw(look, rng), sides=6))


def reel(rng: Rng, *, radius: float, width: float) -> Shape:
    """Make a cable drum of wood with cable on it, standing on its rims."""
    wood, cable = looks.draw("old timber", rng), looks.draw("black rubber", rng)
    sides = [turned([[radius, z], [radius, z + 0.04]], wood * tone, sides=24)
             for z, tone in ((0.0, 0.9), (width, 1.1))]  # fmt: skip
    z = np.linspace(0.04, width, 12)
    core = turned(np.stack([radius * (0.72 + 0.02 * (np.arange(12) % 2)), z], 1), cable, sides=22)
    return grounded(tipped(joined([*sides, core]), onto="y"))


def rack(rng: Rng, *, length: float, depth: float, height: float, shelves: int) -> Shape:
    """Make shelves with cartons, tins and boxes on them."""
    frame = looks.draw("grey plastic" if rng.random() < 0.6 else "blue plastic", rng)
    posts = boxes(
        [[x, y, height / 2] for x in (-length / 2, 0, length / 2) for y in (-depth / 2, depth / 2)],
        [0.04, 0.04, height],
        frame,
    )
    levels = np.linspace(0.12, height - 0.05, shelves)
    boards = boxes([[0, 0, z] for z in levels], [length, depth, 0.03], looks.draw("old timber", rng, shelves))
    beams = boxes(
        [[0, y, z - 0.03] for z in levels for y in (-depth / 2, depth / 2)], [length, 0.02, 0.06], 0.8 * frame
    )
    parts = [posts, boards, beams]
    for z in levels:
        count = int(rng.integers(2, 7))
        x = np.linspace(-0.42, 0.42, count) * length + rng.normal(0, 0.03, count)
        size = np.stack([rng.uniform(0.4, 0.85, count) * 0.8 * length / count, rng.uniform(0.5, 0.9, count) * depth,
                         rng.uniform(0.3, 0.8, count) * height / shelves], 1)  # fmt: skip
        names = rng.choice(["card", "card", "grey plastic", "blue plastic", "sacking", "timber", "dark"], count)
        color = np.stack([looks.draw(str(name), rng) for name in names])
        parts.append(boxes(np.stack([x, rng.normal(0, 0.02, count), z + 0.015 + size[:, 2] / 2], 1), size, color,
                           turns=rng.normal(0, 0.05, count)))  # fmt: skip
    return grounded(joined(parts))


def crate(rng: Rng, *, size: tuple[float, float, float], slats: int, look: str) -> Shape:
    """Make an open crate of slats, with corner posts and a floor."""
    x, y, z = size
    levels = (np.arange(slats) + 0.5) * z / slats
    color = looks.draw(look, rng, 4 * slats, spread=0.15)
    slots = [(level, side) for level in levels for side in (-0.5, 0.5)]
    sides = [
        boxes([[0, side * y, level] for level, side in slots], [x, 0.014, 0.72 * z / slats], color[: 2 * slats]),
        boxes([[side * x, 0, level] for level, side in slots], [0.014, y - 0.02, 0.72 * z / slats], color[2 * slats :]),
    ]  # fmt: skip
    inner = [[a * (x / 2 - 0.02), b * (y / 2 - 0.02), z / 2] for a in (-1, 1) for b in (-1, 1)]
    posts = boxes(inner, [0.025, 0.025, z],
                  looks.draw(look, rng))  # fmt: skip
    return grounded(joined([*sides, posts, boxes([0, 0, 0.008], [x - 0.02, y - 0.02, 0.016], looks.draw(look, rng))]))


def tarpaulin(rng: Rng, *, size: tuple[float, float], height: float, look: str) -> Shape:
    """Make a tarpaulin or dust sheet over a heap: folds, ridges, edges on the ground."""
    rows = 26
    x, y = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, rows), indexing="ij")
    top = np.clip(1.5 - 1.6 * np.maximum(np.abs(x), np.abs(y)) ** 1.5, 0, 0.75) / 0.75
    folds = np.zeros_like(x)
    for _ in range(9):
        angle, phase, waves = rng.uniform(0, np.pi), rng.uniform(0, 6), rng.uniform(2.5, 8)
        folds += np.abs(np.sin(waves * (x * np.cos(angle) + y * np.sin(angle)) + phase)) * rng.uniform(0.3, 1)
    z = np.maximum(height * top * (0.8 + 0.05 * folds) + 0.012 * folds * (1 - top), 0.004)
    ragged = 1 + 0.05 * np.sin(5 * np.arctan2(y, x) + rng.uniform(0, 6))
    grid = np.stack([x * size[0] / 2 * ragged, y * size[1] / 2 * ragged, z], -1)
    under = grid * [1, 1, 0]
    shade = np.exp(rng.normal(0, 0.05, grid.shape[:2]) - 0.12 * folds / folds.max())[..., None]
    return grounded(sheet(grid, under, (looks.draw(look, rng) * shade).reshape(-1, 3)))


def can(rng: Rng, *, look: str, radius: float, height: float) -> Shape:
    """Make a bucket, a tin or a canister with a dark rim."""
    color = looks.draw(look, rng)
    shades = np.stack([0.6 * color, color, color, 0.7 * color, 0.25 * color, 0.2 * color])
    profile = [[0.8, 0.0], [0.86, 0.1], [1.0, 0.96], [1.02, 1.0], [0.94, 1.0], [0.9, 0.93]]
    return grounded(turned(np.array(profile) * [radius, height], shades, sides=16))


def cabinet(rng: Rng, *, size: tuple[float, float, float], look: str) -> Shape:
    """Make a switch cabinet: plinth, doors with gaps between, vents, a label, a lock."""
    x, y, z = size
    color = looks.draw(look, rng)
    body = boxes([0, 0, 0.05 + z / 2], [x, y, z], color)
    plinth = boxes([0, 0, 0.025], [0.94 * x, 0.94 * y, 0.05], looks.draw("dark", rng))
    roof = boxes([0, 0, 0.05 + z + 0.012], [1.06 * x, 1.08 * y, 0.024], 0.9 * color)
    doors = boxes(
        [[side * 0.245 * x, -y / 2 - 0.004, 0.05 + z / 2] for side in (-1, 1)],
        [0.47 * x, 0.012, 0.94 * z],
        0.95 * color,
    )
    slots = [[0.245 * x, -y / 2 - 0.012, 0.05 + z * share] for share in (0.78, 0.81, 0.84, 0.87)]
    vents = boxes(slots, [0.25 * x, 0.006, 0.012 * z],
                  0.3 * color)  # fmt: skip
    label = boxes(
        [-0.245 * x, -y / 2 - 0.011, 0.05 + 0.75 * z], [0.14 * x, 0.004, 0.1 * x], looks.draw("yellow plastic", rng)
    )
    lock = boxes([0.04 * x, -y / 2 - 0.018, 0.05 + 0.5 * z], [0.03, 0.02, 0.12], looks.draw("dark", rng))
    return grounded(joined([body, plinth, roof, doors, vents, label, lock]))


def barrier(rng: Rng, *, length: float, height: float) -> Shape:
    """Make a trestle with planks in faded red and white."""
    count = 8
    edges = np.linspace(-length / 2, length / 2, count + 1)
    shades = np.where(
        (np.arange(count) % 2 == 0)[:, None], looks.draw("red plastic", rng), 0.85 * looks.draw("white plastic", rng)
    )
    planks = [
        boxes([[x, 0, z] for x in (edges[1:] + edges[:-1]) / 2], [length / count, 0.03, 0.15], shades * tone)
        for z, tone in ((0.55 * height, 0.88), (0.92 * height, 1.0))
    ]  # fmt: skip
    stands = [[x, y, height / 2] for x in (-0.4 * length, 0.4 * length) for y in (-0.04, 0.04)]
    legs = boxes(stands, [0.05, 0.045, height],
                 looks.draw("old timber", rng, 4))  # fmt: skip
    feet = boxes(
        [[x, 0, 0.04] for x in (-0.4 * length, 0.4 * length)], [0.12, 0.5, 0.08], looks.draw("black rubber", rng)
    )
    return grounded(joined([*planks, legs, feet]))
