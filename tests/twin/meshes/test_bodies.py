"""Which bodies a mesh has and which way they face: hollow ones, open walls, those that touch, turned over or not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import foreign
import numpy as np
import pytest
import trimesh

from corrotwin.twin.geometry import charts
from corrotwin.twin.geometry.opposite import opposite_surface
from corrotwin.twin.meshes import reading, repair, zoning
from corrotwin.twin.meshes.conversion import MeshOptions, convert


def box(side: float, at: Sequence[float] = (0, 0, 0), *, over: bool = False) -> trimesh.Trimesh:
    """Return a cube, turned over if asked."""
    made = trimesh.creation.box((side, side, side)).apply_translation(at)
    if over:
        made.invert()
    return made


def repaired(meshes: Sequence[trimesh.Trimesh]) -> tuple[Any, repair.Repairs]:
    whole = trimesh.util.concatenate(list(meshes))
    return repair.repair(reading.surface_of(reading.bodies(trimesh.Scene(whole), "made")))


def volumes(surface: Any) -> list[float]:
    """Return the volumes of its pieces, less than 0 of those that face inwards, by size."""
    own = np.einsum("md,md->m", surface.corners[:, 0], surface.cross) / 6
    return sorted(np.bincount(surface.pieces(), own).tolist(), key=abs, reverse=True)


TOUCHING = {
    "a corner": ([box(0.1), box(0.06, (0.08, 0.08, 0.08))], [1e-3, 2.16e-4]),
    "an edge": ([box(0.1), box(0.06, (0.08, 0.08, 0))], [1e-3, 2.16e-4]),
    "an edge as long": ([box(0.1), box(0.1, (0.1, 0.1, 0))], [1e-3, 1e-3]),
    "a face": ([box(0.1), box(0.1, (0.1, 0, 0))], [1e-3, 1e-3]),
    "faces of three": ([box(0.1), box(0.1, (0.1, 0, 0)), box(0.1, (0, 0.1, 0))], [1e-3, 1e-3, 1e-3]),
}


@pytest.mark.parametrize("name", list(TOUCHING))
def test_bodies_that_touch_are_bodies_of_their_own(name: str) -> None:
    meshes, expected = TOUCHING[name]
    surface, repairs = repaired(meshes)
    assert volumes(surface) == pytest.approx(expected)
    assert (repairs.pieces, repairs.open_pieces, repairs.turned) == (len(meshes), 0, 0)


@pytest.mark.parametrize("name", ["a corner", "an edge", "an edge as long"])
def test_of_two_bodies_that_touch_one_may_be_turned_over(name: str) -> None:
    (first, second), expected = TOUCHING[name]
    over = second.copy()
    over.invert()
    surface, repairs = repaired([first, over])
    assert (repairs.pieces, repairs.turned) == (2, 12)
    assert volumes(surface) == pytest.approx(expected)


def test_all_of_two_bodies_with_a_common_face_may_be_turned_over() -> None:
    surface, repairs = repaired([box(0.1, over=True), box(0.1, (0.1, 0, 0), over=True)])
    assert repairs.open_pieces == 0
    assert sum(volumes(surface)) == pytest.approx(2e-3)


@pytest.mark.ci
def test_a_common_face_is_covered_in_one_file_as_in_two_parts(tmp_path: Path) -> None:
    """Of 0.02 m² in contact all is covered but a band along the rim."""
    scene, meshes = trimesh.Scene(), [box(0.1), box(0.1, (0.1, 0, 0))]
    for name, mesh in zip("ab", meshes, strict=True):
        scene.add_geometry(mesh, node_name=name, geom_name=name)
    scene.export(tmp_path / "parts.glb")
    trimesh.util.concatenate(meshes).export(tmp_path / "one.stl")
    areas = []
    for name, options in (("parts.glb", MeshOptions(up="z")), ("one.stl", MeshOptions(units="m"))):
        found = convert(tmp_path / name, options).charts
        area = np.bincount(found.face_zone, found.areas_m2)
        areas.append(dict(zip(found.zone_names, area.tolist(), strict=True)))
    assert areas[0] == pytest.approx(areas[1])
    band = 0.01 * np.sqrt(0.2**2 + 2 * 0.1**2)
    assert areas[1]["covered"] == pytest.approx(2 * (0.1 - 2 * band) ** 2, rel=0.1)
    assert sum(areas[1].values()) == pytest.approx(12 * 0.01)


OUTER, CAVITY, BALL = 0.2**3, -(0.18**3), 0.05**3
HOLLOW = {
    "as it should be": ([box(0.2), box(0.18, over=True), box(0.05)], 0),
    "all turned over": ([box(0.2, over=True), box(0.18), box(0.05, over=True)], 36),
    "the loose one alone": ([box(0.2), box(0.18, over=True), box(0.05, over=True)], 12),
    "all but the loose one": ([box(0.2, over=True), box(0.18), box(0.05)], 24),
}


@pytest.mark.parametrize("name", list(HOLLOW))
def test_a_hollow_body_turned_over_keeps_its_cavity_and_what_lies_loose_in_it(name: str) -> None:
    meshes, turned = HOLLOW[name]
    surface, repairs = repaired(meshes)
    assert volumes(surface) == pytest.approx([OUTER, CAVITY, BALL])
    assert repairs.turned == turned
    assert "covered" not in zoning.by_shape(surface).kinds


def test_a_bolt_through_a_plate_is_turned_and_no_cavity_of_it() -> None:
    plate = trimesh.creation.box((0.4, 0.4, 0.02))
    bolt = trimesh.creation.cylinder(0.01, 0.1, sections=24)
    bolt.invert()
    surface, repairs = repaired([plate, bolt])
    assert repairs.turned == len(bolt.faces)
    assert min(volumes(surface)) > 0


def skins(length: float, *, over: bool = False) -> trimesh.Trimesh:
    """Return both sides of a tube without end faces, as the wall of 10 mm has them, or turned over."""
    tube = trimesh.creation.annulus(0.05, 0.06, length, sections=48)
    tube.update_faces(np.abs(tube.face_normals[:, 2]) < 0.5)
    if over:
        tube.invert()
    return tube


@pytest.mark.parametrize("length", [0.05, 0.5])
@pytest.mark.parametrize("over", [False, True])
def test_the_bore_of_an_open_tube_looks_into_the_bore(length: float, over: bool) -> None:
    surface, repairs = repaired([skins(length, over=over)])
    centre = surface.corners.mean(axis=1)
    outwards = (surface.cross * centre * [1, 1, 0]).sum(axis=1) > 0
    assert (outwards == (np.hypot(centre[:, 0], centre[:, 1]) > 0.055)).all()
    assert (repairs.pieces, repairs.open_pieces, repairs.turned) == (2, 2, 192 if over else 0)


@pytest.mark.ci
def test_the_sides_of_an_open_wall_are_opposite_surfaces(tmp_path: Path) -> None:
    skins(0.5).export(tmp_path / "tube.stl")
    made = convert(tmp_path / "tube.stl", MeshOptions(units="m", thickness=10.0)).charts
    asset = charts.assemble("mesh", {}, made, texel_mm=5.0)
    place = np.array([[0.06 * np.cos(np.pi / 48), 0.06 * np.sin(np.pi / 48), 0.2]])
    behind = opposite_surface(asset, place, place * [1, 1, 0] / np.hypot(*place[0, :2]), np.array([10.0]))
    assert behind.found.all()
    assert np.hypot(*behind.position_m[0, :2]) == pytest.approx(0.05 * np.cos(np.pi / 48), rel=1e-4)


def test_a_small_open_thing_in_an_open_shell_is_turned() -> None:
    shells = [box(1.0), box(0.2, over=True)]
    for shell in shells:
        shell.update_faces(shell.face_normals[:, 2] < 0.5)
    surface, repairs = repaired(shells)
    assert (repairs.open_pieces, repairs.turned) == (2, 10)
    assert min(volumes(surface)) > 0


def test_both_sides_of_a_sheet_are_one_piece() -> None:
    sheet = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]])
    _, repairs = repaired([sheet.subdivide().subdivide()])
    assert (repairs.faces, repairs.pieces, repairs.open_pieces, repairs.turned) == (64, 1, 0, 0)


@pytest.mark.parametrize(
    ("name", "pieces"), [("border_fence", 3 + 13), ("skip", 14 + 10), ("pallet_of_pipes", 38 + 27)]
)
def test_bodies_of_foreign_meshes_that_touch_are_counted_one_by_one(name: str, pieces: int) -> None:
    """Bars of the fence and pipes hang together along 13 and 27 edges; of the skip 14 pieces are closed, 10 open."""
    surface, repairs = repair.repair(reading.read(foreign.folder() / f"{name}.glb", units=None, up=None))
    assert repairs.pieces == pieces
    assert min(volumes(surface)) > -1e-9
