"""The first guess of a fit: renders of widely drawn designs, and the preset of those like the photographs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.segmentation.models.features import FeatureExtractor
from corrotwin.synth.fitting import appearance, parameters
from corrotwin.synth.fitting.appearance import Shot
from corrotwin.synth.fitting.parameters import CAMERA, EQUALISED, SCENE, Design, rounded, weights_of
from corrotwin.synth.fitting.photographs import Photographs
from corrotwin.synth.fitting.pool import Render
from corrotwin.synth.fitting.posterior import Summaries, closest
from corrotwin.synth.presets import custom
from corrotwin.synth.presets.schema import Preset

CAMERAS = 4  # by which each render is developed
LIGHTS = {"flash": 0.2, "sun": 0.35, "none": 0.45}  # shares of scenes, before anything is known of them
WORK_LIGHTS = 0.03  # share of scenes: too rare to be found
KINDS_LISTED, GROUNDS_LISTED = 48, 20
ALIKE = 2  # renders that words are taken from, of each photograph: few of the pool show what it shows
OF_PICTURE, OF_REGION = 16, 8  # principal components of an encoder's features


@dataclass(frozen=True, kw_only=True, eq=False)
class DevelopedPool:
    """Developed renders of designs: of each (n,) its shot, the number of its design, and the values of its camera."""

    designs: tuple[Design, ...]
    shots: tuple[Shot, ...]
    of_design: NDArray[np.intp]
    cameras: tuple[Mapping[str, float], ...]


def developed(
    designs: Sequence[Design], rendered: Sequence[Sequence[Render]], base: Preset, rng: np.random.Generator
) -> DevelopedPool:
    """Develop the renders of each design by cameras drawn from their full ranges."""
    shots, cameras, numbers = [], [], []
    for number, renders in enumerate(rendered):
        for one in renders:
            for _ in range(CAMERAS):
                camera = parameters.draw_camera(rng)
                sensor = parameters.sensor_of(camera, base.sensor)
                shots.append(one.shot(sensor, base.labels, np.random.default_rng(rng.integers(2**63))))
                cameras.append(camera)
                numbers.append(number)
    return DevelopedPool(
        designs=tuple(designs), shots=tuple(shots), of_design=np.array(numbers), cameras=tuple(cameras)
    )


def _components(
    renders: NDArray[np.float32], photos: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the principal components of features (n, c) of renders, and those of photographs (m, c) by the same."""
    middle, spread = renders.mean(axis=0), renders.std(axis=0) + 1e-3
    ours, theirs = ((each - middle) / spread for each in (renders, photos))
    _, _, axes = np.linalg.svd(ours, full_matrices=False)
    return ours @ axes[:count].T, theirs @ axes[:count].T


def preset_of(pool: DevelopedPool, photos: Photographs, base: Preset, extractor: FeatureExtractor) -> Preset:
    """Return the preset whose ranges span the values of the renders that look like the photographs.

    What photographs show directly is taken from them: colours of coats, shares that are rusted, markers, stamps, the
    quality of their files.
    """
    every = (*photos.labelled, *photos.unlabelled)
    (whole, about), (of_photos, of_labels) = (appearance.table(shots) for shots in (pool.shots, every))
    has, known = np.isfinite(about[:, 0]), np.isfinite(of_labels[:, 0])
    ours, theirs = (
        extractor.over([shot.picture for shot in shots], [appearance.regions_of(shot) for shot in shots])
        for shots in (pool.shots, every)
    )
    seen, of_seen = _components(ours[:, 0], theirs[:, 0], OF_PICTURE)
    alike = closest(seen, of_seen, ALIKE)
    by_picture = Summaries(np.hstack([whole, seen]), np.hstack([of_photos, of_seen]))
    in_rust, of_rust = (
        np.hstack(parts)
        for parts in zip(
            *(_components(ours[has, region], theirs[known, region], OF_REGION) for region in (1, 2)), strict=True
        )
    )
    by_labels = Summaries(
        np.hstack([whole[has], about[has], seen[has], in_rust]),
        np.hstack([of_photos[known], of_labels[known], of_seen[known], of_rust]),
    )
    rusted = pool.of_design[has]

    def words(name: str, shares: Mapping[str, float]) -> dict[str, float]:
        each = [pool.designs[number].words[name] for number in pool.of_design]
        return weights_of([each[place] for place in alike.ravel()], shares)

    def values(name: str) -> NDArray[np.float64]:
        each = np.array([pool.designs[number].values[name] for number in rusted])
        scale = parameters.DEFECTS if name == "defects" else SCENE[name]
        found: NDArray[np.float64] = each[by_labels.nearest(scale.scale(each)).ravel()]
        return found

    camera = {}
    for name in (*CAMERA, EQUALISED):
        each = np.array([one[name] for one in pool.cameras])
        camera[name] = each[by_picture.nearest(CAMERA[name].scale(each) if name in CAMERA else each).ravel()]
    light, arrangement = words("light", LIGHTS), words("arrangement", dict(base.arrangements))
    changes: dict[str, Any] = {
        **{name: parameters.span(one, values(name)) for name, one in SCENE.items()},
        "defects": rounded(float(np.median(values("defects")))),
        "rusted": parameters.span(parameters.RUSTED, np.array(photos.shares)),
        "paints": photos.paints or base.paints,
        "marker_share": rounded(photos.markers),
        "work_share": WORK_LIGHTS,
        **{field: rounded((1 - WORK_LIGHTS) * light[name]) for name, field in parameters.LIGHT.items()},
        "arrangements": [(name, rounded(weight)) for name, weight in arrangement.items()],
        "kinds": parameters.repeated(words("kind", dict.fromkeys(base.kinds, 1.0)), KINDS_LISTED),
        "grounds": parameters.repeated(words("ground", dict.fromkeys(base.grounds, 1.0)), GROUNDS_LISTED),
    }
    qualities = photos.jpeg_quality or base.sensor.jpeg_quality
    sensor = replace(
        parameters.sensor_between(camera, base.sensor), stamp_share=rounded(photos.stamps),
        jpeg_quality=(min(qualities), max(qualities)),
    )  # fmt: skip
    return replace(custom.changed(base, changes), sensor=sensor)
