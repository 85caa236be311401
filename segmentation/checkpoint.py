"""The state of an unfinished run on disk: one safetensors file, swapped whole, with the small state in its header."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from segmentation.model import save_tensors
from twin.files import InputError

NAME = "last.safetensors"


@dataclass(kw_only=True)
class Progress:
    """What a run has reached besides its current weights; it grows by one row of `history` an epoch."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_f1: float = -1.0
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)


def save(folder: Path, model: torch.nn.Module, optimizer: torch.optim.AdamW, progress: Progress) -> None:
    """Write ``last.safetensors``: weights, AdamW's moments, best weights so far, and the history."""
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in progress.best_weights.items()}
    tensors |= dict(_moments(model, optimizer))
    small = {"history": progress.history, "best_epoch": progress.best_epoch, "best_f1": progress.best_f1}
    save_tensors(folder / NAME, tensors, {"progress": json.dumps(small)})


def restore(folder: Path, model: torch.nn.Module, optimizer: torch.optim.AdamW) -> Progress:
    """Load the state that `save` left into model and optimizer; without one they stay as they are.

    Raises
    ------
    InputError
        The file is damaged or of another network.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / NAME
    if not path.exists():
        return Progress()
    try:
        with safe_open(path, framework="pt") as stored:
            small: Mapping[str, Any] = json.loads(stored.metadata()["progress"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  no mapping
        model.load_state_dict(_below("model/", tensors))
        for name, parameter in model.named_parameters():
            optimizer.state[parameter] = {
                "step": tensors[f"step/{name}"].to(parameter.device if optimizer.defaults["fused"] else "cpu"),
                "exp_avg": torch.empty_like(parameter).copy_(tensors[f"exp_avg/{name}"]),
                "exp_avg_sq": torch.empty_like(parameter).copy_(tensors[f"exp_avg_sq/{name}"]),
            }
        return Progress(**small, best_weights=_below("best/", tensors))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: damaged or of another run ({error!s:.100}); delete it to start over") from error


def remove(folder: Path) -> None:
    """Delete the checkpoint of a run that is complete."""
    (folder / NAME).unlink(missing_ok=True)


def _moments(model: torch.nn.Module, optimizer: torch.optim.AdamW) -> Iterator[tuple[str, torch.Tensor]]:
    for name, parameter in model.named_parameters():
        for key, tensor in optimizer.state[parameter].items():
            yield f"{key}/{name}", tensor


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
