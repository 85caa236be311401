"""Meshes of one's own: what is read, repaired, divided, measured and refused, on made ones whose truth is known."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.geometry import charts
from corrotwin.twin.geometry.texels import texels
from corrotwin.twin.meshes import reading, repair, thickness, zoning
from corrotwin.twin.meshes.conversion import Converted, MeshOptions, convert
from corrotwin.twin.model import corrosion
from corrotwin.twin.model.exposure import at

PLATE = trimesh.creation.box((0.4, 0.3, 0.012))


def write(path: Path, mesh: Any, scale: float = 1.0) -> Path:
    """Write a mesh in metres in other units, as its suffix says."""
    moved = mesh.copy()
    moved.apply_scale(scale)
    moved.export(path)
    return path


def made(path: Path, **options: Any) -> Converted:
    return convert(path, MeshOptions(**options))


def area(found: Converted, zone: str) -> float:
    return float(found.charts.areas_m2[found.charts.face_zone == found.charts.zone_names.index(zone)].sum())


@pytest.mark.parametrize(("suffix", "units"), [(".stl", "mm"), (".obj", "cm"), (".ply", "in"), (".glb", None)])
def test_a_plate_in_any_format_and_unit_is_the_same_plate(tmp_path: Path, suffix: str, units: str | None) -> None:
    found = made(write(tmp_path / f"plate{suffix}", PLATE, 1 / reading.METRES[units or "m"]), units=units, up="z")
    shape = trimesh.Trimesh(found.charts.vertices, found.charts.faces, process=False)
    assert shape.area == pytest.approx(PLATE.area, rel=1e-5)
    np.testing.assert_allclose(np.ptp(shape.vertices, axis=0), [0.4, 0.3, 0.012], atol=1e-6)
    np.testing.assert_allclose(shape.vertices.min(axis=0), [-0.2, -0.15, 0], atol=1e-6)
    assert found.charts.nominal_thickness_mm == pytest.approx(12, rel=1e-3)
    assert found.charts.zone_names == ("body", "edge")


def test_what_points_up_in_gltf_points_up_here(tmp_path: Path) -> None:
    """Its y does, by the standard, and the front, its z, comes to look towards -y."""
    tall = trimesh.creation.box((0.1, 0.5, 0.2))
    found = made(write(tmp_path / "tall.glb", tall)).charts.vertices
    np.testing.assert_allclose(np.ptp(found, axis=0), [0.1, 0.2, 0.5], atol=1e-6)
    arrow = trimesh.creation.cone(0.05, 0.3)  # along z, its tip at the far end
    tip = made(write(tmp_path / "arrow.glb", arrow)).charts.vertices
    assert tip[np.abs(tip[:, 0]) < 1e-4][:, 1].min() == pytest.approx(-0.15, abs=1e-3)


@pytest.mark.ci
def test_thickness_by_rays_is_that_of_the_metal(tmp_path: Path) -> None:
    """On the faces of a plate and on its cut edges, in a bar, and in the wall of a tube, within and without."""
    shapes = {
        "plate": (PLATE, 12.0),
        "bar": (trimesh.creation.cylinder(0.02, 0.5, sections=64), 40.0),
        "tube": (trimesh.creation.annulus(0.09, 0.1, 0.6, sections=96), 10.0),
    }
    for name, (mesh, expected) in shapes.items():
        found = made(write(tmp_path / f"{name}.glb", mesh)).charts
        away = np.abs(found.face_thickness_mm / expected - 1)
        weight = found.areas_m2 / found.areas_m2.sum()
        assert weight[away < 0.1].sum() > 0.9, name
        assert found.face_thickness_mm.max() < 2.1 * expected, name
        assert found.face_thickness_mm[weight > 0].min() > 0.25 * expected, name


def test_an_edge_is_a_band_along_what_is_sharp_and_the_triangles_there_are_small(tmp_path: Path) -> None:
    """A plate has twelve sharp edges; its band is 4 mm on either side, and takes all of the narrow faces."""
    found = made(write(tmp_path / "plate.glb", PLATE), up="z")
    band = zoning.BAND_M
    faces = 2 * (0.4 * 0.3 - (0.4 - 2 * band) * (0.3 - 2 * band))
    narrow = 2 * (0.4 + 0.3) * min(0.012, 2 * band) + 4 * 2 * band * max(0.0, 0.012 - 2 * band)
    assert area(found, "edge") == pytest.approx(faces + narrow, rel=0.15)
    ball = made(write(tmp_path / "ball.glb", trimesh.creation.icosphere(4, 0.2)))
    assert ball.charts.zone_names == ("body",)


def test_refined_triangles_are_the_same_surface() -> None:
    """Closed, wound alike, of the same area and volume: neighbours are cut along with those at the edge."""
    surface, _ = repair.repair(of(PLATE))
    finer = zoning.by_shape(surface).surface
    shape = trimesh.Trimesh(finer.vertices, finer.faces, process=False)
    assert len(finer.faces) > 1000
    assert shape.is_watertight
    assert shape.is_winding_consistent
    assert shape.area == pytest.approx(PLATE.area)
    assert shape.volume == pytest.approx(PLATE.volume)


def of(mesh: trimesh.Trimesh) -> Any:
    """Return the surface of a mesh, as it is read."""
    return reading.surface_of(reading.bodies(trimesh.Scene(mesh), "made"))


@pytest.mark.ci
def test_crevices_and_covered_faces_are_told_by_the_other_piece() -> None:
    """A block stands on a plate, another 1.5 mm above it, a pin stands through it."""
    on_it = trimesh.creation.box((0.1, 0.1, 0.1)).apply_translation([-0.1, 0, 0.056])
    above = trimesh.creation.box((0.1, 0.1, 0.1)).apply_translation([0.1, 0, 0.0575])
    pin = trimesh.creation.cylinder(0.01, 0.2, sections=24).subdivide_to_size(0.004)
    pin.apply_translation([0, 0.1, 0])
    surface, repairs = repair.repair(of(trimesh.util.concatenate([PLATE, on_it, above, pin])))
    assert (repairs.pieces, repairs.open_pieces) == (4, 0)
    found = zoning.by_shape(surface).surface
    names = np.array(found.zone_names)[found.zone]
    centre, down = found.corners.mean(axis=1), found.cross[:, 2] < 0
    foot = down & (np.abs(centre[:, 2] - 0.006) < 1e-6) & (np.abs(centre[:, 0] + 0.1) < 0.05)
    assert set(names[foot]) == {"covered", "crevice"}  # the second along the rim
    gap = down & (np.abs(centre[:, 2] - 0.0075) < 1e-6)
    assert {name.split()[-1] for name in names[gap]} == {"crevice"}
    within = (np.hypot(centre[:, 0], centre[:, 1] - 0.1) < 0.0099) & (np.abs(centre[:, 2]) < 0.005)
    shaft = (np.abs(np.hypot(centre[:, 0], centre[:, 1] - 0.1) - 0.01) < 1e-3) & (np.abs(centre[:, 2]) < 0.004)
    assert not within.any()
    assert set(names[shaft]) <= {"covered", "crevice"}


def test_a_large_face_on_which_a_small_part_stands_is_open() -> None:
    """The middle of a triangle of the plate lies under a bolt's head."""
    middle = PLATE.triangles_center[PLATE.face_normals[:, 2] > 0.5][0]
    head = trimesh.creation.cylinder(0.01, 0.012, sections=6).apply_translation([*middle[:2], 0.012])
    surface, _ = repair.repair(of(trimesh.util.concatenate([PLATE, head])))
    found = zoning.by_shape(surface).surface
    names = np.array(found.zone_names)[found.zone]
    top = (found.cross[:, 2] > 0) & (np.abs(found.corners[:, :, 2] - 0.006) < 1e-6).all(axis=1)
    area = np.linalg.norm(found.cross, axis=1) / 2
    assert area[top & (names == "covered")].sum() < 1.5 * np.pi * 0.01**2


def faulty() -> dict[str, tuple[trimesh.Trimesh, str]]:
    """Return meshes with faults, and what the report says of each."""
    turned = trimesh.Trimesh(PLATE.vertices, PLATE.faces[:, ::-1], process=False)
    mixed = PLATE.faces.copy()
    mixed[::3] = mixed[::3, ::-1]
    rng = np.random.default_rng(0)
    holed = trimesh.creation.icosphere(5, 0.2)
    scan = trimesh.creation.icosphere(5, 0.2)
    scan.vertices = scan.vertices + rng.normal(scale=2e-4, size=scan.vertices.shape)
    parts = [PLATE.copy().apply_translation([0, 0, 0.05 * number]) for number in range(200)]
    return {
        "turned": (turned, "turned 12 triangles that faced inwards"),
        "mixed": (trimesh.Trimesh(PLATE.vertices, mixed, process=False), "turned 4 triangles"),
        "twice": (trimesh.util.concatenate([PLATE, PLATE]), "left out 12 triangles: no area, or duplicated"),
        "holed": (
            trimesh.Trimesh(holed.vertices, holed.faces[1:], process=False),
            "closed small holes with 1 triangle",
        ),
        "scan": (scan, "20480 triangles in 1 piece"),
        "200 parts": (trimesh.util.concatenate(parts), "2400 triangles in 200 pieces"),
    }


@pytest.mark.ci
@pytest.mark.parametrize("name", list(faulty()))
def test_faults_are_mended_and_reported(tmp_path: Path, name: str) -> None:
    mesh, said = faulty()[name]
    found = made(write(tmp_path / "faulty.stl", mesh), units="m")
    assert said in "\n".join(found.report)
    shape = trimesh.Trimesh(found.charts.vertices, found.charts.faces, process=False)
    assert shape.is_watertight
    assert shape.is_winding_consistent
    assert shape.volume > 0


def test_an_open_shell_and_a_surface_where_three_meet_need_no_far_side(tmp_path: Path) -> None:
    box = trimesh.creation.box((0.3, 0.3, 0.3))
    fin = trimesh.Trimesh([[0, 0, 0.15], [0.1, 0, 0.15], [0.1, 0, 0.4], [0, 0, 0.4]], [[0, 1, 2], [0, 2, 3]])
    bucket = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 2] < 0.5], process=False)
    for mesh in (bucket, trimesh.util.concatenate([box, fin])):
        path = write(tmp_path / "open.stl", mesh)
        with pytest.raises(InputError, match=r"open.stl: `thickness`: \d+ % of the surface belongs to open pieces"):
            made(path, units="m")
        found = made(path, units="m", thickness=2.0)
        assert "of them open" in found.report[0]
        assert set(found.charts.face_thickness_mm) == {2.0}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A wheel and a hub of two materials, nodes of a scene tree that moves them apart."""
    made = trimesh.Scene()
    for name, x, color in (("wheel", 0.0, "rubber"), ("hub", 0.5, "brass")):
        part = trimesh.creation.box((0.2, 0.2, 0.02))
        part.visual = trimesh.visual.TextureVisuals(material=trimesh.visual.material.PBRMaterial(name=color))
        made.add_geometry(
            part, node_name=name, geom_name=name, transform=trimesh.transformations.translation_matrix([x, 0, 0])
        )
    path = tmp_path / "scene.glb"
    made.export(path)
    return path


@pytest.mark.ci
def test_zones_are_named_by_parts_materials_or_a_table(scene: Path, tmp_path: Path) -> None:
    parts = made(scene, zones="parts", thickness={"wheel": 8.0, "hub": 20.0}).charts
    assert parts.zone_names == ("hub", "hub edge", "wheel", "wheel edge")
    mm = {name: set(parts.face_thickness_mm[parts.face_zone == number]) for number, name in enumerate(parts.zone_names)}
    assert mm == {"hub": {20.0}, "hub edge": {20.0}, "wheel": {8.0}, "wheel edge": {8.0}}
    materials = made(scene, zones="materials").charts
    assert materials.zone_names == ("brass", "brass edge", "rubber", "rubber edge")
    table = tmp_path / "zones.csv"
    table.write_text("part;zone\nwheel;rim\n")
    assert made(scene, zones=str(table)).charts.zone_names == ("body", "edge", "rim", "rim edge")
    table.write_text("material,zone\nrubber,covered\n")
    assert "covered part" in made(scene, zones=str(table)).charts.zone_names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("part,zone\nrim,a\n", "line 2, column 'part': 'rim' is not a part of the mesh; choose from hub, wheel"),
        ("zone\na\n", "needs the columns zone and one of part, material, face"),
        ("part\nwheel\n", "zone"),
    ],
)
def test_a_table_of_zones_that_does_not_fit_is_refused(scene: Path, tmp_path: Path, content: str, message: str) -> None:
    table = tmp_path / "zones.csv"
    table.write_text(content)
    with pytest.raises(InputError, match=message):
        made(scene, zones=str(table))


def test_a_part_of_which_no_thickness_is_given_or_that_is_unknown_is_refused(scene: Path) -> None:
    with pytest.raises(InputError, match="part hub has no value"):
        made(scene, thickness={"wheel": 8.0})
    with pytest.raises(InputError, match="`thickness` rim: not a part of the mesh; choose from hub, wheel"):
        made(scene, thickness={"wheel": 8.0, "rim": 2.0})
    with pytest.raises(InputError, match=r"`thickness` -1: give 0\.1 to 2000 mm"):
        made(scene, thickness=-1.0)


@pytest.mark.ci
def test_simplifying_keeps_the_shape_and_is_said(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(6, 0.2)
    found = made(write(tmp_path / "ball.stl", ball), units="m", simplify=5000)
    assert found.report[0] == "simplified from 81920 triangles to 5,000"
    shape = trimesh.Trimesh(found.charts.vertices, found.charts.faces, process=False)
    assert shape.volume == pytest.approx(ball.volume, rel=0.01)


def nan_stl(folder: Path) -> Path:
    path = write(folder / "nan.stl", PLATE)
    content = bytearray(path.read_bytes())
    content[96:100] = np.float32(np.nan).tobytes()
    path.write_bytes(content)
    return path


def gltf(folder: Path, uri: str) -> Path:
    """A glTF whose buffer is elsewhere."""
    document = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}], "buffers": [{"uri": uri, "byteLength": 36}],
    }  # fmt: skip
    path = folder / "away.gltf"
    path.write_text(json.dumps(document))
    return path


def text(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


BAD: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str]] = {
    "text": (lambda at: text(at, "words.stl", b"no mesh at all"), {"units": "m"}, "words.stl: "),
    "empty": (lambda at: text(at, "empty.glb", b""), {}, "empty.glb: is not a readable GLB"),
    "absent": (lambda at: at / "absent.stl", {"units": "m"}, "absent.stl: cannot be read"),
    "suffix": (lambda at: text(at, "mesh.fbx", b"x"), {}, "is not supported; convert it to one of .stl, .obj"),
    "no units": (lambda at: write(at / "a.stl", PLATE), {}, "STL has no units; give `units`, one of m, cm, mm, in, ft"),
    "inches": (lambda at: write(at / "a.stl", PLATE, 39.37 * 100), {"units": "m"}, "its longest side is 1575 m"),
    "metres": (lambda at: write(at / "a.stl", PLATE), {"units": "mm"}, "its longest side is 0.0004 m"),
    "nan": (nan_stl, {"units": "m"}, "nan.stl: has coordinates that are not finite numbers"),
    "url": (lambda at: gltf(at, "https://example.com/a.bin"), {}, "away.gltf: refers to https:.* outside its folder"),
    "parent": (lambda at: gltf(at, "../a.bin"), {}, "away.gltf: refers to ../a.bin outside its folder"),
    "no buffer": (lambda at: gltf(at, "a.bin"), {}, "away.gltf: refers to a.bin, which cannot be read"),
    "step": (lambda at: text(at, "a.step", b"solid"), {}, "a.step: "),
    "cube": (
        lambda at: text(at, "flat.obj", b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n"), {"units": "m"},
        "flat.obj: no triangle has an area",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_what_is_no_usable_mesh_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path, options, message = BAD[name]
    with pytest.raises(InputError, match=message) as refused:
        made(path(tmp_path), **options)
    assert "\n" not in str(refused.value)


def test_too_many_triangles_are_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_FACES", 10)
    with pytest.raises(InputError, match="has 12 triangles, more than 10; give `simplify`"):
        made(write(tmp_path / "plate.stl", PLATE), units="m")


@pytest.mark.slow
def test_half_a_million_triangles_take_less_than_a_minute(tmp_path: Path) -> None:
    import time

    torus = trimesh.creation.torus(0.5, 0.15, major_sections=500, minor_sections=500)
    path, begun = write(tmp_path / "torus.stl", torus), time.monotonic()
    found = made(path, units="m")
    took = time.monotonic() - begun
    asset = charts.assemble("mesh", {}, found.charts, texel_mm=2.0)
    assert texels(asset).area_mm2.sum() == pytest.approx(torus.area * 1e6, rel=0.01)
    assert took < 60, f"{took:.0f} s"


def test_options_that_cannot_be_are_refused() -> None:
    for options, message in (
        ({"up": "x"}, "`up` x"), ({"thickness": "thin"}, "`thickness` thin"), ({"simplify": 3}, "`simplify` 3"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            MeshOptions(**options)  # type: ignore[arg-type]


def test_thickness_of_a_part_counts_for_all_its_faces() -> None:
    surface, _ = repair.repair(of(PLATE))
    assert set(thickness.stated(surface, 7.0)) == {7.0}


@pytest.mark.ci
def test_the_wall_of_a_cavity_is_no_solid_and_the_metal_over_it_is_thin(tmp_path: Path) -> None:
    """A block of 1 m with a void 10 mm below its top, whose shell looks into the void, as a modeller writes it."""
    block = trimesh.creation.box((1, 1, 1))
    void = trimesh.creation.box((0.08, 0.08, 0.04)).apply_translation([0, 0, 0.47])
    for _ in range(4):
        block = block.subdivide()
    inverted = trimesh.Trimesh(void.vertices, void.faces[:, ::-1], process=False)
    for shell in (inverted, void):  # by mistake some are not turned: a solid in a solid
        found = made(write(tmp_path / "block.stl", trimesh.util.concatenate([block, shell])), units="m").charts
        centre = found.vertices[found.faces].mean(axis=1)
        over = (np.abs(centre[:, :2]).max(axis=1) < 0.03) & (centre[:, 2] > 0.9999)
        assert over.sum() > 1
        assert found.face_thickness_mm[over].max() < 12
        if shell is inverted:
            assert "covered" not in found.zone_names


def test_a_zone_of_any_name_corrodes_as_its_shape_does(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    for place, name in enumerate(("bore", "wheel edge", "covered", "bolt")):
        moved = trimesh.transformations.translation_matrix([place, 0, 0])
        scene.add_geometry(trimesh.creation.icosphere(3, 0.2), node_name=name, geom_name=name, transform=moved)
    scene.export(tmp_path / "scene.glb")
    found = made(tmp_path / "scene.glb", zones="parts", thickness=20.0).charts
    assert dict(zip(found.zone_names, found.zone_kinds, strict=True)) == dict.fromkeys(
        ("bore", "wheel edge part", "covered part", "bolt"), "body"
    )
    asset = charts.assemble("mesh", {}, found, texel_mm=20.0)
    grown = corrosion.grow(asset, texels(asset), exposure=at("C5"), coating=None, years=20, seed=0, pits=None)
    for number in range(4):
        here = texels(asset).zone == number
        assert grown.wall_loss_mm[here & (texels(asset).area_mm2 > 0)].mean() > 0.3


def test_edges_that_are_too_many_to_be_cut_small_count_whole_and_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoning, "MORE_FACES", 100)
    found = made(write(tmp_path / "plate.stl", PLATE), units="m")
    assert "the triangles beside them count as edge" in "\n".join(found.report)
    assert found.charts.zone_names == ("edge",)


@pytest.mark.parametrize("gap_m", [0.0, 0.0002])
def test_along_the_rim_of_a_joint_runs_a_crevice(gap_m: float) -> None:
    lower = trimesh.creation.box((0.3, 0.3, 0.01))
    upper = trimesh.creation.box((0.2, 0.2, 0.01)).apply_translation([0, 0, 0.01 + gap_m])
    surface, _ = repair.repair(of(trimesh.util.concatenate([lower, upper])))
    zoned = zoning.by_shape(surface)
    kinds = np.array(zoned.kinds)[zoned.surface.zone]
    centre, area = zoned.surface.corners.mean(axis=1), np.linalg.norm(zoned.surface.cross, axis=1) / 2
    top_of_lower = (zoned.surface.cross[:, 2] > 0) & (np.abs(centre[:, 2] - 0.005) < 1e-6)
    crevice = area[top_of_lower & (kinds == "crevice")].sum()
    band = 0.0042 if gap_m == 0 else 0.0
    assert crevice > (0.8 * 4 * 0.2 * 2 * band if gap_m == 0 else 0.9 * 0.2 * 0.2 * 0.2)
    under = (zoned.surface.cross[:, 2] < 0) & (np.abs(centre[:, 2] - 0.005 - gap_m) < 1e-6)
    assert (kinds[under] != "body").all()
    assert ((kinds[under] == "covered").any()) == (gap_m == 0)


def test_faces_have_numbers_in_stl_alone(tmp_path: Path) -> None:
    table = tmp_path / "zones.csv"
    table.write_text("face,zone\n0,seat\n1,seat\n")
    found = made(write(tmp_path / "plate.stl", PLATE), units="m", zones=str(table))
    assert area(found, "seat") + area(found, "seat edge") == pytest.approx(PLATE.area_faces[:2].sum(), rel=1e-4)
    table.write_text("face,zone\n99,a\n")
    with pytest.raises(InputError, match="line 2, column 'face': '99' is not a whole number from 0 to 11"):
        made(tmp_path / "plate.stl", units="m", zones=str(table))
    with pytest.raises(InputError, match="which is fixed only in STL; name parts or materials"):
        made(write(tmp_path / "plate.obj", PLATE), units="m", zones=str(table))


@pytest.mark.ci
def test_both_sides_of_a_sheet_are_kept_and_parts_are_not_welded(tmp_path: Path) -> None:
    square = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]])
    found = made(write(tmp_path / "sheet.stl", square), units="m", thickness=2.0)
    assert found.charts.areas_m2.sum() == pytest.approx(2)
    scene = trimesh.Scene()
    for place in range(2):
        moved = trimesh.transformations.translation_matrix([0, 0, 0.1 * place])
        scene.add_geometry(trimesh.creation.box((0.1, 0.1, 0.1)), node_name=f"box {place}", transform=moved)
    scene.export(tmp_path / "stack.glb")
    stack = made(tmp_path / "stack.glb", up="z")
    assert "in 2 pieces" in stack.report[0]
    assert area(stack, "covered") > 0.5 * 2 * 0.1 * 0.1


def test_an_open_shell_that_faces_inwards_is_turned(tmp_path: Path) -> None:
    box = trimesh.creation.box((1, 1, 1))
    outwards = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 2] < 0.5], process=False)
    inwards = trimesh.Trimesh(outwards.vertices, outwards.faces[:, ::-1], process=False)
    found = [made(write(tmp_path / "tank.stl", mesh), units="m", thickness=5.0) for mesh in (outwards, inwards)]
    assert area(found[1], "edge") == pytest.approx(area(found[0], "edge"))
    assert "turned 10 triangles that faced inwards" in "\n".join(found[1].report)


def test_the_size_is_said_and_a_thickness_beyond_it_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "plate.stl", PLATE)
    assert "0.4 x 0.3 x 0.012 m; x, y and z, z up" in made(path, units="m").report
    with pytest.raises(InputError, match="`thickness` 120: part plate is 12 mm across; check units and value"):
        made(path, units="m", thickness=120.0)


def test_objects_of_an_obj_are_parts_and_stray_points_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "two.obj"
    boxes = [trimesh.creation.box((0.1, 0.1, 0.1)).apply_translation([0.3 * place, 0, 0]) for place in range(2)]
    lines, offset = ["v 1e9 0 0"], 1
    for name, box in zip(("wheel", "hub"), boxes, strict=True):
        lines += [f"o {name}", *(f"v {x} {y} {z}" for x, y, z in box.vertices)]
        lines += ["f " + " ".join(str(corner + offset + 1) for corner in face) for face in box.faces]
        offset += len(box.vertices)
    path.write_text("\n".join(lines))
    found = made(path, units="m", zones="parts", thickness={"wheel": 8.0, "hub": 20.0}).charts
    assert set(found.zone_names) == {"wheel", "wheel edge", "hub", "hub edge"}
    assert np.ptp(found.vertices, axis=0).max() == pytest.approx(0.4)
