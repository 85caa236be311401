"""Prediction on photos of any size: whole, or large ones in tiles at the scale of the training."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.config import Tiling
from corrotwin.segmentation.data import decoded
from corrotwin.segmentation.evaluation import adaptation, evaluate
from corrotwin.segmentation.evaluation.loading import load_run
from corrotwin.segmentation.evaluation.tiles import NATIVE_TILE, OVERLAP, Predict, blended, needs_tiles
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest

if TYPE_CHECKING:
    import torch

MOST_SCALE = 4  # pixels of the network for each pixel of a photo
TILES_OF_PHOTO = 8  # that statistics are taken from at most


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a prediction.

    Parameters
    ----------
    threshold : threshold on the corrosion probability, between 0 and 1; None for the run's own.
    tiling : cut photos into tiles always, never (whole, as in training), or as training says (auto): never where whole
        photos were resized, above `NATIVE_TILE` where crops trained. Photos much larger than those of training need
        a choice (`sizes.check_sizes`).
    scale : pixels of the network per pixel of a photo; None for the scale of the run's training photos. If it is given,
        a run that resizes whole photos cuts each into tiles, since only then a photo has this scale.
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


class Predictor:
    """A run, ready to predict.

    `photo_side` is the side in pixels of a square as large as its training photos; None if run.json does not tell.
    `labelled` has the hashes of photos whose labels trained or validated it. `note` says what users of an unfinished
    run should know. `threshold` is that of the settings, or the run's.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Load the network.

        Raises
        ------
        InputError
            The folder holds no run with weights, they are damaged, its scale is unknown, or a scale is
            given for photos that are resized whole.
        """
        self.folder, self.settings = folder, settings
        loaded = load_run(folder)
        self.network, self.config, run = loaded.network, loaded.config, loaded.record
        if settings.scale is not None and settings.tiling == "never" and self.config.framing == "resize":
            size = self.config.size
            raise InputError(
                f"`tiling` never squeezes every photo to {size} x {size} pixels, whatever `scale`; leave one out"
            )
        manifest, self.note = run.manifest, run.note
        self.threshold = run.threshold if settings.threshold is None else settings.threshold
        self.scale = scale_of(folder, manifest) if settings.scale is None else settings.scale
        side = manifest.get("photo_side")
        if side is None and self.config.framing == "resize" and manifest.get("scale") is not None:
            side = self.config.size / scale_of(folder, manifest)
        self.photo_side = float(side) if isinstance(side, int | float) and 0 < side < math.inf else None
        on_gpu = next(self.network.parameters()).device.type == "cuda"
        # Threads share a GPU's memory; on CPUs each has the number of threads that the run was trained with.
        self._one_at_a_time: AbstractContextManager[Any] = threading.Lock() if on_gpu else nullcontext()
        self.labelled = frozenset(manifest.get("seen") or ())
        self.run: dict[str, Any] = {"run": digest(manifest["config"]), "weights": loaded.weights}

    def adapt(self, photos: Iterable[tuple[str, npt.NDArray[np.uint8]]]) -> int:
        """Take the statistics of batch normalisation from photos, each with the hash of its content; return how many.

        What identifies this predictor then states the photos.

        Raises
        ------
        InputError
            There are no photos, or the network has no batch normalisation.
        """
        hashes: list[str] = []

        def seen() -> Iterator[npt.NDArray[np.uint8]]:
            for content, image in photos:
                hashes.append(content)
                tiles: list[npt.NDArray[np.uint8]] = []

                def keep(batch: npt.NDArray[np.uint8], tiles: list[Any] = tiles) -> npt.NDArray[np.float32]:
                    tiles.extend(batch)
                    return np.zeros(batch.shape[:3], np.float32)

                self._through(image, keep)
                places = np.unique(np.linspace(0, len(tiles) - 1, TILES_OF_PHOTO, dtype=int))
                yield from (tiles[place] for place in places)

        adaptation.adapt(self.network, self.config, seen())
        if not hashes:
            raise InputError("`adapt`: no photo can be read, of which statistics could be taken; leave it out")
        self.run["adapted to"] = digest(sorted(hashes))
        return len(hashes)

    def probability(self, image: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], int]:
        """Predict the corrosion probability of a photo (h, w, 3), (h, w), and return the number of tiles, 0 if whole.

        Raises
        ------
        InputError
            A probability is not a number.
        """
        import cv2

        small, tiles = self._through(image, self._predict)
        if np.isnan(small).any():
            raise InputError(f"{self.folder}: the network predicts what is not a number; train again")
        height, width = image.shape[:2]
        large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(large, dtype=np.float32), tiles

    def _through(self, image: npt.NDArray[np.uint8], predict: Predict) -> tuple[npt.NDArray[np.float32], int]:
        """Cut or resize a photo (h, w, 3), predict, and return the result at the network's scale, and tiles."""
        height, width = image.shape[:2]
        is_crop = self.config.framing == "crop"
        tile = NATIVE_TILE if is_crop else self.config.size
        larger = needs_tiles(self.scale * height, self.scale * width, tile)
        by_itself = larger if is_crop else self.settings.scale is not None
        if self.settings.tiling == "always" or (self.settings.tiling == "auto" and by_itself):
            scaled = self._scaled(image)
            return blended(scaled, tile, self.settings.overlap, self.config.batch_size, predict)
        whole = self._scaled(image) if is_crop else decoded.resize_image(image, self.config.size)
        return np.asarray(predict(whole[None])[0]), 0

    def _scaled(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Resize a photo (h, w, 3) to the scale of the network."""
        import cv2

        height, width = image.shape[:2]
        size = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8)

    def _predict(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Predict probabilities (b, h, w) of images (b, h, w, 3)."""
        import torch

        def predicted(flipped: npt.NDArray[np.uint8]) -> torch.Tensor:
            return torch.sigmoid(evaluate.logits_of(self.network, self.config, np.ascontiguousarray(flipped))[:, 0])

        ways: tuple[tuple[int, ...], ...] = ((), (1,), (2,), (1, 2))
        with self._one_at_a_time:
            if not self.settings.flips:
                return np.asarray(predicted(images).cpu().numpy())
            probabilities = [torch.flip(predicted(np.flip(images, axes)), axes) for axes in ways]
            return np.asarray(torch.stack(probabilities).mean(dim=0).cpu().numpy())


def scale_of(folder: Path, manifest: Mapping[str, Any]) -> float:
    """Return the scale at which the run in `folder` was trained, from its manifest.

    Raises
    ------
    InputError
        The manifest states no scale, or an impossible one.
    """
    scale = manifest.get("scale")
    if scale is None:
        raise InputError(f"{folder}: run.json does not say at which scale the run was trained; give `scale`")
    if not isinstance(scale, int | float) or not 0 < scale <= MOST_SCALE:
        raise InputError(
            f"{folder}: run.json: scale {scale!r:.40} is not above 0 and at most {MOST_SCALE}; give `scale`"
        )
    return float(scale)
