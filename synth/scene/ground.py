"""Make grounds: a flat box of one material, and meshes of stones, plants and rubble on it, dense near the asset."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from corrotwin.synth.scene.clutter.crushed_stone import crushed
from corrotwin.synth.scene.ground_cover import (
    BUDGET,
    Area,
    Array,
    Pieces,
    Site,
    blades,
    leaves,
    rubble,
    site,
    stones,
)
from corrotwin.synth.spec import Color, Matrix, Prop
from corrotwin.twin.core.files import new_file

# The range of each material's colour, linear RGB; each scene mixes the two ends.
GROUND_COLORS: dict[str, tuple[Color, Color]] = {
    "concrete": ((0.27, 0.26, 0.24), (0.43, 0.40, 0.35)),
    "stained concrete": ((0.25, 0.24, 0.21), (0.40, 0.37, 0.31)),
    "asphalt": ((0.045, 0.045, 0.046), (0.13, 0.125, 0.12)),
    "gravel": ((0.16, 0.15, 0.14), (0.32, 0.29, 0.25)),
    "soil": ((0.085, 0.06, 0.04), (0.20, 0.14, 0.09)),
    "grass": ((0.045, 0.075, 0.018), (0.10, 0.12, 0.035)),
    "stone": ((0.15, 0.145, 0.135), (0.34, 0.31, 0.27)),
    "blade": ((0.07, 0.13, 0.022), (0.17, 0.19, 0.055)),
    "leaf": ((0.20, 0.075, 0.022), (0.36, 0.17, 0.05)),
    "rubble": ((0.20, 0.18, 0.16), (0.34, 0.32, 0.29)),
}
UNMOVED: Matrix = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))


def ground_props(
    kind: str, rng: np.random.Generator, centre: Sequence[float], reach: float, folder: Path, prefix: str,
    *, wide: float, occupied: Array | None = None,
) -> list[Prop]:  # fmt: skip
    """Make a ground at z = 0 and the pieces that lie on it; their meshes are written to ``folder/<prefix>-*.npz``.

    Parameters
    ----------
    kind : one of `presets.schema.GROUNDS`.
    centre : (x, y) of the assets, metres.
    reach : half of their greatest extent, metres; pieces lie within about one and a half times that distance.
    wide : side of the whole ground, a flat box about the origin, metres.
    occupied : (n, 2) points that pieces avoid, such as points of the asset near the ground.

    Returns
    -------
    The box first, then the meshes.
    """
    half = float(np.clip(1.5 * reach + 0.6, 0.9, 8.0))
    x, y = float(centre[0]), float(centre[1])
    where = site(_about((x, y), half), z=0.0, centre=(x, y), occupied=occupied)
    base: Matrix = ((wide, 0, 0, 0), (0, wide, 0, 0), (0, 0, 1, -0.5), (0, 0, 0, 1))
    colors = {name: _own(ends, rng) for name, ends in GROUND_COLORS.items()}
    if kind == "gravel":
        colors["stone"] = colors["gravel"]  # nearby, its stones are meshes; further away, a material
    seed = float(rng.uniform(0, 100))
    props = [Prop(shape="box", pose=base, material=kind, color=colors[kind], seed=seed, role="ground")]
    for number, (look, pieces) in enumerate(_litter(kind, rng, where, half)):
        props.append(write_pieces(pieces, look, colors[look], seed, folder, f"{prefix}-{number}-{look}.npz"))
    return props


def write_pieces(pieces: Pieces, material: str, color: Color, seed: float, folder: Path, file: str) -> Prop:
    """Write the mesh of pieces to ``folder/file`` and return their prop."""
    with new_file(folder / file, replace=True) as stream:
        np.savez(stream, vertices=pieces.vertices, faces=pieces.faces, tone=pieces.tone)
    return Prop(shape="mesh", pose=UNMOVED, material=material, color=color, seed=seed, file=file)


def _litter(kind: str, rng: np.random.Generator, where: Site, half: float) -> list[tuple[str, Pieces]]:
    """Make the pieces that lie on a ground, by material. Wide sites have larger pieces, as the budget is the same."""
    scale = float(np.clip(half / 1.5, 1, 2.5))
    density, leafy, dirty = rng.uniform(0.15, 1), rng.random() < 0.45, rng.random() < 0.5
    leaf_count = int(rng.uniform(4, 60) * half**2)
    cover: list[tuple[str, Pieces]] = []
    if kind == "gravel":
        coarse = rng.uniform(0.03, 0.06)
        cover.append(("stone", crushed(rng, where, size_m=(0.6 * coarse, coarse), budget=int(0.8 * BUDGET))))
        far_stones = stones(rng, where, size_m=(0.008 * scale, coarse * scale), budget=int(0.2 * BUDGET))
        cover.append(("stone", far_stones))
    elif kind == "grass":
        lawn = rng.uniform(0.06, 0.2)
        near = replace(where, area=_about(where.centre, 0.45 * half))
        cover.append(("blade", blades(rng, near, height_m=(0.03, lawn), width_m=0.0035)))
        cover.append(("blade", blades(rng, where, height_m=(0.03, lawn * scale), width_m=0.006 * scale)))
    elif kind == "soil":
        cover.append(("stone", stones(rng, where, size_m=(0.004, 0.035 * scale), budget=int(BUDGET * density * 0.5))))
        weeds = int(BUDGET * rng.uniform(0.0, 0.25))
        cover.append(("blade", blades(rng, where, height_m=(0.03, 0.2), width_m=0.005, budget=weeds)))
    else:
        cover.append(("stone", stones(rng, where, size_m=(0.002, 0.014 * scale), budget=int(BUDGET * density * 0.25))))
    if leafy:
        cover.append(("leaf", leaves(rng, where, count=leaf_count)))
    if dirty or kind == "soil":
        cover.append(("rubble", rubble(rng, where, count=int(12 * density * half**2) + 4)))
    return [(material, pieces) for material, pieces in cover if len(pieces.faces)]


def _about(centre: tuple[float, float], half: float) -> Area:
    return centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half


def mix_colors(ends: tuple[Color, Color], rng: np.random.Generator) -> Array:
    """Return a random mixture of two colours, (3,)."""
    low, high = np.array(ends)
    return np.asarray(low + (high - low) * rng.random())


def _own(ends: tuple[Color, Color], rng: np.random.Generator) -> Color:
    red, green, blue = (mix_colors(ends, rng) * rng.uniform(0.94, 1.06, 3)).tolist()
    return red, green, blue
