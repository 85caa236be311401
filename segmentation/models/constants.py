"""Per-channel constants as tensors that stay on their device, so that no training step has to copy them there."""

from functools import cache

import torch


@cache
def constant(values: tuple[float, ...], where: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Return per-channel values as a tensor (c, 1, 1), created once for each device and type; do not modify it.

    A copy from the host's memory to a GPU makes the host wait until the GPU reaches it.
    """
    with torch.inference_mode(False):  # an inference tensor could not take part in a training step later
        return torch.tensor(values, device=where, dtype=dtype)[:, None, None]
