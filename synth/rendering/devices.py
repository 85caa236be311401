"""Choose the device that Blender renders on: the processor, or one graphics card per process."""

import os
import platform
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

from corrotwin.twin.core.errors import InputError

CPU = "cpu"
GPUS: Mapping[str, tuple[str, ...]] = {"nvidia": ("optix", "cuda"), "amd": ("hip",), "apple": ("metal",)}  # best first
DEVICES = (CPU, "auto", *(device for devices in GPUS.values() for device in devices))


def choose(wanted: str, cards: Mapping[str, int]) -> tuple[str, int]:
    """Choose the device to render on, and return it with the number of cards for it.

    Parameters
    ----------
    wanted : one of `DEVICES`; "auto" takes the best device of the first make in `GPUS` with cards, else the processor.
    cards : the number of cards of each make.

    Raises
    ------
    InputError
        There is no such device, or no card for it.
    """
    if wanted not in DEVICES:
        raise InputError(f"`device` {wanted}: choose from {', '.join(DEVICES)}")
    if wanted == CPU:
        return CPU, 0
    for make, ways in GPUS.items():
        if cards.get(make, 0) and wanted in ("auto", *ways):
            return (ways[0] if wanted == "auto" else wanted), cards[make]
    if wanted == "auto":
        return CPU, 0
    listed = ", ".join(f"{count} {make}" for make, count in cards.items() if count) or "no graphics card"
    raise InputError(f"`device` {wanted}: found {listed}; choose auto or cpu")


def cards_here(root: Path = Path("/")) -> dict[str, int]:
    """Count this machine's graphics cards by make, from the operating system's files below `root`, without a driver.

    If CUDA_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES is set, only the cards it lists count.
    """
    nodes = root / "sys/class/kfd/kfd/topology/nodes"
    cards = {
        "nvidia": len(list((root / "dev").glob("nvidia[0-9]*"))),
        "amd": len([node for node in nodes.glob("*/gpu_id") if node.read_text().strip() not in ("", "0")]),
        "apple": int(sys.platform == "darwin" and platform.machine() == "arm64"),
    }
    for make, name in (("nvidia", "CUDA_VISIBLE_DEVICES"), ("amd", "HIP_VISIBLE_DEVICES")):
        if name in os.environ:
            cards[make] = _listed(os.environ[name], cards[make])
    return cards


def _listed(names: str, cards: int) -> int:
    """Return how many of `cards` a list such as "0,2" or "GPU-8932f937" makes visible, under CUDA's rules.

    The entries before the first that is no card, such as -1, count; none do if an entry occurs twice.
    """
    entries = (one.strip() for one in names.split(","))
    taken = list(
        takewhile(lambda one: one.startswith(("GPU-", "MIG-")) or (one.isdecimal() and int(one) < cards), entries)
    )
    return min(cards, len(taken)) if len(set(taken)) == len(taken) else 0
