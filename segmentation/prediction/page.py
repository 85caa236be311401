"""The page of a folder of predictions: its photos with outlined corrosion, most corroded first."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from corrotwin.segmentation.prediction.parts import files_of
from corrotwin.segmentation.prediction.predictor import Predictor
from corrotwin.twin.pages.rendering import write_page

PAGE = "index.html"
MOST = 500  # photos on the page; the table has all


@dataclass(frozen=True, kw_only=True)
class PagePhoto:
    """A photo on the page. `address` is that of its overlay, empty if there is none; the other fields are text."""

    name: str
    address: str
    share: str
    frame: str


def write(out: Path, found: Mapping[str, Mapping[str, Any]], predictor: Predictor) -> None:
    """Write the page of a folder; `found` maps the names of masks to the parts of their photos."""
    by_share = sorted(found, key=lambda name: (-found[name]["rusted_percent"], name))
    shown = [_shown(name, found[name], out) for name in by_share[:MOST]]
    has_ranges = any(found[name].get("rusted_percent_low") is not None for name in by_share[:MOST])
    write_page(
        out / PAGE,
        Path(__file__).with_name("page.html.j2"),
        title="Corrosion found on photos",
        photos=shown,
        count=len(found),
        measured=predictor.measured if has_ranges else None,
        threshold=f"{predictor.threshold:.3g}",
        framed=any(photo.frame for photo in shown),
        adapted=predictor.settings.adapt,
        ships=predictor.ships,
    )


def _shown(name: str, part: Mapping[str, Any], out: Path) -> PagePhoto:
    overlay = files_of(name, out)[2]
    has_overlay = overlay.exists()
    return PagePhoto(
        name=part["photo"],
        address=quote(overlay.relative_to(out).as_posix()) if has_overlay else "",
        share=_percent(part, "rusted_percent"),
        frame=_framed(part) if "frame_percent" in part else "",
    )


def _percent(part: Mapping[str, Any], name: str) -> str:
    low, high = part.get(f"{name}_low"), part.get(f"{name}_high")
    interval = "" if low is None or high is None else f" ({low:.3g} to {high:.3g})"
    return f"{part[name]:.3g} %{interval}"


def _framed(part: Mapping[str, Any]) -> str:
    low, high = part.get("iso_4628_3_low"), part.get("iso_4628_3_high")
    interval = "" if low is None or high is None else f" ({low} to {high})"
    return f"{part['iso_4628_3']}{interval}, {_percent(part, 'frame_percent')} of the frame"
