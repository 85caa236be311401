"""A run and its network, loaded together because a run in training replaces its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from corrotwin.segmentation import runs
from corrotwin.segmentation.config import TrainConfig, from_json
from corrotwin.twin.core.errors import InputError, as_read

if TYPE_CHECKING:
    import torch

MOST_LOADS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedRun:
    """A run with its network on its device. `weights` is the digest of the weights that the network has."""

    network: torch.nn.Module
    config: TrainConfig
    record: runs.RunRecord
    weights: str


def load_run(folder: Path) -> LoadedRun:
    """Load a run, complete or not, with all files from one state.

    Raises
    ------
    InputError
        The folder holds no run with weights, its weights or configuration are damaged, or they change all the time.
    """
    from corrotwin.segmentation.models.network import load_weights, place

    for _ in range(MOST_LOADS):
        before = _state(folder)
        record = runs.load_usable(folder)
        config = config_of(folder, record)
        network = load_weights(folder / runs.WEIGHTS, config.backbone, config.architecture)
        weights = runs.weights_digest(folder)
        if _state(folder) == before:
            return LoadedRun(network=place(network, config.precision), config=config, record=record, weights=weights)
    raise InputError(f"{folder}: its weights are replaced faster than they are read; wait until the run is complete")


def _state(folder: Path) -> tuple[int, int] | None:
    """Return the inode and time of a run's weights, which change when these are replaced; None if there are none."""
    path = folder / runs.WEIGHTS
    if not path.is_file():
        return None
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def config_of(folder: Path, run: runs.RunRecord) -> TrainConfig:
    """Return the configuration of the run in `folder`.

    Raises
    ------
    InputError
        The configuration is damaged.
    """
    try:
        return from_json(run.manifest["config"])
    except (KeyError, TypeError, InputError) as error:
        name = runs.KIND if run.unfinished_epoch is None else runs.UNFINISHED
        raise InputError(f"{folder / name}.json: damaged configuration ({as_read(error)}); train again") from error
