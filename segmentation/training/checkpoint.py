"""State of an unfinished run, in memory and in one safetensors file that is replaced atomically."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from corrotwin.segmentation import runs
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.segmentation.runs import HISTORY_COLUMNS
from corrotwin.segmentation.training import self_training
from corrotwin.twin.core import files
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import parsed

NAME = "last.safetensors"
MOST_BYTES = 16 * 1024**3  # enough for weights, moments and best weights of the largest network that fits a GPU


@dataclass(kw_only=True)
class State:
    """Progress of a run. `average` may be kept instead of the best weights, and is the teacher in self-training."""

    network: torch.nn.Module
    optimizer: torch.optim.AdamW
    average: AveragedModel | None
    columns: tuple[str, ...] = HISTORY_COLUMNS
    """Columns of the history."""
    history: list[dict[str, float]] = field(default_factory=list)
    """One row per epoch."""
    teaching: list[dict[str, float]] = field(default_factory=list)
    """One row per epoch with statistics of the teacher; empty if there is none."""
    best_epoch: int = 0
    best_f1: float = -1.0
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    published_epoch: int = 0
    """Epoch of the weights that this process wrote last for users of the unfinished run."""

    @property
    def kept(self) -> tuple[int, dict[str, torch.Tensor]]:
        """The epoch and the weights that the run would keep if it ended now."""
        if self.average is None or self.best_weights:
            return self.best_epoch, self.best_weights
        return len(self.history), self.average.module.state_dict()


def publish(folder: Path, state: State, config_digest: str) -> bool:
    """Write the weights that an unfinished run would keep, for its users; return False if they were already written."""
    epoch, weights = state.kept
    if epoch == state.published_epoch:
        return False
    save_tensors(folder / runs.WEIGHTS, weights, {"config_digest": config_digest, "epoch": str(epoch)})
    state.published_epoch = epoch
    return True


def save(folder: Path, state: State) -> None:
    """Write ``last.safetensors``: weights, AdamW's moments, averaged or best weights so far, and the history."""
    tensors = {f"model/{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in state.best_weights.items()}
    if state.average is not None:
        tensors |= {f"average/{name}": tensor for name, tensor in state.average.state_dict().items()}
    tensors |= dict(_moments(state))
    progress = {
        "history": state.history, "best_epoch": state.best_epoch, "best_f1": state.best_f1, "teaching": state.teaching,
    }  # fmt: skip
    save_tensors(folder / NAME, tensors, {"progress": json.dumps(progress)})


def restore(folder: Path, state: State) -> None:
    """Restore `state` as `save` left it; without a file, leave it unchanged.

    Raises
    ------
    InputError
        The file is damaged or belongs to another network.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / NAME
    if not path.exists():
        return
    try:
        with safe_open(files.checked(path, inside=folder, most_bytes=MOST_BYTES), framework="pt") as stored:
            progress: Mapping[str, Any] = parsed(stored.metadata()["progress"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  no mapping
        state.network.load_state_dict(_with_prefix("model/", tensors))
        if state.average is not None:
            state.average.load_state_dict(_with_prefix("average/", tensors))
        for name, parameter in state.network.named_parameters():
            if f"step/{name}" not in tensors:  # a layer that the architecture does not use
                continue
            state.optimizer.state[parameter] = {
                "step": tensors[f"step/{name}"].to(parameter.device if state.optimizer.defaults["fused"] else "cpu"),
                "exp_avg": torch.empty_like(parameter).copy_(tensors[f"exp_avg/{name}"]),
                "exp_avg_sq": torch.empty_like(parameter).copy_(tensors[f"exp_avg_sq/{name}"]),
            }
        numbers = [value for row in progress["history"] for value in row.values()]
        if not all(
            isinstance(value, int | float) for value in (*numbers, progress["best_epoch"], progress["best_f1"])
        ) or any(set(row) != set(state.columns) for row in progress["history"]):
            raise ValueError("no history of a run")
        state.history, state.best_epoch, state.best_f1 = (progress[key] for key in ("history", "best_epoch", "best_f1"))
        state.best_weights = _with_prefix("best/", tensors)
        state.teaching = self_training.checked_rows(progress.get("teaching", []))
    except (AttributeError, OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: damaged or of another run ({error!s:.100}); delete it to start over") from error


def remove(folder: Path) -> None:
    """Delete the files that only an unfinished run has."""
    files.remove(folder / NAME, missing_ok=True)
    files.remove(folder / f"{runs.UNFINISHED}.json", missing_ok=True)


def _moments(state: State) -> Iterator[tuple[str, torch.Tensor]]:
    for name, parameter in state.network.named_parameters():
        for key, tensor in state.optimizer.state[parameter].items():
            yield f"{key}/{name}", tensor


def _with_prefix(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
