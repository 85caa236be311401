"""On what Blender renders: the processor, or one graphics card a process."""

import os
import platform
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

from corrotwin.twin.core.errors import InputError

CPU = "cpu"
GPUS: Mapping[str, tuple[str, ...]] = {"nvidia": ("optix", "cuda"), "amd": ("hip",), "apple": ("metal",)}  # best first
DEVICES = (CPU, "auto", *(device for each in GPUS.values() for device in each))


def choose(wanted: str, cards: Mapping[str, int]) -> tuple[str, int]:
    """What to render on, and how many cards there are for it.

    Parameters
    ----------
    wanted : one of `DEVICES`; "auto" takes the first of `GPUS` of which there are cards, in its best way, else the
        processor.
    cards : how many there are of each make.

    Raises
    ------
    InputError
        There is no such device, or no card for it.
    """
    if wanted not in DEVICES:
        raise InputError(f"--device {wanted}: choose from {', '.join(DEVICES)}")
    if wanted == CPU:
        return CPU, 0
    for make, ways in GPUS.items():
        if cards.get(make, 0) and wanted in ("auto", *ways):
            return (ways[0] if wanted == "auto" else wanted), cards[make]
    if wanted == "auto":
        return CPU, 0
    found = ", ".join(f"{count} {make}" for make, count in cards.items() if count) or "no graphics card"
    raise InputError(f"--device {wanted}: found {found}; choose auto or cpu")


def cards_here(root: Path = Path("/")) -> dict[str, int]:
    """Graphics cards of this machine by make, as its operating system shows them below `root`; no driver is asked.

    Where CUDA_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES lists some, those alone.
    """
    nodes = root / "sys/class/kfd/kfd/topology/nodes"
    found = {
        "nvidia": len(list((root / "dev").glob("nvidia[0-9]*"))),
        "amd": len([each for each in nodes.glob("*/gpu_id") if each.read_text().strip() not in ("", "0")]),
        "apple": int(sys.platform == "darwin" and platform.machine() == "arm64"),
    }
    for make, name in (("nvidia", "CUDA_VISIBLE_DEVICES"), ("amd", "HIP_VISIBLE_DEVICES")):
        if name in os.environ:
            found[make] = _listed(os.environ[name], found[make])
    return found


def _listed(names: str, cards: int) -> int:
    """How many of `cards` a list such as "0,2" or "GPU-8932f937" leaves in view, as CUDA reads it.

    Those before the first entry that is no card, such as -1; none where an entry is there twice.
    """
    entries = (one.strip() for one in names.split(","))
    taken = list(
        takewhile(lambda one: one.startswith(("GPU-", "MIG-")) or (one.isdecimal() and int(one) < cards), entries)
    )
    return min(cards, len(taken)) if len(set(taken)) == len(taken) else 0
