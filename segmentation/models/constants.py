"""Values of each channel as tensors that stay on their device, so that no step of training has to copy them there."""

from functools import cache

import torch


@cache
def constant(values: tuple[float, ...], where: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Return values of channels as a tensor (c, 1, 1), made once for each device and type and not to be changed.

    A copy from the memory of the host to a GPU makes the host wait until the GPU has come to it.
    """
    with torch.inference_mode(False):  # what is made in inference mode could not be part of a training step later
        return torch.tensor(values, device=where, dtype=dtype)[:, None, None]
