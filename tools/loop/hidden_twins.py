"""Hidden twins, and twins of the same asset that learn from photographs of them.

Each hidden twin is one that `corrotwin twin new` makes. How long its paint lasts, how many defects the paint has and
how deep pits grow are drawn from what the forecast allows (`twin.bayes.prior.Prior`). It is photographed every year up
to the twelfth, or in years 4, 8 and 12 if Blender renders the photographs.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log, radians
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.cameras.camera_model import Camera, from_pose, looking
from corrotwin.synth.cameras.texel_map import texel_map
from corrotwin.synth.spec import Lens
from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.bayes.histories.ensemble import bank
from corrotwin.twin.bayes.particles import Knowledge, Particles
from corrotwin.twin.bayes.prior import CATEGORY_MEASURED
from corrotwin.twin.bayes.session import DRAWS_SEEN
from corrotwin.twin.bayes.smc import learn
from corrotwin.twin.calibration.simulated_assets import owner_twin, true_paint_and_pits, truth
from corrotwin.twin.core import files
from corrotwin.twin.core.console import tracked
from corrotwin.twin.forecast.projection import ALL, forecast_zones
from corrotwin.twin.inspection.readers import photo_records
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.pits import Pits
from corrotwin.twin.twin_state import EPOCH, TwinState, later
from tools.loop.scores import QUANTITIES, Mask, Outcome, Seen, Spread, distances

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "out" / "loop"
KINDS = ("plate", "beam", "pipe", "railing")
VISITS, FORECAST = tuple(float(year) for year in range(1, 13)), 20.0
RENDERED_VISITS = (4.0, 8.0, 12.0)
PICTURE = 120  # side, pixels
ANGLE_DEG = 45.0
AZIMUTHS_DEG, HEIGHTS_DEG = (-150, -90, -30, 30, 90, 150), (20, 35, 20, 35, 20, 35)
RENDERED = 256  # side of renders, pixels
TEXEL_MM = 5.0
SCENE = 170  # seed of the rendered scene
PARTICLES = 400
LEAST_MM = 0.01  # least loss whose logarithm is taken

# Masks (height, width) of a twin at an age, in the order of its cameras, from its fields and what each pixel sees.
Eye = Callable[[TwinState, Fields, Sequence[NDArray[np.int32]]], Sequence[Mask]]


def known_twin(seed: int) -> TwinState:
    """Return the owner's twin: geometry, category, and paint that is believed to last ten years."""
    kind = KINDS[seed % len(KINDS)]
    twin = owner_twin(kind, np.random.default_rng([seed, 0]), texel_mm=TEXEL_MM)
    return replace(twin, id=f"{kind}-{seed}", clock=EPOCH)


def hidden_twin(known: TwinState, seed: int) -> TwinState:
    """Return the same asset as it really is."""
    prior, rng = CATEGORY_MEASURED, np.random.default_rng([seed, 1])
    life, defects, pits = np.exp(np.array([prior.delay, prior.defects, prior.pits]) * rng.standard_normal(3))
    coating, true_pits = true_paint_and_pits(float(life), float(defects), float(pits))
    return replace(known, coating=coating, pits=true_pits, seed=int(rng.integers(2**31)))


def cameras(asset: AssetGeometry, size: int) -> list[Camera]:
    """Return six cameras round an asset that have all of it in their square pictures, `size` pixels a side."""
    low, high = asset.vertices.min(axis=0), asset.vertices.max(axis=0)
    middle, reach = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    placed = []
    for azimuth, height in zip(np.radians(AZIMUTHS_DEG), np.radians(HEIGHTS_DEG), strict=True):
        outward = np.array([np.cos(height) * np.cos(azimuth), np.cos(height) * np.sin(azimuth), np.sin(height)])
        eye = middle + outward * 1.05 * reach / np.sin(radians(ANGLE_DEG) / 2)
        eye[2] = max(eye[2], 0.1)
        placed.append(from_pose(looking(eye, middle), Lens.wide(size, size, radians(ANGLE_DEG))))
    return placed


def perfect(twin: TwinState, fields: Fields, seen: Sequence[NDArray[np.int32]]) -> list[Mask]:
    """Return true masks: a pixel is rusted if the texel that it sees is."""
    rusted = (fields.rust_cover > 0.5).reshape(-1)
    return [(texel >= 0) & rusted[np.maximum(texel, 0)] for texel in seen]


def spoiled(twin: TwinState, fields: Fields, seen: Sequence[NDArray[np.int32]]) -> list[Mask]:
    """Return poor masks: blocks of 6 x 6 pixels, one in five with its rust missed, one in fifty called rust."""
    rng = np.random.default_rng([twin.seed, round(twin.years)])
    masks = []
    for texel, mask in zip(seen, perfect(twin, fields, seen), strict=True):
        chance = np.kron(rng.random((-(-PICTURE // 6),) * 2), np.ones((6, 6)))[: texel.shape[0], : texel.shape[1]]
        masks.append((texel >= 0) & np.where(mask, chance > 0.2, chance < 0.02))
    return masks


def learned(
    known: TwinState, hidden: TwinState, asset: AssetGeometry, texels: Texels, eye: Eye, *,
    errors: Record, size: int, visits: Sequence[float], particles: int,
) -> Knowledge:  # fmt: skip
    """Return what the known twin learns from photographs of the hidden one.

    Parameters
    ----------
    errors : a record of kind "photo" that says how well the eye sees; its date, zone and value are ignored.
    size : side of the pictures, pixels.
    visits : years of the photographs.
    """
    texel_maps = [texel_map(camera, asset) for camera in cameras(asset, size)]
    everywhere = np.zeros(asset.atlas_shape, dtype=bool).reshape(-1)
    for texel in texel_maps:
        everywhere[texel[texel >= 0]] = True
    records: list[Record] = []
    visible = {}
    for years in visits:
        aged = replace(hidden, clock=later(EPOCH, years))
        votes = np.zeros(everywhere.shape)
        for texel, mask in zip(texel_maps, eye(aged, twin_state.fields(aged, asset, texels), texel_maps), strict=True):
            inside = texel >= 0
            votes += np.bincount(texel[inside], 2.0 * mask[inside] - 1.0, len(votes))
        pattern = replace(errors, date=f"{later(EPOCH, years):%Y-%m-%d}")
        new_records, _ = photo_records(
            pattern, asset, texels, everywhere.reshape(asset.atlas_shape), (votes > 0).reshape(asset.atlas_shape)
        )
        visible[new_records[0].seen] = everywhere.reshape(asset.atlas_shape)
        records += new_records
    histories = bank(known, asset, texels, years=FORECAST, prior=CATEGORY_MEASURED, seed=known.seed, draws=DRAWS_SEEN)
    return learn(histories, records, visible, seed=0, particles=particles)


def outcomes(
    seed: int, eye: Eye, *, errors: Record, size: int = PICTURE, visits: Sequence[float] = VISITS,
    particles: int = PARTICLES,
) -> list[Outcome]:  # fmt: skip
    """Return the `QUANTITIES` of one hidden twin, forecast before and after its photographs."""
    known = known_twin(seed)
    hidden = hidden_twin(known, seed)
    asset = twin_state.asset(known)
    texels = assets.texels(asset)
    knowledge = learned(known, hidden, asset, texels, eye, errors=errors, size=size, visits=visits, particles=particles)
    share, worst = measured(hidden, FORECAST, asset, texels)
    before, after = (_forecast(particles) for particles in (knowledge.particles[0], knowledge.now))
    return [
        Outcome(
            seed=seed, kind=known.kind, quantity=quantity, truth=true,
            before=Spread.of(old, true), after=Spread.of(new, true), could=distances(new, new) < distances(old, new),
        )
        for quantity, true, old, new in zip(
            QUANTITIES, (share, worst, log(max(worst, LEAST_MM))), before, after, strict=True
        )
    ]  # fmt: skip


def measured(hidden: TwinState, years: float, asset: AssetGeometry, texels: Texels) -> tuple[float, float]:
    """Return the rusted share and the greatest loss, mm, of the hidden twin at an age."""
    settings: dict[str, Any] = {"exposure": hidden.exposure, "coating": hidden.coating, "seed": hidden.seed}
    share, _, worst = truth(asset, texels, pits=hidden.pits or Pits(), years=years, **settings).measured()
    return share, worst


def _forecast(particles: Particles) -> tuple[NDArray[np.float64], ...]:
    forecast = forecast_zones(particles, [FORECAST])[ALL]
    worst = forecast.max_loss_mm[:, 0]
    return forecast.rusted_share[:, 0], worst, np.log(np.maximum(worst, LEAST_MM))


SHARP = Record(date="2000-01-01", zone=ALL, kind="photo", value=0.0, tool="camera", detection=0.98, false_calls=0.001,
               scatter_sd=0.05, bias_sd=0.02)  # fmt: skip
USUAL = Record(date="2000-01-01", zone=ALL, kind="photo", value=0.0, tool="camera", detection=0.8, false_calls=0.02)
EYES: dict[str, tuple[Eye, Record]] = {"true masks": (perfect, SHARP), "spoiled masks": (spoiled, USUAL)}


def photographs(twin: TwinState, size: int) -> Path:
    """Render a twin at its age with its six cameras into out/loop, if it is absent there, and return the dataset."""
    from corrotwin.synth.config import RenderConfig
    from corrotwin.synth.rendering.dataset import render
    from corrotwin.synth.scene.subject import saved

    folder = WORK / f"{twin.id}-{files.digest(repr(twin))}"
    store.save(twin, folder / "twin")
    subject = saved(folder / "twin", tuple(cameras(twin_state.asset(twin), RENDERED)))
    config = RenderConfig(preset="balanced", size=size, seed=SCENE, labels="exact")
    render(folder / f"{size}px", config, count=len(subject.cameras), shown=subject)
    return folder / f"{size}px"


def labelled(twin: TwinState, fields: Fields, seen: Sequence[NDArray[np.int32]]) -> list[Mask]:
    """Return exact masks of rendered photographs, from Blender's label pass."""
    from corrotwin.segmentation.data import coco

    photos = coco.read(photographs(twin, seen[0].shape[0]), allow_unannotated=True).photos
    return [coco.mask(photo) for photo in sorted(photos, key=lambda photo: photo.file_name)]


def predicted(run: Path, counts: Seen) -> Eye:
    """Return an eye whose masks a trained run predicts on rendered photographs; their quality goes to `counts`."""
    cache: dict[tuple[str, float], list[Mask]] = {}
    false_calls: dict[tuple[str, int], Mask] = {}  # by twin and camera, at the last visit

    def eye(twin: TwinState, fields: Fields, seen: Sequence[NDArray[np.int32]]) -> list[Mask]:
        from corrotwin.segmentation.data import coco
        from corrotwin.segmentation.evaluation.evaluate import predict_masks

        if (twin.id, twin.years) in cache:
            return cache[twin.id, twin.years]
        read = coco.read(photographs(twin, seen[0].shape[0]), allow_unannotated=True).photos
        photos = sorted(read, key=lambda photo: photo.file_name)
        masks = list(predict_masks(run, photos))
        for camera, (texel, photo, mask) in enumerate(zip(seen, photos, masks, strict=True)):
            true = coco.mask(photo)
            counts.add(twin.id, texel, true, mask)
            if (twin.id, camera) in false_calls:
                counts.add_again(false_calls[twin.id, camera], true, mask)
            false_calls[twin.id, camera] = (texel >= 0) & ~true & mask
        cache[twin.id, twin.years] = masks
        return masks

    return eye


def of_run(run: Path, count: int) -> tuple[dict[str, list[Outcome]], str]:
    """Return outcomes with the masks of a run, and the quality of the masks.

    The twins first assume the usual error rates of masks, then the counted ones. At last they also assume the spread
    of detection from asset to asset, as its uncertainty that all photographs of an asset share.
    """
    counts = Seen()
    eye = predicted(run, counts)
    by_eye = {}

    def judge_masks(how: str, errors: Record) -> None:
        name = f"masks of {run.name}, told {how}"
        by_eye[name] = [
            outcome
            for seed in tracked(range(count), f"hidden twins, told {how}", count)
            for outcome in outcomes(seed, eye, errors=errors, size=RENDERED, visits=RENDERED_VISITS)
        ]

    judge_masks("as usual", USUAL)
    counted = replace(USUAL, detection=round(counts.detection, 2), false_calls=round(counts.false_calls, 3))
    judge_masks("the rates", counted)
    judge_masks("rates and spread", replace(counted, bias_sd=round(counts.spread, 2)))
    return by_eye, (
        f"\n{counts}\n\nUsual: detection {USUAL.detection:g} ± {USUAL.bias_sd:g}, false calls {USUAL.false_calls:g}; "
        f"the rates: {counted.detection:g} ± {USUAL.bias_sd:g}, {counted.false_calls:g}; with the spread: "
        f"{counted.detection:g} ± {counts.spread:.2f}.\n"
    )
