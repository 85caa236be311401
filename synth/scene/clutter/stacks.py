"""Stacks of building material: pallets, timber, bricks and blocks, sacks, pipes; builders like those of `objects`."""

import numpy as np

from corrotwin.synth.scene.clutter import looks
from corrotwin.synth.scene.clutter.shapes import Array, Shape, boxes, grounded, joined, tipped, turned

Rng = np.random.Generator


def pallet(rng: Rng, *, wood: str = "old timber", length: float = 1.2, width: float = 0.8, count: int = 1) -> Shape:
    """Make pallets one on top of another: top boards with gaps, nine blocks between stringers, three boards below."""
    parts = []
    for level in range(count):
        z, boards = 0.144 * level, 6
        y = np.linspace(-width / 2 + 0.05, width / 2 - 0.05, boards) + rng.normal(0, 0.006, boards)
        wide = rng.uniform(0.075, 0.125, boards)
        top = boxes(
            np.stack([rng.normal(0, 0.006, boards), y, np.full(boards, z + 0.133)], 1),
            np.stack([np.full(boards, length), wide, np.full(boards, 0.022)], 1),
            looks.draw(wood, rng, boards, spread=0.2),
        )  # fmt: skip
        cross = boxes(
            [[x, 0, z + 0.111] for x in (-0.44 * length, 0, 0.44 * length)],
            [0.1, width, 0.022],
            looks.draw(wood, rng, 3),
        )
        feet = boxes(
            [[x, y, z + 0.061] for x in (-0.44 * length, 0, 0.44 * length) for y in (-0.43 * width, 0, 0.43 * width)],
            [0.1, 0.1, 0.078], looks.draw(wood, rng, 9, spread=0.2),
        )  # fmt: skip
        low = boxes(
            [[0, y, z + 0.011] for y in (-0.43 * width, 0, 0.43 * width)],
            [length, 0.1, 0.022],
            looks.draw(wood, rng, 3),
        )
        parts.append(
            joined([top, cross, feet, low]).moved(rng.normal(0, 0.012, 3) * [1, 1, 0], turn=rng.normal(0, 0.02))
        )
    return grounded(joined(parts))


def timber(rng: Rng, *, rows: int, across: int, length: float, thick: float = 0.08) -> Shape:
    """Make a stack of beams on two bearers, rows separated by laths, ends uneven."""
    count = rows * across
    row, column = np.divmod(np.arange(count), across)
    shift, step = rng.normal(0, 0.06, count), 1.12 * thick + rng.uniform(0, 0.004)
    middles = np.stack([shift, (column - (across - 1) / 2) * step, 0.06 + thick / 2 + row * (thick + 0.02)], 1)
    long = length * rng.uniform(0.9, 1.0, count)
    beams = boxes(middles, np.stack([long, np.full(count, thick), np.full(count, thick)], 1),
                  looks.draw("timber", rng, count, spread=0.25), turns=rng.normal(0, 0.008, count))  # fmt: skip
    laths = [[side * 0.3 * length, 0, 0.05 + level * (thick + 0.02)] for side in (-1, 1) for level in range(rows)]
    sizes = [[0.05, across * step, 0.1 if not level % rows else 0.018] for level in range(2 * rows)]
    return grounded(joined([beams, boxes(laths, sizes, looks.draw("old timber", rng, 2 * rows, spread=0.2))]))


def blocks(rng: Rng, *, look: str, size: tuple[float, float, float], shape: tuple[int, int, int]) -> Shape:
    """Make a stack of bricks or blocks, the top course incomplete, some askew."""
    place = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3).astype(float)
    kept = (place[:, 2] < shape[2] - 1) | (rng.random(len(place)) < 0.6) | (shape[2] == 1)
    place = place[kept] if kept.any() else place[:1]
    pitch = np.array(size) + np.array([0.006, 0.006, 0.001])
    loose = rng.normal(0, 0.006, place.shape) * [1, 1, 0]
    middles = (place - [(shape[0] - 1) / 2, (shape[1] - 1) / 2, -0.5]) * pitch + loose
    turns = rng.normal(0, 0.02, len(place)) + np.where(rng.random(len(place)) < 0.06, rng.normal(0, 0.3, len(place)), 0)
    return grounded(boxes(middles, size, looks.draw(look, rng, len(place), spread=0.16), turns=turns))


def sacks(rng: Rng, *, count: int, look: str) -> Shape:
    """Make filled sacks lying on each other, slumped and askew."""
    angle, turn = np.linspace(-np.pi / 2, np.pi / 2, 8), rng.normal(0, 0.15, count)
    parts = []
    for number in range(count):
        level, side = divmod(number, 2)
        ring = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.35
        body = turned(
            np.stack([np.maximum(ring, 0.02), np.sin(angle)], 1), looks.draw(look, rng, spread=0.12), sides=14
        )
        x, y, z = body.vertices.T
        bulge = np.sign(x) * np.abs(x) ** 0.7, np.sign(y) * np.abs(y) ** 0.7
        lump = 1 + 0.07 * np.sin(7 * x + rng.uniform(0, 6)) * np.cos(6 * y + rng.uniform(0, 6))
        vertices = np.stack([0.3 * bulge[0], 0.19 * bulge[1], 0.075 * z * lump], 1)
        sack = Shape(vertices=vertices, faces=body.faces, color=body.color)
        parts.append(sack.moved([rng.normal(0, 0.03), (side - 0.5) * 0.4, 0.09 + 0.12 * level], turn=turn[number]))
    return grounded(joined(parts))


def pipes(rng: Rng, *, look: str, radius: float, length: float, count: int) -> Shape:
    """Make a heap of plastic pipes, open at their ends."""
    bottom = max(2, int((np.sqrt(8 * count + 1) + 1) / 2))
    parts: list[Shape] = []
    for level in range(bottom):
        for place in range(bottom - level):
            if len(parts) < count:
                hollow = [
                    [0.86 * radius, length],
                    [0.86 * radius, 0.0],
                    [radius, 0.0],
                    [radius, length],
                    [0.87 * radius, length],
                ]
                pipe = tipped(turned_ring(hollow, looks.draw(look, rng, spread=0.14), sides=14))
                y, z = (place - (bottom - level - 1) / 2) * 2.02 * radius, radius * (1 + 1.75 * level)
                parts.append(pipe.moved([rng.normal(0, 0.05), y, z]))
    return grounded(joined(parts))


def turned_ring(profile: list[list[float]], color: Array, *, sides: int) -> Shape:
    """Turn a closed profile, which does not meet the axis, about it to make a hollow body such as a pipe."""
    radius, height = np.asarray(profile, float).T
    rows, angle = len(radius), 2 * np.pi * np.arange(sides) / sides
    x, y = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    vertices = np.stack([x, y, np.broadcast_to(height[:, None], x.shape)], -1).reshape(-1, 3)
    number = np.arange(rows * sides).reshape(rows, sides)
    a, b = number, np.roll(number, -1, axis=1)
    c, d = np.roll(b, -1, axis=0), np.roll(number, -1, axis=0)
    faces = np.concatenate([np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, c), (a, c, d))])
    return Shape(vertices=vertices, faces=faces, color=np.broadcast_to(color, vertices.shape).copy())
