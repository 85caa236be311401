"""``corrotwin demo``: a twin, its photographs, masks by the built-in model, and how they change its forecast."""

import sys
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import corrotwin as ct
from corrotwin.segmentation.prediction import parts
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import write_json, writing
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import say
from corrotwin.twin.pages.rendering import write_page

if TYPE_CHECKING:
    from corrotwin.twin.forecast.result import Forecast

SEED, SCENE = 11, 2  # seeds of the plate and its rust, and of the surroundings
BUILT, CATEGORY = "2000-01-01", "C4"
YEARS, AHEAD = 12, 10  # years of service when the plate is photographed, and years that are forecast
LIFE, BELIEVED_LIFE = 4.0, 10.0  # years that the paint lasts, and years that its owner expects
SEEN_ON = "2011-12-31"
TEXEL_MM = 4.0
SIDE = 384  # pixels of a photograph
CAMERAS: tuple[Mapping[str, Any], ...] = (
    {"name": "left", "eye_m": (-0.6, -1.0, 0.5), "look_at_m": (0, 0, 0.33), "field_of_view_deg": 48},
    {"name": "front", "eye_m": (0.2, -1.2, 0.45), "look_at_m": (0, 0, 0.33), "field_of_view_deg": 46},
)
ALL = "all"  # all zones of a twin together


@dataclass(frozen=True, kw_only=True)
class DemoPhoto:
    """A photograph on the page: the picture, the picture with its mask drawn in, and the share called corrosion."""

    photo: str
    overlay: str
    share: str


@dataclass(frozen=True, kw_only=True)
class ShareBand:
    """A rusted share in percent: `low`, `middle` and `high` are P5, P50 and P95 over the forecast's histories."""

    low: float
    middle: float
    high: float


def demo(*, out: Path = Path("out/demo"), show: bool = True) -> None:
    """Show in two minutes what corrotwin does, without data: a twin, photographs, masks, a forecast.

    The paint of a plate lasts four years, but its owner believes it lasts ten. The plate is rendered after twelve
    years, the built-in model outlines its rust, and the masks update the owner's twin, whose forecast is then
    compared with what really happens.

    Parameters
    ----------
    out
        folder for the page, index.html, and everything it shows; what exists is not made again.
    show
        open the page in the browser at the end, if run in a terminal.
    """
    missing = [name for name in ("bpy", "blenderproc", "matplotlib") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"demo: {', '.join(missing)} not installed; pip install 'corrotwin[rendering,study]' with Python 3.11"
        )
    with writing(out), hold(out, "demo", {"seed": SEED, "size": SIDE}):
        page = _made(out)
    say(f"{page}: open it in a browser; next: corrotwin predict with your own photos")
    if show and sys.stdout.isatty():
        webbrowser.open_new_tab(page.absolute().as_uri())


def _made(out: Path) -> Path:
    """Create everything that the page shows, write the page, and return its path."""
    asset = ct.Asset("plate", seed=SEED, random=True, texel_mm=TEXEL_MM, upright=True)
    say(
        f"1 of 5: a plate of {asset.area_m2:.2f} m² ages for {YEARS} years in {CATEGORY}; "
        f"its paint lasts {LIFE:g} years"
    )
    hidden = _twin(asset, LIFE, YEARS)
    say("2 of 5: Blender photographs it")
    cloudy = ct.Preset.like("balanced", sun_share=0.0, flash_share=0.0, work_share=0.0, worlds=("sky", "courtyard"))
    ct.render(hidden, out=out / "photos", size=SIDE, cameras=list(CAMERAS), seed=SCENE, preset=cloudy)
    say("3 of 5: the built-in model outlines the corrosion")
    drawn = ct.predict(out / "photos" / "images", out=out / "masks")
    say(
        f"4 of 5: its owner, who believes that the paint lasts {BELIEVED_LIFE:g} years, updates the forecast "
        "from the masks"
    )
    names = sorted(drawn.photos)
    bands = [_bands(forecast) for forecast in _forecasts(asset, out, names)]
    say(f"5 of 5: forecasts of the next {AHEAD} years, and what actually happens")
    years = [YEARS + AHEAD * step / 5 for step in range(6)]
    actual = [_share(_twin(asset, LIFE, year)) for year in years]
    _plot(out / "forecast.svg", bands, years, actual)
    return _page(out, names, bands, actual[-1])


def _twin(asset: "ct.Asset", life: float, years: float) -> "ct.Twin":
    return ct.Twin(asset, built=BUILT, years=years, category=CATEGORY, coating_life=life)


def _share(twin: "ct.Twin") -> float:
    """Return the rusted share of a twin, percent."""
    return next(row.rusted_percent for row in twin.zones() if row.by == ALL)


def _forecasts(asset: "ct.Asset", out: Path, names: Sequence[str]) -> "tuple[Forecast, Forecast]":
    """Return the owner's forecasts before and after the masks, and save the twin that has learned from them."""
    from corrotwin.synth.cameras import texel_map

    forecast_before = _twin(asset, BELIEVED_LIFE, YEARS).forecast(AHEAD, category_measured=True)
    folder = out / "twin"
    twin = ct.Twin.load(folder) if folder.exists() else _twin(asset, BELIEVED_LIFE, YEARS)
    twin.save(folder)
    cameras = out / "cameras.json"
    write_json(cameras, [{"width": SIDE, "height": SIDE, **camera} for camera in CAMERAS])
    maps = [out / f"{camera['name']}.npz" for camera in CAMERAS]
    for camera, path in zip(CAMERAS, maps, strict=True):
        texel_map.write(folder, cameras, path, name=camera["name"])
    masks = [out / "masks" / "masks" / f"{name}.png" for name in names]
    twin.inspect(date=SEEN_ON, tool="camera", photo=masks, uvmap=maps)
    twin.save()
    return forecast_before, twin.forecast(AHEAD, category_measured=True)


def _bands(forecast: "Forecast") -> dict[float, ShareBand]:
    """Return the rusted share of the whole surface, by years of service."""
    return {
        row.years: ShareBand(low=row.rusted_percent[0], middle=row.rusted_percent[1], high=row.rusted_percent[2])
        for row in forecast.rows
        if row.zone == ALL
    }


def _plot(
    path: Path, forecasts: Sequence[dict[float, ShareBand]], years: Sequence[float], really: Sequence[float]
) -> None:
    """Draw the forecasts before and after the photographs, and what actually happens."""
    from corrotwin.twin.forecast.plots import canvas

    labels = (("#8b97a2", "before the photographs"), ("#0072b2", "after them"))
    with canvas(path, 8.0, 3.6) as figure:
        axes = figure.subplots()
        for bands, (colour, label) in zip(forecasts, labels, strict=True):
            low, middle, high = ([getattr(band, end) for band in bands.values()] for end in ("low", "middle", "high"))
            axes.fill_between(list(bands), low, high, color=colour, alpha=0.25, lw=0, label=f"P5 to P95 {label}")
            axes.plot(list(bands), middle, color=colour, lw=1.8)
        axes.plot(years, really, "k--", lw=1.5, label="what actually happens")
        axes.axvline(YEARS, color="#5b6770", lw=0.8, ls=":", label="photographed")
        axes.set(xlabel="years of service", ylabel="rusted surface, %", ylim=(0, None))
        axes.legend(fontsize=9, loc="upper left")


def _page(out: Path, names: Sequence[str], forecasts: Sequence[dict[float, ShareBand]], really: float) -> Path:
    photos = [
        DemoPhoto(
            photo=f"photos/images/{name}.jpg",
            overlay=f"masks/overlays/{name}.jpg",
            share=f"{parts.before(name, out / 'masks')['rusted_percent']:.0f} %",
        )
        for name in names
    ]
    before, after = (bands[max(bands)] for bands in forecasts)
    path = out / "index.html"
    write_page(
        path, Path(__file__).with_name("demo.html.j2"), title="corrotwin: a twin, two photographs, a forecast",
        photos=photos, before=before, after=after, really=really, years=YEARS, last=YEARS + AHEAD, life=LIFE,
        believed=BELIEVED_LIFE, category=CATEGORY,
    )  # fmt: skip
    return path
