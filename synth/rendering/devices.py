"""Choose the device that Blender renders on: the processor, or graphics cards by the best interface that works."""

import logging
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from corrotwin.twin.core.errors import InputError

CPU = "cpu"
# The devices of each make of card, best first.
GPUS: Mapping[str, tuple[str, ...]] = {
    "nvidia": ("optix", "cuda"), "amd": ("hip",), "intel": ("oneapi",), "apple": ("metal",)
}  # fmt: skip
INTEL = "0x8086"  # vendor number in PCI
COMPILING_SECONDS = 3600  # within which a card must render its first picture and compile its kernels

_log = logging.getLogger(__name__)
DEVICES = (CPU, "auto", *(device for devices in GPUS.values() for device in devices))


def choose(wanted: str, cards: Mapping[str, int], fault: Callable[[str], str]) -> tuple[str, int]:
    """Choose the device to render on, and return it with the number of cards for it.

    Parameters
    ----------
    wanted : one of `DEVICES`; "auto" takes the first device in `GPUS` that has cards and works, else the processor, and
        says in one line why each of the others does not.
    cards : the number of cards of each make.
    fault : tries a device, and returns why it does not work, or "".

    Raises
    ------
    InputError
        There is no such device, or no card for it.
    """
    if wanted not in DEVICES:
        raise InputError(f"`device` {wanted}: choose from {', '.join(DEVICES)}")
    if wanted == CPU:
        return CPU, 0
    for make, names in GPUS.items():
        if cards.get(make, 0) and wanted in names:
            return wanted, cards[make]
        for name in names if cards.get(make, 0) and wanted == "auto" else ():
            if not (reason := fault(name)):
                return name, cards[make]
            _log.warning(f"{name}: cannot render here ({reason}); trying the next device")
    if wanted == "auto":
        return CPU, 0
    listed = ", ".join(f"{count} {make}" for make, count in cards.items() if count) or "no graphics card"
    raise InputError(f"`device` {wanted}: found {listed}; choose auto or cpu")


def fault_here(device: str, *, patience_seconds: float = COMPILING_SECONDS) -> str:
    """Render a few pixels on a device of this machine, within `patience_seconds`; return why that fails, or ""."""
    command = [sys.executable, "-P", "-m", "corrotwin.synth.blender.probe", device, str(os.getpid())]
    try:
        with TemporaryDirectory() as scratch:  # Blender leaves a folder of its own there
            result = subprocess.run(
                command, env={**os.environ, "TMPDIR": scratch}, capture_output=True, text=True, errors="replace",
                timeout=patience_seconds, check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no picture in {patience_seconds:.0f} s"
    lines = result.stderr.strip().splitlines()
    return "" if result.returncode == 0 else lines[-1] if lines else f"ended with status {result.returncode}"


def fault_on_a_cluster(device: str) -> str:
    """Return why a device is not chosen on other machines, where none is tried: Blender supports few Intel cards."""
    return "on a cluster it is used only if given by name" if device == "oneapi" else ""


def cards_here(root: Path = Path("/")) -> dict[str, int]:
    """Count this machine's graphics cards by make, from the operating system's files below `root`, without a driver.

    If CUDA_VISIBLE_DEVICES or HIP_VISIBLE_DEVICES is set, only the cards it lists count.
    """
    nodes = root / "sys/class/kfd/kfd/topology/nodes"
    vendors = (root / "sys/class/drm").glob("renderD*/device/vendor")
    cards = {
        "nvidia": len(list((root / "dev").glob("nvidia[0-9]*"))),
        "amd": len([node for node in nodes.glob("*/gpu_id") if node.read_text().strip() not in ("", "0")]),
        "intel": len([vendor for vendor in vendors if vendor.read_text().strip() == INTEL]),
        "apple": int(sys.platform == "darwin" and platform.machine() == "arm64"),
    }
    for make, name in (("nvidia", "CUDA_VISIBLE_DEVICES"), ("amd", "HIP_VISIBLE_DEVICES")):
        if name in os.environ:
            cards[make] = _listed(os.environ[name], cards[make])
    return cards


def _listed(names: str, cards: int) -> int:
    """Return how many of `cards` a list such as "0,2" or "GPU-8932f937" makes visible, under CUDA's rules.

    Only the entries before the first that is not a card, such as -1, count; none do if one of them occurs twice.
    """
    entries = (name.strip() for name in names.split(","))
    visible = list(
        takewhile(lambda name: name.startswith(("GPU-", "MIG-")) or (name.isdecimal() and int(name) < cards), entries)
    )
    return min(cards, len(visible)) if len(set(visible)) == len(visible) else 0
