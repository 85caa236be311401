"""Memory of a long rendering job, scene after scene: driver, workers, Blender and Ray's own processes.

The real command runs as a process; once a second the resident memory of all that it started is read from /proc.
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
BATCHES = 10  # into which a table divides a job


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Memory at a moment, MB: of the command, its workers, their Blender processes, and Ray's own; sums of each."""

    seconds: float
    scenes: int  # rendered whole
    driver: float = 0.0
    workers: float = 0.0
    blender: float = 0.0
    ray: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Samples between two numbers of scenes: the mean of each of `ROLES`, and the greatest, MB."""

    first: int
    last: int
    seconds: float
    mean: tuple[float, ...]
    most: tuple[float, ...]


def measure(out: Path, *, preset: str, size: int, scenes: int, views: int, workers: int) -> Iterator[Sample]:
    """Render `scenes` scenes of `views` views each into ``out/renders`` and sample its memory until it ends.

    A sample a time, so that one who is interrupted has those so far; the job ends with the iteration.

    Raises
    ------
    InputError
        `out` is there.
    WorkError
        The command failed; its last line is in the message.
    """
    if out.exists():
        raise InputError(f"{out}: is there; choose another --out")
    renders = out / "renders"
    with writing(out):
        out.mkdir(parents=True)
    line = [
        sys.executable, "-m", "corrotwin", "synth", "render", "--preset", preset, "--size", str(size), "--count",
        str(scenes * views), "--workers", str(workers), "--out", str(renders),
    ]  # fmt: skip
    begun = time.monotonic()
    with (out / "render.log").open("wb") as log:
        job = subprocess.Popen(line, stdout=log, stderr=log)
        try:
            while job.poll() is None:
                done = len(list((renders / "images").glob("*.jpg"))) // views
                yield Sample(seconds=time.monotonic() - begun, scenes=done, **by_role(job.pid))
                time.sleep(EVERY_SECONDS)
        finally:
            job.terminate()
            job.wait()
    if job.returncode:
        said = (out / "render.log").read_text(errors="replace").strip().splitlines() or [""]
        raise WorkError(f"{renders}: {said[-1]}")


def by_role(root: int) -> dict[str, float]:
    """Return resident memory, MB, of a process and all below it, by `ROLES`."""
    found = dict.fromkeys(ROLES, 0.0)
    parents: dict[int, int] = {}
    resident: dict[int, float] = {}
    lines: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
            lines[pid := int(folder.name)] = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
        except OSError:  # it has ended
            continue
        parents[pid] = int(status["PPid"])
        resident[pid] = float(status.get("VmRSS", "0 kB").split()[0]) / 1e3
    below = {root}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    for pid in below & resident.keys():
        role = (
            "driver" if pid == root
            else "blender" if "corrotwin.synth.blender" in lines[pid]
            else "workers" if lines[pid].startswith("ray::")
            else "ray"
        )  # fmt: skip
        found[role] += resident[pid]
    return found


def stretches(samples: Sequence[Sample], batches: int = BATCHES) -> list[Stretch]:
    """Divide a job into stretches of equal numbers of scenes; samples after the last scene are left out."""
    edges = np.linspace(0, max(one.scenes for one in samples), batches + 1).round().astype(int).tolist()
    found = []
    for first, last in pairwise(edges):
        own = [one for one in samples if first <= one.scenes < last]
        if own:
            values = np.array([[getattr(one, role) for role in ROLES] for one in own])
            found.append(
                Stretch(
                    first=first, last=last, seconds=own[-1].seconds - own[0].seconds,
                    mean=tuple(values.mean(axis=0).tolist()), most=tuple(values.max(axis=0).tolist()),
                )
            )  # fmt: skip
    return found


def growth(found: Sequence[Stretch]) -> dict[str, float]:
    """Return how much the mean of each of `ROLES` grew from the second stretch to the last, as a share."""
    if len(found) < 3:
        return {}
    before, after = found[1].mean, found[-1].mean
    return {role: b / a - 1 for role, a, b in zip(ROLES, before, after, strict=True) if a}


def write(out: Path, samples: Sequence[Sample], title: str) -> str:
    """Write all samples as ``memory.csv`` and the table ``memory.md``; return the latter."""
    names = [one.name for one in fields(Sample)]
    write_own(out / "memory.csv", names, [[round(value, 1) for value in astuple(one)] for one in samples])
    found = stretches(samples)
    lines = [
        f"# {title}",
        "",
        f"| scenes | s | {' | '.join(f'{role}, MB (most)' for role in ROLES)} |",
        "|---" * 6 + "|",
    ]
    for one in found:
        cells = " | ".join(f"{mean:.0f} ({most:.0f})" for mean, most in zip(one.mean, one.most, strict=True))
        lines.append(f"| {one.first} to {one.last} | {one.seconds:.0f} | {cells} |")
    grown = ", ".join(f"{role} {100 * share:+.1f} %" for role, share in growth(found).items())
    text = "\n".join(
        [*lines, "", f"Growth of the means from the second stretch to the last: {grown or 'not told'}.", ""]
    )
    write_text(out / "memory.md", text)
    return text
