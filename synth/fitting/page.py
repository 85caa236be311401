"""Page of a fit: photographs beside renders before and after, their distances, and the fitted values."""

import base64
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from corrotwin.segmentation.data import coco
from corrotwin.synth.fitting.appearance import Shot
from corrotwin.synth.fitting.fit import Fit
from corrotwin.synth.presets.schema import Preset, title
from corrotwin.synth.preview.contact_sheet import outlined
from corrotwin.twin.pages.rendering import write_page

TILE, COLUMNS, SHOWN = 150, 8, 16  # side of a tile in pixels; tiles in a row, and on a sheet
WORDS = ("kinds", "grounds")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Pictures in rows, as a data URI (`source`), with their heading and caption."""

    heading: str
    source: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class PageTable:
    """A table with its heading, and a note on how to read it."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def write(path: Path, fit: Fit, name: str) -> None:
    """Write the page of a fit whose preset is called `name`."""
    write_page(
        path, Path(__file__).with_name("page.html.j2"), title=f"{name}: renders fitted to your photographs",
        answer=answer(fit), sheets=_sheets(fit, name), tables=[_distances(fit), _values(fit, name), _tried(fit)],
    )  # fmt: skip


def answer(fit: Fit) -> str:
    """Return two sentences that state whether the fit brought renders nearer."""
    nearer = round(100 * (1 - fit.relative))
    near = f"{nearer} % closer to" if nearer > 0 else f"{-nearer} % farther from" if nearer else "no closer to"
    return (
        f"Renders of this preset are {near} your {len(fit.photos.labelled)} labelled photographs than those of "
        f"{_base(fit)}, judged by a pretrained encoder's features and by their masks. Whether a network learns "
        "more from them is a separate question; corrotwin benchmarks screen answers it, on photographs that the fit "
        "has not seen."
    )


def _base(fit: Fit) -> str:
    return title(fit.base.name, changed=bool(fit.base.changes()))


def _sheets(fit: Fit, name: str) -> list[Sheet]:
    note = "Masks are outlined. Everything is shown at 128 pixels, the size of the comparison."
    return [
        Sheet(heading="Your photographs", source=_sheet(fit.photos.labelled), caption=note),
        Sheet(
            heading=f"Renders before: {_base(fit)}",
            source=_sheet(fit.shots_before),
            caption="Scenes that the search has not seen.",
        ),
        Sheet(
            heading=f"Renders after: {name}",
            source=_sheet(fit.shots_after),
            caption="The same number of scenes, from the same seed.",
        ),
    ]


def _sheet(shots: Sequence[Shot]) -> str:
    """Return pictures, with their masks outlined, as a JPEG in a data URI."""
    chosen = coco.evenly(shots, SHOWN)
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (min(COLUMNS, len(chosen)) * TILE, rows * TILE))
    for number, shot in enumerate(chosen):
        mask = np.zeros(shot.picture.shape[:2], bool) if shot.mask is None else shot.mask
        sheet.paste(outlined(shot.picture, mask, TILE), (number % COLUMNS * TILE, number // COLUMNS * TILE))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _distances(fit: Fit) -> PageTable:
    return PageTable(
        heading="Distance from your photographs",
        columns=("", "before", "after", "by chance: between halves of your photographs"),
        rows=tuple(
            (region, *(f"{distances[region]:.2f}" for distances in (fit.before, fit.after, fit.halves)))
            for region in fit.before
        ),
        note="Regions: kernel distance between features of an encoder trained on ImageNet. Labels: share, number, "
        "outline and largest region of the masks, in variances of your photographs. 0 means alike. The last column, "
        "the distance between two halves of your photographs, shows the effect of chance. Scenes without "
        "rust are left out here.",
    )  # fmt: skip


def _values(fit: Fit, name: str) -> PageTable:
    return PageTable(
        heading="Fitted fields",
        columns=("", _base(fit), name),
        rows=tuple(_changed(fit.base, fit.preset, "")),
        note="Fields of the preset (docs/synth.md, a preset of your own). Change one in the file and render again.",
    )


def _tried(fit: Fit) -> PageTable:
    return PageTable(
        heading="Presets tried",
        columns=("", "distance, as a share of the base preset's"),
        rows=tuple((name, f"{100 * share:.0f} %") for name, share in fit.tried),
        note="Presets of one step were measured on the same few scenes, so all these numbers depend on chance. A "
        "change to the first estimate is kept if it reduces the distance by a twentieth. The last four are "
        "from other scenes.",
    )


def _changed(base: Any, found: Any, inside: str) -> Sequence[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for field in fields(base):
        old, new = getattr(base, field.name), getattr(found, field.name)
        if old == new or field.name in ("description", "name"):
            continue
        if isinstance(base, Preset) and field.name in ("sensor", "labels"):
            rows += _changed(old, new, f"{field.name}.")
        else:
            rows.append((inside + field.name, _text(field.name, old), _text(field.name, new)))
    return rows


def _text(name: str, value: Any) -> str:
    if name in WORDS:
        counts = Counter(value)
        return ", ".join(f"{word} {100 * count / len(value):.0f} %" for word, count in counts.most_common())
    if name == "arrangements":
        total = sum(weight for _, weight in value)
        return ", ".join(f"{word} {100 * weight / total:.0f} %" for word, weight in value)
    if name == "paints":
        return f"{len(value)} colours"
    if isinstance(value, tuple):
        return " to ".join(f"{end:g}" if isinstance(end, (int, float)) else str(end) for end in value)
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
