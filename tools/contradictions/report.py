"""The report of contradictions: a table of all, a sheet of pictures for each preset, and a page of the largest."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from corrotwin.twin.core.files import atomic_file, write_text
from corrotwin.twin.core.text import markdown_table
from tools.contradictions.regions import Region

FIRST = 10  # contradictions on sheets and in the page
COLUMNS, TILE, LINE = 5, 320, 16  # pixels
LABEL, REGION = (0, 255, 255), (255, 0, 255)  # outlines
HEADINGS = ("preset", "rank", "image", "row", "column", "share of picture", "red green blue", "ratio", "shows")


@dataclass(frozen=True, kw_only=True, eq=False)
class Contradiction:
    """A region of an image that is not labelled and has the colours of rust, and what the scene says it shows."""

    image: int
    picture: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    region: Region
    shows: Mapping[str, float]  # shares of the region, largest first

    @property
    def share(self) -> float:
        """The region's share of the picture."""
        return self.region.pixels / self.mask.size

    @property
    def words(self) -> str:
        """The two things that the region shows most of."""
        listed = list(self.shows.items())[:2]
        return ", ".join(f"{name} {share:.0%}" for name, share in listed if share >= 0.1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """The contradictions of a preset, largest first, and how often each thing is seen unlabelled in all pictures."""

    name: str
    model: str  # source of the colours of rust
    images: int
    unlabelled: Mapping[str, int]  # pixels that show each thing
    contradictions: Sequence[Contradiction]


def write(out: Path, findings: Sequence[Findings]) -> None:
    """Write contradictions.csv, contradictions.md and <preset>.png for each preset into the folder `out`."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEADINGS)
    for preset in findings:
        table.writerows(_row(preset.name, *pair) for pair in enumerate(preset.contradictions, start=1))
        content = io.BytesIO()
        _sheet(preset.contradictions[:FIRST]).save(content, "PNG")
        with atomic_file(out / f"{preset.name}.png") as stream:
            stream.write(content.getvalue())
    write_text(out / "contradictions.csv", text.getvalue())
    write_text(out / "contradictions.md", page(findings))


def page(findings: Sequence[Findings]) -> str:
    """Return, as Markdown, the first contradictions of each preset and the sums of all by what they show."""
    lines = []
    for preset in findings:
        rows = [_row(preset.name, *pair)[1:] for pair in enumerate(preset.contradictions[:FIRST], start=1)]
        sums = ("shows", "called rust, of all unlabelled pixels", "of those that show it")
        lines += [
            f"## {preset.name}", "",
            f"{preset.images} images, {len(preset.contradictions)} regions; colours of rust from {preset.model}.", "",
            *markdown_table(HEADINGS[1:], rows).splitlines(), "", *markdown_table(sums, _sums(preset)).splitlines(), "",
        ]  # fmt: skip
    return "\n".join(lines)


def _row(name: str, rank: int, one: Contradiction) -> tuple[str, ...]:
    row, column = one.region.middle
    color = " ".join(map(str, one.region.color))
    place = (f"{one.image:06d}", str(row), str(column))
    return (name, str(rank), *place, f"{one.share:.2%}", color, f"{one.region.ratio:.1f}", one.words)


def _sums(found: Findings) -> list[tuple[str, str, str]]:
    """Return, for each thing, its pixels called rust as shares of all unlabelled pixels and of those that show it."""
    called: Counter[str] = Counter()
    for contradiction in found.contradictions:
        for name, share in contradiction.shows.items():
            called[_layer(name)] += round(share * contradiction.region.pixels)
    unlabelled: Counter[str] = Counter()
    for name, pixels in found.unlabelled.items():
        unlabelled[_layer(name)] += pixels
    return [
        (name, f"{pixels / unlabelled.total():.2%}", f"{pixels / max(unlabelled[name], 1):.0%}")
        for name, pixels in called.most_common(FIRST)
    ]


def _layer(shows: str) -> str:
    """Return what a pixel shows without the kind of asset."""
    return shows.rpartition(": ")[2]


def _sheet(contradictions: Sequence[Contradiction]) -> Image.Image:
    """Return pictures side by side, with labels and regions outlined, each above its rank and what the region shows."""
    rows = -(-max(len(contradictions), 1) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * (TILE + 2 * LINE)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for index, contradiction in enumerate(contradictions):
        x, y = index % COLUMNS * TILE, index // COLUMNS * (TILE + 2 * LINE)
        picture = np.array(Image.fromarray(contradiction.picture).resize((TILE, TILE), Image.Resampling.LANCZOS))
        for mask, color in ((contradiction.mask, LABEL), (contradiction.region.where, REGION)):
            large = np.array(Image.fromarray(mask).resize((TILE, TILE), Image.Resampling.NEAREST))
            picture[large & ~ndimage.binary_erosion(large)] = color
        sheet.paste(Image.fromarray(picture), (x, y))
        pen.text(
            (x + 3, y + TILE), f"{index + 1}: image {contradiction.image}, {contradiction.share:.2%}", "black", font
        )
        pen.text((x + 3, y + TILE + LINE - 2), contradiction.words[:58], "black", font)
    return sheet
