"""Rendering speed beside a stock BlenderProc script: the same scenes, arm after arm, scene by scene.

Each arm is a process of its own (`tools.speed.arms`). A picture is held against the one of most samples by the
same arm, so that what is measured is noise, and neither arm is blamed for the other's idea of light.
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
    reference : samples of the picture that the others are held against; above them.
    variants : names of `arms.VARIANTS`, rendered at the preset's samples and held against the reference of ours.

    Raises
    ------
    WorkError
        A process failed; with the last line of its log.
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
            one = sampling.sample_scene(config, number, views, folder)
            took = time.perf_counter() - wall, time.process_time() - cpu
            rows.append(RenderingRow(arm="ours", scene=number, step="scene sampled", wall_s=took[0], cpu_s=took[1]))
            (folder / "batch.json").write_text(spec.dump(spec.Batch(scenes=(one,), threads=threads)))
            for arm in ("stock", "ours", *variants):
                on_step(f"scene {number}, {arm}")
                counts = curve if arm in ("stock", "ours") else [usual]
                rows += _run(arm, number, folder, counts, reference)
            rows += _recorded(config, one, number, folder, usual)
            if number == 0:
                on_step("label writers")
                rows += _run("writers", number, folder, [usual], reference)
    return rows


def _run(arm: str, number: int, folder: Path, counts: Sequence[int], reference: int) -> list[RenderingRow]:
    """Run one process: its first count twice, once to warm up."""
    log = folder / "log"
    words = [sys.executable, "-m", "tools.speed.arms", arm, str(folder / "batch.json"), str(reference)]
    with log.open("w") as stream:
        done = subprocess.run([*words, str(counts[0]), *map(str, counts)], stdout=stream, stderr=stream, check=False)
    if done.returncode:
        said = log.read_text(errors="replace").strip().splitlines() or [f"ended with {done.returncode}"]
        raise WorkError(f"arm {arm}, scene {number}: {said[-1]}")
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
    """Return the peak signal to noise of a scene-linear picture, both shown at the exposure that suits the better one.

    The exposure brings the mean luminance to 0.18; what is shown is clipped at white, with a gamma of 2.2.
    """
    gain = 0.18 / max(float((best @ LUMINANCE).mean()), 1e-6)
    seen, wanted = (np.clip(each * gain, 0, 1) ** (1 / 2.2) for each in (light, best))
    return float(-10 * np.log10(max(float(((seen - wanted) ** 2).mean()), 1e-12)))


def _recorded(config: RenderConfig, one: spec.Scene, number: int, folder: Path, samples: int) -> list[RenderingRow]:
    """Time the steps after Blender: photographs developed and written, masks made, labels written."""
    pictures = _pictures(folder, "ours", samples)
    with np.load(folder / "ours-labels.npz") as arrays:
        seen = [np.asarray(arrays[str(view)]) for view in range(VIEWS)]
    out = folder / "out"
    (out / "images").mkdir(parents=True)
    wall = cpu = 0.0
    for view, light, label in zip(one.views, pictures, seen, strict=True):
        file = folder / "view.npz"
        np.savez(file, photograph=light.astype(np.float16))
        np.savez(folder / "view-labels.npz", label=label)
        begun = time.perf_counter(), time.process_time()
        batch.record(out, config, None, number, one, view, file, {})
        wall += time.perf_counter() - begun[0]
        cpu += time.process_time() - begun[1]
    return [RenderingRow(arm="ours", scene=number, step="recorded", wall_s=wall, cpu_s=cpu)]


def write(folder: Path, rows: Sequence[RenderingRow], title: str) -> None:
    """Write ``rendering.csv``, the tables ``rendering.md`` and, where matplotlib is, the curves ``rendering.svg``."""
    names = [field.name for field in fields(RenderingRow)]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tables.write_own(
            folder / "rendering.csv", names, ([_cell(asdict(row)[name]) for name in names] for row in rows)
        )
        rendering_tables.write(folder, rows, title)


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
