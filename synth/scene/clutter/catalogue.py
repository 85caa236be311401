"""The objects of a site by name, each with a sampler that draws the arguments of its builder."""

from collections.abc import Callable, Mapping

import numpy as np

from corrotwin.synth.scene.clutter import looks, objects, stacks
from corrotwin.synth.scene.clutter.shapes import Shape

Rng = np.random.Generator


def _pallet(rng: Rng) -> Shape:
    wood, length, count = _of(rng, "timber", "old timber"), rng.uniform(0.9, 1.2), int(rng.integers(1, 6))
    return stacks.pallet(rng, wood=wood, length=length, count=count)


def _timber(rng: Rng) -> Shape:
    rows, across = int(rng.integers(1, 5)), int(rng.integers(3, 8))
    return stacks.timber(rng, rows=rows, across=across, length=rng.uniform(0.7, 2.2), thick=rng.uniform(0.04, 0.11))


def _bricks(rng: Rng) -> Shape:
    look, (x, y, z) = _of(rng, "fired clay", "block"), rng.integers((1, 1, 1), (4, 5, 7)).tolist()
    return stacks.blocks(rng, look=look, size=(0.215, 0.1025, 0.065), shape=(x, y, z))


def _blocks(rng: Rng) -> Shape:
    x, y, z = rng.integers((1, 1, 1), (3, 4, 5)).tolist()
    return stacks.blocks(rng, look="block", size=(0.44, 0.14, 0.215), shape=(x, y, z))


def _sacks(rng: Rng) -> Shape:
    return stacks.sacks(rng, count=int(rng.integers(1, 9)), look=_of(rng, "sacking", "white plastic", "card"))


def _pipes(rng: Rng) -> Shape:
    look = _of(rng, "grey plastic", "black rubber", "blue plastic", "orange plastic")
    radius, length = rng.uniform(0.025, 0.11), rng.uniform(0.8, 2.5)
    return stacks.pipes(rng, look=look, radius=radius, length=length, count=int(rng.integers(2, 11)))


def _barrel(rng: Rng) -> Shape:
    look = _of(rng, "blue plastic", "blue plastic", "black rubber", "white plastic", "green plastic")
    return objects.barrel(rng, look=look, radius=rng.uniform(0.22, 0.3), height=rng.uniform(0.6, 0.95))


def _cone(rng: Rng) -> Shape:
    return objects.cone(rng, height=rng.uniform(0.45, 0.75))


def _coil(rng: Rng) -> Shape:
    radius, thick, rounds = rng.uniform(0.12, 0.4), rng.uniform(0.006, 0.016), int(rng.integers(3, 8))
    return objects.coil(rng, look=_of(rng, *_CABLES), radius=radius, thick=thick, rounds=rounds)


def _hose(rng: Rng) -> Shape:
    return objects.hose(rng, look=_of(rng, *_CABLES), length=rng.uniform(0.8, 3.5), thick=rng.uniform(0.005, 0.018))


def _reel(rng: Rng) -> Shape:
    return objects.reel(rng, radius=rng.uniform(0.2, 0.55), width=rng.uniform(0.25, 0.6))


def _rack(rng: Rng) -> Shape:
    length, depth, height = rng.uniform((1.0, 0.35, 1.2), (2.2, 0.6, 2.2)).tolist()
    return objects.rack(rng, length=length, depth=depth, height=height, shelves=int(rng.integers(3, 6)))


def _crate(rng: Rng) -> Shape:
    x, y, z = rng.uniform((0.35, 0.3, 0.2), (0.8, 0.6, 0.55)).tolist()
    look = _of(rng, "timber", "old timber", "grey plastic", "green plastic")
    return objects.crate(rng, size=(x, y, z), slats=int(rng.integers(3, 6)), look=look)


def _tarpaulin(rng: Rng) -> Shape:
    x, y, height = rng.uniform((0.7, 0.6, 0.05), (1.8, 1.3, 0.6)).tolist()
    look = _of(rng, "tarpaulin", "canvas", "sacking", "green plastic")
    return objects.tarpaulin(rng, size=(x, y), height=height, look=look)


def _can(rng: Rng) -> Shape:
    look = _of(rng, *looks.PLASTICS, "zinc")
    return objects.can(rng, look=look, radius=rng.uniform(0.05, 0.16), height=rng.uniform(0.12, 0.36))


def _cabinet(rng: Rng) -> Shape:
    x, y, z = rng.uniform((0.5, 0.25, 0.7), (1.0, 0.4, 1.4)).tolist()
    return objects.cabinet(rng, size=(x, y, z), look=_of(rng, "grey plastic", "white plastic", "green plastic"))


def _barrier(rng: Rng) -> Shape:
    return objects.barrier(rng, length=rng.uniform(1.2, 2.0), height=rng.uniform(0.7, 1.0))


def _of(rng: Rng, *names: str) -> str:
    return str(rng.choice(names))


_CABLES = (*looks.PLASTICS, "black rubber", "black rubber")
SAMPLERS: Mapping[str, Callable[[Rng], Shape]] = {
    "pallet": _pallet, "timber": _timber, "bricks": _bricks, "blocks": _blocks, "sacks": _sacks, "pipes": _pipes,
    "barrel": _barrel, "cone": _cone, "coil": _coil, "hose": _hose, "reel": _reel, "rack": _rack, "crate": _crate,
    "tarpaulin": _tarpaulin, "can": _can, "cabinet": _cabinet, "barrier": _barrier,
}  # fmt: skip
