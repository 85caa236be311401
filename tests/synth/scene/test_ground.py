from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh

from corrotwin.synth.presets.schema import GROUNDS
from corrotwin.synth.scene import ground, ground_cover
from corrotwin.synth.scene.ground_cover import Pieces, Site

Z = 0.3
AREA = (-0.6, 1.0, -0.8, 0.7)
BUDGET = 4000
BUILDERS = (ground_cover.stones, ground_cover.blades, ground_cover.leaves, ground_cover.rubble)
every = pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)


def where(occupied: np.ndarray | None = None) -> Site:
    return ground_cover.site(AREA, z=Z, centre=(0.1, 0.0), occupied=occupied)


def made(build: Callable[..., Pieces], seed: int = 1, at: Site | None = None, budget: int = BUDGET) -> Pieces:
    return build(np.random.default_rng(seed), at or where(), budget=budget)


@every
def test_pieces_are_a_function_of_the_generator(build: Callable[..., Pieces]) -> None:
    first, second, other = (made(build, seed) for seed in (1, 1, 2))
    assert (first.vertices == second.vertices).all()
    assert (first.faces == second.faces).all()
    assert (first.tone == second.tone).all()
    assert first.vertices.shape != other.vertices.shape or (first.vertices != other.vertices).any()


@every
@pytest.mark.parametrize("budget", [0, 50, BUDGET])
def test_budget_is_kept(build: Callable[..., Pieces], budget: int) -> None:
    assert len(made(build, budget=budget).faces) <= budget


@every
def test_mesh_is_sound(build: Callable[..., Pieces]) -> None:
    pieces = made(build)
    assert len(pieces.faces) > 500
    assert (pieces.vertices.dtype, pieces.faces.dtype, pieces.tone.dtype) == (np.float32, np.int32, np.float32)
    assert np.isfinite(pieces.vertices).all()
    assert pieces.tone.shape == (len(pieces.vertices),)
    assert (pieces.tone >= 0).all()
    assert (pieces.tone <= 1).all()
    assert (np.unique(pieces.faces) == np.arange(len(pieces.vertices))).all()  # none missing, none idle
    areas = trimesh.triangles.area(pieces.vertices[pieces.faces].astype(float))
    assert (areas > 0).mean() > 0.98  # a chip cut often has an edge of no length


@every
def test_every_piece_lies_in_the_rectangle_and_none_floats(build: Callable[..., Pieces]) -> None:
    pieces = made(build)
    x0, x1, y0, y1 = AREA
    x, y, z = pieces.vertices.T
    assert ((x > x0 - 1e-6) & (x < x1 + 1e-6) & (y > y0 - 1e-6) & (y < y1 + 1e-6)).all()
    edges = np.concatenate([pieces.faces[:, :2], pieces.faces[:, 1:]])
    piece = trimesh.graph.connected_component_labels(edges, node_count=len(pieces.vertices))
    lowest, highest = np.full((2, piece.max() + 1), [[np.inf], [-np.inf]])
    np.minimum.at(lowest, piece, z)
    np.maximum.at(highest, piece, z)
    assert (lowest < Z).all()
    assert (highest > Z).all()


@every
def test_pieces_crowd_about_the_centre(build: Callable[..., Pieces]) -> None:
    x, y, _ = made(build).vertices.T
    near = np.hypot(x - 0.1, y) < 0.3
    assert near.mean() > 1.3 * np.pi * 0.3**2 / (1.6 * 1.5)


@every
def test_occupied_ground_stays_free(build: Callable[..., Pieces]) -> None:
    occupied = np.stack(np.meshgrid(np.arange(-0.2, 0.4, 0.02), np.arange(-0.3, 0.3, 0.02)), -1).reshape(-1, 2)
    open_, kept = (made(build, at=where(points)).vertices for points in (None, occupied))
    inside = [(np.abs(found[:, 0] - 0.1) < 0.2) & (np.abs(found[:, 1]) < 0.2) for found in (open_, kept)]
    assert inside[1].sum() < 0.05 * inside[0].sum()


@pytest.mark.parametrize("kind", GROUNDS)
def test_a_ground_is_a_box_and_meshes_on_it(kind: str, tmp_path: Path) -> None:
    first, second = (
        ground.ground_props(kind, np.random.default_rng(3), (1.0, 2.0), 0.5, tmp_path, "scene-4", wide=60.0)
        for _ in range(2)
    )
    assert first == second
    base, *meshes = first
    assert (base.shape, base.material) == ("box", kind)
    assert (np.array(base.pose) @ [0, 0, 0.5, 1])[2] == 0
    assert meshes
    for prop in meshes:
        assert prop.shape == "mesh"
        with np.load(tmp_path / prop.file) as arrays:
            assert set(arrays) == {"vertices", "faces", "tone"}
            assert np.abs(arrays["vertices"][:, :2] - (1.0, 2.0)).max() < 1.5
            assert len(arrays["faces"]) <= ground_cover.BUDGET
