"""The documented arm, run as ``python -m tools.documented.script OUT FIRST SCENES SIZE PARENT``.

An able user would write this within a day from BlenderProc's documentation and examples for pictures of rusty steel:
primitives, materials of nodes, rust as objects of its own with ``category_id`` 1, bundled light maps or lights, random
cameras that are checked, `enable_segmentation_output`, few samples with a noise threshold and the denoiser,
`write_coco_annotations`, `clean_up`, the next scene. SCENES scenes from number FIRST on are added to the folder OUT;
each depends on its number alone. The process ends with the process PARENT.

BlenderProc's samplers draw from NumPy's global generator, which is seeded with the number of each scene, as its own
`BLENDER_PROC_RANDOM_SEED` does.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np

from corrotwin.synth.blender import session
from corrotwin.twin.core.text import say
from tools.documented import materials
from tools.documented.structures import STRUCTURES, Workshop

RUST, VIEWS, TRIES = 1, 5, 200
SAMPLES, NOISE = 16, 0.05  # the examples take 50 samples, at three times the price
GAP_M = 0.0008  # between steel and its shell of rust
ALPHA = 0.5  # least alpha of a shell's pixel that is rust in the segmentation
FLASH = 0.2  # share of scenes at night, lit from the camera


def _steel(bproc: ModuleType, rng: np.random.Generator, behind_m: float = 0.0) -> list[Any]:
    """Build a structure with its rust, `behind_m` metres behind the middle; return its bodies."""
    shop = Workshop(bproc, rng)
    STRUCTURES[rng.integers(len(STRUCTURES))](shop)
    weather = materials.Weathering(bproc, rng)
    paint, rust, solid = weather.paint(), weather.rust(), weather.rust(everywhere=True)
    rusty_bolts = rng.random() < 0.4
    for part in (*shop.bodies, *shop.bolts):
        part.set_location(part.get_location() + np.array([0.0, behind_m, 0.0]))
    for part in shop.bodies:
        part.add_material(paint)
        part.set_cp("category_id", 0)
    for bolt in shop.bolts:
        is_rust = rusty_bolts and rng.random() < 0.7
        bolt.add_material(solid if is_rust else paint)
        bolt.set_cp("category_id", RUST if is_rust else 0)
    for part in shop.bodies:
        shell = part.duplicate()
        shell.replace_materials(rust)
        mesh = shell.mesh_as_bmesh(return_copy=True)
        for vertex in mesh.verts:
            vertex.co += vertex.normal * GAP_M
        shell.update_from_bmesh(mesh)
        shell.set_name("rust")
        shell.set_cp("category_id", RUST)
    return shop.bodies


def _surroundings(bproc: ModuleType, rng: np.random.Generator) -> None:
    """Lay a ground, sometimes a wall, and objects that are not steel, some of them brown."""
    floor = materials.ground(bproc, rng)
    objects = [(bproc.object.create_primitive("PLANE", scale=[12, 12, 1]), floor)]
    if rng.random() < 0.45:
        wall = bproc.object.create_primitive("CUBE", location=[0, rng.uniform(1.9, 3.5), 1.5], scale=[6, 0.2, 1.8])
        objects.append((wall, materials.ground(bproc, rng)))
    for _ in range(rng.integers(2, 9)):
        shape = str(rng.choice(["CUBE", "CUBE", "CYLINDER", "CONE", "SPHERE"]))
        side = rng.uniform(0.03, 0.3, 3)
        position = bproc.sampler.disk([0, 0, 0], 2.5, [0, 0, 0])
        item = bproc.object.create_primitive(
            shape, location=[position[0], position[1], side[2]], scale=side, rotation=[0, 0, rng.uniform(0, 6.3)]
        )
        objects.append((item, materials.plain(bproc, rng)))
    if rng.random() < 0.3:
        position = rng.uniform(-0.4, 0.4, 2)
        card = bproc.object.create_primitive("CUBE", location=[*position, 0.04], scale=[0.05, 0.05, 0.003])
        objects.append((card, materials.marker(bproc)))
    for item, material in objects:
        item.add_material(material)
        item.set_cp("category_id", 0)


def _light(bproc: ModuleType, rng: np.random.Generator) -> bool:
    """Light the scene with one of Blender's bundled light maps and a lamp; return True at night."""
    import bpy

    worlds = sorted(Path(bpy.utils.system_resource("DATAFILES"), "studiolights", "world").glob("*.exr"))
    is_night = rng.random() < FLASH
    bproc.renderer.set_world_background([0.05, 0.05, 0.05])  # the world that `clean_up` leaves has no nodes
    bproc.world.set_world_background_hdr_img(
        str(worlds[rng.integers(len(worlds))]), strength=0.03 if is_night else float(rng.uniform(0.5, 1.6)),
        rotation_euler=[0.0, 0.0, float(rng.uniform(0, 6.3))],
    )  # fmt: skip
    if not is_night and rng.random() < 0.6:
        lamp = bproc.types.Light()
        lamp.set_type("SUN" if rng.random() < 0.6 else "POINT")
        lamp.set_location(bproc.sampler.shell([0, 0, 0.5], 3, 5, 15, 80))
        lamp.set_rotation_mat(bproc.camera.rotation_from_forward_vec(-np.array(lamp.get_location())))
        lamp.set_energy(float(rng.uniform(1.5, 5)) if lamp.get_type() == "SUN" else float(rng.uniform(100, 500)))
        lamp.set_color(rng.uniform([0.85, 0.8, 0.7], [1, 1, 1]))
    return bool(is_night)


def _cameras(bproc: ModuleType, rng: np.random.Generator, steel: list[Any], *, flash: bool) -> int:
    """Add up to `VIEWS` camera poses that see the steel from near or far; return how many."""
    lamp = bproc.types.Light() if flash else None
    tree = bproc.object.create_bvh_tree_multi_objects(bproc.object.get_all_mesh_objects())
    count = 0
    for _ in range(TRIES):
        if count == VIEWS:
            break
        part = steel[rng.integers(len(steel))]
        corners = part.get_bound_box()
        target = rng.uniform(corners.min(axis=0), corners.max(axis=0))
        target = np.clip(target, [-0.8, -0.8, 0.0], [0.8, 1.2, 1.6])
        far_m = float(rng.choice([0.6, 1.1, 2.0]))
        front = {"azimuth_min": -160, "azimuth_max": -20} if rng.random() < 0.7 else {}
        location = bproc.sampler.shell(target, 0.3, far_m, -10, 75, **front)
        if location[2] < 0.1:
            continue
        rotation = bproc.camera.rotation_from_forward_vec(target - location, inplane_rot=float(rng.normal(0, 0.12)))
        pose = bproc.math.build_transformation_mat(location, rotation)
        if not bproc.camera.perform_obstacle_in_view_check(pose, {"min": 0.2}, tree):
            continue
        if not any(visible.get_cp("category_id") == RUST for visible in bproc.camera.visible_objects(pose)):
            continue
        frame = bproc.camera.add_camera_pose(pose)
        if lamp is not None:
            lamp.set_location(location + rng.uniform(0.03, 0.1, 3), frame=frame)
            lamp.set_energy(float(30 * np.linalg.norm(target - location) ** 2 + 5), frame=frame)
        count += 1
    return count


def scene(bproc: ModuleType, number: int, out: Path, size: int) -> int:
    """Render one scene and append it to the COCO dataset `out`; return the number of its pictures."""
    np.random.seed(number)  # noqa: NPY002  BlenderProc's samplers draw from it
    rng = np.random.default_rng(number)
    bproc.camera.set_intrinsics_from_blender_params(float(rng.uniform(0.6, 1.15)), size, size, lens_unit="FOV")
    steel = _steel(bproc, rng)
    if rng.random() < 0.4:
        _steel(bproc, rng, behind_m=float(rng.uniform(0.8, 1.8)))
    _surroundings(bproc, rng)
    count = _cameras(bproc, rng, steel, flash=_light(bproc, rng))
    if count:
        bproc.renderer.enable_segmentation_output(
            map_by=["category_id", "instance", "name"], default_values={"category_id": 0}, pass_alpha_threshold=ALPHA
        )
        data = bproc.renderer.render()
        bproc.writer.write_coco_annotations(
            str(out), instance_segmaps=data["instance_segmaps"],
            instance_attribute_maps=data["instance_attribute_maps"], colors=data["colors"], color_file_format="JPEG",
            label_mapping=bproc.utility.LabelIdMapping.from_dict({"background": 0, "rust": RUST}),
        )  # fmt: skip
    bproc.clean_up(clean_up_camera=True)
    return count


def main() -> None:
    """Render the scenes that the command line names."""
    out, (first, scenes, size, parent) = Path(sys.argv[1]).resolve(), (int(word) for word in sys.argv[2:])
    session.die_with_parent(parent)
    bproc = session.load_blenderproc()
    with TemporaryDirectory() as name:
        session.start(bproc, Path(name), 0, "cpu")  # 0: all cores, as in `bproc.init`
        bproc.renderer.set_max_amount_of_samples(SAMPLES)
        bproc.renderer.set_noise_threshold(NOISE)
        bproc.renderer.set_denoiser("INTEL")
        for number in range(first, first + scenes):
            started = time.process_time()
            count = scene(bproc, number, out, size)
            say(f"scene {number}: {count} pictures, {time.process_time() - started:.1f} s")
            sys.stdout.flush()  # the process ends without flushing


if __name__ == "__main__":
    session.end_after(main)
