"""Draw textures for the surfaces of a scene, and photographs for what is behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from corrotwin.synth.spec import Backdrop, Prop, Texture
from corrotwin.synth.textures import texture_sets
from corrotwin.twin.core.files import new_file

LEAST_ZOOM = 0.6  # side of the smallest part of a photograph over that of the largest


def texture(sets: Sequence[tuple[str, float]], share: float, rng: np.random.Generator, folder: Path) -> Texture | None:
    """Draw a texture set, and write it to ``folder/texture-<digest>.npz`` if it is not there yet.

    Parameters
    ----------
    sets : folders, each with "#" and its digest, and the metres that one picture shows.
    share : how often one is drawn at all.

    Raises
    ------
    InputError
        A set has changed or is damaged.
    """
    taken, which = rng.random(2)
    if not sets or taken >= share:
        return None
    word, metres = sets[int(which * len(sets))]
    place, _, digest = word.rpartition("#")
    surface, name = texture_sets.load(Path(place), digest), f"texture-{digest}.npz"
    if not (folder / name).exists():
        with new_file(folder / name) as stream:
            np.savez(stream, color=surface.color, roughness=surface.roughness, height=surface.height)
    return Texture(file=name, metres=metres, mean=surface.mean)


def dressed(props: Sequence[Prop], textures: Mapping[str, Texture | None]) -> tuple[Prop, ...]:
    """Return the props, each with the texture of its role."""
    return tuple(replace(prop, texture=textures.get(prop.role)) for prop in props)


def backdrops(photos: Sequence[str], share: float, rng: np.random.Generator, count: int) -> tuple[Backdrop, ...]:
    """Draw whether a scene stands before photographs, and one for each of `count` views; () if it does not.

    Parameters
    ----------
    photos : paths, each with "#" and digest.
    share : of the scenes that do, if there are photographs.
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
