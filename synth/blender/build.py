"""Build objects, lights and cameras in Blender from the plain data of a `Scene`."""

from math import atan2, hypot, pi, radians
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from corrotwin.synth.blender import images, materials, meshes, models, steel, textured, versions
from corrotwin.synth.spec import Body, Light, Prop, Scene

SKY = 0.12  # factor for the sky texture, which is brighter than the HDRIs
BESIDE_THE_LENS = np.array([[1, 0, 0, 0.03], [0, 1, 0, 0.05], [0, 0, 1, 0], [0, 0, 0, 1]])  # metres
# Pose of camera and flash in the frame after the last. Blender computes a pose from its keyframes only when it changes:
# without a frame to come from, the picture of a scene's only view would differ in the last bits from the same picture
# rendered beside others.
_ELSEWHERE = np.array([[1, 0, 0, 9], [0, 0, -1, 9], [0, 1, 0, 9], [0, 0, 0, 1.0]])


def build(bproc: ModuleType, scene: Scene, folder: Path) -> None:
    """Build `scene` in the empty Blender scene; its npz files are in `folder`."""
    for body in scene.bodies:
        _body(bproc, body, folder)
    for prop in scene.props:
        _prop(bproc, prop, folder)
    _world(scene.light)
    _cameras(bproc, scene)
    _lamp(bproc, scene)


def _body(bproc: ModuleType, body: Body, folder: Path) -> None:
    with np.load(folder / body.file) as arrays:
        vertices, faces, uv, fields = (arrays[name] for name in ("vertices", "faces", "uv", "fields"))
        edges, treads, gone = (arrays.get(name) for name in ("edges", "treads", "gone"))
    target = bproc.object.create_with_empty_mesh(f"body-{body.instance}")
    data = target.get_mesh()
    meshes.fill(data, vertices, faces)
    data.uv_layers.new(name=steel.ATLAS).data.foreach_set("uv", uv.astype(np.float32).ravel())
    _smooth(data)
    field_image = images.of_rows_from_below(body.file, fields, space=images.DATA, exact=True)
    trodden = treads is not None and bool(treads.any())
    edge_image = None
    if edges is not None:
        flat = np.zeros_like(edges)
        worn = images.with_alpha(np.stack([edges, treads if trodden else flat, flat], axis=-1) / np.float32(255))
        edge_image = images.of_rows_from_below(f"{body.file}-edges", worn, space=images.DATA)
    hole_image = None
    if gone is not None:
        bits = images.with_alpha(gone.astype(np.float32))
        hole_image = images.of_rows_from_below(f"{body.file}-gone", bits, space=images.DATA)
    material = steel.rusting(
        body.finish, field_image, body.instance, edges=edge_image, trodden=trodden, gone=hole_image, folder=folder
    )
    data.materials.append(material)
    target.set_local2world_mat(np.array(body.pose))


def _smooth(mesh: bpy.types.Mesh) -> None:
    """Shade smooth except at sharp edges; BlenderProc's own way needs an asset file that pip's bpy lacks."""
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    mesh.set_sharp_from_angle(angle=radians(35))


def _prop(bproc: ModuleType, prop: Prop, folder: Path) -> None:
    if prop.shape == "model":
        target = models.add(bproc, prop, folder)
        _smooth(target.get_mesh())
        target.set_local2world_mat(np.array(prop.pose))
        return
    if prop.shape == "mesh":
        with np.load(folder / prop.file) as arrays:
            vertices, faces, tone = (arrays[name] for name in ("vertices", "faces", "tone"))
            color = arrays.get("color")
        target = bproc.object.create_with_empty_mesh(prop.file)
        data = target.get_mesh()
        meshes.fill(data, vertices, faces)
        data.attributes.new(materials.TONE, "FLOAT", "POINT").data.foreach_set("value", tone.astype(np.float32))
        if color is not None:
            data.attributes.new(materials.COLOR, "FLOAT_COLOR", "POINT").data.foreach_set(
                "color", images.with_alpha(color[None]).ravel()
            )
        _smooth(data)
    elif prop.shape == "box":
        target = bproc.object.create_primitive("CUBE", size=1)
    else:
        target = bproc.object.create_primitive("CYLINDER", radius=0.5, depth=1, vertices=64)
        _smooth(target.get_mesh())
    if prop.texture is not None:
        material = textured.surface(prop, prop.texture, folder)
    else:
        material = materials.MATERIALS[prop.material](prop.color, prop.seed)
    target.blender_obj.data.materials.append(material)
    target.set_local2world_mat(np.array(prop.pose))


def _world(light: Light) -> None:
    """Light the scene with one of bpy's or the user's light maps, turned about the vertical, or with a clear sky."""
    world = bpy.context.scene.world
    # By default Cycles finds out in full detail where a light map's light comes from: over a second per scene.
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 256
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    nodes.clear()
    background, output = (nodes.new(name) for name in ("ShaderNodeBackground", "ShaderNodeOutputWorld"))
    background.inputs["Strength"].default_value = light.world_strength
    if light.world == "sky":
        sky = nodes.new("ShaderNodeTexSky")
        sky.sky_type, sky.sun_disc = versions.CLEAR_SKY, False  # the sun is a lamp of its own
        x, y, z = light.lamp_from
        sky.sun_elevation, sky.sun_rotation = atan2(z, hypot(x, y)), atan2(x, y)
        background.inputs["Strength"].default_value *= SKY
    else:
        sky = nodes.new("ShaderNodeTexEnvironment")
        own_file, _, _ = light.world.rpartition("#")
        folder = bpy.utils.system_resource("DATAFILES")
        sky.image = bpy.data.images.load(own_file or f"{folder}/studiolights/world/{light.world}.exr")
        coordinates, turn = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeMapping")
        turn.inputs["Rotation"].default_value[2] = light.world_turn
        links.new(coordinates.outputs["Generated"], turn.inputs["Vector"])
        links.new(turn.outputs["Vector"], sky.inputs["Vector"])
    links.new(sky.outputs["Color"], background.inputs["Color"])
    links.new(background.outputs["Background"], output.inputs["Surface"])


def _cameras(bproc: ModuleType, scene: Scene) -> None:
    """Add one frame for each view, from frame 0; `passes` sets size and lens of each picture."""
    camera = bpy.context.scene.camera.data
    camera.clip_start, camera.clip_end = 0.005, 2000
    for frame, view in enumerate(scene.views):
        bproc.camera.add_camera_pose(np.array(view.pose), frame)
        camera.dof.focus_distance = view.focus_m or 1.0
        camera.dof.aperture_fstop = view.f_number if view.focus_m else 1e6
        camera.dof.keyframe_insert("focus_distance", frame=frame)
        camera.dof.keyframe_insert("aperture_fstop", frame=frame)
    bproc.camera.add_camera_pose(_ELSEWHERE, len(scene.views))


def _lamp(bproc: ModuleType, scene: Scene) -> None:
    light = scene.light
    if light.lamp == "none":
        return
    lamp = bproc.types.Light({"sun": "SUN", "flash": "SPOT", "work": "POINT"}[light.lamp])
    lamp.set_energy(light.lamp_strength)
    lamp.set_color(list(light.lamp_color))
    if light.lamp == "sun":
        lamp.set_rotation_mat(bproc.camera.rotation_from_forward_vec(-np.array(light.lamp_from)))
        lamp.blender_obj.data.angle = radians(0.53)
        return
    if light.lamp == "work":
        lamp.set_location(light.lamp_from)
        lamp.set_radius(0.12)
        return
    lamp.blender_obj.data.spot_size, lamp.blender_obj.data.spot_blend = pi * 0.55, 0.9
    lamp.set_radius(0.012)
    for frame, view in enumerate(scene.views):  # the flash sits beside the lens
        pose = np.array(view.pose)
        _stand(lamp, pose @ BESIDE_THE_LENS, frame)
    _stand(lamp, _ELSEWHERE, len(scene.views))


def _stand(lamp: Any, pose: NDArray[np.float64], frame: int) -> None:
    lamp.set_local2world_mat(pose)
    lamp.blender_obj.keyframe_insert("location", frame=frame)
    lamp.blender_obj.keyframe_insert("rotation_euler", frame=frame)
