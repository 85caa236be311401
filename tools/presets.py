"""Make docs/images/presets.jpg: the first photographs of each preset, one preset a row.

    .venv/bin/python -m tools.presets                   # every row
    .venv/bin/python -m tools.presets painted own.json  # these rows alone, also presets of your own

Datasets are kept in out/presets and not rendered again. A sheet of only some rows is written there, too.
"""

import argparse
import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.schema import Preset
from corrotwin.synth.rendering.dataset import render
from corrotwin.twin.core.files import atomic_file

ROOT = Path(__file__).resolve().parents[1]
WORK, SHEET = ROOT / "out" / "presets", ROOT / "docs" / "images" / "presets.jpg"
ROWS = ("balanced", "bridges", "painted", "timelapse", "stress", "quick")
COLUMNS, TILE, MARGIN = 8, 160, 20  # pixels
SIZE, SEED = 320, 7
YEARS = 26  # images of one time-lapse


def numbers(name: str) -> list[int]:
    """Return the images of a preset in its row: the first ones, or for a time-lapse, years spread over all of it."""
    if name == "timelapse":
        return [round(column * (YEARS - 1) / (COLUMNS - 1)) for column in range(COLUMNS)]
    return list(range(COLUMNS))


def row(name: str) -> Image.Image:
    """Return the photographs of one preset, side by side, after rendering those that are absent."""
    indices = numbers(name)
    folder = WORK / Path(name).stem
    preset = Preset.read(name) if name.endswith(".json") else name
    render(folder, RenderConfig(preset=preset, size=SIZE, seed=SEED), count=max(indices) + 1, address=None)
    strip = Image.new("RGB", (COLUMNS * TILE, TILE + MARGIN), "white")
    ImageDraw.Draw(strip).text((4, 3), Path(name).stem, fill="black", font=ImageFont.load_default(13))
    for column, number in enumerate(indices):
        with Image.open(folder / "images" / f"{number:06d}.jpg") as photo:
            strip.paste(photo.resize((TILE, TILE), Image.Resampling.LANCZOS), (column * TILE, MARGIN))
    return strip


def main() -> None:
    """Render what is missing and write the sheet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="preset", help=f"all by default: {', '.join(ROWS)}")
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in ROWS and not name.endswith(".json")]:
        parser.error(f"{unknown[0]}: no row of this sheet; choose from {', '.join(ROWS)}")
    rows = [row(name) for name in names or ROWS]
    sheet = Image.new("RGB", (COLUMNS * TILE, sum(strip.height for strip in rows)), "white")
    for index, strip in enumerate(rows):
        sheet.paste(strip, (0, index * strip.height))
    content = io.BytesIO()
    sheet.save(content, "JPEG", quality=82)
    with atomic_file(WORK / SHEET.name if names else SHEET) as stream:
        stream.write(content.getvalue())


if __name__ == "__main__":
    main()
