"""An exported network, run by onnxruntime: it needs no torch and is ready in half a second."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt

from corrotwin.segmentation.config import MOST, SIZE_STEP, Framing
from corrotwin.segmentation.prediction import measured
from corrotwin.segmentation.prediction.predictor import (
    HashedPhotos,
    NetworkPredictor,
    Settings,
    photo_side_of,
    scale_of,
)
from corrotwin.segmentation.shipped import KIND as KIND
from corrotwin.twin.core.errors import InputError, as_read
from corrotwin.twin.core.files import read_bytes, read_manifest, reading

MODEL = "model.onnx"
INPUT, OUTPUT = "images", "probability"
_MOST_BYTES = 2 * 1024**3  # of a model; no ONNX file can hold more
_BATCH = 8  # tiles at once


class ExportedPredictor(NetworkPredictor):
    """The network in a folder that `segmentation export` wrote, or the model that ships."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Load the network.

        Raises
        ------
        InputError
            The folder holds no complete export, or the settings do not fit it.
        """
        manifest = read_manifest(folder, KIND)
        if manifest is None:
            raise InputError(f"{folder}: no exported model ({KIND}.json is missing); install or export the model again")
        json_path = str(folder / f"{KIND}.json")
        size, framing, threshold = manifest.get("size"), manifest.get("framing"), manifest.get("threshold")
        if not isinstance(size, int) or not SIZE_STEP <= size <= MOST["size"] or framing not in get_args(Framing):
            raise InputError(f"{json_path}: damaged; install or export the model again")
        if not isinstance(threshold, float) or not 0 < threshold < 1:
            raise InputError(
                f"{json_path}: threshold {threshold!r:.40} is not between 0 and 1; install or export the model again"
            )
        if is_of_one_size(manifest):
            raise InputError(f"{folder}: takes squares of {size} pixels only; predict with the run itself")
        self.folder, self.settings = folder, settings
        self.size, self.framing, self.batch_size = size, cast(Framing, framing), _BATCH
        self.check_scale()
        content = _read(folder)
        self.threshold = threshold if settings.threshold is None else settings.threshold
        self.scale = scale_of(folder / f"{KIND}.json", manifest) if settings.scale is None else settings.scale
        if manifest.get("photo_side") is not None:  # the model that ships states none: it takes photos as they are
            self.photo_side = photo_side_of(manifest, size, self.framing)
        as_measured = settings.threshold is None and settings.tiling == "auto" and settings.scale is None
        if as_measured and not settings.flips:  # nothing was measured with other settings
            self.measured = measured.from_json(manifest.get("measured"), json_path)
        self.run = {"model": hashlib.sha256(content).hexdigest()[:16]}
        self._run = runner(content, threads=self.threads)

    def network_output(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Predict probabilities (b, h, w) of images (b, h, w, 3)."""
        height, width = images.shape[1:3]
        down, right = -height % SIZE_STEP, -width % SIZE_STEP
        if down or right:  # as in `evaluate.network_input`
            images = np.pad(images, ((0, 0), (0, down), (0, right), (0, 0)), mode="edge")
        return self._run(images)[:, :height, :width]

    def adapt(self, photos: HashedPhotos) -> int:
        """Refuse: the statistics of an exported network are part of its file."""
        raise InputError("`adapt`: an exported network keeps its statistics; name a run that was trained")


def is_of_one_size(manifest: Mapping[str, Any]) -> bool:
    """Return whether an export takes only squares of one size, so that whole photos need the run itself."""
    return manifest.get("framing") == "crop" and str(manifest.get("sides")).endswith("only")


def _read(folder: Path) -> bytes:
    path = folder / MODEL
    with reading(path, "install or export the model again"):
        return read_bytes(path, inside=folder, most_bytes=_MOST_BYTES)


def runner(content: bytes, *, threads: int | None = None) -> Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]:
    """Return a function from images (n, h, w, 3) to probabilities (n, h, w), run by onnxruntime on the CPU.

    Raises
    ------
    InputError
        The content is not a model.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # from 1.29 on it reports models to Microsoft and keeps an id
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no error class of its own
        raise InputError(f"{MODEL}: damaged ({as_read(error):.100}); install or export the model again") from error

    names = [tensor.name for tensor in session.get_inputs()], [tensor.name for tensor in session.get_outputs()]
    if names != ([INPUT], [OUTPUT]):
        raise InputError(f"{MODEL}: does not take {INPUT} and give {OUTPUT}; install or export the model again")

    def run(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        try:
            probability = np.asarray(session.run([OUTPUT], {INPUT: images})[0], dtype=np.float32)
        except Exception as error:  # as above
            raise InputError(
                f"{MODEL}: cannot be run ({as_read(error):.100}); install or export the model again"
            ) from error
        if probability.shape != images.shape[:3]:
            raise InputError(
                f"{MODEL}: gives {probability.shape} for {images.shape[:3]} pixels; install or export the model again"
            )
        return probability

    return run
