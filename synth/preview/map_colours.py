"""Colours in which label maps are laid over pictures, and their legends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.labels import maps
from corrotwin.synth.labels.severity import LOSS_BANDS_MM

Rgba = NDArray[np.uint8]
Counts = NDArray[Any]
Colour = tuple[int, int, int]
OLD_YEARS, DEEP_MM = 25.0, 1.0  # age and wall loss at the end of the colour scale
_SCALE = np.ascontiguousarray(cv2.applyColorMap(np.arange(256, dtype=np.uint8), cv2.COLORMAP_VIRIDIS)[:, 0, ::-1])
_BANDS: tuple[Colour, ...] = ((254, 217, 118), (253, 141, 60), (227, 26, 28), (128, 0, 38))  # pale to dark red
_APART: tuple[Colour, ...] = (  # palette of Okabe and Ito, which colour-blind people can tell apart
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Shading:
    """Display of a label map: its legend, as pairs of a CSS colour and its meaning, and a function that paints it.

    `paint` takes the counts of a map as `maps` writes them, (h, w) or (h, w, 3) with 3 `channels`, and returns RGBA,
    (h, w, 4); alpha is 0 where the map has no value.
    """

    legend: tuple[tuple[str, str], ...]
    paint: Callable[[Counts], Rgba]
    channels: int = 1

    def layer(self, counts: Counts | None, shape: tuple[int, int]) -> Rgba:
        """Return the RGBA layer of a map, of `shape` (h, w); transparent if the map is absent or of another shape."""
        wanted = shape if self.channels == 1 else (*shape, self.channels)
        if counts is None or counts.shape != wanted:
            return np.zeros((*shape, 4), np.uint8)
        return self.paint(counts)


def css(colour: Colour) -> str:
    """Return a colour in CSS notation, such as #ff00c8."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def filled(mask: NDArray[np.bool_], colour: Colour) -> Rgba:
    """Return a mask (h, w) as an RGBA layer (h, w, 4) of one colour, transparent outside the mask."""
    layer = np.zeros((*mask.shape, 4), np.uint8)
    layer[mask] = (*colour, 255)
    return layer


def _scaled(full: float, *meanings: str) -> Shading:
    """Return the shading of a map from 0 to `full` counts; `meanings` label the colour scale at even distances."""

    def paint(counts: Counts) -> Rgba:
        return _on_scale(counts / full, counts > 0)

    return Shading(legend=_scale_legend(*meanings), paint=paint)


def _scale_legend(*meanings: str) -> tuple[tuple[str, str], ...]:
    """Return the legend of the colour scale, with meanings at even distances."""
    places = np.linspace(0, 255, len(meanings)).round().astype(int)
    return tuple((css(tuple(_SCALE[place].tolist())), text) for place, text in zip(places, meanings, strict=True))


def _on_scale(share: NDArray[np.floating[Any]], known: NDArray[np.bool_]) -> Rgba:
    """Return shares from 0 to 1 in colours of the scale, transparent where no value is known."""
    colours = _SCALE[np.rint(255 * share.clip(0, 1)).astype(np.uint8)]
    return np.asarray(np.dstack([colours, np.where(known, 255, 0)]), np.uint8)


def _depth(counts: Counts) -> Rgba:
    """Return depths in colours of the scale, which spans nearly all depths of this picture."""
    known = counts > 0
    near, far = np.quantile(counts[known], (0.02, 0.98)) if known.any() else (0.0, 1.0)
    return _on_scale((counts - near) / max(1.0, far - near), known)


def _of_classes(colours: tuple[Colour, ...]) -> Callable[[Counts], Rgba]:
    """Return a function that paints numbers from 1 in these colours, starting again with the first after the last."""

    def paint(counts: Counts) -> Rgba:
        index = (counts.astype(np.int64) - 1) % len(colours)
        return np.asarray(np.dstack([np.array(colours)[index], np.where(counts > 0, 255, 0)]), np.uint8)

    return paint


def _as_colour(counts: Counts) -> Rgba:
    """Return a map of three channels as red, green and blue, transparent where all are 0."""
    return np.asarray(np.dstack([counts >> 8, np.where(counts.any(axis=2), 255, 0)]), np.uint8)


def _light(counts: Counts) -> Rgba:
    """Return the map of light, clipped at radiance 1, as an opaque picture."""
    shown = (255 * counts.astype(np.float32) / maps.LIGHT_COUNTS).clip(
        0, 255
    )  # square root of the radiance, close to sRGB's curve
    return np.asarray(np.dstack([shown, np.full(counts.shape[:2], 255)]), np.uint8)


_LOSSES = tuple(
    (css(colour), f"{name}, from {edge:g} mm")
    for colour, (name, edge) in zip(_BANDS, LOSS_BANDS_MM.items(), strict=True)
)
SHADINGS: dict[str, Shading] = {
    "rust_cover": _scaled(maps.MOST, "0", "50 %", "100 %"),
    "stain": _scaled(maps.MOST, "0", "50 %", "100 %"),
    "age": _scaled(OLD_YEARS * maps.AGE_COUNTS, "0", f"{OLD_YEARS / 2:g}", f"{OLD_YEARS:g} years or more"),
    "wall_loss": _scaled(1000 * DEEP_MM, "0", f"{DEEP_MM / 2:g}", f"{DEEP_MM:g} mm or more"),
    "severity": Shading(legend=_LOSSES, paint=_of_classes(_BANDS)),
    "instances": Shading(legend=((css(_APART[0]), "one colour for each asset"),), paint=_of_classes(_APART)),
    "depth": Shading(legend=_scale_legend("near", "far in this picture"), paint=_depth),
    "normals": Shading(legend=(("#ff8080", "x"), ("#80ff80", "y"), ("#8080ff", "z")), paint=_as_colour, channels=3),
    "uv": Shading(legend=(("#ff0000", "u"), ("#00ff00", "v")), paint=_as_colour, channels=3),
    "light": Shading(legend=(), paint=_light, channels=3),
}
