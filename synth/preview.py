"""A contact sheet: what is in the folder, at a glance, with mask outlines."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segmentation import coco
from twin.files import atomic_file

COLUMNS = 6
OUTLINE = (255, 0, 200)  # a colour that neither rust nor paint has


def contact_sheet(folder: Path, *, most: int = 24, tile: int = 220) -> None:
    """Write ``folder/preview.jpg``: up to `most` photographs, evenly spaced, each `tile` pixels wide."""
    photographs = coco.read(folder, allow_unannotated=True).photos
    chosen = [photographs[i] for i in np.unique(np.linspace(0, len(photographs) - 1, most).round().astype(int))]
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (min(COLUMNS, len(chosen)) * tile, rows * tile))
    for number, photograph in enumerate(chosen):
        picture = outlined(coco.image(photograph), coco.mask(photograph), tile)
        sheet.paste(picture, (number % COLUMNS * tile, number // COLUMNS * tile))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88)
    with atomic_file(folder / "preview.jpg") as stream:
        stream.write(buffer.getvalue())


def outlined(image: NDArray[np.uint8], mask: NDArray[np.bool_], tile: int) -> Image.Image:
    """The photograph scaled to `tile` pixels with the mask's border drawn on it."""
    from scipy import ndimage

    picture = np.array(Image.fromarray(image).resize((tile, tile), Image.Resampling.LANCZOS))
    small = np.array(Image.fromarray(mask).resize((tile, tile), Image.Resampling.NEAREST))
    picture[small & ~ndimage.binary_erosion(small, border_value=1)] = OUTLINE
    return Image.fromarray(picture)
