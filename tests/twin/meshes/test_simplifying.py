"""Fewer triangles: no body is lost, none changes much, and what was not reached is said."""

from pathlib import Path

import foreign
import numpy as np
import pytest
import trimesh

from corrotwin.twin.meshes import reading, simplifying
from corrotwin.twin.meshes.conversion import MeshOptions, convert
from corrotwin.twin.meshes.surface import Surface


def areas(surface: Surface) -> list[float]:
    """Return the area of each part."""
    return np.bincount(surface.part, np.linalg.norm(surface.cross, axis=1) / 2).tolist()


def ball_and_plate() -> trimesh.Scene:
    """A round thing of few triangles beside a flat one of very many."""
    plate = trimesh.creation.box((0.5, 0.5, 0.01)).apply_translation([0, 0, -0.2])
    for _ in range(4):
        plate = plate.subdivide()
    scene = trimesh.Scene()
    for name, mesh in (("ball", trimesh.creation.icosphere(4, 0.1)), ("plate", plate)):
        scene.add_geometry(mesh, node_name=name, geom_name=name)
    return scene


def test_a_ball_beside_a_fine_plate_stays() -> None:
    surface = reading.surface_of(reading.bodies(ball_and_plate(), "made"))
    fewer = simplifying.simplified(surface, 1500)
    assert len(fewer.faces) < 0.7 * len(surface.faces)
    ball, plate = areas(fewer)
    assert ball == pytest.approx(4 * np.pi * 0.1**2, rel=0.05)
    assert plate == pytest.approx(2 * (0.5 * 0.5 + 2 * 0.5 * 0.01), rel=0.05)
    np.testing.assert_allclose(np.ptp(fewer.vertices, axis=0), [0.5, 0.5, 0.305], rtol=0.05)


@pytest.mark.ci
def test_a_number_that_is_not_reached_is_said(tmp_path: Path) -> None:
    """A cube has no fewer than twelve triangles; ten of them no fewer than 120."""
    boxes = [trimesh.creation.box((0.1, 0.1, 0.1)).apply_translation([0.2 * place, 0, 0]) for place in range(10)]
    trimesh.util.concatenate(boxes).export(tmp_path / "boxes.stl")
    found = convert(tmp_path / "boxes.stl", MeshOptions(units="m", simplify=100))
    assert found.report[0] == (
        "simplified from 120 triangles to 120, not 100: with fewer, some body would not stay whole, or not within 5 % "
        "of its area, extents and volume"
    )
    assert found.charts.areas_m2.sum() == pytest.approx(10 * 6 * 0.1**2)


@pytest.mark.ci
@pytest.mark.parametrize("name", ["industrial_staircase_01", "pallet_of_pipes", "roller_chain"])
def test_a_foreign_mesh_of_many_bodies_keeps_them(name: str) -> None:
    surface = reading.read(foreign.folder() / f"{name}.glb", units=None, up=None)
    fewer = simplifying.simplified(surface, len(surface.faces) // 2)
    assert len(fewer.faces) < len(surface.faces)
    assert areas(fewer) == pytest.approx(areas(surface), rel=0.05)
    np.testing.assert_allclose(np.ptp(fewer.vertices, axis=0), np.ptp(surface.vertices, axis=0), rtol=0.02)
