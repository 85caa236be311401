"""The overhead of Ray Tune on a sweep's trainings: time, logs, disk and shared memory, for many tiny trials.

The same trainings also run one after another in one process, without Ray. What a trial takes beyond that is overhead.
"""

import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import TrainConfig, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.training.train import train
from corrotwin.segmentation.tuning.ray_tune import RAY
from corrotwin.segmentation.tuning.search import run
from corrotwin.segmentation.tuning.space import SearchSpace, SweepPlan, trial_config
from corrotwin.segmentation.tuning.trials import TRIALS, Trial
from corrotwin.twin.core import tables
from corrotwin.twin.core.cluster import connect
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import writing

SPACE = SearchSpace(learning_rate=(1e-4, 1e-2), batch_size=(4, 8), augmentation=("standard", "strong"))
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """Measurements of a sweep of tiny trials.

    Parameters
    ----------
    nodes : raylets beside a head that trains nothing; 0 if the command started Ray itself.
    slots : trials that train at a time.
    trials : number of trials.
    seconds : duration of the whole sweep, Ray's start left out.
    alone_seconds : duration of one such training in a process that runs alone, the mean of several.
    log_mb : size of Ray's logs of the session.
    ray_mb : size of Tune's own files, which are deleted at the end.
    trial_kb : size of what is kept of a trial.
    store_mb : peak use of the object store.
    driver_mb : peak memory of the driver process.
    """

    nodes: int
    slots: int
    trials: int
    seconds: float
    alone_seconds: float
    log_mb: float
    ray_mb: float
    trial_kb: float
    store_mb: float
    driver_mb: float

    @property
    def overhead_seconds(self) -> float:
        """Seconds that each trial occupies a slot beyond the training itself."""
        return self.seconds * self.slots / self.trials - self.alone_seconds


def measure(
    folder: Path, data: Path, *, trials: int, nodes: int, slots: int, alone: int, on_end: Callable[[Trial], None]
) -> Overhead:
    """Run a sweep of `trials` trials of one epoch at 32 px in `folder`, and `alone` of the same trainings without Ray.

    `on_end` is called with each trial that ends; Tune pickles it.

    Raises
    ------
    InputError
        The folder already exists, or the data cannot be read.
    """
    if folder.exists():
        raise InputError(f"{folder}: already exists; choose another --out")
    real = coco.read(data)
    split = splits.split(real, how="published", seed=0)
    base = configure("quick", backbone="mobilenet_v2", arm=REAL, seed=0, size=32, epochs=1, threads=1)
    with writing(folder):
        folder.mkdir(parents=True)
        splits.save(split, folder / "split.json")
    alone_seconds = _alone(folder / "alone", base, real, split, alone)
    out = folder / "sweep"
    peaks = {"store": 0.0, "ray": 0.0}
    with _machines(nodes, slots) as address:
        connect(address)
        logs = Path(tempfile.gettempdir()) / "ray" / ray.get_runtime_context().get_session_name() / "logs"
        with _watched(out / RAY, peaks):
            started = time.perf_counter()
            finished = run(
                out, base, SPACE,
                SweepPlan(trials=trials, search="random", scheduler="none", grace=1, seed=0, gpus=None),
                data=data, split=folder / "split.json", address=address, workers=slots, on_end=on_end,
            )  # fmt: skip
            seconds = time.perf_counter() - started
        log_bytes = _size(logs)
        ray.shutdown()
    return Overhead(
        nodes=nodes,
        slots=slots,
        trials=len(finished),
        seconds=seconds,
        alone_seconds=alone_seconds,
        log_mb=log_bytes / 1e6,
        ray_mb=peaks["ray"] / 1e6,
        trial_kb=_size(out / TRIALS) / len(finished) / 1e3,
        store_mb=peaks["store"] / 1e6,
        driver_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    )


def _alone(folder: Path, base: TrainConfig, real: coco.CocoDataset, parts: splits.Split, count: int) -> float:
    """Return the mean seconds of the first trials' trainings in this process; another before them warms the cache."""
    started = time.perf_counter()
    for number in range(count + 1):
        config = trial_config(base, SPACE.draw(0, number))
        train(folder / str(number), config, real=real, split=parts, renders=None)
        if number == 0:
            started = time.perf_counter()
    shutil.rmtree(folder)
    return (time.perf_counter() - started) / count


@contextmanager
def _machines(nodes: int, slots: int) -> Iterator[str | None]:
    """Yield the address of a cluster of `nodes` raylets on this machine, which share `slots` cores; None for 0."""
    if nodes == 0:
        yield None
        return
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for number in range(nodes):
            cluster.add_node(num_cpus=len(range(number, slots, nodes)))
        yield cluster.address
    finally:
        ray.shutdown()  # else the cluster refuses to remove the node that this process has joined
        cluster.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def _watched(folder: Path, peaks: dict[str, float]) -> Iterator[None]:
    """Record the largest size of Tune's folder, and the peak use of the object store."""
    stop = threading.Event()
    capacity = ray.cluster_resources()["object_store_memory"]  # type: ignore[no-untyped-call]

    def watch() -> None:
        while not stop.wait(SAMPLE_SECONDS):
            free = ray.available_resources().get("object_store_memory", capacity)  # type: ignore[no-untyped-call]
            peaks["store"] = max(peaks["store"], capacity - free)
            peaks["ray"] = max(peaks["ray"], _size(folder))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _size(folder: Path) -> float:
    """Return the bytes of the files below a folder; approximate while it changes."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return float(total)


def write(path: Path, found: Overhead) -> None:
    """Write one row as CSV."""
    row = {**asdict(found), "overhead_seconds": found.overhead_seconds}
    names = [*(field.name for field in fields(found)), "overhead_seconds"]
    tables.write_own(path, names, [[round(row[name], 3) for name in names]])
