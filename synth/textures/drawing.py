"""Random draws of textures for the surfaces of a scene, and of photographs behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from corrotwin.synth.spec import Backdrop, Prop, Texture
from corrotwin.synth.textures import texture_sets
from corrotwin.twin.core.files import new_file

LEAST_ZOOM = 0.6  # side of the smallest part of a photograph, divided by that of the largest


def texture(sets: Sequence[tuple[str, float]], share: float, rng: np.random.Generator, folder: Path) -> Texture | None:
    """Draw a texture set or None, and write it to ``folder/texture-<digest>.npz`` unless that file exists.

    Parameters
    ----------
    sets : pairs of a folder, with "#" and its digest, and the metres of surface that one picture shows.
    share : probability that a set is drawn.
    rng : generator, from which two numbers are always drawn.
    folder : folder of the batch, to which the texture's path is relative.

    Raises
    ------
    InputError
        A set has changed or is damaged.
    """
    chance, which = rng.random(2)
    if not sets or chance >= share:
        return None
    word, metres = sets[int(which * len(sets))]
    path, _, digest = word.rpartition("#")
    surface, name = texture_sets.load(Path(path), digest), f"texture-{digest}.npz"
    if not (folder / name).exists():
        with new_file(folder / name) as stream:
            np.savez(stream, color=surface.color, roughness=surface.roughness, height=surface.height)
    return Texture(file=name, metres=metres, mean=surface.mean)


def dressed(props: Sequence[Prop], textures: Mapping[str, Texture | None]) -> tuple[Prop, ...]:
    """Return the props, each with the texture of its role; None for roles without one."""
    return tuple(replace(prop, texture=textures.get(prop.role)) for prop in props)


def backdrops(photos: Sequence[str], share: float, rng: np.random.Generator, count: int) -> tuple[Backdrop, ...]:
    """Draw a photograph to put behind the scene in each of `count` views, or () for a scene without photographs.

    Parameters
    ----------
    photos : paths, each with "#" and its digest.
    share : probability that a scene has photographs behind it, if `photos` are given.
    """
    if not photos or rng.random() >= share:
        return ()
    drawn = []
    for _ in range(count):
        which, zoom, across, down = rng.random(4).tolist()
        drawn.append(
            Backdrop(
                photo=photos[int(which * len(photos))], zoom=LEAST_ZOOM + (1 - LEAST_ZOOM) * zoom, place=(across, down)
            )
        )
    return tuple(drawn)
