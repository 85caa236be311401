"""Things that do not rust: what is kept of a GLB's colours, its pose and size, and what is refused by the child."""

from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import trimesh

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.meshes import child, textured


def test_a_prop_keeps_its_colours_and_its_texture_and_rests_on_the_ground(tmp_path: Path) -> None:
    made = textured.read(models.crate(tmp_path / "crate.glb"))
    np.testing.assert_allclose(made.vertices.min(axis=0), [-0.2, -0.2, 0], atol=1e-6)
    np.testing.assert_allclose(made.materials, [[1, 1, 1, 0.4, 0]], atol=1e-6)
    (picture,) = made.textures
    assert picture.shape == (256, 512, 3)  # reduced
    assert picture[0, 0, 0] > 180
    assert picture[0, -1, 2] > 240
    np.testing.assert_allclose(made.uv[0], [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], atol=1e-6)


def test_parts_keep_their_own_colours_and_what_points_up_in_gltf_points_up_here(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    for name, height, color in (("base", 0.0, [255, 0, 0, 255]), ("top", 0.5, [0, 255, 0, 255])):
        part = trimesh.creation.box((0.2, 0.2, 0.2))
        part.visual = trimesh.visual.TextureVisuals(material=trimesh.visual.material.PBRMaterial(baseColorFactor=color))
        moved = trimesh.transformations.translation_matrix([0, height, 0])
        scene.add_geometry(part, node_name=name, geom_name=name, transform=moved)
    scene.export(tmp_path / "parts.glb")
    made = textured.read(tmp_path / "parts.glb")
    np.testing.assert_allclose(np.ptp(made.vertices, axis=0), [0.2, 0.2, 0.7], atol=1e-6)
    high = made.vertices[made.faces].mean(axis=1)[:, 2] > 0.35
    assert set(map(tuple, made.materials[made.face_material[high]][:, :3])) == {(0, 1, 0)}
    assert set(map(tuple, made.materials[made.face_material[~high]][:, :3])) == {(1, 0, 0)}


@pytest.mark.parametrize(("length", "side_m"), [(0.0, 9.0), (0.5, 0.0055), (1.0, 9.0), (4.0, 9.0)])
def test_a_prop_is_as_large_when_checked_as_when_read_whatever_the_length_of_its_quaternion(
    length: float, side_m: float, tmp_path: Path
) -> None:
    """Near the least or the most that a prop may be, once it is turned."""

    def turn(content: dict[str, Any]) -> None:
        for node in content["nodes"]:
            if "mesh" in node:
                node["rotation"] = [0, 0, length * np.sin(np.pi / 8), length * np.cos(np.pi / 8)]

    wide = side_m if length == 0 else side_m / np.sqrt(2)
    made = textured.read(models.edited(models.crate(tmp_path / "crate.glb", side_m=wide), turn))
    assert np.ptp(made.vertices, axis=0).max() == pytest.approx(side_m)


def test_a_fine_prop_is_simplified_and_its_picture_stays_in_place(tmp_path: Path) -> None:
    """The longitude of a ball is the place in its picture, along x."""
    ball = trimesh.creation.icosphere(6, 0.2)
    angle = np.arctan2(ball.vertices[:, 2], ball.vertices[:, 0])
    ball.visual = trimesh.visual.TextureVisuals(
        uv=np.stack([np.cos(angle) / 2 + 0.5, np.full(len(angle), 0.5)], axis=1),
        material=trimesh.visual.material.PBRMaterial(baseColorFactor=[255, 255, 255, 255]),
    )
    ball.export(tmp_path / "ball.glb")
    made = textured.read(tmp_path / "ball.glb")
    assert 0.5 * textured.MOST_FACES < len(made.faces) <= 1.05 * textured.MOST_FACES
    places = made.vertices[made.faces] - [0, 0, 0.2]
    wide = np.hypot(places[..., 0], places[..., 1])
    expected = places[..., 0] / np.maximum(wide, 1e-9) / 2 + 0.5
    assert np.quantile(np.abs(made.uv[..., 0] - expected)[wide > 0.05], 0.99) < 0.02


@pytest.mark.ci
def test_the_child_writes_plain_arrays_and_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    file = child.convert_prop(models.crate(tmp_path / "crate.glb"), tmp_path)
    with np.load(file, allow_pickle=False) as arrays:
        assert {"vertices", "faces", "uv", "face_material", "materials", "texture", "texture-0"} == set(arrays)
    broken = models.crate(tmp_path / "broken.glb")
    broken.write_bytes(broken.read_bytes()[:-3000])
    with pytest.raises(InputError, match=r"broken.glb: is not a readable GLB .*cut off"):
        child.convert_prop(broken, tmp_path)
    beyond = models.edited(models.crate(tmp_path / "beyond.glb"), past_its_end)
    with pytest.raises(InputError, match=r"beyond.glb: (is not a readable GLB|its reader crashed)"):
        child.convert_prop(beyond, tmp_path)


def past_its_end(content: dict[str, Any]) -> None:
    content["accessors"][content["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]["count"] = 30_000
