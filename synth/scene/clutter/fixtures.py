"""Fixtures of walls: conduits, cables on clips, trays, lagged pipes, downpipes, signs, vents, patches, tie holes.

A builder works in the wall's own frame: x along the wall, z up, the face of the wall at y = 0 and the room at y < 0.
Each draws its pieces with its generator over a stretch of the wall from `low` to `high`, (x, z) metres each.
"""

from collections.abc import Callable, Mapping

import numpy as np

from corrotwin.synth.scene.clutter import looks
from corrotwin.synth.scene.clutter.shapes import Array, Shape, boxes, joined, sheet, tipped, tube, turned

Rng = np.random.Generator
TIE_M = 0.6  # spacing of the tie holes that a formwork leaves
PITCH_M, RIDGE_M = 0.19, 0.034  # of corrugated sheeting


def conduits(rng: Rng, low: Array, high: Array) -> Shape:
    """Make one to four conduits side by side along the wall, with clips, boxes and drops to the ground."""
    count, thick = int(rng.integers(1, 5)), rng.uniform(0.008, 0.02)
    look = _of(rng, "grey plastic", "zinc", "zinc", "white plastic", "black rubber")
    z = low[1] + rng.uniform(0.3, 0.9) * (high[1] - low[1]) - 2.6 * thick * np.arange(count)
    parts = [
        tipped(_rod(thick, high[0] - low[0], looks.draw(look, rng))).moved([low[0], -1.2 * thick, level]) for level in z
    ]
    clips = np.arange(low[0] + rng.uniform(0.1, 0.6), high[0], rng.uniform(0.5, 0.9))
    if len(clips):
        middles = np.stack([clips, np.full_like(clips, -1.2 * thick), np.full_like(clips, z.mean())], 1)
        parts.append(boxes(middles, [0.025, 2.6 * thick, np.ptp(z) + 2.6 * thick], looks.draw("zinc", rng)))
    for x in rng.uniform(low[0], high[0], int(rng.integers(0, 3))):
        size = rng.uniform(0.07, 0.2)
        parts.append(boxes([x, -0.045, z.mean()], [size, 0.09, 1.2 * size], looks.draw("grey plastic", rng)))
        drop = z.mean() - low[1]
        if rng.random() < 0.6 and drop > 0.2:
            parts.append(_rod(thick, drop, looks.draw(look, rng)).moved([x, -1.2 * thick, low[1]]))
    return joined(parts)


def cables(rng: Rng, low: Array, high: Array) -> Shape:
    """Make a bundle of cables that sags from hook to hook."""
    height = high[1] - low[1]
    hooks = np.arange(low[0], high[0] + 1e-6, rng.uniform(0.6, 1.6))
    level = low[1] + rng.uniform(0.35, 0.95) * height + rng.normal(0, 0.02, len(hooks))
    x = np.linspace(hooks[0], hooks[-1], 14 * max(len(hooks) - 1, 1) + 1)
    base, share = np.interp(x, hooks, level), (x - hooks[0]) / max(hooks[min(1, len(hooks) - 1)] - hooks[0], 1e-6) % 1.0
    parts = []
    for _ in range(int(rng.integers(2, 7))):
        thick, sag = rng.uniform(0.004, 0.012), rng.uniform(0.02, 0.16) * min(1.0, 0.7 * height)
        z = base - sag * 4 * share * (1 - share) + rng.normal(0, 0.008)
        out = -0.015 - thick - 0.008 * rng.random(len(x))
        look = _of(rng, "black rubber", "black rubber", "grey plastic", "blue plastic", "orange plastic")
        parts.append(tube(np.stack([x, out, z], 1), thick, looks.draw(look, rng), sides=5))
    parts.append(
        boxes(np.stack([hooks, np.full_like(hooks, -0.022), level], 1), [0.012, 0.044, 0.05], looks.draw("dark", rng))
    )
    return joined(parts)


def tray(rng: Rng, low: Array, high: Array) -> Shape:
    """Make a cable tray on brackets with cables in it."""
    z, wide, length = low[1] + rng.uniform(0.55, 0.95) * (high[1] - low[1]), rng.uniform(0.1, 0.2), high[0] - low[0]
    middle, zinc = (low[0] + high[0]) / 2, looks.draw("zinc", rng)
    rails = boxes([[middle, -0.01, z], [middle, -wide, z]], [length, 0.004, 0.05], zinc)
    rungs = np.arange(low[0] + 0.03, high[0], 0.12)
    floor = boxes(
        np.stack([rungs, np.full_like(rungs, -wide / 2), np.full_like(rungs, z - 0.02)], 1),
        [0.05, wide, 0.004],
        0.9 * zinc,
    )
    parts = [rails, floor]
    arms = np.arange(low[0] + rng.uniform(0.05, 0.4), high[0], 1.1)
    if len(arms):
        parts.append(
            boxes(
                np.stack([arms, np.full_like(arms, -wide / 2), np.full_like(arms, z - 0.04)], 1),
                [0.04, wide, 0.03],
                0.8 * zinc,
            )
        )
    x = np.linspace(low[0], high[0], 16)
    for _ in range(int(rng.integers(2, 8))):
        thick, y = rng.uniform(0.005, 0.015), -rng.uniform(0.03, wide - 0.03) + rng.normal(0, 0.006, len(x))
        path = np.stack([x, np.clip(y, -wide + 0.02, -0.025), np.full(len(x), z - 0.018 + thick)], 1)
        parts.append(
            tube(path, thick, looks.draw(_of(rng, "black rubber", "grey plastic", "blue plastic"), rng), sides=5)
        )
    return joined(parts)


def lagged(rng: Rng, low: Array, high: Array) -> Shape:
    """Make an insulated pipe in sheet metal or cloth, in lengths with seams, on brackets."""
    radius, length = rng.uniform(0.035, 0.075), high[0] - low[0]
    z = low[1] + rng.uniform(0.25, 0.9) * (high[1] - low[1])
    pieces = max(2, int(length / rng.uniform(0.6, 1.0)))
    edges = np.linspace(0, length, pieces + 1)
    profile, shades = [], []
    for start, end, tone in zip(edges[:-1], edges[1:], looks.draw("lagging", rng, pieces, spread=0.12), strict=True):
        profile += [[1.05 * radius, start], [1.05 * radius, start + 0.03], [radius, start + 0.03], [radius, end]]
        shades += [0.8 * tone, 0.8 * tone, tone, tone]
    pipe = tipped(turned(profile, np.array(shades), sides=14)).moved([low[0], -1.2 * radius, z])
    arms = low[0] + edges[1:-1] + 0.1
    hold = boxes(np.stack([arms, np.full_like(arms, -0.6 * radius), np.full_like(arms, z - 1.1 * radius)], 1),
                 [0.04, 1.2 * radius, 0.03], looks.draw("dark", rng))  # fmt: skip
    return joined([pipe, hold])


def downpipe(rng: Rng, low: Array, high: Array) -> Shape:
    """Make a downpipe of plastic or zinc with collars."""
    radius, x, look = (
        rng.uniform(0.03, 0.055),
        rng.uniform(low[0], high[0]),
        _of(rng, "grey plastic", "zinc", "white plastic", "black rubber"),
    )
    color, height = looks.draw(look, rng), high[1] - low[1]
    pipe = _rod(radius, height, color).moved([x, -1.3 * radius, low[1]])
    rings = np.arange(low[1] + 0.25, high[1], rng.uniform(0.9, 1.8))
    collars = [
        turned([[1.15 * radius, z], [1.15 * radius, z + 0.07]], 0.85 * color, sides=12).moved([x, -1.3 * radius, 0])
        for z in rings
    ]
    return joined([pipe, *collars])


def signs(rng: Rng, low: Array, high: Array) -> Shape:
    """Make one to three worn signs with a frame and lines like writing."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        wide, tall = rng.uniform(0.12, 0.5), rng.uniform(0.1, 0.4)
        x, z = rng.uniform(low[0], high[0]), rng.uniform(low[1] + 0.2, high[1] - 0.2)
        ground = looks.draw(_of(rng, "white plastic", "yellow plastic", "blue plastic", "green plastic", "card"), rng)
        parts.append(boxes([[x, -0.006, z], [x, -0.008, z]], [[1.06 * wide, 0.008, 1.06 * tall], [wide, 0.008, tall]],
                           np.stack([0.4 * ground, ground])))  # fmt: skip
        lines = int(rng.integers(2, 6))
        level = z + tall * np.linspace(0.34, -0.34, lines)
        long = wide * rng.uniform(0.3, 0.8, lines)
        start = x - 0.42 * wide + long / 2
        ink = looks.draw("dark", rng) if ground.mean() > 0.12 else looks.draw("white plastic", rng)
        parts.append(boxes(np.stack([start, np.full(lines, -0.0125), level], 1),
                           np.stack([long, 0 * long + 0.003, 0 * long + 0.4 * tall / lines], 1), ink))  # fmt: skip
    return joined(parts)


def vents(rng: Rng, low: Array, high: Array) -> Shape:
    """Make a grille with a frame and blades."""
    wide, tall = rng.uniform(0.2, 0.7), rng.uniform(0.2, 0.7)
    x, z, color = (
        rng.uniform(low[0], high[0]),
        rng.uniform(low[1] + 0.2, high[1]),
        looks.draw(_of(rng, "zinc", "grey plastic", "white plastic"), rng),
    )
    frame = boxes(
        [[x, -0.015, z - tall / 2], [x, -0.015, z + tall / 2], [x - wide / 2, -0.015, z], [x + wide / 2, -0.015, z]],
        [[wide + 0.04, 0.03, 0.04], [wide + 0.04, 0.03, 0.04], [0.04, 0.03, tall], [0.04, 0.03, tall]], color,
    )  # fmt: skip
    back = boxes([x, -0.004, z], [wide, 0.008, tall], looks.draw("dark", rng))
    level = np.arange(z - tall / 2 + 0.04, z + tall / 2 - 0.02, 0.045)
    blades = boxes(
        np.stack([np.full_like(level, x), np.full_like(level, -0.014), level], 1), [wide, 0.016, 0.026], 0.9 * color
    )
    return joined([frame, back, blades])


def patches(rng: Rng, low: Array, high: Array) -> Shape:
    """Make repairs: thin plates of mortar with uneven outlines, in another tone than the wall."""
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        angle = 2 * np.pi * np.arange(14) / 14
        size = np.array([rng.uniform(0.08, 0.6), rng.uniform(0.06, 0.4)]) * rng.uniform(0.75, 1.15, (14, 1))
        x, z = rng.uniform(low[0], high[0]), rng.uniform(low[1], high[1])
        square = np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle)))[:, None]
        outline = np.stack([np.cos(angle), np.sin(angle)], 1) / square * size
        plate = turned([[1, 0.0], [1, 0.006]], looks.draw("render", rng, spread=0.25), sides=14)
        flat = plate.vertices.copy()
        ring = np.concatenate([outline, outline, np.zeros((2, 2))])
        flat = np.stack([x + ring[:, 0], -plate.vertices[:, 2], z + ring[:, 1]], 1)
        parts.append(Shape(vertices=flat, faces=plate.faces, color=plate.color))
    return joined(parts)


def ties(rng: Rng, low: Array, high: Array) -> Shape:
    """Make the tie holes of a formwork as rows of dark plugs, and the fins between its panels."""
    shift = rng.uniform(0, TIE_M, 2)
    x, z = np.meshgrid(np.arange(low[0] + shift[0], high[0], TIE_M * 2), np.arange(low[1] + shift[1], high[1], TIE_M))
    plug = turned([[0.014, 0.0], [0.014, 0.002]], 0.5 * looks.draw("block", rng), sides=9)
    disc = np.stack([plug.vertices[:, 0], -plug.vertices[:, 2], plug.vertices[:, 1]], 1)
    parts = [Shape(vertices=disc + np.array([a, 0, b]), faces=plug.faces, color=plug.color * rng.uniform(0.4, 1.2))
             for a, b in zip(x.ravel(), z.ravel(), strict=True)]  # fmt: skip
    fins = np.arange(low[0] + rng.uniform(0.2, 1.0), high[0], 1.2)
    if len(fins):
        middles = np.stack([fins, np.full_like(fins, -0.001), np.full_like(fins, (low[1] + high[1]) / 2)], 1)
        parts.append(boxes(middles, [0.006, 0.004, high[1] - low[1]], 0.7 * looks.draw("block", rng)))
    return joined(parts) if parts else patches(rng, low, high)


def sheeting(rng: Rng, low: Array, high: Array, *, depth: float = RIDGE_M) -> Shape:
    """Make a wall of lapped corrugated sheets, each in its own tone."""
    look = _of(rng, "zinc", "grey plastic", "green plastic", "blue plastic", "white plastic", "old timber")
    count = int(np.ceil((high[0] - low[0]) / (4 * PITCH_M)))
    profile = np.array([[0, 1], [0.16, 1], [0.28, 0], [0.72, 0], [0.84, 1]])
    x = np.concatenate([(np.arange(4)[:, None] + profile[:, 0]).ravel(), [4.0]]) * PITCH_M
    y = np.concatenate([np.tile(profile[:, 1], 4), [1.0]])
    z = np.array([low[1], high[1]])
    parts = []
    for number, color in enumerate(looks.draw(look, rng, count, spread=0.07)):
        lap = 0.0006 * (number % 2)
        front = np.stack(
            [np.stack([x, -0.002 - lap - depth * y, np.full_like(x, level)], 1) for level in z + rng.normal(0, 0.006)],
            1,
        )
        back = front * [1, 0, 1] + [0, -0.0005, 0]
        panel = sheet(front, back, color)
        parts.append(panel.moved([low[0] + number * 4 * PITCH_M, 0, 0]))
    return joined(parts)


def _rod(radius: float, length: float, color: Array) -> Shape:
    """Return an upright rod from z = 0."""
    return turned([[radius, 0.0], [radius, length]], color, sides=10)


def _of(rng: Rng, *names: str) -> str:
    return str(rng.choice(names))


FIXTURES: Mapping[str, Callable[[Rng, Array, Array], Shape]] = {
    "conduits": conduits, "cables": cables, "tray": tray, "lagged": lagged, "downpipe": downpipe, "signs": signs,
    "vents": vents, "patches": patches,
}  # fmt: skip
