"""The loop, end to end: hidden twins are photographed, and masks teach twins that know their geometry and category.

    .venv/bin/python -m tools.loop                        # 100 hidden twins, true masks, no Blender: docs/results
    .venv/bin/python -m tools.loop --pictures             # one of them rendered by Blender: docs/images/loop.png
    .venv/bin/python -m tools.loop --run RUN --count 12   # masks that a run predicts on renders: loop-predicted.*

Each hidden twin is one that `corrotwin twin new` makes; how long its paint lasts, how many defects that has and how
deep pits grow is drawn from what the forecast allows (`twin.bayes.ensemble.Prior`). It is photographed every year up to
the twelfth; where Blender renders the photographs, in years 4, 8 and 12.
"""

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from math import log, radians, tan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from corrotwin.synth.reprojection.camera_model import Camera
from corrotwin.synth.reprojection.texel_map import texel_map
from corrotwin.synth.scene.subject import StatedCamera
from corrotwin.twin import assets, store, twin_state
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.bayes.ensemble import bank
from corrotwin.twin.bayes.particles import Knowledge, Particles
from corrotwin.twin.bayes.prior import CATEGORY_MEASURED
from corrotwin.twin.bayes.session import DRAWS_SEEN
from corrotwin.twin.bayes.smc import learn
from corrotwin.twin.calibration.simulated_assets import owner_twin, true_paint_and_pits, truth
from corrotwin.twin.core import files
from corrotwin.twin.forecast.projection import ALL, forecast_zones, levels
from corrotwin.twin.inspection.readers import photo_records
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.model.corrosion import Fields
from corrotwin.twin.model.pits import Pits
from corrotwin.twin.twin_state import EPOCH, TwinState, later

ROOT = Path(__file__).resolve().parents[1]
RESULTS, IMAGES, WORK = ROOT / "docs" / "results", ROOT / "docs" / "images", ROOT / "out" / "loop"
KINDS = ("plate", "beam", "pipe", "railing")
VISITS, FORECAST = tuple(float(year) for year in range(1, 13)), 20.0
RENDERED_VISITS = (4.0, 8.0, 12.0)
PICTURE = 120  # pixels, a side
ANGLE_DEG = 45.0
AZIMUTHS_DEG, HEIGHTS_DEG = (-150, -90, -30, 30, 90, 150), (20, 35, 20, 35, 20, 35)
RENDERED = 256  # the same, of renders
TEXEL_MM = 5.0
SCENE, SHOWN = 170, 4  # seed of the rendered scene, and of the twin in the picture
PARTICLES = 400
# What is forecast: share, mm, and the logarithm of mm, since what is not known of loss are factors.
QUANTITIES = ("rusted area", "worst loss", "worst loss, log")
BOTH = ("rusted area", "worst loss, log")
LEAST_MM = 0.01  # of a loss whose logarithm is taken
FEW = 200  # pixels of rust, in all photographs of a twin

Mask = NDArray[np.bool_]
# Masks (height, width) of a twin at an age, in the order of its cameras, from its fields and what each pixel sees.
Eye = Callable[[TwinState, Fields, Sequence[NDArray[np.int32]]], Sequence[Mask]]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A forecast, as its levels, the mean distance of its histories from the truth, and its score (`crps`)."""

    p5: float
    p50: float
    p95: float
    distance: float
    crps: float

    @property
    def width(self) -> float:
        """P5 to P95."""
        return self.p95 - self.p5

    @classmethod
    def of(cls, values: NDArray[np.float64], truth: float) -> "Spread":
        """The spread of equally likely values (n,)."""
        low, middle, high = levels(values)
        return cls(
            p5=low, p50=middle, p95=high, distance=float(distances(values, np.array([truth]))[0]),
            crps=crps(values, truth),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A forecast of the year 20 before and after the photographs, beside the hidden truth."""

    seed: int
    kind: str
    quantity: str
    truth: float
    before: Spread
    after: Spread
    could: Mask
    """(n,) of each history after the photographs: whether the forecast would have come closer, were that the truth."""

    @property
    def closer(self) -> bool:
        """Whether the forecast's histories lie nearer to the truth, on average, than before."""
        return self.after.distance < self.before.distance

    @property
    def better(self) -> bool:
        """Whether the forecast scores better than before, which a band that is merely narrower does not."""
        return self.after.crps < self.before.crps

    @property
    def narrower(self) -> bool:
        """Whether P5 to P95 is narrower than before."""
        return self.after.width < self.before.width

    def within(self, spread: Spread) -> bool:
        """Whether P5 to P95 holds the truth."""
        return spread.p5 <= self.truth <= spread.p95


def known_twin(seed: int) -> TwinState:
    """What the owner knows: geometry, category, and paint that is believed to last ten years."""
    kind = KINDS[seed % len(KINDS)]
    twin = owner_twin(kind, np.random.default_rng([seed, 0]), texel_mm=TEXEL_MM)
    return replace(twin, id=f"{kind}-{seed}", clock=EPOCH)


def hidden_twin(known: TwinState, seed: int) -> TwinState:
    """The same asset as it really is."""
    prior, rng = CATEGORY_MEASURED, np.random.default_rng([seed, 1])
    life, defects, pits = np.exp(np.array([prior.delay, prior.defects, prior.pits]) * rng.standard_normal(3))
    coating, own_pits = true_paint_and_pits(float(life), float(defects), float(pits))
    return replace(known, coating=coating, pits=own_pits, seed=int(rng.integers(2**31)))


def cameras(asset: AssetGeometry) -> list[StatedCamera]:
    """Six cameras round an asset that have all of it in the picture."""
    low, high = asset.vertices.min(axis=0), asset.vertices.max(axis=0)
    middle, reach = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    found = []
    for azimuth, height in zip(np.radians(AZIMUTHS_DEG), np.radians(HEIGHTS_DEG), strict=True):
        out = np.array([np.cos(height) * np.cos(azimuth), np.cos(height) * np.sin(azimuth), np.sin(height)])
        eye = middle + out * 1.05 * reach / np.sin(radians(ANGLE_DEG) / 2)
        eye[2] = max(eye[2], 0.1)
        found.append(
            StatedCamera(eye_m=tuple(eye.tolist()), look_at_m=tuple(middle.tolist()), field_of_view_deg=ANGLE_DEG)
        )
    return found


def as_opencv(camera: StatedCamera, size: int) -> Camera:
    """A camera of `synth render` as `synth uvmap` takes it."""
    eye = np.array(camera.eye_m)
    forward = np.array(camera.look_at_m) - eye
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    focal = size / 2 / tan(radians(camera.field_of_view_deg) / 2)
    return Camera(
        width=size, height=size, fx=focal, fy=focal, cx=(size - 1) / 2, cy=(size - 1) / 2,
        rotation=tuple(map(tuple, rotation.tolist())), translation_m=tuple((-rotation @ eye).tolist()),
    )  # fmt: skip


def perfect(twin: TwinState, fields: Fields, seen: Sequence[NDArray[np.int32]]) -> list[Mask]:
    """True masks: a pixel is rusted where the texel that it sees is."""
    rusted = (fields.rust_cover > 0.5).reshape(-1)
    return [(texel >= 0) & rusted[np.maximum(texel, 0)] for texel in seen]


def spoiled(twin: TwinState, fields: Fields, seen: Sequence[NDArray[np.int32]]) -> list[Mask]:
    """Masks of a poor eye: blocks of 6 x 6 pixels, one in five with its rust missed, one in fifty called rust."""
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
    """What the known twin learns from photographs of the hidden one.

    Parameters
    ----------
    errors : a record of kind "photo" that says how well the eye sees; its date, zone and value do not count.
    size : of the pictures, pixels.
    visits : years.
    """
    seen = [texel_map(as_opencv(camera, size), asset) for camera in cameras(asset)]
    everywhere = np.zeros(asset.atlas_shape, dtype=bool).reshape(-1)
    for texel in seen:
        everywhere[texel[texel >= 0]] = True
    records: list[Record] = []
    shown = {}
    for years in visits:
        aged = replace(hidden, clock=later(EPOCH, years))
        votes = np.zeros(everywhere.shape)
        for texel, mask in zip(seen, eye(aged, twin_state.fields(aged, asset, texels), seen), strict=True):
            inside = texel >= 0
            votes += np.bincount(texel[inside], 2.0 * mask[inside] - 1.0, len(votes))
        pattern = replace(errors, date=f"{later(EPOCH, years):%Y-%m-%d}")
        found, _ = photo_records(
            pattern, asset, texels, everywhere.reshape(asset.atlas_shape), (votes > 0).reshape(asset.atlas_shape)
        )
        shown[found[0].seen] = everywhere.reshape(asset.atlas_shape)
        records += found
    histories = bank(known, asset, texels, years=FORECAST, prior=CATEGORY_MEASURED, seed=known.seed, draws=DRAWS_SEEN)
    return learn(histories, asset, texels, records, shown, seed=0, particles=particles)


def outcomes(
    seed: int, eye: Eye, *, errors: Record, size: int = PICTURE, visits: Sequence[float] = VISITS,
    particles: int = PARTICLES,
) -> list[Outcome]:  # fmt: skip
    """The `QUANTITIES` of one hidden twin, forecast before and after its photographs."""
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


def distances(values: NDArray[np.float64], truths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean distance of equally likely values (n,) from each of m truths, (m,)."""
    return np.asarray(np.abs(values[:, None] - truths).mean(axis=0))


def crps(values: NDArray[np.float64], truth: float) -> float:
    """Continuous ranked probability score of equally likely values (n,); the lower the better.

    Their mean distance from the truth, less half of that from each other (Gneiting & Raftery, J. Am. Stat. Assoc. 102,
    2007, equation 21).
    """
    ordered, count = np.sort(values), len(values)
    apart = 2 * float(((2 * np.arange(count) - count + 1) * ordered).sum()) / count**2
    return float(np.abs(values - truth).mean()) - apart / 2


def measured(hidden: TwinState, years: float, asset: AssetGeometry, texels: Texels) -> tuple[float, float]:
    """Rusted share and greatest loss, mm, of the hidden twin at an age."""
    given = {"exposure": hidden.exposure, "coating": hidden.coating, "seed": hidden.seed}
    share, _, worst = truth(asset, texels, pits=hidden.pits or Pits(), years=years, **given).measured()
    return share, worst


def _forecast(particles: Particles) -> tuple[NDArray[np.float64], ...]:
    found = forecast_zones(particles, [FORECAST])[ALL]
    worst = found.max_loss_mm[:, 0]
    return found.rusted_share[:, 0], worst, np.log(np.maximum(worst, LEAST_MM))


SHARP = Record(date="2000-01-01", zone=ALL, kind="photo", value=0.0, tool="camera", detection=0.98, false_calls=0.001,
               scatter_sd=0.05, bias_sd=0.02)  # fmt: skip
USUAL = Record(date="2000-01-01", zone=ALL, kind="photo", value=0.0, tool="camera", detection=0.8, false_calls=0.02)
EYES: dict[str, tuple[Eye, Record]] = {"true masks": (perfect, SHARP), "spoiled masks": (spoiled, USUAL)}


def rates(found: Sequence[Outcome]) -> Iterator[tuple[str, int, float, float, float, float, float, float]]:
    """For each quantity, and for `BOTH` together: seeds, and shares that came closer, narrower, both; P50 closer.

    Then the share that scores better, and that which is expected to come closer if the forecasts after the photographs
    are right.
    """
    seeds = sorted({one.seed for one in found})
    for quantity in (*QUANTITIES, "both"):
        chosen = BOTH if quantity == "both" else (quantity,)
        own = [[one for one in found if one.seed == seed and one.quantity in chosen] for seed in seeds]
        closer = [all(one.closer for one in each) for each in own]
        narrower = [all(one.narrower for one in each) for each in own]
        could = [np.all([one.could for one in each], axis=0).mean() for each in own]
        middle = [all(abs(one.after.p50 - one.truth) < abs(one.before.p50 - one.truth) for one in each) for each in own]
        yield (
            quantity, len(seeds), float(np.mean(closer)), float(np.mean(narrower)),
            float(np.mean(np.logical_and(closer, narrower))), float(np.mean(middle)),
            float(np.mean([all(one.better for one in each) for each in own])), float(np.mean(could)),
        )  # fmt: skip


def report(by_eye: dict[str, list[Outcome]]) -> str:
    """Rates and mean widths as Markdown."""
    lines = [
        "| masks | forecast of | twins | closer % | narrower % | both % | P50 closer % | CRPS lower % | "
        "closer, expected % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in by_eye.items():
        for quantity, count, *shares in rates(found):
            cells = " | ".join(f"{100 * share:.0f}" for share in shares)
            lines.append(f"| {name} | {quantity} | {count} | {cells} |")
    lines += [
        "",
        "| masks | forecast of | width before, after | distance before, after | CRPS before, after | "
        "truth within before, after % |",
        "|" + "---|" * 6,
    ]
    for name, found in by_eye.items():
        for quantity in QUANTITIES:
            own = [one for one in found if one.quantity == quantity]
            width, distance, score = (
                ", ".join(f"{np.mean([getattr(spread, of) for spread in spreads]):.3f}" for spreads in _sides(own))
                for of in ("width", "distance", "crps")
            )
            within = ", ".join(
                f"{100 * np.mean([one.within(spread) for one, spread in zip(own, spreads, strict=True)]):.0f}"
                for spreads in _sides(own)
            )
            lines.append(f"| {name} | {quantity} | {width} | {distance} | {score} | {within} |")
    return "\n".join(lines) + "\n"


def _sides(found: Sequence[Outcome]) -> tuple[list[Spread], list[Spread]]:
    return [one.before for one in found], [one.after for one in found]


def table(by_eye: dict[str, list[Outcome]]) -> str:
    """All outcomes as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    sides = [f"{name}_{when}" for when in ("before", "after") for name in Spread.__dataclass_fields__]
    writer.writerow(["masks", "seed", "kind", "quantity", "truth", *sides])
    for name, found in by_eye.items():
        for one in found:
            numbers = (one.truth, *astuple(one.before), *astuple(one.after))
            writer.writerow([name, one.seed, one.kind, one.quantity, *(f"{value:.5g}" for value in numbers)])
    return text.getvalue()


def photographs(twin: TwinState, size: int) -> Path:
    """A dataset of a twin at its age by its six cameras, rendered by Blender into out/loop; what is there is kept."""
    from corrotwin.synth.config import RenderConfig
    from corrotwin.synth.rendering.dataset import render
    from corrotwin.synth.scene.subject import saved

    folder = WORK / f"{twin.id}-{files.digest(repr(twin))}"
    store.save(twin, folder / "twin")
    shown = saved(folder / "twin", tuple(cameras(twin_state.asset(twin))))
    config = RenderConfig(preset="balanced", size=size, seed=SCENE, labels="exact")
    render(folder / f"{size}px", config, count=len(shown.cameras), shown=shown)
    return folder / f"{size}px"


def labelled(twin: TwinState, fields: Fields, seen: Sequence[NDArray[np.int32]]) -> list[Mask]:
    """Exact masks of rendered photographs, as Blender's label pass has them."""
    from corrotwin.segmentation.data import coco

    photos = coco.read(photographs(twin, seen[0].shape[0]), allow_unannotated=True).photos
    return [coco.mask(photo) for photo in sorted(photos, key=lambda photo: photo.file_name)]


@dataclass(kw_only=True)
class Seen:
    """Pixels of the assets, counted over all photographs: how well masks do."""

    rusted: dict[str, int] = field(default_factory=dict)  # of each twin
    found: dict[str, int] = field(default_factory=dict)  # of those
    sound: int = 0
    called: int = 0  # of those, rust
    lasting: int = 0  # called so a visit before, and still sound
    again: int = 0  # of those, called so again

    def add(self, twin: str, texel: NDArray[np.int32], true: Mask, mask: Mask) -> None:
        """Count one photograph (h, w): texel of each pixel (-1 off the asset), rust, and what was called rust."""
        inside = texel >= 0
        self.rusted[twin] = self.rusted.get(twin, 0) + int((inside & true).sum())
        self.found[twin] = self.found.get(twin, 0) + int((inside & true & mask).sum())
        self.sound += int((inside & ~true).sum())
        self.called += int((inside & ~true & mask).sum())

    def add_again(self, before: Mask, true: Mask, mask: Mask) -> None:
        """Count what the visit before called rust and was not, in a photograph by the same camera."""
        self.lasting += int((before & ~true).sum())
        self.again += int((before & ~true & mask).sum())

    @property
    def detection(self) -> float:
        """Share of the rusted pixels that were called rust."""
        return sum(self.found.values()) / max(sum(self.rusted.values()), 1)

    @property
    def spread(self) -> float:
        """Standard deviation of that share from twin to twin, of those that showed `FEW` pixels of rust and more."""
        shares = [self.found[twin] / rusted for twin, rusted in self.rusted.items() if rusted >= FEW]
        return float(np.std(shares, ddof=1)) if len(shares) > 1 else 0.0

    @property
    def false_calls(self) -> float:
        """Share of the sound pixels that were called rust."""
        return self.called / max(self.sound, 1)

    def __str__(self) -> str:
        """As a line of Markdown."""
        return (
            f"Of the rusted pixels {self.detection:.3f} were called rust (standard deviation from twin to twin "
            f"{self.spread:.2f}), of the sound ones {self.false_calls:.4f}; of those still sound a visit later "
            f"{self.again / max(self.lasting, 1):.2f} were called rust again."
        )


def predicted(run: Path, counts: Seen) -> Eye:
    """Masks that a trained run predicts on rendered photographs, each once; how well they do is added to `counts`."""
    kept: dict[tuple[str, float], list[Mask]] = {}
    false: dict[tuple[str, int], Mask] = {}  # of each twin's cameras at its last visit

    def eye(twin: TwinState, fields: Fields, seen: Sequence[NDArray[np.int32]]) -> list[Mask]:
        from corrotwin.segmentation.data import coco
        from corrotwin.segmentation.evaluation.evaluate import predict_masks

        if (twin.id, twin.years) in kept:
            return kept[twin.id, twin.years]
        read = coco.read(photographs(twin, seen[0].shape[0]), allow_unannotated=True).photos
        photos = sorted(read, key=lambda photo: photo.file_name)
        masks = list(predict_masks(run, photos))
        for camera, (texel, photo, mask) in enumerate(zip(seen, photos, masks, strict=True)):
            true = coco.mask(photo)
            counts.add(twin.id, texel, true, mask)
            if (twin.id, camera) in false:
                counts.add_again(false[twin.id, camera], true, mask)
            false[twin.id, camera] = (texel >= 0) & ~true & mask
        kept[twin.id, twin.years] = masks
        return masks

    return eye


def of_run(run: Path, count: int) -> tuple[dict[str, list[Outcome]], str]:
    """Outcomes with the masks of a run, and how well they do.

    The twins are told of these masks what is usual; then what was counted; then also by how much detection differs
    from asset to asset, as the uncertainty of it that all photographs of an asset share.
    """
    counts = Seen()
    eye = predicted(run, counts)
    by_eye = {}

    def told(how: str, errors: Record) -> None:
        name = f"masks of {run.name}, told {how}"
        by_eye[name] = [
            one
            for seed in track(range(count), description=f"hidden twins, told {how}")
            for one in outcomes(seed, eye, errors=errors, size=RENDERED, visits=RENDERED_VISITS)
        ]

    told("as usual", USUAL)
    right = replace(USUAL, detection=round(counts.detection, 2), false_calls=round(counts.false_calls, 3))
    told("the rates", right)
    told("rates and spread", replace(right, bias_sd=round(counts.spread, 2)))
    return by_eye, (
        f"\n{counts}\n\nUsual: detection {USUAL.detection:g} ± {USUAL.bias_sd:g}, false calls {USUAL.false_calls:g}; "
        f"the rates: {right.detection:g} ± {USUAL.bias_sd:g}, {right.false_calls:g}; with the spread: "
        f"{right.detection:g} ± {counts.spread:.2f}.\n"
    )


def picture(seed: int, path: Path) -> None:
    """Draw photographs of one hidden twin with their masks, and its forecast before and after them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    known = known_twin(seed)
    hidden = hidden_twin(known, seed)
    asset = twin_state.asset(known)
    texels = assets.texels(asset)
    knowledge = learned(
        known, hidden, asset, texels, labelled,
        errors=SHARP, size=RENDERED, visits=RENDERED_VISITS, particles=PARTICLES,
    )  # fmt: skip
    figure = Figure(figsize=(9.4, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1.25), squeeze=False)[:, 0]
    seen = [texel_map(as_opencv(camera, RENDERED), asset) for camera in cameras(asset)]
    for axes, years in zip(upper.subplots(1, len(RENDERED_VISITS)), RENDERED_VISITS, strict=True):
        aged = replace(hidden, clock=later(EPOCH, years))
        folder = photographs(aged, RENDERED)
        mask = labelled(aged, twin_state.fields(aged, asset, texels), seen)[1]
        axes.imshow(Image.open(folder / "images" / "000001.jpg"))
        axes.contour(mask, [0.5], colors="magenta", linewidths=0.8)
        axes.set_title(f"hidden twin, year {years:.0f}: photograph and mask", fontsize=9)
        axes.set_axis_off()
    grid = np.arange(0, 21.0)
    really = np.array([measured(hidden, float(years), asset, texels) for years in grid]) * (100, 1)
    for axes, index, name in zip(lower.subplots(1, 2), (0, 1), ("rusted area, %", "worst loss, mm"), strict=True):
        for particles, colour, label in (
            (knowledge.particles[0], "#9aa3ab", "before the photographs"), (knowledge.now, "#0072B2", "after them")
        ):  # fmt: skip
            found = forecast_zones(particles, grid.tolist())[ALL]
            values = 100 * found.rusted_share if index == 0 else found.max_loss_mm
            low, middle, high = np.percentile(values, (5, 50, 95), axis=0)
            axes.fill_between(grid, low, high, color=colour, alpha=0.3, lw=0, label=f"P5 to P95 {label}")
            axes.plot(grid, middle, color=colour)
        axes.plot(grid, really[:, index], "k--", lw=1.5, label="hidden truth")
        for years in RENDERED_VISITS:
            axes.axvline(years, color="#5B6770", lw=0.8, ls=":")
        axes.set(title=name, xlabel="years of service", xlim=(0, 20), ylim=(0, None))
    axes.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Write the table, or the picture, that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=100, help="hidden twins")
    parser.add_argument("--pictures", action="store_true", help="draw one by Blender instead")
    parser.add_argument("--run", type=Path, help="folder of a trained run: its masks of renders instead of true ones")
    given = parser.parse_args()
    if given.pictures:
        picture(SHOWN, IMAGES / "loop.png")
        return
    if given.run:
        name, (by_eye, known) = "loop-predicted", of_run(given.run, given.count)
    else:
        name, known, by_eye = "loop", "", {each: [] for each in EYES}
        for seed in track(range(given.count), description="hidden twins"):
            for each, (eye, errors) in EYES.items():
                by_eye[each] += outcomes(seed, eye, errors=errors)
    files.write_text(RESULTS / f"{name}.md", report(by_eye) + known)
    files.write_text(RESULTS / f"{name}.csv", table(by_eye))


if __name__ == "__main__":
    main()
