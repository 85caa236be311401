"""HTML page of a validation: labels and tones of a dataset beside those of a reference, and pairs of pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from corrotwin.segmentation.data import coco
from corrotwin.synth.labels import label_statistics
from corrotwin.synth.labels.label_statistics import ImageLabels
from corrotwin.synth.preview.contact_sheet import outlined
from corrotwin.synth.validation.report import BASIS, ValidationReport, statistics_table
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import writing
from corrotwin.twin.core.text import counted, printable
from corrotwin.twin.pages import pictures
from corrotwin.twin.pages.rendering import write_page

TONED = 100  # most pictures of each set, evenly spaced, whose tones are counted
TONE_SIDE = 256  # longer side, in pixels, to which these are scaled
PAIRS = 8
TILE = 240  # side of a picture on the page, pixels
BINS = 25
FINDINGS = 20  # most findings on the page; reports in other formats list all
WIDE, HIGH = 320, 120  # width and height of a chart, in units of its SVG


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Chart of the distributions of one number.

    `lines` holds, for each set, the points of its SVG polyline and the set's name; `low` and `high` label the ends of
    the horizontal axis.
    """

    heading: str
    about: str
    low: str
    high: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class OutlinedPicture:
    """A picture with its mask outlined, as a data URI, with its name and the line below it."""

    source: str
    name: str
    line: str


@dataclass(frozen=True, kw_only=True)
class _Sets:
    """Photos of a dataset (`own`) and of all its references together; empty if there are none."""

    own: Sequence[coco.Photo]
    reference: Sequence[coco.Photo]


def write(path: Path, report: ValidationReport, references: Sequence[ValidationReport], classes: Sequence[str]) -> None:
    """Write the page of a validation: one HTML file with embedded pictures.

    Tones and pictures need datasets that can be read; if one cannot, the page says so and shows the rest.

    Parameters
    ----------
    path : HTML file to write, already checked by `report.check_destination`.
    report : validation of the dataset.
    references : validations of the sets that it is compared with, which count as one.
    classes : names of the references' categories that count as corrosion; all if empty.

    Raises
    ------
    InputError
        A picture is damaged, or the file cannot be written.
    """
    labels = [report.labels]
    if references:
        labels.append(tuple(image for reference in references for image in reference.labels))
    trouble, sets = "", None
    try:
        sets = _read(report, references, classes)
    except InputError as error:
        trouble = printable(str(error))
    headings, *rows = statistics_table(report, references)
    title = f"Validation of {printable(report.folder.resolve().name)}"
    with writing(path):
        write_page(
            path, Path(__file__).with_name("comparison.html.j2"), title=title,
            summary=report.summary, findings=report.findings[:FINDINGS],
            more=max(0, len(report.findings) - FINDINGS),
            references=[f"{printable(reference.folder.name)}: {reference.summary}" for reference in references],
            charts=_label_charts(labels), tones=[] if sets is None else _tone_charts(sets),
            pairs=[] if sets is None else _pairs(sets), trouble=trouble, headings=headings, rows=rows, basis=BASIS,
            alike=label_statistics.ALIKE, wide=WIDE, high=HIGH,
        )  # fmt: skip


def _read(report: ValidationReport, references: Sequence[ValidationReport], classes: Sequence[str]) -> _Sets:
    own = coco.read(report.folder, allow_unannotated=True).photos
    names = tuple(classes) or None
    others = [coco.read(reference.folder, classes=names, allow_unannotated=True).photos for reference in references]
    return _Sets(own=own, reference=[photo for photos in others for photo in photos])


# --- distributions


def _chart(
    heading: str, about: str, values: Sequence[NDArray[np.float64]], high: float, *, unit: str = "", last: str = ""
) -> Chart:
    """Return the chart of values from 0 to `high`, an array for each set; larger values count in the last bin."""
    edges = np.linspace(0, high, BINS + 1)
    shares = [np.histogram(numbers.clip(0, high), edges)[0] / max(1, len(numbers)) for numbers in values]
    return _drawn(heading, about, shares, "0", f"{high:g}{unit}{last}")


def _drawn(heading: str, about: str, shares: Sequence[NDArray[np.float64]], low: str, high: str) -> Chart:
    most = max(float(bins.max(initial=0)) for bins in shares) or 1.0
    lines = []
    for name, bins in zip(("this set", "reference"), shares, strict=False):
        x = np.repeat(np.linspace(0, WIDE, len(bins) + 1), 2)[1:-1]
        y = np.repeat(HIGH * (1 - bins / most), 2)
        lines.append((" ".join(f"{across:.1f},{down:.1f}" for across, down in zip(x, y, strict=True)), name))
    return Chart(heading=heading, about=about, low=low, high=high, lines=tuple(lines))


def _label_charts(labels: Sequence[Sequence[ImageLabels]]) -> list[Chart]:
    def values(value: Callable[[ImageLabels], float], *, marked: bool = True) -> list[NDArray[np.float64]]:
        return [np.array([value(image) for image in images if image.area or not marked]) for images in labels]

    return [
        _chart(
            "Corrosion share", "of each picture", values(lambda image: 100 * image.share, marked=False), 100, unit=" %"
        ),
        _chart("Regions", "in each picture with corrosion", values(lambda image: image.regions), BINS, last=" or more"),
        _chart(
            "Boundary / area", "larger: more ragged", values(lambda image: image.boundary / image.area), 0.5,
            last=" or more",
        ),
        _chart(
            "Added by closing", "gaps that people bridge", values(lambda image: 100 * image.closing / image.area), 50,
            unit=" %", last=" or more",
        ),
    ]  # fmt: skip


def _tone_charts(sets: _Sets) -> list[Chart]:
    """Return the distributions of luminance and saturation, in corrosion and elsewhere."""
    tones = [_tones(photos) for photos in (sets.own, sets.reference) if photos]
    names = [(what, where) for what in ("Luminance", "Saturation") for where in ("in corrosion", "elsewhere")]
    return [
        _drawn(f"{what} {where}", f"of pixels of up to {TONED} pictures", [shares[row] for shares in tones], "0", "255")
        for row, (what, where) in enumerate(names)
    ]


def _tones(photos: Sequence[coco.Photo]) -> NDArray[np.float64]:
    """Return shares of pixels, (4, 32): luminance in corrosion and elsewhere, then HSV saturation likewise."""
    counts = np.zeros((4, 32))
    for photo in coco.evenly(photos, TONED):
        image, mask = coco.image(photo), coco.mask(photo)
        size = pictures.fitted(mask.shape, TONE_SIDE)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        for first, values in (
            (0, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)), (2, cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[..., 1])
        ):  # fmt: skip
            for row, region in ((first, inside), (first + 1, ~inside)):
                counts[row] += np.bincount(values[region] // 8, minlength=32)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


# --- pictures


def _pairs(sets: _Sets) -> list[list[OutlinedPicture]]:
    """Return pictures of the reference, least corrosion first, each beside the picture of the set nearest in share."""
    own = [(float(coco.mask(photo).mean()), photo) for photo in sets.own]
    if not sets.reference:
        return [[_picture(*pair, "this set")] for pair in coco.evenly(sorted(own, key=lambda pair: pair[0]), 2 * PAIRS)]
    reference = sorted(((float(coco.mask(photo).mean()), photo) for photo in sets.reference), key=lambda pair: pair[0])
    pairs = []
    for share, photo in coco.evenly(reference, PAIRS):
        if own:
            nearest = min(own, key=lambda pair: abs(pair[0] - share))
            own.remove(nearest)  # no picture is shown twice
            pairs.append([_picture(share, photo, "reference"), _picture(*nearest, "this set")])
    return pairs


def _picture(share: float, photo: coco.Photo, dataset: str) -> OutlinedPicture:
    tile = np.asarray(outlined(coco.image(photo), coco.mask(photo), TILE))
    regions = counted(len(photo.annotations), "annotation")
    return OutlinedPicture(
        source=pictures.photo(tile, TILE).data_uri, name=printable(photo.file_name),
        line=f"{dataset}, {100 * share:.3g} % corroded, {regions}",
    )  # fmt: skip
