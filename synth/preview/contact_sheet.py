"""Contact sheet of a dataset: sample images in tiles, with their masks outlined."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from corrotwin.segmentation.data import coco
from corrotwin.twin.core.files import atomic_file, open_file

NAME = "preview.jpg"
_MADE_BY = b"corrotwin synth preview"  # JPEG comment by which `is_ours` recognises the file
COLUMNS = 6
MOST_IMAGES = 24  # most images on the sheet, evenly spaced over the dataset
OUTLINE = (255, 0, 200)  # a pink that neither rust nor paint has


def write(folder: Path, chosen: Sequence[coco.Photo], *, tile: int = 220) -> None:
    """Write ``preview.jpg`` into a folder: the chosen photographs in square tiles with sides of `tile` pixels."""
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (min(COLUMNS, len(chosen)) * tile, rows * tile))
    for number, photo in enumerate(chosen):
        picture = outlined(coco.image(photo), coco.mask(photo), tile)
        sheet.paste(picture, (number % COLUMNS * tile, number // COLUMNS * tile))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88, comment=_MADE_BY)
    with atomic_file(folder / NAME) as stream:
        stream.write(buffer.getvalue())


def is_ours(path: Path) -> bool:
    """Return whether `write` made a picture, by the comment in it, which pictures of early versions lack."""
    try:
        with open_file(path) as stream, Image.open(stream, formats=["JPEG"]) as picture:
            return picture.info.get("comment") == _MADE_BY
    except (OSError, ValueError, SyntaxError):
        return False


def outlined(image: NDArray[np.uint8], mask: NDArray[np.bool_], tile: int) -> Image.Image:
    """Return a photograph with the outline of its mask, scaled to fit a black square with sides of `tile` pixels.

    Parameters
    ----------
    image : (H, W, 3) sRGB.
    mask : (H, W).
    """
    from scipy import ndimage

    height, width = mask.shape
    scale = tile / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))  # unlike `ImageOps.contain`, never 0
    picture = np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    small = np.array(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    picture[small & ~ndimage.binary_erosion(small, border_value=1)] = OUTLINE
    return ImageOps.pad(Image.fromarray(picture), (tile, tile))
