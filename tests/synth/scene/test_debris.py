from pathlib import Path

import numpy as np
import trimesh

from corrotwin.synth.scene.debris import BUDGET, Heap, heap, heap_props

WITHIN = (-1.0, 1.0, -0.5, 0.9)
FEET = np.stack(np.meshgrid(np.arange(-0.3, 0.3, 0.02), np.arange(-0.2, 0.2, 0.02)), -1).reshape(-1, 2)


def made(seed: int = 1, **changes: float) -> Heap:
    found = heap(np.random.default_rng(seed), WITHIN, FEET, **{"height_m": 0.08, "reach_m": 0.15, **changes})
    assert found is not None
    return found


def test_it_is_highest_about_the_feet_and_stays_on_the_bed() -> None:
    for seed in range(5):
        one = made(seed)
        away = np.abs(np.stack(np.meshgrid(one.x, one.y, indexing="ij"), -1))
        near = (away[..., 0] < 0.35) & (away[..., 1] < 0.25)
        far = (away[..., 0] > 0.6) | (away[..., 1] > 0.5)
        assert one.heights[near].mean() > 0.02
        assert (one.heights[far] > 0).mean() < 0.35
        assert 0.04 < one.heights.max() < 0.25
        x0, x1, y0, y1 = one.area
        assert (x0 >= WITHIN[0], x1 <= WITHIN[1], y0 >= WITHIN[2], y1 <= WITHIN[3]) == (True,) * 4


def test_its_surface_is_its_relief() -> None:
    one = made()
    surface = one.surface()
    assert 1000 < len(surface.faces) <= BUDGET
    assert (np.unique(surface.faces) == np.arange(len(surface.vertices))).all()
    assert np.allclose(one.relief(surface.vertices[:, :2]), np.maximum(surface.vertices[:, 2], 0), atol=1e-6)
    assert (one.relief(np.array([[5.0, 5.0]])) == 0).all()
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    assert (mesh.face_normals[:, 2] > 0).all()  # it is seen from above
    edges = np.sort(surface.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    open_, count = np.unique(edges, axis=0, return_counts=True)
    assert np.median(surface.vertices[open_[count == 1], 2]) < 0  # its rim reaches into the bed


def test_what_lies_on_it_does_not_float_and_is_above_it(tmp_path: Path) -> None:
    props = heap_props(WITHIN, FEET, tmp_path, "heap-3", np.random.default_rng(4))
    assert [one.material for one in props][:3] == ["earth", "stone", "rubble"]
    assert props == heap_props(WITHIN, FEET, tmp_path, "heap-3", np.random.default_rng(4))
    with np.load(tmp_path / props[0].file) as arrays:
        ground = trimesh.Trimesh(arrays["vertices"], arrays["faces"], process=False)
    for one in props[1:]:
        with np.load(tmp_path / one.file) as arrays:
            piece = trimesh.graph.connected_component_labels(
                np.concatenate([arrays["faces"][:, :2], arrays["faces"][:, 1:]]), node_count=len(arrays["vertices"])
            )
            for number in range(0, piece.max() + 1, 40):
                vertices = arrays["vertices"][piece == number]
                from_above = np.append(vertices[:, :2].mean(axis=0), 1.0)
                hits, _, _ = ground.ray.intersects_location(from_above[None], np.array([[0.0, 0.0, -1.0]]))
                level = max(0.0, float(hits[:, 2].max(initial=0.0)))
                assert vertices[:, 2].min() < level + 0.01
                assert vertices[:, 2].max() > level - 0.01


def test_where_nothing_stands_or_there_is_no_room_there_is_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    assert heap_props(WITHIN, np.zeros((0, 2)), tmp_path, "heap", rng) == []
    assert heap_props((3.0, 3.01, 0.0, 1.0), FEET, tmp_path, "heap", rng) == []
    assert not list(tmp_path.iterdir())
