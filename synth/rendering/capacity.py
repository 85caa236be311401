"""Count the cores and cards of a Ray cluster's machines, and the tasks that they have room for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from corrotwin.twin.core import cluster

_CARD = "accelerator_type:"  # prefix of the resource with which Ray names a machine's type of card


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The needs of one task: CPU cores (also its OMP_NUM_THREADS), a fraction of a GPU, tagged resources."""

    cpus: int = 1
    gpus: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)

    @property
    def wanted(self) -> dict[str, float]:
        """The amounts of Ray's resources that are above 0."""
        amounts = {"CPU": self.cpus, "GPU": self.gpus, **self.resources}
        return {name: amount for name, amount in amounts.items() if amount}


def at_a_time(needs: Needs) -> int:
    """Return how many tasks the machines of the cluster can run at a time."""
    return sum(room(machine, needs) for machine in cluster.machines())


def room(machine: Mapping[str, float], needs: Needs) -> int:
    """Return how many tasks a machine with these resources can run at a time."""

    def fit(name: str, amount: float) -> int:
        has = machine.get(name, 0)
        return int(has) * int(1 / amount) if name == "GPU" and amount < 1 else int(has / amount)  # each on one card

    return min(fit(name, amount) for name, amount in needs.wanted.items())


def least_cores(resource: str) -> int:
    """Return the cores of the smallest machine of the cluster that has cores and a resource, or 1 if none has yet."""
    return min(
        (int(machine["CPU"]) for machine in cluster.machines() if resource in machine and machine.get("CPU")), default=1
    )


def cards(*, where: str) -> dict[str, int]:
    """Count the graphics cards by make, as Ray reports them, on the machines of the cluster that have a resource."""
    counts: Counter[str] = Counter()
    for machine in cluster.machines():
        if where in machine and machine.get("GPU"):
            counts[_make(machine)] += int(machine["GPU"])
    return dict(counts)


def _make(machine: Mapping[str, float]) -> str:
    """Return the make of a machine's cards: Ray's names for types of AMD and Intel cards begin with it."""
    kinds = [name.removeprefix(_CARD).lower() for name in machine if name.startswith(_CARD)]
    return next((make for make in ("amd", "intel") if any(kind.startswith(make) for kind in kinds)), "nvidia")
