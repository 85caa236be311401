"""Prediction on photos of any size: whole, or in tiles at the scale of the training if they are large.

A predictor is a trained run (`run_predictor`), an exported network (`exported_predictor`), or the mean of several.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.config import Framing, Tiling
from corrotwin.segmentation.data import decoded
from corrotwin.segmentation.evaluation.tiles import LARGER, NATIVE_TILE, OVERLAP, Predict, blended, needs_tiles
from corrotwin.segmentation.prediction.measured import Measured
from corrotwin.twin.core.errors import InputError

LONG = 2  # times as long as wide; squeezed into a square, a longer photo would be too distorted
MOST_SCALE = 4  # pixels of the network for each pixel of a photo
FLIPS: tuple[tuple[int, ...], ...] = ((), (1,), (2,), (1, 2))  # axes of a batch of images (b, h, w, 3)

HashedPhotos = Iterable[tuple[str, npt.NDArray[np.uint8]]]
"""Photos (h, w, 3), each with the hash of its content."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a prediction.

    Parameters
    ----------
    threshold : threshold on the corrosion probability, between 0 and 1; None for the run's own.
    tiling : cut photos into tiles always, never (whole, as in training), or as the training suggests (auto): never if
        it resized whole photos, only large ones (`needs_tiles`) if it took crops. Photos much larger than those of
        training need a choice (`sizes.check_sizes`).
    scale : pixels of the network per pixel of a photo; None for the scale of the run's training photos. If it is given,
        a run that resizes whole photos cuts each into tiles, since only then does a photo have this scale.
    overlap : fraction of a tile shared with its neighbour.
    flips : average over the photo and its flips (horizontal, vertical, both).
    adapt : take the statistics of batch normalisation from the photos that are predicted (`evaluation.adaptation`).
    """

    threshold: float | None = None
    tiling: Tiling = "auto"
    scale: float | None = None
    overlap: float = OVERLAP
    flips: bool = False
    adapt: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise InputError(f"`threshold` {self.threshold} is not between 0 and 1")
        if self.scale is not None and not 0 < self.scale <= MOST_SCALE:
            raise InputError(f"`scale` {self.scale} is not above 0 and at most {MOST_SCALE}")
        if not 0 <= self.overlap <= 0.9:
            raise InputError(f"`overlap` {self.overlap} is not between 0 and 0.9")


class Predictor(ABC):
    """Predict the probability of corrosion on photos.

    `folder` names it to people, `run` identifies it in a folder of predictions. `photo_side` is the side in pixels of a
    square as large as its training photos; None if photos of any size are taken as they are. `labelled` has the hashes
    of photos whose labels trained, validated or tested it. `note` says what users of an unfinished run should know.
    `threshold` is that of the settings, or its own. `threads` is the number of threads that one photo keeps busy.
    `measured` is its measured performance; None if nothing was measured. `ships` is true for the model that ships.
    """

    folder: Path
    settings: Settings
    run: dict[str, Any]
    threshold: float
    scale: float
    framing: Framing
    photo_side: float | None = None
    labelled: frozenset[str] = frozenset()
    note: str = ""
    threads: int = 1
    measured: Measured | None = None
    ships: bool = False

    @abstractmethod
    def probability(self, image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], int]:
        """Return the corrosion probability (h, w) of a photo (h, w, 3), and the number of tiles, 0 if it was not cut.

        Raises
        ------
        InputError
            A probability is not a number.
        """

    @abstractmethod
    def adapt(self, photos: HashedPhotos) -> int:
        """Take the statistics of batch normalisation from photos, which `run` then states; return the number of photos.

        Raises
        ------
        InputError
            There are no photos, or there is nothing to adapt.
        """

    @property
    @abstractmethod
    def pixels_at_once(self) -> int:
        """The largest number of pixels that a network takes at once, in tiles or in a photo that is not cut."""

    @property
    def keeps_scale(self) -> bool:
        """Return whether every photo is predicted at `scale`; otherwise it is resized to fit, whole or in squares."""
        return self.framing == "crop" or self.settings.tiling == "always" or self.settings.scale is not None

    def working(self) -> AbstractContextManager[None]:
        """Return a context in which photos are predicted."""
        return nullcontext()

    def start_thread(self) -> None:  # noqa: B027  most need nothing
        """Set up a thread that predicts photos."""


class NetworkPredictor(Predictor):
    """A network that takes squares of one size or, with `framing` crop, images of any size.

    `size` is the side of the square in pixels, `batch_size` the number of tiles that it takes at once. If photos of any
    size are taken as they are, those more than `LONG` times as long as wide are cut into squares of their short side,
    unless that side has too few pixels.
    """

    size: int
    batch_size: int

    @property
    def pixels_at_once(self) -> int:
        """The largest number of pixels that it takes at once; see `Predictor.pixels_at_once`."""
        uncut = round((LARGER * NATIVE_TILE) ** 2) if self.framing == "crop" else 0
        return max(uncut, self.batch_size * self.size**2)

    def check_scale(self) -> None:
        """Refuse a scale for photos that are resized whole.

        Raises
        ------
        InputError
            The settings give a scale but never cut a photo into tiles.
        """
        if self.settings.scale is not None and self.settings.tiling == "never" and self.framing == "resize":
            square = f"{self.size} x {self.size} pixels"
            raise InputError(f"`tiling` never squeezes every photo to {square}, whatever `scale`; leave one out")

    def probability(self, image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], int]:
        """Predict a photo; see `Predictor.probability`."""
        import cv2

        small, tiles = self.through(image, self._predict)
        if np.isnan(small).any():
            raise InputError(f"{self.folder}: the network's predictions are not numbers; train again")
        height, width = image.shape[:2]
        large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(large, dtype=np.float32), tiles

    def through(self, image: npt.NDArray[np.uint8], predict: Predict) -> tuple[npt.NDArray[np.float32], int]:
        """Cut or resize a photo (h, w, 3), predict, and return the result at the network's scale and the tile count."""
        height, width = image.shape[:2]
        is_crop = self.framing == "crop"
        tile = NATIVE_TILE if is_crop else self.size
        is_large = needs_tiles(self.scale * height, self.scale * width, tile)
        auto_tiles = is_large if is_crop else self.settings.scale is not None
        if self.settings.tiling == "always" or (self.settings.tiling == "auto" and auto_tiles):
            scaled = self._scaled(image)
            return blended(scaled, tile, self.settings.overlap, self.batch_size * self.size**2, predict)
        shorter = min(height, width)
        in_squares = is_long(height, width) and MOST_SCALE * shorter >= self.size  # else a thin strip is magnified
        if not is_crop and self.settings.tiling == "auto" and self.photo_side is None and in_squares:
            squares = self._scaled(image, by=self.size / shorter)
            return blended(squares, self.size, self.settings.overlap, self.batch_size * self.size**2, predict)
        resized = self._scaled(image) if is_crop else decoded.resize_image(image, self.size)
        return np.asarray(predict(resized[None])[0]), 0

    def _scaled(self, image: npt.NDArray[np.uint8], *, by: float | None = None) -> npt.NDArray[np.uint8]:
        """Resize a photo (h, w, 3) to the scale of the network, or to another one."""
        import cv2

        scale = self.scale if by is None else by
        height, width = image.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, size, interpolation=interpolation), dtype=np.uint8)

    def _predict(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Predict probabilities (b, h, w) of images (b, h, w, 3), averaged over flips where the settings say so."""
        if not self.settings.flips:
            return self.network_output(images)
        flipped = (np.ascontiguousarray(np.flip(images, axes)) for axes in FLIPS)
        predictions = [np.flip(self.network_output(view), axes) for view, axes in zip(flipped, FLIPS, strict=True)]
        return np.asarray(np.mean(predictions, axis=0))

    @abstractmethod
    def network_output(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Predict probabilities (b, h, w) of images (b, h, w, 3) as the network accepts them."""


class MeanPredictor(Predictor):
    """The mean probability of several predictors, and the mean of their thresholds."""

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        """Average two predictors or more, all with the same settings."""
        first = predictors[0]
        self.predictors, self.folder, self.settings = tuple(predictors), first.folder, first.settings
        self.threshold = float(np.mean([predictor.threshold for predictor in predictors]))
        self.scale, self.framing = max(predictor.scale for predictor in predictors), first.framing
        self.photo_side = min(
            (predictor.photo_side for predictor in predictors if predictor.photo_side is not None), default=None
        )
        self.labelled = frozenset().union(*(predictor.labelled for predictor in predictors))
        self.threads = max(predictor.threads for predictor in predictors)
        self.note = "; ".join(f"{predictor.folder}: {predictor.note}" for predictor in predictors if predictor.note)

    @property
    def run(self) -> dict[str, Any]:  # type: ignore[override]  # identities change when predictors adapt
        """The identities of all predictors."""
        return {"mean of": [predictor.run for predictor in self.predictors]}

    @property
    def pixels_at_once(self) -> int:
        """The largest number of any predictor: they predict one after another."""
        return max(predictor.pixels_at_once for predictor in self.predictors)

    def probability(self, image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], int]:
        """Predict a photo; see `Predictor.probability`. The numbers of tiles are added up."""
        total, tiles = self.predictors[0].probability(image)
        for predictor in self.predictors[1:]:  # one at a time: a photo may have a hundred million pixels
            probability, count = predictor.probability(image)
            total += probability
            tiles += count
        total /= len(self.predictors)
        return total, tiles

    def adapt(self, photos: HashedPhotos) -> int:
        """Adapt each predictor to all photos."""
        every_photo = list(photos)
        return max(predictor.adapt(every_photo) for predictor in self.predictors)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Set up what each predictor needs; where runs differ in settings, those of the last one apply."""
        with ExitStack() as stack:
            for predictor in self.predictors:
                stack.enter_context(predictor.working())
            yield

    def start_thread(self) -> None:
        """Set up a thread for each predictor."""
        for predictor in self.predictors:
            predictor.start_thread()


def is_long(height: int, width: int) -> bool:
    """Return whether a photo is more than `LONG` times as long as wide."""
    return max(height, width) > LONG * min(height, width)


def photo_side_of(manifest: Mapping[str, Any], size: int, framing: Framing) -> float | None:
    """Return the side in pixels of a square as large as the median training photo, from a run's manifest, or None.

    For runs of earlier versions that resize whole photos, it follows from their scale.
    """
    side, scale = manifest.get("photo_side"), manifest.get("scale")
    if side is None and framing == "resize" and isinstance(scale, int | float) and scale > 0:
        side = size / scale
    return float(side) if isinstance(side, int | float) and 0 < side < math.inf else None


def scale_of(path: Path, manifest: Mapping[str, Any]) -> float:
    """Return the scale at which a network was trained, from the manifest in the file `path`.

    Raises
    ------
    InputError
        The manifest states no scale, or an impossible one.
    """
    scale = manifest.get("scale")
    if scale is None:
        raise InputError(f"{path}: does not state the scale at which the run was trained; give `scale`")
    if not isinstance(scale, int | float) or not 0 < scale <= MOST_SCALE:
        raise InputError(f"{path}: scale {scale!r:.40} is not above 0 and at most {MOST_SCALE}; give `scale`")
    return float(scale)
