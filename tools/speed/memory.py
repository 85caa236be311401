"""Memory of a long rendering job, scene after scene: driver, workers, Blender and Ray's own processes.

The real command runs as a process; once a second the resident memory of all its processes is read from /proc.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np

from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import write_text, writing
from corrotwin.twin.core.tables import write_own

EVERY_SECONDS = 1.0
ROLES = ("driver", "workers", "blender", "ray")
BATCHES = 10  # number of stretches into which a table divides a job


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Memory at one moment, MB: sums for the command, its workers, their Blender processes, and Ray's own processes."""

    seconds: float
    scenes: int  # rendered completely
    driver: float = 0.0
    workers: float = 0.0
    blender: float = 0.0
    ray: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Samples between two counts of scenes: mean and maximum for each of `ROLES`, MB."""

    first: int
    last: int
    seconds: float
    mean: tuple[float, ...]
    most: tuple[float, ...]


def measure(out: Path, *, preset: str, size: int, scenes: int, views: int, workers: int) -> Iterator[Sample]:
    """Render `scenes` scenes of `views` views each into ``out/renders`` and sample its memory until it ends.

    Samples come one at a time, so that an interrupted caller has those so far; the job ends with the iteration.

    Raises
    ------
    InputError
        `out` already exists.
    WorkError
        The command failed; the message has the last line that it printed.
    """
    if out.exists():
        raise InputError(f"{out}: already exists; choose another --out")
    renders = out / "renders"
    with writing(out):
        out.mkdir(parents=True)
    command = [
        sys.executable, "-m", "corrotwin", "synth", "render", "--preset", preset, "--size", str(size), "--count",
        str(scenes * views), "--workers", str(workers), "--out", str(renders),
    ]  # fmt: skip
    started = time.monotonic()
    with (out / "render.log").open("wb") as log:
        job = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            while job.poll() is None:
                finished = len(list((renders / "images").glob("*.jpg"))) // views
                yield Sample(seconds=time.monotonic() - started, scenes=finished, **by_role(job.pid))
                time.sleep(EVERY_SECONDS)
        finally:
            job.terminate()
            job.wait()
    if job.returncode:
        log_lines = (out / "render.log").read_text(errors="replace").strip().splitlines() or [""]
        raise WorkError(f"{renders}: {log_lines[-1]}")


def by_role(root: int) -> dict[str, float]:
    """Return the resident memory, MB, of a process and its descendants, by `ROLES`."""
    totals = dict.fromkeys(ROLES, 0.0)
    parents: dict[int, int] = {}
    resident: dict[int, float] = {}
    commands: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
            commands[pid := int(folder.name)] = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
        except OSError:  # the process has ended
            continue
        parents[pid] = int(status["PPid"])
        resident[pid] = float(status.get("VmRSS", "0 kB").split()[0]) / 1e3
    tree = {root}
    while children := {pid for pid, parent in parents.items() if parent in tree} - tree:
        tree |= children
    for pid in tree & resident.keys():
        role = (
            "driver" if pid == root
            else "blender" if "corrotwin.synth.blender" in commands[pid]
            else "workers" if commands[pid].startswith("ray::")
            else "ray"
        )  # fmt: skip
        totals[role] += resident[pid]
    return totals


def stretches(samples: Sequence[Sample], batches: int = BATCHES) -> list[Stretch]:
    """Divide a job into stretches of equal numbers of scenes; samples after the last scene are left out."""
    edges = np.linspace(0, max(sample.scenes for sample in samples), batches + 1).round().astype(int).tolist()
    parts = []
    for first, last in pairwise(edges):
        inside = [sample for sample in samples if first <= sample.scenes < last]
        if inside:
            values = np.array([[getattr(sample, role) for role in ROLES] for sample in inside])
            parts.append(
                Stretch(
                    first=first, last=last, seconds=inside[-1].seconds - inside[0].seconds,
                    mean=tuple(values.mean(axis=0).tolist()), most=tuple(values.max(axis=0).tolist()),
                )
            )  # fmt: skip
    return parts


def growth(found: Sequence[Stretch]) -> dict[str, float]:
    """Return how much the mean of each of `ROLES` grew from the second stretch to the last, as a share."""
    if len(found) < 3:
        return {}
    before, after = found[1].mean, found[-1].mean
    return {role: b / a - 1 for role, a, b in zip(ROLES, before, after, strict=True) if a}


def write(out: Path, samples: Sequence[Sample], title: str) -> str:
    """Write all samples as ``memory.csv`` and the table as ``memory.md``; return the table."""
    names = [field.name for field in fields(Sample)]
    write_own(out / "memory.csv", names, [[round(value, 1) for value in astuple(sample)] for sample in samples])
    parts = stretches(samples)
    lines = [
        f"# {title}",
        "",
        f"| scenes | s | {' | '.join(f'{role}, MB (most)' for role in ROLES)} |",
        "|---" * 6 + "|",
    ]
    for stretch in parts:
        cells = " | ".join(f"{mean:.0f} ({most:.0f})" for mean, most in zip(stretch.mean, stretch.most, strict=True))
        lines.append(f"| {stretch.first} to {stretch.last} | {stretch.seconds:.0f} | {cells} |")
    grown = ", ".join(f"{role} {100 * share:+.1f} %" for role, share in growth(parts).items())
    text = "\n".join(
        [*lines, "", f"Growth of the means from the second stretch to the last: {grown or 'unknown'}.", ""]
    )
    write_text(out / "memory.md", text)
    return text
