"""Joining a Ray cluster, or starting Ray here, the same for all packages.

Standard library and Ray only; every package may import it.
"""

import logging
import os
import signal
import socket
from collections.abc import Mapping
from typing import Any

from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError

BLENDER = "blender"  # resource tag of machines that can render: ray start --resources '{"blender": 4}'


def connect(address: str | None = None, *, gpus: int | None = None) -> None:
    """Join the cluster at `address`, or start Ray on this machine's cores; once per process.

    `gpus` are this machine's graphics cards, None for those that Ray finds: it waits for ever for one that it does not.
    The local start is small: no dashboard, no usage reports, an object store that a container's /dev/shm holds.
    """
    import ray

    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's coming default; it warns until it is set
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # tracebacks of tasks that an interruption has ended
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    on_sigterm = signal.getsignal(signal.SIGTERM)
    if address is not None:
        try:
            if ":" in address:  # Ray itself would try for minutes
                host, port = address.removeprefix("ray://").rsplit(":", 1)
                socket.create_connection((host, int(port)), timeout=10).close()
            ray.init(address=address, **quiet)
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"`address` {address}: no Ray cluster answers there ({one_line(error)})") from error
    else:
        cores = available_cores()
        ray.init(
            address="local", num_cpus=cores, num_gpus=gpus, resources={BLENDER: cores}, include_dashboard=False,
            object_store_memory=128 * 2**20, **quiet,
        )  # fmt: skip
    signal.signal(signal.SIGTERM, on_sigterm)  # Ray puts its own in place, which knows nothing of our exit status


def has_gpus() -> bool:
    """Return True if any machine of the cluster has a graphics card."""
    import ray

    resources: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources.get("GPU", 0) > 0


def machines() -> list[Mapping[str, float]]:
    """The resources of each machine of the cluster that is alive."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def one_line(error: Exception) -> str:
    """An error, or what caused it, with the last line of its message."""
    cause = getattr(error, "cause", None) or error
    lines = [line for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[-1].strip() if lines else 'no message'}"
