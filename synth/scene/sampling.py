"""Sample a scene: placed assets, light, surroundings, and cameras that show the subject.

Every draw is a function of (seed, index, stream), so a scene does not depend on when or with which others it is made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import cos, pi, prod, sin, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from corrotwin.synth.config import STREAMS, RenderConfig
from corrotwin.synth.presets import own_twins
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.scene import arrangement, camera, edges, marker, specimen, subject, visibility
from corrotwin.synth.scene.clutter import furnishing, shade
from corrotwin.synth.scene.placement import BACKDROP_HEIGHT, Arrangement, Placed
from corrotwin.synth.scene.props import placing
from corrotwin.synth.scene.specimen import Specimen
from corrotwin.synth.scene.subject import Subject
from corrotwin.synth.scene.surroundings import Array, as_matrix, vary
from corrotwin.synth.scene.visibility import Target, ViewingSpace
from corrotwin.synth.spec import Body, Color, Finish, Light, Prop, Scene
from corrotwin.synth.textures import drawing
from corrotwin.twin.core.files import new_file
from corrotwin.twin.geometry.solids import COVERED
from corrotwin.twin.model.coating import Coating, Paint

HIDDEN_ZONES = ("bore", COVERED)  # no camera aims at these


def stream(seed: int, name: str, index: int) -> np.random.Generator:
    """Return the random generator of one named stream (see `STREAMS`) for one item."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index, STREAMS[name])))


def number_and_year(config: RenderConfig, index: int) -> tuple[int, int | None]:
    """Return the number that scene `index` is drawn from, and its year; scenes of a time-lapse share the number.

    The year is None outside time-lapses.
    """
    years = config.content().timelapse
    if not years:
        return index, None
    number, year = divmod(index, years + 1)
    return number, year


def kind_of(config: RenderConfig, index: int) -> str:
    """Return the word of the preset for the subject of scene `index`: a kind, or one of the user's own assets.

    Each block of scenes has each word as often as the preset.
    """
    number, _ = number_and_year(config, index)
    kinds = config.content().kinds
    block, position = divmod(number, len(kinds))
    return kinds[int(stream(config.seed, "kind", block).permutation(len(kinds))[position])]


def is_clean(config: RenderConfig, index: int) -> bool:
    """Return True if scene `index` shows no rust: one of every `clean_every` scenes, none if that is 0."""
    interval = config.content().clean_every
    if not interval:
        return False
    block, position = divmod(number_and_year(config, index)[0], interval)
    return bool(stream(config.seed, "clean", block).integers(interval) == position)


def sample_scene(
    config: RenderConfig, index: int, views: Sequence[int], folder: Path, shown: Subject | None = None
) -> Scene:
    """Sample scene `index` and write its assets to ``folder/body-<index>-<number>.npz``.

    Parameters
    ----------
    views : numbers, in the dataset, of the requested photographs; any subset of the scene's.
    shown : a saved twin, which is placed as it is; None for assets that are drawn, turned, and perhaps raised. With
        stated cameras only the asset's fields depend on its age.
    """
    chosen = config.content()
    number, year = (index, None) if shown is not None else number_and_year(config, index)
    draw = partial(stream, config.seed, index=number)
    stated = () if shown is None else shown.cameras
    per_scene = subject.views_per_scene(config, shown)
    on_ground, on_walls, on_steel, on_backdrop = draw("texture").spawn(4)
    backdrops = drawing.backdrops(chosen.backdrops, chosen.backdrop_share, on_backdrop, per_scene)
    if shown is None:
        stand = _arranged(config, number, chosen, lone=bool(backdrops))
    else:
        eyes = np.array([stated_camera.eye_m for stated_camera in stated]).reshape(-1, 3)
        stand = arrangement.alone(specimen.stored(shown), chosen, eyes, draw("scene"))
        stand = replace(stand, ground="", props=(), clutter=(), height=BACKDROP_HEIGHT) if backdrops else stand
    textures = {} if backdrops else {
        "ground": drawing.texture(chosen.ground_textures, chosen.textured_share, on_ground, folder),
        "wall": drawing.texture(chosen.wall_textures, chosen.textured_share, on_walls, folder),
    }  # fmt: skip
    if stand.ground and textures["ground"]:
        stand = replace(stand, ground="concrete")  # pieces as on concrete: no blades of grass, no gravel
    seen_from = stand if year is None else arrangement.at_age(stand, float(chosen.timelapse), specimen.aged)
    stand = stand if year is None else arrangement.at_age(stand, float(year), specimen.aged)
    base, others = furnishing.on_the_ground(stand, index, folder, draw("ground"), draw("heap"))
    first = stand.placed[0]
    if stated and not backdrops:  # before anything is hung on a wall that is removed
        clear = camera.clear_sight_lines(stand.props, folder, stated, first.vertices, first.specimen.asset.faces)
        stand = replace(stand, props=tuple(clear))
    pieces, bare = placing.with_models(stand, chosen, folder, draw("prop")), textures.get("wall") is None
    others += [*stand.props, *pieces] if backdrops else furnishing.furnish(
        stand, pieces, chosen, folder, f"clutter-{index}", draw("clutter"), bare_walls=bare)  # fmt: skip
    if stated:
        others = camera.clear_sight_lines(others, folder, stated, first.vertices, first.specimen.asset.faces)
    space = _viewing_space(seen_from, (*base, *others), folder)
    numbers = range(index * per_scene, (index + 1) * per_scene)
    if stated:
        all_views = camera.stated_views(stated, numbers)
    else:
        clean = all(placed.specimen.clean for placed in seen_from.placed)
        all_views = camera.sample_views(space, chosen, numbers, draw("camera"), clean=clean, sides=config.sides)
        marks = marker.on_surface(space, all_views, chosen, folder, f"marker-{index}", draw("marker"))
        if marks:
            others = [*others, *marks]
            space = _viewing_space(seen_from, (*base, *others), folder)
    light = _light(chosen, space, draw("light"))
    if not backdrops:
        others = [*others, *shade.thrown(light, space, all_views, folder, f"shade-{index}", draw("shade"))]
    bodies = _bodies(stand, chosen, index, folder, draw("material"), draw("primer"), on_steel)
    aged = space if year is None else _viewing_space(stand, (*base, *others), folder)  # holes grow over the years
    return Scene(
        samples=chosen.samples, seed=number, bodies=bodies, props=drawing.dressed((*base, *others), textures),
        light=light,
        views=tuple(
            replace(view, visible=visibility.visible_shares(aged, view), backdrop=backdrop)
            for view, backdrop in zip(all_views, backdrops or [None] * per_scene, strict=True)
            if view.index in set(views)
        ),
        maps=config.maps,
    )  # fmt: skip


def _arranged(config: RenderConfig, number: int, chosen: Preset, *, lone: bool = False) -> Arrangement:
    """Draw the arrangement of a scene, or its subject alone."""
    rng, twins = stream(config.seed, "scene", number), stream(config.seed, "twin", number)
    first = number * (chosen.timelapse + 1)  # the first scene of this number
    kind, clean = kind_of(config, first), is_clean(config, first)
    aging = float(rng.uniform(*chosen.aging))
    side = sqrt(prod(config.sides))  # of a square picture with as many pixels
    debris = float(np.exp(stream(config.seed, "debris", number).uniform(*np.log(chosen.debris))))

    def draw(kind: str, **how: Any) -> Specimen:
        return specimen.draw(
            kind, twins, size=side, clean=clean, aging=aging, defects=chosen.defects, debris=debris, **how
        )

    if lone:
        return arrangement.lone(draw, kind, rng)
    return arrangement.ARRANGEMENTS[arrangement.choose(chosen, kind, rng)](draw, kind, chosen, rng)


def _viewing_space(stand: Arrangement, props: Sequence[Prop], folder: Path) -> ViewingSpace:
    targets = tuple(_target(placed) for placed in stand.placed)
    solid = visibility.combined_mesh(targets, [visibility.prop_mesh(prop, folder) for prop in props])
    return ViewingSpace(targets=targets, solid=solid, around=stand.around, height=stand.height, floor_m=stand.floor_m)


def _target(placed: Placed) -> Target:
    asset = placed.specimen.asset
    outside = np.array([name not in HIDDEN_ZONES for name in asset.zone_names])[asset.face_zone]
    return Target(
        vertices=placed.vertices, faces=asset.faces, uv=asset.uv, cover=placed.specimen.fields.rust_cover,
        outside=outside, gone=placed.specimen.gone,
    )  # fmt: skip


def _bodies(
    stand: Arrangement, chosen: Preset, index: int, folder: Path, rng: np.random.Generator,
    priming: np.random.Generator, texturing: np.random.Generator,
) -> tuple[Body, ...]:  # fmt: skip
    """Write the assets for the renderer and return their bodies; assets of one structure share a colour."""
    bodies: list[Body] = []
    looks: list[tuple[Coating, Finish]] = []
    worn: dict[int, Mapping[str, Any]] = {}  # by id of the texels, which assets of one shape share
    for number, placed in enumerate(stand.placed, start=1):
        item = placed.specimen
        finish = _textured(_finish(chosen, item.twin.coating, item.twin.kind, rng, priming), chosen, folder, texturing)
        # An asset drawn beside another shares its coating: the same object.
        shared = next((look for coating, look in looks if coating is not None and coating is item.twin.coating), None)
        if shared is not None:
            finish = replace(shared, seed=finish.seed, dirt=finish.dirt)
        looks.append((item.twin.coating, finish))
        if finish.kind == "paint" and id(item.texels) not in worn:
            worn[id(item.texels)] = edges.worn(item.asset, item.texels)
        name = f"body-{index}-{number}.npz"
        with new_file(folder / name, replace=True) as stream:
            np.savez(
                stream, vertices=item.asset.vertices.astype(np.float32), faces=item.asset.faces.astype(np.int32),
                uv=item.asset.uv.astype(np.float32), fields=specimen.pack(item, chosen.bleeding),
                **(worn[id(item.texels)] if finish.kind == "paint" else {}),
                **({} if item.gone is None else {"gone": item.gone}),
            )  # fmt: skip
        bodies.append(
            Body(
                file=name,
                pose=as_matrix(placed.pose),
                instance=number,
                finish=finish,
                kind=item.twin.kind,
                asset=own_twins.names(chosen.kinds).get(item.word, ""),
                thickness_mm=item.asset.nominal_thickness_mm,
            )
        )
    return tuple(bodies)


_METAL: dict[str, Color] = {
    "galvanised": (0.42, 0.44, 0.46), "bare": (0.24, 0.23, 0.22), "cast": (0.09, 0.085, 0.08)
}  # fmt: skip
# Red oxide and red lead look like rust; zinc and aluminium do not.
_RED_PRIMERS: tuple[Color, ...] = ((0.20, 0.045, 0.03), (0.42, 0.20, 0.06))
_GREY_PRIMERS: tuple[Color, ...] = ((0.32, 0.33, 0.33), (0.55, 0.54, 0.50))


def _finish(
    chosen: Preset, coating: Coating, kind: str, rng: np.random.Generator, priming: np.random.Generator
) -> Finish:
    """Draw the appearance of a coating. Each kind takes the same draws, so that the stream stays in step."""
    color = np.array(chosen.paints[rng.integers(len(chosen.paints))])
    look = "paint" if isinstance(coating, Paint) else "bare" if coating is None else "galvanised"
    cast = rng.random() < 0.5
    if look == "bare" and kind == "bearing" and cast:
        look = "cast"
    primers = _RED_PRIMERS if priming.random() < chosen.red_primer_share else _GREY_PRIMERS
    primer = primers[rng.integers(len(primers))]
    red, dark = rng.uniform(0.8, 1.2), float(np.exp(rng.uniform(*np.log(chosen.rust_tone))))
    return Finish(
        kind=look, color=vary(np.array(_METAL[look]) if look in _METAL else color, rng), primer=primer,
        rust=(float(dark), float(dark * red), float(dark * red * rng.uniform(0.6, 1.4))),
        roughness=float(rng.uniform(0.25, 0.6)), dirt=float(rng.uniform(*chosen.dirt)),
        wear=float(rng.uniform(*chosen.wear)), scale=float(rng.random()), seed=float(rng.uniform(0, 100)),
        fraying=chosen.fraying,
    )  # fmt: skip


def _textured(finish: Finish, chosen: Preset, folder: Path, rng: np.random.Generator) -> Finish:
    """Draw textures for a coat of paint and for rust."""
    coats = chosen.paint_textures if finish.kind == "paint" else ()
    coat, rust = (drawing.texture(sets, chosen.textured_share, rng, folder) for sets in (coats, chosen.rust_textures))
    return replace(finish, color=coat.mean if coat else finish.color, coat=coat, rust_texture=rust)


def _light(chosen: Preset, space: ViewingSpace, rng: np.random.Generator) -> Light:
    world, draw = str(rng.choice(chosen.worlds)), rng.random()
    shares = np.cumsum([chosen.flash_share, chosen.sun_share, chosen.work_share])
    lamp = ("flash", "sun", "work", "none")[int(np.searchsorted(shares, draw, side="right"))]
    height, around = rng.uniform(0.35, 1.2), rng.uniform(-pi, 0)  # the sun stands on the camera's side of the wall
    direction = np.array([cos(height) * cos(around), cos(height) * sin(around), sin(height)])
    turn, day, night, strong, warm = rng.random(5)
    if lamp == "work":
        direction = _lamp_place(space, rng)
    x, y, z = direction.tolist()
    colors: dict[str, Color] = {"flash": (1.0, 0.97, 0.93), "work": (1.0, 0.95 - 0.25 * warm, 0.9 - 0.5 * warm)}
    low, high = {"flash": (25, 60), "work": (80, 600)}.get(lamp, (1.5, 4.5))
    dim = {"flash": 0.01 + 0.05 * night, "work": 0.02 + 0.15 * night}
    return Light(
        world=world, world_turn=float(2 * pi * turn), world_strength=float(dim.get(lamp, 0.5 + 0.8 * day)), lamp=lamp,
        lamp_from=(x, y, z), lamp_strength=float(low + (high - low) * strong),
        lamp_color=colors.get(lamp, (1.0, 0.93, 0.82)),
    )  # fmt: skip


def _lamp_place(space: ViewingSpace, rng: np.random.Generator) -> Array:
    """Return the position of a work light, (3,) metres: the first drawn that lights the subject well, or the best."""
    vertices = space.targets[0].vertices
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    best: Array = middle
    best_share = -1.0
    for _ in range(12):
        around, height, distance = np.radians(rng.uniform(*space.around)), rng.uniform(-0.1, 1.2), rng.uniform(1.5, 4.5)
        place = middle + distance * np.array([cos(height) * cos(around), cos(height) * sin(around), sin(height)])
        place[2] = max(place[2], space.floor_m + 0.1)
        share = visibility.lit_share(space, place)
        if share > best_share:
            best, best_share = place, share
        if share > 0.6:
            break
    return best
