"""A trained run, ready to predict."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from corrotwin.segmentation import runs
from corrotwin.segmentation.evaluation import adaptation, evaluate
from corrotwin.segmentation.evaluation.loading import load_run
from corrotwin.segmentation.models.network import torch_settings
from corrotwin.segmentation.prediction.predictor import (
    HashedPhotos,
    NetworkPredictor,
    Settings,
    photo_side_of,
    scale_of,
)
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import digest


class RunPredictor(NetworkPredictor):
    """A run, ready to predict; `network` and `config` are those of the run."""

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
        config = self.config
        self.framing, self.size, self.batch_size, self.threads = (
            config.framing, config.size, config.batch_size, config.threads
        )  # fmt: skip
        self.check_scale()
        manifest, self.note = run.manifest, run.note
        manifest_path = folder / f"{runs.KIND}.json"
        self.threshold = run.threshold if settings.threshold is None else settings.threshold
        self.scale = scale_of(manifest_path, manifest) if settings.scale is None else settings.scale
        self.photo_side = photo_side_of(manifest, config.size, config.framing)
        on_gpu = next(self.network.parameters()).device.type == "cuda"
        # Threads share a GPU's memory; on CPUs each uses as many torch threads as the run was trained with.
        self._one_at_a_time: AbstractContextManager[Any] = threading.Lock() if on_gpu else nullcontext()
        self.labelled = frozenset(content for name in ("seen", "tested") for content in manifest.get(name) or ())
        self.run = {"run": digest(manifest["config"]), "weights": loaded.weights}

    def adapt(self, photos: HashedPhotos) -> int:
        """Adapt the network; see `Predictor.adapt`."""
        hashes: list[str] = []

        def shown_images() -> Iterator[npt.NDArray[np.uint8]]:
            for content, image in photos:
                hashes.append(content)
                yield from adaptation.shown(partial(self.through, image))

        adaptation.adapt(self.network, self.config, shown_images())
        if not hashes:
            raise InputError("`adapt`: no photo can be read to take statistics from; leave it out")
        self.run["adapted to"] = digest(sorted(hashes))
        return len(hashes)

    def network_output(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Predict probabilities (b, h, w) of images (b, h, w, 3)."""
        with self._one_at_a_time:
            return np.asarray(evaluate.logits_of(self.network, self.config, images)[:, 0].sigmoid().cpu().numpy())

    def working(self) -> AbstractContextManager[None]:
        """Set torch up as it was when the run was trained."""
        return torch_settings(self.config.threads, self.config.precision)

    def start_thread(self) -> None:
        """Set the number of torch threads, which torch keeps for each thread."""
        torch.set_num_threads(self.config.threads)
