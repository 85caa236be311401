"""Small things that lie about: offcuts, scraps of paper and film, tins, bottles, cable ties, gloves, dead sticks."""

from collections.abc import Callable

import numpy as np

from corrotwin.synth.scene.clutter import looks
from corrotwin.synth.scene.clutter.shapes import Array, Shape, boxes, grounded, joined, sheet, tipped, tube, turned

Rng = np.random.Generator


def litter(rng: Rng, places: Array) -> Shape:
    """Make one small thing at each of `places` (k, 3), which are points of the ground; k is at least 1."""
    kinds = list(_KINDS)
    weights = np.array([weight for _, weight in _KINDS.values()], float)
    parts = []
    for place in places:
        make, _ = _KINDS[kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]]
        parts.append(grounded(make(rng)).moved(turn=rng.uniform(0, 2 * np.pi)).moved(place))
    return joined(parts)


def _offcut(rng: Rng) -> Shape:
    look = str(rng.choice(["timber", "old timber", "grey plastic", "block", "fired clay"]))
    return boxes([0, 0, 0], np.sort(rng.uniform([0.005, 0.02, 0.05], [0.03, 0.08, 0.3]))[::-1], looks.draw(look, rng))


def _scrap(rng: Rng) -> Shape:
    """Make a crumpled scrap of paper, card or film."""
    side = 6
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, side), np.linspace(-0.5, 0.5, side), indexing="ij")
    size = rng.uniform(0.03, 0.16)
    z = 0.12 * rng.random((side, side)) ** 2 + rng.uniform(0, 0.25) * x**2 + 0.02
    grid = (
        np.stack([x * rng.uniform(0.5, 1) + rng.normal(0, 0.03, x.shape), y + rng.normal(0, 0.03, x.shape), z], -1)
        * size
    )
    look = str(rng.choice(["white plastic", "card", "sacking", "blue plastic", "tarpaulin", "dark"]))
    return sheet(grid, grid * [1, 1, 0], looks.draw(look, rng))


def _tin(rng: Rng) -> Shape:
    radius = rng.uniform(0.02, 0.05)
    color = looks.draw(str(rng.choice(["zinc", "red plastic", "green plastic", "white plastic", "blue plastic"])), rng)
    tall = radius * rng.uniform(1.5, 4)
    profile = np.array([[0.85, 0], [1, 0.05], [1, 0.7], [0.75, 0.85], [0.4, 0.93], [0.4, 1.0]]) * [radius, tall]
    tin = turned(profile, np.linspace(0.7, 1, 6)[:, None] * color, sides=10)
    return tin if rng.random() < 0.3 else tipped(tin)


def _offcut_of_cable(rng: Rng) -> Shape:
    turns = np.cumsum(rng.normal(0.12, 0.25, 12))
    step = rng.uniform(0.015, 0.05) * np.stack([np.cos(turns), np.sin(turns), np.zeros(12)], 1)
    look = str(rng.choice([*looks.PLASTICS, "black rubber"]))
    return tube(np.cumsum(step, axis=0), rng.uniform(0.002, 0.006), looks.draw(look, rng), sides=5)


def _stick(rng: Rng) -> Shape:
    bend = np.cumsum(rng.normal(0, 0.2, 6))
    step = rng.uniform(0.02, 0.09) * np.stack([np.cos(bend), np.sin(bend), np.zeros(6)], 1)
    return tube(np.cumsum(step, axis=0), rng.uniform(0.003, 0.01), looks.draw("bark", rng), sides=5)


def _stone(rng: Rng) -> Shape:
    profile = np.array([[0.6, 0], [1, 0.3], [0.9, 0.7], [0.45, 1.0]]) * rng.uniform(0.02, 0.07)
    stone = turned(profile, looks.draw("block", rng), sides=7)
    lump = 1 + rng.normal(0, 0.12, len(stone.vertices))
    return Shape(
        vertices=stone.vertices * lump[:, None] * rng.uniform(0.7, 1.2, 3), faces=stone.faces, color=stone.color
    )


_KINDS: dict[str, tuple[Callable[[Rng], Shape], float]] = {
    "offcut": (_offcut, 3), "scrap": (_scrap, 3), "tin": (_tin, 1), "cable": (_offcut_of_cable, 2),
    "stick": (_stick, 3), "stone": (_stone, 3),
}  # fmt: skip
