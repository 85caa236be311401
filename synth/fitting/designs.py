"""First guess of a fit: render widely drawn designs, and take the preset from those that look like the photographs."""

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

CAMERAS = 4  # for each render, which is developed once by each of them
LIGHTS = {"flash": 0.2, "sun": 0.35, "none": 0.45}  # shares of scenes, before any photograph is measured
WORK_LIGHTS = 0.03  # share of scenes; too rare for a fit to measure
KINDS_LISTED, GROUNDS_LISTED = 48, 20
ALIKE = 2  # renders of each photograph that words are taken from: few in the pool show what it shows
OF_PICTURE, OF_REGION = 16, 8  # principal components of an encoder's features


@dataclass(frozen=True, kw_only=True, eq=False)
class DevelopedPool:
    """Developed renders of designs: shot, number of the design (n,), and values of the camera, for each render."""

    designs: tuple[Design, ...]
    shots: tuple[Shot, ...]
    of_design: NDArray[np.intp]
    cameras: tuple[Mapping[str, float], ...]


def developed(
    designs: Sequence[Design], rendered: Sequence[Sequence[Render]], base: Preset, rng: np.random.Generator
) -> DevelopedPool:
    """Develop the renders of each design by `CAMERAS` cameras, drawn from their full ranges."""
    shots, cameras, design_numbers = [], [], []
    for number, renders in enumerate(rendered):
        for render in renders:
            for _ in range(CAMERAS):
                camera = parameters.draw_camera(rng)
                sensor = parameters.sensor_of(camera, base.sensor)
                shots.append(render.shot(sensor, base.labels, np.random.default_rng(rng.integers(2**63))))
                cameras.append(camera)
                design_numbers.append(number)
    return DevelopedPool(
        designs=tuple(designs), shots=tuple(shots), of_design=np.array(design_numbers), cameras=tuple(cameras)
    )


def _components(
    renders: NDArray[np.float32], photos: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return features of renders (n, c) and photographs (m, c) along the renders' first `count` principal axes."""
    middle, spread = renders.mean(axis=0), renders.std(axis=0) + 1e-3
    ours, theirs = ((features - middle) / spread for features in (renders, photos))
    _, _, axes = np.linalg.svd(ours, full_matrices=False)
    return ours @ axes[:count].T, theirs @ axes[:count].T


def preset_of(pool: DevelopedPool, photos: Photographs, base: Preset, extractor: FeatureExtractor) -> Preset:
    """Return the preset whose ranges span the values of the renders that look like the photographs.

    What can be measured on the photographs is taken from them directly: colours of coats, rusted shares, markers,
    stamps and JPEG quality.

    Parameters
    ----------
    pool : developed renders of the designs.
    base : preset for the fields that the fit does not change.
    extractor : encoder by whose features pictures are compared.
    """
    photo_shots = (*photos.labelled, *photos.unlabelled)
    (whole, about), (photo_whole, photo_about) = (appearance.table(shots) for shots in (pool.shots, photo_shots))
    rusty, rusty_photos = np.isfinite(about[:, 0]), np.isfinite(photo_about[:, 0])
    pool_features, photo_features = (
        extractor.over([shot.picture for shot in shots], [appearance.regions_of(shot) for shot in shots])
        for shots in (pool.shots, photo_shots)
    )
    pool_components, photo_components = _components(pool_features[:, 0], photo_features[:, 0], OF_PICTURE)
    closest_renders = closest(pool_components, photo_components, ALIKE)
    by_picture = Summaries(np.hstack([whole, pool_components]), np.hstack([photo_whole, photo_components]))
    pool_rust, photo_rust = (
        np.hstack(parts)
        for parts in zip(
            *(
                _components(pool_features[rusty, region], photo_features[rusty_photos, region], OF_REGION)
                for region in (1, 2)
            ),
            strict=True,
        )
    )
    by_labels = Summaries(
        np.hstack([whole[rusty], about[rusty], pool_components[rusty], pool_rust]),
        np.hstack([photo_whole[rusty_photos], photo_about[rusty_photos], photo_components[rusty_photos], photo_rust]),
    )
    labelled_designs = pool.of_design[rusty]

    def words(name: str, shares: Mapping[str, float]) -> dict[str, float]:
        pool_words = [pool.designs[number].words[name] for number in pool.of_design]
        return weights_of([pool_words[place] for place in closest_renders.ravel()], shares)

    def values(name: str) -> NDArray[np.float64]:
        pool_values = np.array([pool.designs[number].values[name] for number in labelled_designs])
        scale = parameters.DEFECTS if name == "defects" else SCENE[name]
        nearest_values: NDArray[np.float64] = pool_values[by_labels.nearest(scale.scale(pool_values)).ravel()]
        return nearest_values

    camera_values = {}
    for name in (*CAMERA, EQUALISED):
        pool_values = np.array([drawn_camera[name] for drawn_camera in pool.cameras])
        camera_values[name] = pool_values[
            by_picture.nearest(CAMERA[name].scale(pool_values) if name in CAMERA else pool_values).ravel()
        ]
    light, arrangement = words("light", LIGHTS), words("arrangement", dict(base.arrangements))
    changes: dict[str, Any] = {
        **{name: parameters.span(parameter, values(name)) for name, parameter in SCENE.items()},
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
        parameters.sensor_between(camera_values, base.sensor), stamp_share=rounded(photos.stamps),
        jpeg_quality=(min(qualities), max(qualities)),
    )  # fmt: skip
    return replace(custom.changed(base, changes), sensor=sensor)
