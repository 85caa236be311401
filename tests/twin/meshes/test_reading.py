"""Mesh files as exporters write them: polygons, relative numbers, several materials of one node or object."""

from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import trimesh
from step_file import write_box

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.meshes import polygons, reading, repair
from corrotwin.twin.meshes.surface import Surface

U_BRACKET = [(0, 0), (300, 0), (300, 200), (200, 200), (200, 50), (100, 50), (100, 200), (0, 200)]  # mm
U_AREA, U_AROUND = 300 * 200 - 100 * 150, 2 * (300 + 200) + 2 * 150  # mm², mm: a slot of 100 x 150
L_ANGLE = [(0, 0), (100, 0), (100, 10), (10, 10), (10, 100), (0, 100)]
OUTLINES = {
    "U": (U_BRACKET, U_AREA),
    "L": (L_ANGLE, 1900),
    "joined to its hole": ([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)], 12),
    "corners on a side": ([(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (2, 1), (1, 1), (0, 1)], 3),
    "arrow": ([(0, 0), (2, 1), (4, 0), (2, 4)], 6),
}  # fmt: skip


@pytest.mark.parametrize("name", list(OUTLINES))
def test_triangles_cover_a_polygon_wherever_it_begins_and_keep_its_outline(name: str) -> None:
    outline, area = OUTLINES[name]
    away = trimesh.transformations.euler_matrix(0.3, 0.5, 0.7)[:3, :3]
    for shift in range(len(outline)):
        points = np.array([(*place, 0.0) for place in outline[shift:] + outline[:shift]]) @ away.T
        faces, owner = polygons.triangles(points, np.arange(len(points)), np.array([len(points)]))
        a, b, c = np.moveaxis(points[faces], 1, 0)
        up = np.cross(b - a, c - a) @ away[:, 2]  # twice the area, signed: none is turned over, none is flat
        assert up.sum() / 2 == pytest.approx(area)
        assert (up > 1e-9).all()
        sides = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        _, count = np.unique(sides, axis=0, return_counts=True)
        assert (count == 1).sum() == len(outline)
        assert set(owner) == {0}


def prism(outline: list[tuple[int, int]], length: float) -> tuple[list[tuple[float, ...]], list[list[int]]]:
    """Return the points of a prism and its faces, each end one polygon."""
    count = len(outline)
    points = [(*place, height) for height in (0.0, length) for place in outline]
    sides = [[one, (one + 1) % count, (one + 1) % count + count, one + count] for one in range(count)]
    return points, [list(range(count))[::-1], list(range(count, 2 * count)), *sides]


def written(path: Path, points: Any, faces: list[list[int]]) -> Path:
    """Write polygons as OBJ or ASCII PLY."""
    rows = [" ".join(map(str, place)) for place in points]
    if path.suffix == ".obj":
        corners = [" ".join(str(one + 1) for one in face) for face in faces]
        path.write_text("".join([*(f"v {row}\n" for row in rows), *(f"f {row}\n" for row in corners)]))
    else:
        head = (
            f"ply\nformat ascii 1.0\nelement vertex {len(rows)}\nproperty float x\nproperty float y\nproperty float z\n"
            f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        path.write_text(head + "\n".join([*rows, *(" ".join(map(str, [len(face), *face])) for face in faces), ""]))
    return path


def measured(surface: Surface) -> tuple[float, float]:
    """Return area in m² and volume in m³."""
    shape = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    return float(shape.area), float(shape.volume)


@pytest.mark.parametrize("suffix", [".obj", ".ply"])
@pytest.mark.parametrize("first", range(3))
def test_ends_that_are_not_convex_keep_their_shape(tmp_path: Path, suffix: str, first: int) -> None:
    points, faces = prism(U_BRACKET[first:] + U_BRACKET[:first], 10)
    surface = reading.read(written(tmp_path / f"u{suffix}", points, faces), units="mm", up=None)
    assert measured(surface) == pytest.approx(((2 * U_AREA + 10 * U_AROUND) * 1e-6, U_AREA * 10e-9), rel=1e-6)
    _, repairs = repair.repair(surface)
    assert (repairs.pieces, repairs.open_pieces, repairs.turned) == (1, 0, 0)


def test_a_face_that_crosses_itself_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "bow.obj", [(0, 0, 0), (2, 0, 0), (0, 1, 0), (3, 1.5, 0)], [[0, 1, 2, 3]])
    with pytest.raises(InputError, match=r"bow\.obj: has a face of 4 corners that crosses itself; export it as tri"):
        reading.read(path, units="m", up=None)


def two_materials(path: Path, relative: bool, header: str = "o plate\n") -> Path:
    """Write two boxes of one object and two materials, the second 0.3 m aside; `relative` numbers count backwards."""
    lines = []
    for number, material in enumerate(("steel", "brass")):
        box = trimesh.creation.box((0.1, 0.1, 0.1)).apply_translation([0.3 * number, 0, 0])
        lines += [f"v {x} {y} {z}" for x, y, z in box.vertices]
        lines += [f"usemtl {material}"]
        lines += [
            "f " + " ".join(f"{one - 8 if relative else one + 1 + 8 * number}//1" for one in face) + " # of the box"
            for face in box.faces
        ]
    path.write_bytes((header + "\n".join(lines)).replace("\n", "\r\n").encode())
    return path


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("header", "part"), [("o plate\n", "plate"), ("mtllib absent.mtl\n", "two")])
def test_an_object_of_an_obj_may_have_several_materials_and_relative_numbers(
    tmp_path: Path, relative: bool, header: str, part: str
) -> None:
    surface = reading.read(two_materials(tmp_path / "two.obj", relative, header), units="m", up=None)
    assert surface.part_names == (part,)
    assert surface.material_names == ("steel", "brass")
    for number, middle in enumerate((-0.15, 0.15)):
        own = surface.corners[surface.material == number].reshape(-1, 3)
        np.testing.assert_allclose(own.min(axis=0), [middle - 0.05, -0.05, 0], atol=1e-9)
        np.testing.assert_allclose(own.max(axis=0), [middle + 0.05, 0.05, 0.1], atol=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 0 0\nv 1 0\n", "line 2: v 1 0 is not a valid line of an OBJ; export it again"),
        ("v 0 0 0\nf 1 2 -2\n", "line 2: f 1 2 -2 is not a valid line"),
        ("v 0 0 0\nf 0 1 1\n", "line 2: f 0 1 1 is not a valid line"),
        ("v 0 0 0\nf 1 2 9\n", "its faces refer to vertices that do not exist"),
        ("v 0 0 0\n", "holds no triangles"),
    ],
)
def test_an_obj_that_is_malformed_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.obj").write_text(text)
    with pytest.raises(InputError, match=rf"bad\.obj: {message}"):
        reading.read(tmp_path / "bad.obj", units="m", up=None)


def painted_tube(path: Path, *, materials: int) -> Path:
    """Write a tube of one node, whose bore may be of a second material: a primitive for each, as Blender does."""
    tube = trimesh.creation.annulus(0.05, 0.06, 0.5, sections=48)
    bore = (tube.face_normals[:, :2] * tube.triangles_center[:, :2]).sum(axis=1) < -0.01
    scene = trimesh.Scene()
    for name, own in {"paint": ~bore, "bare": bore}.items() if materials == 2 else {"paint": bore | True}.items():
        part = trimesh.Trimesh(tube.vertices, tube.faces[own], process=False)
        part.visual = trimesh.visual.TextureVisuals(material=trimesh.visual.material.PBRMaterial(name=name))
        scene.add_geometry(part, node_name=name, geom_name=name)
    scene.export(path)
    return models.edited(path, of_one_node)


def of_one_node(document: dict[str, Any]) -> None:
    first, *others = document["meshes"]
    first["primitives"] += [one for other in others for one in other["primitives"]]
    document["meshes"] = [first]
    document["nodes"] = [{"name": "tube", "mesh": 0}]
    document["scenes"] = [{"nodes": [0]}]


def test_the_materials_of_a_node_are_one_part_whose_bore_stays_inside(tmp_path: Path) -> None:
    one, two = (
        repair.repair(reading.read(painted_tube(tmp_path / f"{count}.glb", materials=count), units=None, up="z"))
        for count in (1, 2)
    )
    assert two[0].part_names == ("tube",)
    assert two[0].material_names == ("paint", "bare")
    assert (two[1].pieces, two[1].open_pieces, two[1].turned) == (1, 0, 0)
    section = 48 / 2 * np.sin(2 * np.pi / 48) * (0.06**2 - 0.05**2)  # of two polygons with 48 sides
    for surface, _ in (one, two):
        assert measured(surface)[1] == pytest.approx(0.5 * section, rel=1e-4)


@pytest.mark.parametrize("name", ["a.step", "a.STP"])
def test_units_of_a_step_file_are_not_applied_twice(tmp_path: Path, name: str) -> None:
    """The file states millimetres, and its reader returns metres."""
    path = write_box(tmp_path / name, (8000, 1000, 100))
    for units in ("mm", "ft"):
        with pytest.raises(InputError, match=rf"{name}: `units` {units}: a STEP file states its unit, .*; leave `uni"):
            reading.read(path, units=units, up=None)
    pytest.importorskip("cascadio", reason="the extra cad is not installed")
    for units in (None, "m"):
        assert np.ptp(reading.read(path, units=units, up=None).vertices, axis=0) == pytest.approx([8, 1, 0.1])
    with pytest.raises(InputError, match=r"wide.step: its longest side is 400 m, by the unit that it states; export"):
        reading.read(write_box(tmp_path / "wide.step", (400_000, 1000, 100)), units=None, up=None)


def test_units_of_a_glb_replace_the_metres_of_its_standard(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    trimesh.creation.box((800, 100, 10)).export(path)
    assert np.ptp(reading.read(path, units="mm", up="z").vertices, axis=0) == pytest.approx([0.8, 0.1, 0.01])
