"""Measure rendering and training on this machine's GPU within a given time; the result is one table to paste.

.venv/bin/python -m tools.gpu_check                             # 25 minutes
.venv/bin/python -m tools.gpu_check --minutes 3 --device cpu    # a trial without a card
"""

import platform
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from corrotwin.benchmarks import machine
from corrotwin.segmentation.config import BACKBONES, DEFAULT_BACKBONE, SIZE_STEP, Precision
from corrotwin.synth.rendering import devices
from corrotwin.twin.core import cli
from corrotwin.twin.core.cli import available_cores
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import write_text, writing
from corrotwin.twin.core.machine import system_text
from corrotwin.twin.core.text import say, say_error

if TYPE_CHECKING:
    import torch

    from tools.speed.card_rendering import PictureAgreement, RenderTiming
    from tools.speed.card_training import StepTiming

# Shares of the whole time, in this order. Later parts may use what earlier ones leave over.
DEVICE, FIRST, AGAIN, TWO, THREE, PROCESSOR = (
    "device", "first render", "one process", "two processes", "three processes", "processor",
)  # fmt: skip
RENDERING = {DEVICE: 3.0, FIRST: 3.0, AGAIN: 1.0, TWO: 1.0, THREE: 1.5, PROCESSOR: 2.5}
TRAINING_SHARE = 1.0  # share of each backbone and precision
TRAINED: tuple[tuple[str, Precision], ...] = tuple(product((*BACKBONES, DEFAULT_BACKBONE), ("exact", "fast")))
PRESET, CARD_BATCH, TRIAL_BATCH = "balanced", 16, 4


@dataclass(kw_only=True)
class CardReport:
    """Findings so far."""

    facts: dict[str, str] = field(default_factory=dict)
    renders: "list[tuple[str, RenderTiming]]" = field(default_factory=list)
    agreement: "PictureAgreement | None" = None
    trainings: "list[StepTiming]" = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def gpu_check(
    *,
    minutes: float = 25.0,
    device: str = "auto",
    pictures: int = 6,
    size: int = 224,
    out: Path = Path("out/gpu-check.md"),
) -> int:
    """Render and train on this machine's card for some minutes, and print a Markdown table of what that took.

    Parameters
    ----------
    minutes
        most time in all; each part has its share, and a part that does not fit is left out, with a line.
    device
        auto, the first of optix, cuda, hip, oneapi and metal that renders; one of these; or cpu, for a trial.
    pictures
        number of pictures that each process renders.
    size
        side of the pictures that are rendered and trained on, in pixels, divisible by 32.
    out
        Markdown file to write the table to.
    """
    if not 0 < minutes <= 24 * 60:
        raise InputError(f"`minutes` {minutes}: give more than 0 and at most a day")
    if pictures < 2:
        raise InputError(f"`pictures` {pictures}: give at least 2")
    if size < SIZE_STEP or size % SIZE_STEP:
        raise InputError(f"`size` {size}: give a multiple of {SIZE_STEP}")
    if out.suffix != ".md" or out.is_dir():
        raise InputError(f"`out` {out}: give the name of a .md file")
    if device not in devices.DEVICES:
        raise InputError(f"`device` {device}: choose from {', '.join(devices.DEVICES)}")

    import torch

    cards = devices.cards_here()
    if device != devices.CPU and not any(cards.values()) and not torch.cuda.is_available():
        raise InputError("no graphics card was found here; `device` cpu makes a trial without one")
    can_render = find_spec("bpy") is not None and find_spec("blenderproc") is not None
    report = CardReport(facts=facts())
    shares = (RENDERING if can_render else {}) | {f"{name}, {precision}": TRAINING_SHARE for name, precision in TRAINED}
    ends = deadlines(shares, 60 * minutes, time.monotonic())
    training_device = (
        torch.device("cpu") if device == devices.CPU or not torch.cuda.is_available() else torch.device("cuda")
    )
    try:
        if can_render:
            render_parts(report, device, cards, pictures, size, ends)
        else:
            report.remarks.append(f"no bpy for Python {platform.python_version()} here: rendering was not tried")
        train_parts(report, training_device, size, ends)
    finally:  # minutes on a card are worth a table, whatever ended them
        text = markdown(report)
        say(text, end="")
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            write_text(out, text)
    return 0 if report.renders or report.trainings else 1


def deadlines(shares: dict[str, float], seconds: float, now: float) -> dict[str, float]:
    """Return when each part must have ended, by the clock that reads `now`: after its share and those before it."""
    total, so_far, ends = sum(shares.values()), 0.0, {}
    for part, share in shares.items():
        so_far += share
        ends[part] = now + seconds * so_far / total
    return ends


def attempt(
    found: CardReport, part: str, ends: dict[str, float], work: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
) -> bool:  # fmt: skip
    """Do a part unless its time is over; return True if it succeeded. A failure becomes a remark."""
    if clock() >= ends[part]:
        found.left_out.append(part)
        return False
    say_error(f"{part}, at most {ends[part] - clock():.0f} s")
    try:
        work(ends[part])
    except (InputError, WorkError, RuntimeError) as error:  # RuntimeError: torch's, if the card has too little memory
        lines = str(error).strip().splitlines() or [type(error).__name__]
        found.remarks.append(f"{part}: {lines[0] if isinstance(error, RuntimeError) else lines[-1]}")
        return False
    return True


def render_parts(
    found: CardReport, wanted: str, cards: dict[str, int], pictures: int, size: int, ends: dict[str, float]
) -> None:  # fmt: skip
    """Choose the device, and render on it by one, two and three processes, and on the processor."""
    from tools.speed import card_rendering

    chosen = devices.CPU

    def choose(deadline: float) -> None:
        nonlocal chosen

        def fault(way: str) -> str:
            started = time.monotonic()
            reason = devices.fault_here(way, patience_seconds=max(1.0, (deadline - started) / 2))
            seconds = time.monotonic() - started
            found.remarks.append(f"{way}: " + (reason or f"renders, its first small picture after {seconds:.0f} s"))
            return reason

        chosen, _ = devices.choose(wanted, cards, fault)

    if not attempt(found, DEVICE, ends, choose):
        return
    found.facts["rendered by"] = chosen
    if wanted != devices.CPU and chosen == devices.CPU:
        found.remarks.append("no card renders here: what follows was rendered on the processor")
    with TemporaryDirectory() as name:
        base = Path(name) / "base"
        base.mkdir()
        batch = card_rendering.sample(base, preset=PRESET, size=size, count=pictures)
        folders: dict[str, Path] = {}

        def rendering(part: str, device: str, processes: int) -> Callable[[float], None]:
            def work(deadline: float) -> None:
                threads = max(1, available_cores() // processes)
                timing, folders[part] = card_rendering.render(
                    base, batch, device=device, processes=processes, threads=threads, deadline=deadline,
                    place=Path(name) / part,
                )  # fmt: skip
                found.renders.append((part, timing))

            return work

        for part, processes in ((FIRST, 1), (AGAIN, 1), (TWO, 2), (THREE, 3)):
            attempt(found, part, ends, rendering(part, chosen, processes))
        attempt(found, PROCESSOR, ends, rendering(PROCESSOR, devices.CPU, 1))
        if PROCESSOR in folders and (card := next((part for part in (AGAIN, FIRST) if part in folders), None)):
            try:
                found.agreement = card_rendering.compare(folders[PROCESSOR], folders[card])
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:  # from a process ended at its deadline
                found.remarks.append(f"pictures could not be compared: {error}")


def train_parts(found: CardReport, where: "torch.device", size: int, ends: dict[str, float]) -> None:
    """Train each backbone in each precision for its share of the time."""
    from tools.speed import card_training

    batch_size = CARD_BATCH if where.type == "cuda" else TRIAL_BATCH
    found.facts["trained on"] = f"{where.type}, {size} px, batches of {batch_size}"
    for backbone, precision in TRAINED:

        def work(deadline: float, backbone: str = backbone, precision: Precision = precision) -> None:
            found.trainings.append(
                card_training.measure(
                    backbone, precision, size=size, batch_size=batch_size, deadline=deadline, where=where,
                    threads=available_cores(),
                )
            )  # fmt: skip

        attempt(found, f"{backbone}, {precision}", ends, work)


def facts() -> dict[str, str]:
    """Return the facts about this machine: the card with its driver, versions, the processor."""
    import torch

    smi = _first_lines("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    packages = ("bpy", "blenderproc", "numpy")
    versions = [f"{name} {version}" for name in packages if (version := machine.installed(name))]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "card, driver, memory": smi or ", ".join(names) or "none found by nvidia-smi or torch",
        "torch": f"{torch.__version__}, CUDA {torch.version.cuda or 'none'}, ROCm {torch.version.hip or 'none'}",
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
        "processor": f"{available_cores()} cores, {platform.machine()}, {_processor()}",
    }


def _first_lines(*command: str) -> str:
    """Return the output of a program, its lines joined; "" if it is absent or fails."""
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(line.strip() for line in process.stdout.splitlines() if line.strip())


def _processor() -> str:
    lines = system_text(Path("/proc/cpuinfo")).splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.system())


def markdown(found: CardReport) -> str:
    """Return the report as Markdown."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: CardReport) -> Iterator[str]:
    yield from _table(("", ""), found.facts.items())
    if found.renders:
        from tools.speed.card_rendering import kernels_s

        header = ("rendering", "device", "processes", "first picture, s", "then one each, s", "pictures/min", "all")
        yield from _table(header, (
            (part, timing.device, timing.processes, f"{timing.first_s:.1f}", f"{timing.next_s:.2f}",
             f"{timing.images_per_minute:.1f}", "yes" if timing.whole else "no, out of time")
            for part, timing in found.renders
        ))  # fmt: skip
        timings = dict(found.renders)
        if FIRST in timings and AGAIN in timings:
            yield f"Kernels compiled, or read for the first time: {kernels_s(timings[FIRST], timings[AGAIN]):.1f} s."
            yield ""
    if (agreement := found.agreement) is not None:
        low, mean = agreement.psnr_db
        yield (
            f"Processor and card: photographs {mean:.1f} dB (lowest {low:.1f}); masks differ at {agreement.differ:.4%} "
            f"of the pixels, {agreement.inside:.4%} away from borders; wall loss by {agreement.wall_loss_mm:.4f} mm"
        )
        yield ""
    if found.trainings:
        header = (
            "training",
            "precision",
            "steps",
            "images/s",
            "memory, MiB",
            "loss, first to last",
            "masks as float32",
        )
        yield from _table(header, (
            (timing.backbone, timing.precision, timing.steps, f"{timing.images_per_second:.1f}",
             "" if timing.memory_mib is None else f"{timing.memory_mib:.0f}", "{:.3f} to {:.3f}".format(*timing.loss),
             "" if timing.agreement is None else f"{timing.agreement:.3%}")
            for timing in found.trainings
        ))  # fmt: skip
    yield from (f"- {remark}" for remark in found.remarks)
    if found.left_out:
        yield f"- left out, the time was over: {'; '.join(found.left_out)}"


def _table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(map(str, header))} |"
    yield "|" + "---|" * len(header)
    yield from ("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)
    yield ""


if __name__ == "__main__":
    cli.run_one("python -m tools.gpu_check", gpu_check)
