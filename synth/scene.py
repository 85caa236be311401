"""Sample a scene: a twin put somewhere, light, surroundings, and cameras that see what they should.

Every draw is a function of (seed, index, stream), so a scene is the same whether it is made first, last or alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import cos, pi, radians, sin
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from synth.camera import Target, as_matrix, sample_views
from synth.config import STREAMS, Preset, RenderConfig, preset
from synth.spec import Body, Color, Finish, Light, Prop, Scene
from twin import state
from twin.assets import KINDS
from twin.corrosion import Fields

Array = NDArray[np.float64]


def stream(seed: int, name: str, index: int) -> np.random.Generator:
    """The random generator of one named stream of one item."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index, STREAMS[name])))


def kind_of(config: RenderConfig, index: int) -> str:
    """The asset kind of scene `index`: each block of as many scenes as there are kinds holds every kind once."""
    kinds: list[str] = sorted(KINDS)
    block, place = divmod(index, len(kinds))
    return kinds[int(stream(config.seed, "kind", block).permutation(len(kinds))[place])]


def is_clean(config: RenderConfig, index: int) -> bool:
    """Whether scene `index` shows no rust: one of every `clean_every` scenes does not."""
    every = preset(config.preset).clean_every
    block, place = divmod(index, every)
    return bool(stream(config.seed, "clean", block).integers(every) == place)


def sample_scene(config: RenderConfig, index: int, views: Sequence[int], folder: Path) -> Scene:
    """Make scene `index` with the photographs `views` and write its asset to ``folder/body-<index>.npz``.

    Parameters
    ----------
    views : numbers, in the dataset, of the photographs wanted; any subset of the scene's.
    """
    chosen = preset(config.preset)
    kind, clean = kind_of(config, index), is_clean(config, index)
    twin = state.sample_twin(kind, stream(config.seed, "twin", index), texel_mm=50.0, clean=clean)
    twin = replace(twin, texel_mm=_texel_mm(twin, config.size))
    asset, fields = state.asset(twin), state.fields(twin)
    vertices, faces = asset.vertices, asset.faces

    rng = stream(config.seed, "scene", index)
    pose = _place(kind, vertices, rng)
    body = Body(
        file=f"body-{index}.npz", pose=as_matrix(pose), instance=1,
        finish=_finish(chosen, stream(config.seed, "material", index)),
    )  # fmt: skip
    np.savez(
        folder / body.file, vertices=vertices.astype(np.float32), faces=faces.astype(np.int32),
        uv=asset.uv.astype(np.float32), fields=pack(fields),
    )  # fmt: skip
    placed = trimesh.transform_points(vertices, pose)
    props = _surroundings(chosen, placed, supported=pose[2, 3] > 0.1, rng=rng)
    outside = np.array([name != "bore" for name in asset.zone_names])[asset.face_zone]
    target = Target(
        vertices=placed, faces=faces, uv=asset.uv, cover=fields.rust_cover, outside=outside, obstacles=tuple(props)
    )
    per_scene = chosen.views_per_scene
    every_view = sample_views(
        target,
        chosen,
        range(index * per_scene, (index + 1) * per_scene),
        stream(config.seed, "camera", index),
        clean=clean,
    )
    return Scene(
        size=config.size, samples=chosen.samples, seed=index, bodies=(body,), props=tuple(props),
        light=_light(chosen, stream(config.seed, "light", index)),
        views=tuple(view for view in every_view if view.index in set(views)),
    )  # fmt: skip


def pack(fields: Fields) -> NDArray[np.float32]:
    """The fields the renderer needs: (H, W, 3) rust cover, age in years, wall loss in mm."""
    return np.stack([fields.rust_cover, fields.age_years, fields.wall_loss_mm], -1).astype(np.float32)


def _texel_mm(twin: state.Twin, size: int) -> float:
    """Texel size that gives about six texels for each pixel of the picture, over the whole asset."""
    asset = state.asset(twin)
    area_mm2 = float(trimesh.triangles.area(asset.vertices[asset.faces]).sum()) * 1e6
    return float(np.sqrt(area_mm2 / np.clip(6 * size**2, 120_000, 4_000_000)))


def _place(kind: str, vertices: Array, rng: np.random.Generator) -> Array:
    """Put the asset on the ground, above it, or upright; its middle over the origin."""
    turn: Array = np.eye(4)
    upright = rng.random() < {"pipe": 0.3, "plate": 0.6, "chain": 0.0}.get(kind, 0.3)
    if upright:
        axis = [1, 0, 0] if kind == "plate" else [0, 1, 0]
        turn = trimesh.transformations.rotation_matrix(pi / 2, axis)
    turn = trimesh.transformations.rotation_matrix(radians(rng.uniform(-25, 25)), [0, 0, 1]) @ turn
    turned = trimesh.transform_points(vertices, turn)
    low, high = turned.min(axis=0), turned.max(axis=0)
    lift = 0.0 if upright or kind == "plate" else rng.choice([0.0, rng.uniform(0.15, 0.9)])
    turn[:3, 3] = [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, lift - low[2] + 0.001]
    return turn


def _finish(chosen: Preset, rng: np.random.Generator) -> Finish:
    color = np.array(chosen.paints[rng.integers(len(chosen.paints))])
    kind = "paint"
    if rng.random() > chosen.paint_share:
        kind = str(rng.choice(["galvanised", "bare"]))
        color = np.array([0.42, 0.44, 0.46]) if kind == "galvanised" else np.array([0.24, 0.23, 0.22])
    return Finish(
        kind=kind, color=_vary(color, rng), roughness=float(rng.uniform(0.25, 0.6)),
        dirt=float(rng.uniform(*chosen.dirt)), seed=float(rng.uniform(0, 100)),
    )  # fmt: skip


# What each matter looks like, linear RGB: two ends that a scene mixes.
_MATTER: dict[str, tuple[Color, Color]] = {
    "concrete": ((0.30, 0.29, 0.27), (0.46, 0.43, 0.38)),
    "gravel": ((0.20, 0.19, 0.18), (0.34, 0.30, 0.26)),
    "soil": ((0.13, 0.085, 0.05), (0.22, 0.14, 0.085)),
    "grass": ((0.05, 0.11, 0.02), (0.10, 0.13, 0.04)),
    "brick": ((0.27, 0.09, 0.05), (0.36, 0.17, 0.10)),
    "plain": ((0.10, 0.16, 0.24), (0.70, 0.68, 0.62)),
    "wood": ((0.20, 0.11, 0.055), (0.34, 0.22, 0.12)),
}
_LOOK_ALIKES: tuple[tuple[str, Color | None], ...] = (
    ("plain", (0.16, 0.07, 0.035)), ("plain", (0.30, 0.10, 0.03)), ("brick", None), ("wood", None), ("plain", None),
    ("concrete", None),
)  # fmt: skip


def _surroundings(chosen: Preset, placed: Array, *, supported: bool, rng: np.random.Generator) -> list[Prop]:
    """Ground, wall, blocks under a raised asset, and clutter; nothing that rusts, some of it rust-coloured."""
    low, high = placed.min(axis=0), placed.max(axis=0)
    reach = float(max(high - low))
    props = [_prop("box", str(rng.choice(chosen.grounds)), (0, 0, -0.5), (60, 60, 1), rng)]
    wall = str(rng.choice(chosen.walls))
    wall_y = high[1] + rng.uniform(0.02, 1.2)
    if wall != "none":
        props.append(_prop("box", wall, (0, wall_y + 0.5, 5), (60, 1, 10.02), rng))
    if supported:
        for side in (-0.32, 0.32):
            x = (low[0] + high[0]) / 2 + side * (high[0] - low[0])
            near = placed[np.abs(placed[:, 0] - x) < 0.08 * reach]
            if len(near):
                top, width = float(near[:, 2].min()), float(rng.uniform(0.08, 0.25))
                props.append(_prop("box", "concrete", (x, near[:, 1].mean(), top / 2), (width, 2 * width, top), rng))
    for _ in range(int(rng.integers(chosen.clutter[0], chosen.clutter[1] + 1))):
        material, color = _LOOK_ALIKES[rng.integers(len(_LOOK_ALIKES))]
        width, depth, height = rng.uniform(0.08, 0.6, 3)
        across, behind = rng.uniform(-1.1, 1.1) * reach, high[1] + 0.05 + depth + rng.uniform(0, 0.8)
        shape = "cylinder" if material == "plain" and rng.random() < 0.5 else "box"
        props.append(
            _prop(
                shape,
                material,
                (across, behind, height / 2),
                (width, depth, height),
                rng,
                turn=rng.uniform(0, pi),
                color=color,
            )
        )
    return props


def _prop(
    shape: str, material: str, middle: Sequence[float], size: Sequence[float], rng: np.random.Generator,
    *, turn: float = 0.0, color: Color | None = None,
) -> Prop:  # fmt: skip
    ends = np.array(_MATTER[material])
    shade = np.array(color) if color else ends[0] + (ends[1] - ends[0]) * rng.random()
    pose = trimesh.transformations.rotation_matrix(turn, [0, 0, 1]) @ np.diag([*size, 1.0])
    pose[:3, 3] = middle
    return Prop(
        shape=shape, pose=as_matrix(pose), material=material, color=_vary(shade, rng), seed=float(rng.uniform(0, 100))
    )


def _vary(color: Array, rng: np.random.Generator) -> Color:
    red, green, blue = np.clip(color * rng.uniform(0.85, 1.15) * rng.uniform(0.94, 1.06, 3), 0.005, 0.9).tolist()
    return red, green, blue


def _light(chosen: Preset, rng: np.random.Generator) -> Light:
    world, draw = str(rng.choice(chosen.worlds)), rng.random()
    lamp = "flash" if draw < chosen.flash_share else "sun" if draw < chosen.flash_share + chosen.sun_share else "none"
    height, around = rng.uniform(0.35, 1.2), rng.uniform(-pi, 0)  # the sun stands on the camera's side of the wall
    return Light(
        world=world,
        world_turn=float(rng.uniform(0, 2 * pi)),
        world_strength=float(rng.uniform(0.01, 0.06) if lamp == "flash" else rng.uniform(0.5, 1.3)),
        lamp=lamp,
        lamp_from=(float(cos(height) * cos(around)), float(cos(height) * sin(around)), float(sin(height))),
        lamp_strength=float(rng.uniform(25, 60) if lamp == "flash" else rng.uniform(1.5, 4.5)),
        lamp_color=(1.0, 0.97, 0.93) if lamp == "flash" else (1.0, 0.93, 0.82),
    )
