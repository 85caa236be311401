"""Pictures of pages, each as the bytes of a file: reduced photos, and layers to lay over them."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

PHOTO_QUALITY = 80  # of JPEG
LAYER_QUALITY = 75  # of WebP


@dataclass(frozen=True, kw_only=True, eq=False)
class EncodedPicture:
    """The content of a picture file; `kind` is its suffix and the name of its type."""

    content: bytes
    kind: Literal["jpeg", "png", "webp"]

    @property
    def data_uri(self) -> str:
        """The picture as an address with the whole content, for pages that are one file."""
        return f"data:image/{self.kind};base64,{base64.b64encode(self.content).decode()}"


def fitted(shape: Sequence[int], side: int) -> tuple[int, int]:
    """Return width and height of a picture of `shape` (h, w, ...) reduced to at most `side` pixels."""
    scale = min(1.0, side / max(shape[:2]))
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def photo(image: npt.NDArray[np.uint8], side: int) -> EncodedPicture:
    """Encode a photo (h, w, 3), RGB, reduced to at most `side` pixels on its longer side."""
    small = cv2.resize(image, fitted(image.shape, side), interpolation=cv2.INTER_AREA)
    return _encoded(np.asarray(small), "jpeg", quality=PHOTO_QUALITY)


def flat_layers(
    maps: Sequence[npt.NDArray[np.uint8]], colours: Sequence[tuple[int, int, int]], side: int
) -> EncodedPicture:
    """Encode layers of few colours, one below the other in one picture.

    Parameters
    ----------
    maps : arrays (h, w); 0 is transparent, a number n is colour n - 1.
    colours : red, green and blue, 0 to 255.
    side : most pixels of a layer's longer side.
    """
    from PIL import Image

    size = fitted(maps[0].shape, side)
    rows = np.concatenate([cv2.resize(layer, size, interpolation=cv2.INTER_NEAREST) for layer in maps])
    picture = Image.frombytes("P", (size[0], len(rows)), rows.tobytes())
    picture.putpalette([0, 0, 0, *np.ravel(colours).tolist()])
    stream = io.BytesIO()
    bits = next(depth for depth in (1, 2, 4, 8) if len(colours) < 2**depth)  # the depths that PNG has
    picture.save(stream, "PNG", bits=bits, transparency=0)
    return EncodedPicture(content=stream.getvalue(), kind="png")


def colour_layers(layers: Sequence[npt.NDArray[np.uint8]], side: int) -> EncodedPicture:
    """Encode layers (h, w, 4), RGBA, one below the other in one picture, each of `side` pixels on its longer side."""
    size = fitted(layers[0].shape, side)
    return _encoded(
        np.concatenate([_smaller(layer, size) for layer in layers]), "webp", quality=LAYER_QUALITY, method=2
    )


def _smaller(layer: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return a layer in another size; transparent pixels lend no colour to the others."""
    alpha = layer[..., 3:].astype(np.float32) / 255
    weighted = cv2.resize(np.dstack([layer[..., :3] * alpha, alpha]), size, interpolation=cv2.INTER_AREA)
    colours = weighted[..., :3] / np.maximum(weighted[..., 3:], 1 / 255)
    return np.asarray(np.rint(np.dstack([colours, 255 * weighted[..., 3]])).clip(0, 255), np.uint8)


def _encoded(pixels: npt.NDArray[np.uint8], kind: Literal["jpeg", "webp"], **options: int) -> EncodedPicture:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind.upper(), **options)
    return EncodedPicture(content=stream.getvalue(), kind=kind)
