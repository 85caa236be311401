"""Tables of the rendering comparison: curves, seconds at 40 dB, seconds a mask, and the time of each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np

from corrotwin.twin.core.files import write_text
from corrotwin.twin.core.plotting import import_matplotlib

ENOUGH_DB = 40.0
Curve = list[tuple[int, float, float, float]]  # samples, wall s, processor s and dB of an image, ascending
VIEWS = 4  # of each scene


@dataclass(frozen=True, kw_only=True)
class RenderingRow:
    """The time that one step of one arm took for one scene, with the mean `psnr_db` of its pictures, if any."""

    arm: str
    scene: int
    step: str
    samples: int = 0
    items: int = VIEWS  # images, or masks
    wall_s: float
    cpu_s: float
    psnr_db: float = float("nan")


def curve(rows: Sequence[RenderingRow], arm: str) -> Curve:
    """Return the mean time of an image by number of samples, including our label pass or stock's segmentation."""
    extra = np.array([_mean(rows, arm, "label pass", column) for column in ("wall_s", "cpu_s")])
    points = []
    for samples in sorted({row.samples for row in rows if row.arm == arm and row.step == "photographs"}):
        matching = [row for row in rows if row.arm == arm and row.samples == samples]
        wall, cpu = extra + [
            np.mean([getattr(row, column) / row.items for row in matching]) for column in ("wall_s", "cpu_s")
        ]
        points.append((samples, float(wall), float(cpu), float(np.mean([row.psnr_db for row in matching]))))
    return points


def _mean(rows: Sequence[RenderingRow], arm: str, step: str, what: str) -> float:
    """Return the seconds per item of a step, over all scenes; 0 if the arm has no such step."""
    matching = [row for row in rows if row.arm == arm and row.step == step]
    return float(sum(getattr(row, what) for row in matching)) / max(sum(row.items for row in matching), 1)


def seconds_at(points: Curve, db: float, which: int) -> float:
    """Return the seconds per image (`which` 1: wall, 2: processor) at which a curve reaches `db`, or else NaN."""
    reached = [point for point in points if np.isfinite(point[3])]
    for low, high in pairwise(reached):
        if low[3] <= db <= high[3]:
            share = (db - low[3]) / max(high[3] - low[3], 1e-9)
            return float(np.exp(np.log(low[which]) * (1 - share) + np.log(high[which]) * share))
    return reached[0][which] if reached and reached[0][3] > db else float("nan")


def shares(rows: Sequence[RenderingRow], samples: int, scenes_per_process: int) -> list[tuple[str, float, float]]:
    """Return each step of ours and its wall and processor seconds per image; a process serves several scenes."""
    steps = []
    for step in ("scene sampled", "start", "building", "label pass", "photographs", "recorded"):
        matching = [row for row in rows if row.arm == "ours" and row.step == step and row.samples in (0, samples)]
        weight = 1 / scenes_per_process if step == "start" else 1.0
        wall, cpu = (sum(getattr(row, column) for row in matching) * weight for column in ("wall_s", "cpu_s"))
        images = max(sum(row.items for row in matching), 1)
        steps.append((step, wall / images, cpu / images))
    return steps


def write(folder: Path, rows: Sequence[RenderingRow], title: str) -> None:
    """Write ``rendering.md``, and ``rendering.svg`` if matplotlib is installed."""
    from corrotwin.synth.presets.builtin import preset
    from corrotwin.synth.rendering.job import SCENES_PER_BATCH

    usual = preset("balanced").samples
    curves = {arm: curve(rows, arm) for arm in ("stock", "ours")}
    lines = [
        f"# {title}", "", "Seconds an image: by the wall, and of the processor (all threads).", "",
        "| samples | stock, wall | processor | dB | ours, wall | processor | dB |", "|" + "---|" * 7,
    ]  # fmt: skip
    for stock_point, our_point in zip(curves["stock"], curves["ours"], strict=True):
        cells = [
            f"{wall:.2f} | {cpu:.2f} | {'reference' if np.isnan(db) else f'{db:.1f}'}"
            for _, wall, cpu, db in (stock_point, our_point)
        ]
        lines.append(f"| {stock_point[0]:,} | {' | '.join(cells)} |")
    lines += ["", "| | stock | ours | ratio |", "|---|---|---|---|"]
    masks = next((row.items for row in rows if row.arm == "writers"), 0)
    compared: list[tuple[str, float, float]] = []
    for clock, which in (("wall", 1), ("processor", 2)):
        stock, ours = (seconds_at(points, ENOUGH_DB, which) for points in curves.values())
        compared.append((f"{clock} s an image at {ENOUGH_DB:g} dB", stock, ours))
    for clock, name in (("wall", "wall_s"), ("processor", "cpu_s")):
        stock, ours = (1e3 * _mean(rows, "writers", f"{writer} writer", name) for writer in ("stock", "our"))
        compared.append((f"{clock} ms a mask written, the same {masks} masks", stock, ours))
    for name, stock, ours in compared:
        ratio = f"{stock / ours:.1f}" if ours > 0 else "not reached"
        lines.append(f"| {name} | {stock:.2f} | {ours:.2f} | {ratio} |")
    steps = shares(rows, usual, SCENES_PER_BATCH)
    total = np.array([step_row[1:] for step_row in steps]).sum(axis=0)
    lines += [
        "",
        f"Ours at {usual} samples, {SCENES_PER_BATCH} scenes a process:",
        "",
        "| step | wall s an image | share | processor s | share |",
        "|" + "---|" * 5,
    ]
    for step, wall, cpu in steps:
        lines.append(f"| {step} | {wall:.2f} | {wall / total[0]:.0%} | {cpu:.2f} | {cpu / total[1]:.0%} |")
    lines += _variants(rows, usual)
    write_text(folder / "rendering.md", "\n".join(lines) + "\n")
    if find_spec("matplotlib") is not None:
        _draw(folder / "rendering.svg", curves)


def _variants(rows: Sequence[RenderingRow], usual: int) -> list[str]:
    """Return a table of other settings of Cycles: their times beside ours, and dB to the reference."""
    names = [arm for arm in dict.fromkeys(row.arm for row in rows) if arm not in ("stock", "ours", "writers")]
    if not names:
        return []
    photographs = [row for row in rows if row.step == "photographs" and row.samples == usual]
    lines = [
        "",
        f"Other settings of Cycles, {usual} samples:",
        "",
        "| setting | wall, share of ours | processor, share of ours | dB |",
        "|---|---|---|---|",
    ]
    for arm in ("ours", *names):
        wall, cpu = (
            sum(getattr(row, column) for row in photographs if row.arm == arm)
            / sum(getattr(row, column) for row in photographs if row.arm == "ours")
            for column in ("wall_s", "cpu_s")
        )
        db = np.mean([row.psnr_db for row in photographs if row.arm == arm])
        lines.append(f"| {arm} | {wall:.2f} | {cpu:.2f} | {db:.1f} |")
    return lines


def _draw(path: Path, both: dict[str, Curve]) -> None:
    import_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for arm, points in both.items():
        reached = [point for point in points if np.isfinite(point[3])]
        axes.plot([point[2] for point in reached], [point[3] for point in reached], "o-", label=arm)
        for samples, _, cpu, db in reached:
            axes.annotate(str(samples), (cpu, db), textcoords="offset points", xytext=(4, -9), fontsize=7)
    axes.axhline(ENOUGH_DB, color="grey", linewidth=0.8)
    axes.set(xscale="log", xlabel="processor seconds an image", ylabel="PSNR to the reference, dB")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
