"""One arm of the rendering comparison, run as ``python -m tools.speed.arms ARM BATCH REFERENCE SAMPLES...``.

Arms: ``stock`` is BlenderProc as its documentation teaches it: its start-up settings and denoiser, `render` with
`enable_segmentation_output`, `write_coco_annotations`. ``ours`` is `synth.blender`; the name of an entry of `VARIANTS`
is ours with other settings of Cycles. ``writers`` is both writers of labels; all other arms render the one scene that
BATCH (`synth.spec`) holds. Pictures of REFERENCE samples are denoised as well as Cycles can, as stock denoises all.

Results are written beside BATCH: ``ARM-SAMPLES.npz`` with scene-linear ``pictures`` (views, size, size, 3), and
``ARM.json`` with the wall and processor seconds of every step.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.blender import session
from corrotwin.synth.spec import Scene, load

# Settings of `bpy.types.CyclesRenderSettings` in place of ours.
VARIANTS: dict[str, dict[str, Any]] = {
    "light tree": {"use_light_tree": True},
    "bounces 3, 1 diffuse, 2 glossy": {"max_bounces": 3, "diffuse_bounces": 1, "glossy_bounces": 2},
    "bounces 2, 1 diffuse, 1 glossy": {"max_bounces": 2, "diffuse_bounces": 1, "glossy_bounces": 1},
    "no caustics": {"caustics_reflective": False, "caustics_refractive": False},
    "adaptive, threshold 0.1": {"use_adaptive_sampling": True, "adaptive_threshold": 0.1},
    "adaptive, threshold 0.05": {"use_adaptive_sampling": True, "adaptive_threshold": 0.05},
    "textures of 1,024 at most": {"texture_limit_render": "1024"},
    "denoiser of high quality": {"denoising_quality": "HIGH"},
    "denoiser that is fast": {"denoising_quality": "FAST", "denoising_prefilter": "FAST"},
    "denoiser without prefilter": {"denoising_prefilter": "NONE"},
    "denoiser by colour alone": {"denoising_input_passes": "RGB"},
}
THOROUGH = {"denoising_quality": "HIGH", "denoising_prefilter": "ACCURATE"}  # settings for the reference, as in stock
PERSISTENT = "no persistent data"  # a variant that is not one of Cycles' settings


class StepClock:
    """Wall and processor seconds of each step, one pair for each time it ran."""

    def __init__(self) -> None:
        self.steps: dict[str, list[tuple[float, float]]] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time the steps inside the context."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.steps.setdefault(step, []).append((time.perf_counter() - wall, time.process_time() - cpu))


def stock(
    bproc: ModuleType, scene: Scene, folder: Path, samples: list[int], clock: StepClock, *, reference: int
) -> None:
    """Render the way BlenderProc does, after its examples "basics" and "coco_annotations"."""
    import bpy

    lens = scene.views[0].lens  # used for all views: one call renders them
    matrix = np.array([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1]])
    bproc.camera.set_intrinsics_from_K_matrix(matrix, lens.width, lens.height)
    for body in bproc.object.get_all_mesh_objects():
        body.set_cp("category_id", int(body.get_name().startswith("body-")))
    bpy.context.scene.frame_end = len(scene.views)  # the frame after it shows nothing of the scene
    bproc.renderer.set_output_format("OPEN_EXR", 16)  # so that pictures of both arms are compared as light
    bproc.renderer.enable_segmentation_output(map_by=["category_id", "instance", "name"])
    for count in samples:
        bproc.renderer.set_max_amount_of_samples(count)
        if count == reference:
            bproc.renderer.set_noise_threshold(0)
        with clock(f"photographs, {count}"):
            data = bproc.renderer.render()
        _save(folder, "stock", count, data["colors"], scene=scene)
    bproc.writer.write_coco_annotations(
        str(folder / "coco"), instance_segmaps=data["instance_segmaps"],
        instance_attribute_maps=data["instance_attribute_maps"], colors=[_shown(light) for light in data["colors"]],
        color_file_format="JPEG",
    )  # fmt: skip


def writers(bproc: ModuleType, size: int, folder: Path, clock: StepClock) -> None:
    """Time both writers of labels on the same made-up masks: regions of smooth noise, an eighth of the picture."""
    import bpy
    from scipy import ndimage

    from corrotwin.synth.labels import masks
    from corrotwin.twin.core.files import write_json

    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(size, size)), size / 45)
    mask = noise > np.quantile(noise, 0.875)
    instances, count = ndimage.label(mask, np.ones((3, 3)))
    label = np.stack([mask, 0.1 * mask, np.ones_like(noise)], axis=-1).astype(np.float32)
    attributes = [{"idx": number, "category_id": 1, "name": "rust"} for number in range(1, count + 1)]
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 0, 1
    for _ in range(4):  # the first warms up
        with clock("stock writer"):
            bproc.writer.write_coco_annotations(
                str(folder / "coco-writer"), instance_segmaps=[instances], instance_attribute_maps=[attributes],
                colors=[np.zeros((size, size, 3), np.uint8)], append_to_existing_output=False,
            )  # fmt: skip
        with clock("our writer"):
            annotations = masks.annotations(mask, label, 1, {1: masks.AssetFacts(kind="pipe", thickness_mm=5.0)}, 0.5)
            write_json(folder / "labels.json", annotations)
    clock.steps["masks"] = [(count, 0.0)]


def ours(arm: str, scene: Scene, folder: Path, samples: list[int], clock: StepClock, *, reference: int) -> None:
    """Render in our own two passes; `arm` is "ours" or one of `VARIANTS`."""
    import bpy

    from corrotwin.synth.blender import passes

    passes.prepare(scene)
    bpy.context.scene.render.use_persistent_data = False  # so that nothing remains of the warm-up, as with stock
    list(passes.labels(scene, folder))
    bpy.context.scene.render.use_persistent_data = arm != PERSISTENT
    bpy.context.scene.render.use_simplify = "texture_limit_render" in VARIANTS.get(arm, {})
    with clock("label pass"):
        labels = list(passes.labels(scene, folder))
    np.savez(folder / f"{arm}-labels.npz", **{str(number): arrays["label"] for number, arrays in enumerate(labels)})
    settings = {**passes.PHOTOGRAPH, **VARIANTS.get(arm, {})}
    for count in samples:
        chosen_settings = {**settings, **(THOROUGH if count == reference else {})}
        with clock(f"photographs, {count}"):
            pictures = list(passes.photographs(replace(scene, samples=count), folder, chosen_settings))
        _save(folder, arm, count, pictures, scene=scene)


def _save(folder: Path, arm: str, samples: int, pictures: list[NDArray[np.float32]], *, scene: Scene) -> None:
    light = np.stack([np.asarray(picture)[..., :3] for picture in pictures]).astype(np.float32)
    lens = scene.views[0].lens
    if light.shape[:3] != (len(scene.views), lens.height, lens.width):
        raise ValueError(f"{arm} rendered {light.shape[:3]} for {len(scene.views)} views of {lens.height, lens.width}")
    np.savez(folder / f"{arm}-{samples}.npz", pictures=light)


def _shown(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray((np.clip(light, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)[..., :3])


def main() -> None:
    """Render what the command line names."""
    arm, batch_file = sys.argv[1], Path(sys.argv[2]).resolve()
    reference, *samples = (int(word) for word in sys.argv[3:])
    clock = StepClock()
    with clock("start"):
        from corrotwin.synth.blender import build

        batch, folder = load(batch_file), batch_file.parent
        bproc = session.load_blenderproc(batch.threads)
        session.start(bproc, folder, batch.threads, batch.device)
    (scene,) = batch.scenes
    if arm == "writers":
        writers(bproc, scene.views[0].lens.width, folder, clock)
    else:
        with clock("building"):
            build.build(bproc, scene, folder)
        if arm == "stock":
            stock(bproc, scene, folder, samples, clock, reference=reference)
        else:
            ours(arm, scene, folder, samples, clock, reference=reference)
    (folder / f"{arm}.json").write_text(json.dumps(clock.steps))


if __name__ == "__main__":
    session.end_after(main)
