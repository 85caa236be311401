"""Sample a scene: a twin put somewhere, light, surroundings, and cameras that see what they should.

Every draw is a function of (seed, index, stream), so a scene is the same whether it is made first, last or alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import cos, pi, radians, sin
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from synth import camera, subject
from synth.camera import Target, as_matrix, out_of_the_way, sample_views, stated_views
from synth.config import STREAMS, Preset, RenderConfig, preset
from synth.spec import Body, Color, Finish, Light, Prop, Scene
from synth.subject import Subject
from twin import assets, state
from twin.assets import KINDS, Asset
from twin.assets.shapes import COVERED
from twin.coating import Coating, Paint
from twin.corrosion import Fields
from twin.state import Twin

Array = NDArray[np.float64]

HUNG = ("hanging", "spanning")  # layouts of a chain that may float above the ground
ASIDE = ("bore", COVERED)  # zones that no camera aims at


@dataclass(frozen=True, kw_only=True, eq=False)
class Specimen:
    """A twin with its geometry and its state of corrosion; `clean` says that no rust is to be seen."""

    twin: Twin
    asset: Asset
    fields: Fields
    clean: bool


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


def sample_scene(
    config: RenderConfig, index: int, views: Sequence[int], folder: Path, shown: Subject | None = None
) -> Scene:
    """Make scene `index` with the photographs `views` and write its asset to ``folder/body-<index>.npz``.

    Parameters
    ----------
    views : numbers, in the dataset, of the photographs wanted; any subset of the scene's.
    shown : a saved twin, which stands as it is; None for one that is drawn, turned, and perhaps raised. With stated
        cameras nothing but the asset's fields depends on its age.
    """
    chosen = preset(config.preset)
    rng = stream(config.seed, "scene", index)
    if shown is None:
        specimen = _drawn(config, index)
        pose, supported = _place(specimen.twin, specimen.asset.vertices, rng)
    else:
        specimen = _stored(shown)
        pose, supported = np.eye(4), False
    asset, fields = specimen.asset, specimen.fields
    body = Body(
        file=f"body-{index}.npz", pose=as_matrix(pose), instance=1,
        finish=_finish(chosen, specimen.twin.coating, stream(config.seed, "material", index)),
    )  # fmt: skip
    np.savez(
        folder / body.file, vertices=asset.vertices.astype(np.float32), faces=asset.faces.astype(np.int32),
        uv=asset.uv.astype(np.float32), fields=pack(fields),
    )  # fmt: skip
    placed = trimesh.transform_points(asset.vertices, pose)
    stated = () if shown is None else shown.cameras
    eyes = np.array([one.eye_m for one in stated]).reshape(-1, 3)
    ground, *others = _surroundings(chosen, placed, eyes, supported=supported, rng=rng)
    per_scene = subject.views_per_scene(config, shown)
    numbers = range(index * per_scene, (index + 1) * per_scene)
    if stated:
        others = out_of_the_way(others, folder, stated, placed, asset.faces)
        every_view = stated_views(stated, numbers)
    else:
        target = Target(
            vertices=placed, faces=asset.faces, uv=asset.uv, cover=fields.rust_cover,
            outside=np.array([name not in ASIDE for name in asset.zone_names])[asset.face_zone],
            obstacles=tuple(camera.shape(prop, folder) for prop in (ground, *others)),
        )  # fmt: skip
        every_view = sample_views(target, chosen, numbers, stream(config.seed, "camera", index), clean=specimen.clean)
    return Scene(
        size=config.size, samples=chosen.samples, seed=index, bodies=(body,), props=(ground, *others),
        light=_light(chosen, stream(config.seed, "light", index)),
        views=tuple(view for view in every_view if view.index in set(views)),
    )  # fmt: skip


def pack(fields: Fields) -> NDArray[np.float32]:
    """The fields the renderer needs: (H, W, 3) rust cover, age in years, wall loss in mm."""
    return np.stack([fields.rust_cover, fields.age_years, fields.wall_loss_mm], -1).astype(np.float32)


def _drawn(config: RenderConfig, index: int) -> Specimen:
    """The twin of scene `index`, with about six texels for each pixel of the picture, over the whole asset."""
    clean = is_clean(config, index)
    twin = state.sample_twin(kind_of(config, index), stream(config.seed, "twin", index), texel_mm=50.0, clean=clean)
    area_mm2 = 1e6 * assets.area_m2(twin.kind, twin.parameters)
    twin = replace(twin, texel_mm=float(np.sqrt(area_mm2 / np.clip(6 * config.size**2, 120_000, 4_000_000))))
    asset = state.asset(twin)
    return Specimen(twin=twin, asset=asset, fields=state.fields(twin, asset), clean=clean)


def _stored(shown: Subject) -> Specimen:
    twin, asset, fields = subject.read(shown)
    return Specimen(twin=twin, asset=asset, fields=fields, clean=not (fields.rust_cover > 0.5).any())


def _place(twin: Twin, vertices: Array, rng: np.random.Generator) -> tuple[Array, bool]:
    """Pose of a drawn asset, turned about the vertical, its middle over the origin; and whether blocks carry it.

    z is up for the twin already, which has corroded so. A pipe that lies without supports and straight bars may be
    raised on blocks, a chain that hangs into the air; all else stands on the ground, on what it brings along.
    """
    pose: Array = trimesh.transformations.rotation_matrix(radians(rng.uniform(-25, 25)), [0, 0, 1])
    lift = float(rng.choice([0.0, rng.uniform(0.15, 0.9)]))
    if not (_lies_free(twin) or twin.parameters.get("layout") in HUNG):
        lift = 0.0
    turned = trimesh.transform_points(vertices, pose)
    low, high = turned.min(axis=0), turned.max(axis=0)
    pose[:3, 3] = [-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, lift - low[2] + 0.001]
    return pose, _lies_free(twin) and lift > 0


def _lies_free(twin: Twin) -> bool:
    """Whether two blocks could carry an asset: a long one that does not stand and has no supports of its own."""
    given = twin.parameters
    if twin.kind == "bar":
        return bool(given["shape"] == "straight" and given["arrangement"] != "mat")
    return bool(twin.kind == "pipe" and not given["upright"] and not given["supports_at_m"])


_METAL: dict[str, Color] = {"galvanised": (0.42, 0.44, 0.46), "bare": (0.24, 0.23, 0.22)}


def _finish(chosen: Preset, coating: Coating, rng: np.random.Generator) -> Finish:
    """The look of a coating. What is drawn is the same for each, so that streams stay in step."""
    color = np.array(chosen.paints[rng.integers(len(chosen.paints))])
    kind = "paint" if isinstance(coating, Paint) else "bare" if coating is None else "galvanised"
    return Finish(
        kind=kind, color=_vary(np.array(_METAL[kind]) if kind in _METAL else color, rng),
        roughness=float(rng.uniform(0.25, 0.6)), dirt=float(rng.uniform(*chosen.dirt)), seed=float(rng.uniform(0, 100)),
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


def _surroundings(
    chosen: Preset, placed: Array, eyes: Array, *, supported: bool, rng: np.random.Generator
) -> list[Prop]:
    """Ground, wall, blocks under a raised asset, and clutter; nothing that rusts, some of it rust-coloured.

    The ground comes first. It and the wall go on behind asset and stated cameras, `eyes` (n, 3).
    """
    low, high = placed.min(axis=0), placed.max(axis=0)
    reach = float(max(high - low))
    wide = 60 + 2 * float(np.abs([low[:2], high[:2], *eyes[:, :2]]).max())
    props = [_prop("box", str(rng.choice(chosen.grounds)), (0, 0, -0.5), (wide, wide, 1), rng)]
    wall = str(rng.choice(chosen.walls))
    wall_y = high[1] + rng.uniform(0.02, 1.2)
    if wall != "none":
        props.append(_prop("box", wall, (0, wall_y + 0.5, 5), (wide, 1, 10.02), rng))
    if supported:
        for side in (-0.32, 0.32):
            x = (low[0] + high[0]) / 2 + side * (high[0] - low[0])
            near = placed[np.abs(placed[:, 0] - x) < 0.08 * reach]
            if len(near):
                top, width = float(near[:, 2].min()), float(rng.uniform(0.08, 0.25))
                borne = near[near[:, 2] < top + 0.02, 1]
                size = (width, max(2 * width, float(np.ptp(borne)) + 0.06), top)
                props.append(_prop("box", "concrete", (x, (borne.min() + borne.max()) / 2, top / 2), size, rng))
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
