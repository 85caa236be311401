"""Placement of a study's runs on machines: the share of a machine for each, runs side by side, and total time."""

import heapq
from collections.abc import Iterable
from typing import TYPE_CHECKING

from corrotwin.segmentation.config import GPU_SHARE, TrainConfig
from corrotwin.twin.core import cluster
from corrotwin.twin.core.cli import available_cores

if TYPE_CHECKING:
    from corrotwin.synth.rendering.capacity import Needs

WHOLE = 1.0  # share of a GPU for networks whose need was never measured


def needs(backbone: str, threads: int, address: str | None, *, has_gpus: bool) -> "Needs":
    """Return the resources that the task of a run requests from Ray: its threads, and its share of a GPU if any.

    A machine with fewer cores than `threads` still gets runs if it is the only one.
    """
    from corrotwin.synth.rendering.capacity import Needs

    cpus = threads if address is not None else min(threads, available_cores())
    return Needs(cpus=cpus, gpus=GPU_SHARE.get(backbone, WHOLE) if has_gpus else 0.0)


def side_by_side(backbone: str, threads: int, address: str | None, gpus: int) -> int:
    """Return how many runs of a backbone train at a time, as Ray would place them.

    Parameters
    ----------
    address : address of the cluster that trains; None for this machine.
    gpus : number of GPUs of this machine.
    """
    from corrotwin.synth.rendering import capacity

    if address is None:
        of_run = needs(backbone, threads, None, has_gpus=gpus > 0)
        return max(1, capacity.room({"CPU": available_cores(), "GPU": gpus}, of_run))
    cluster.connect(address)
    return max(1, capacity.at_a_time(needs(backbone, threads, address, has_gpus=cluster.has_gpus())))


# Cost of a run with a teacher: a quarter of its steps is plain. In the others twice as many images pass the network,
# forward and back, and the usual number pass the teacher, forward only, which costs a third.
TAUGHT_COST = 0.25 + 0.75 * (2 + 1 / 3)


def cost(config: TrainConfig) -> float:
    """Return the duration of a run relative to one without a teacher."""
    return TAUGHT_COST if config.arm.self_training else 1.0


def makespan(runs: Iterable[tuple[float, int]]) -> float:
    """Return the seconds until the last run has ended, if runs start in turn as soon as there is room.

    Parameters
    ----------
    runs : seconds of each run, and how many like it fit side by side.
    """
    now, used = 0.0, 0.0
    running: list[tuple[float, float]] = []  # end, part of the machines
    for seconds, slots in runs:
        part = 1 / slots
        while running and used + part > 1 + 1e-9:
            now, freed = heapq.heappop(running)
            used -= freed
        heapq.heappush(running, (now + seconds, part))
        used += part
    return max((end for end, _ in running), default=0.0)
