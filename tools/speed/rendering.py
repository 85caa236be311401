"""Rendering speed beside a stock BlenderProc script: the same scenes, arm after arm, scene by scene.

Each arm runs in a process of its own (`tools.speed.arms`). A picture is compared with the one of most samples by the
same arm, so that only noise is measured, and neither arm is penalised for rendering light differently.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth import spec
from corrotwin.synth.config import RenderConfig
from corrotwin.synth.presets.builtin import PRESETS
from corrotwin.synth.rendering import batch
from corrotwin.synth.scene import sampling
from corrotwin.synth.textures.picture_files import LUMINANCE
from corrotwin.twin.core import tables
from corrotwin.twin.core.errors import WorkError
from corrotwin.twin.core.files import writing
from tools.speed import rendering_tables
from tools.speed.rendering_tables import VIEWS, RenderingRow


def measure(
    *,
    size: int,
    scenes: int,
    samples: Sequence[int],
    reference: int,
    variants: Sequence[str],
    threads: int,
    seed: int = 0,
    on_step: Callable[[str], None] = lambda _: None,
) -> list[RenderingRow]:
    """Render the first `scenes` scenes of `balanced` by each arm in turn.

    Parameters
    ----------
    samples : samples a pixel of the curve, ascending.
    reference : samples of the picture that the others are compared with; more than all `samples`.
    variants : names of `arms.VARIANTS`, rendered at the preset's samples and compared with our reference.

    Raises
    ------
    WorkError
        A process failed; the message has the last line of its log.
    """
    content = replace(PRESETS["balanced"], views_per_scene=VIEWS)
    config = RenderConfig(preset=content, size=size, seed=seed)
    usual = content.samples
    curve = [*sorted({*samples, usual}), reference]
    rows: list[RenderingRow] = []
    for number in range(scenes):
        with TemporaryDirectory() as name:
            folder = Path(name)
            wall, cpu = time.perf_counter(), time.process_time()
            views = range(number * VIEWS, (number + 1) * VIEWS)
            scene = sampling.sample_scene(config, number, views, folder)
            elapsed = time.perf_counter() - wall, time.process_time() - cpu
            rows.append(
                RenderingRow(arm="ours", scene=number, step="scene sampled", wall_s=elapsed[0], cpu_s=elapsed[1])
            )
            (folder / "batch.json").write_text(spec.dump(spec.Batch(scenes=(scene,), threads=threads)))
            for arm in ("stock", "ours", *variants):
                on_step(f"scene {number}, {arm}")
                counts = curve if arm in ("stock", "ours") else [usual]
                rows += _run(arm, number, folder, counts, reference)
            rows += _recorded(config, scene, number, folder, usual)
            if number == 0:
                on_step("label writers")
                rows += _run("writers", number, folder, [usual], reference)
    return rows


def _run(arm: str, number: int, folder: Path, counts: Sequence[int], reference: int) -> list[RenderingRow]:
    """Run one process, which renders its first count twice, once to warm up."""
    log = folder / "log"
    command = [sys.executable, "-m", "tools.speed.arms", arm, str(folder / "batch.json"), str(reference)]
    with log.open("w") as stream:
        process = subprocess.run(
            [*command, str(counts[0]), *map(str, counts)], stdout=stream, stderr=stream, check=False
        )
    if process.returncode:
        log_lines = log.read_text(errors="replace").strip().splitlines() or [f"ended with {process.returncode}"]
        raise WorkError(f"arm {arm}, scene {number}: {log_lines[-1]}")
    steps = json.loads((folder / f"{arm}.json").read_text())
    items = int(steps.pop("masks", [[VIEWS]])[0][0])
    rows = []
    for step, times in steps.items():
        wall, cpu = times[-1]
        if not step.startswith("photographs, "):
            rows.append(RenderingRow(arm=arm, scene=number, step=step, items=items, wall_s=wall, cpu_s=cpu))
            continue
        best = _pictures(folder, "stock" if arm == "stock" else "ours", reference)
        samples = int(step.removeprefix("photographs, "))
        psnr = float(np.mean([psnr_db(*pair) for pair in zip(_pictures(folder, arm, samples), best, strict=True)]))
        rows.append(
            RenderingRow(
                arm=arm, scene=number, step="photographs", samples=samples, wall_s=wall, cpu_s=cpu,
                psnr_db=float("nan") if samples == reference else psnr,
            )
        )  # fmt: skip
    return rows


def _pictures(folder: Path, arm: str, samples: int) -> NDArray[np.float32]:
    with np.load(folder / f"{arm}-{samples}.npz") as arrays:
        return np.asarray(arrays["pictures"])


def psnr_db(light: NDArray[np.float32], best: NDArray[np.float32]) -> float:
    """Return the peak signal-to-noise ratio of a scene-linear picture, both shown at the exposure that suits `best`.

    The exposure brings the mean luminance to 0.18; the shown pictures are clipped at white, with a gamma of 2.2.
    """
    gain = 0.18 / max(float((best @ LUMINANCE).mean()), 1e-6)
    shown, expected = (np.clip(picture * gain, 0, 1) ** (1 / 2.2) for picture in (light, best))
    return float(-10 * np.log10(max(float(((shown - expected) ** 2).mean()), 1e-12)))


def _recorded(config: RenderConfig, one: spec.Scene, number: int, folder: Path, samples: int) -> list[RenderingRow]:
    """Time the steps after Blender: photographs developed and written, masks made, labels written."""
    pictures = _pictures(folder, "ours", samples)
    with np.load(folder / "ours-labels.npz") as arrays:
        labels = [np.asarray(arrays[str(view)]) for view in range(VIEWS)]
    out = folder / "out"
    (out / "images").mkdir(parents=True)
    wall = cpu = 0.0
    for view, light, label in zip(one.views, pictures, labels, strict=True):
        file = folder / "view.npz"
        np.savez(file, photograph=light.astype(np.float16))
        np.savez(folder / "view-labels.npz", label=label)
        started = time.perf_counter(), time.process_time()
        batch.record(out, config, None, number, one, view, file, {})
        wall += time.perf_counter() - started[0]
        cpu += time.process_time() - started[1]
    return [RenderingRow(arm="ours", scene=number, step="recorded", wall_s=wall, cpu_s=cpu)]


def write(folder: Path, rows: Sequence[RenderingRow], title: str) -> None:
    """Write ``rendering.csv``, the tables ``rendering.md`` and, with matplotlib, the curves ``rendering.svg``."""
    names = [field.name for field in fields(RenderingRow)]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tables.write_own(
            folder / "rendering.csv", names, ([_cell(asdict(row)[name]) for name in names] for row in rows)
        )
        rendering_tables.write(folder, rows, title)


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
