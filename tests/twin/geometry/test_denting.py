"""Dents: as deep and as wide as stated, smooth, and no hole in a solid."""

import numpy as np
import pytest

from corrotwin.twin import assets
from corrotwin.twin.geometry import atlas, skins, solids
from corrotwin.twin.geometry.atlas import AssetGeometry, Patch
from corrotwin.twin.geometry.denting import Dent, dented, dents_rand, displacement
from corrotwin.twin.geometry.slabs import Hole, slab

ROUND = Dent(place_m=(0.1, -0.05, 0.0), radius_m=0.12, depth_mm=9.0, direction=(0.0, 0.0, -2.0))
CREASED = Dent(
    place_m=(-0.1, 0.05, 0.0), radius_m=0.06, depth_mm=7.0, direction=(0.0, 0.0, -1.0), crease_m=(0.12, 0.0, 0.0)
)
SIZE = (0.6, 0.4, 0.006)


def built(patches: list[Patch]) -> AssetGeometry:
    return atlas.assemble("plate", {}, patches, thickness_mm=6.0, texel_mm=20.0)


def test_a_dent_is_as_deep_as_stated_in_its_middle_and_gone_at_its_radius() -> None:
    turn = np.linspace(0, 2 * np.pi, 17)
    rim = np.array(ROUND.place_m) + ROUND.radius_m * np.column_stack([np.cos(turn), np.sin(turn), 0 * turn])
    np.testing.assert_allclose(displacement(np.array(ROUND.place_m), [ROUND]), [0, 0, -0.009], atol=1e-15)
    np.testing.assert_allclose(displacement(rim, [ROUND]), 0, atol=1e-12)
    half = np.add(ROUND.place_m, (ROUND.radius_m / 2, 0, 3.0))  # wherever along its direction
    np.testing.assert_allclose(displacement(half, [ROUND])[2], -0.009 * (1 - 0.25) ** 2, rtol=1e-12)


def test_a_crease_is_as_deep_all_along_it() -> None:
    along = np.array(CREASED.place_m) + np.linspace(-0.5, 0.5, 9)[:, None] * np.array(CREASED.crease_m)
    np.testing.assert_allclose(displacement(along, [CREASED])[:, 2], -0.007, rtol=1e-12)
    beyond = np.add(CREASED.place_m, (0.06 + CREASED.radius_m, 0, 0))
    np.testing.assert_allclose(displacement(beyond, [CREASED]), 0, atol=1e-12)


@pytest.mark.parametrize("cut", ["rolled", "flame"])
def test_a_dented_plate_stays_closed_and_keeps_its_volume(cut: str) -> None:
    plain = slab("plate", SIZE, cut=cut, holes=[Hole(x=0.2, y=0.1, diameter=0.05)])
    asset = built(dented(plain, [ROUND, CREASED]))
    shape = assets.mesh(asset)
    assert shape.is_watertight
    assert shape.is_winding_consistent
    assert shape.volume == pytest.approx(assets.mesh(built(plain)).volume, rel=2e-3)
    low = asset.vertices[:, 2].min()
    assert low == pytest.approx(-0.009, abs=2e-4)  # a vertex lies near the middle of the deepest


def test_the_mesh_of_a_dent_follows_its_function() -> None:
    """At the middle of each triangle of the dented face, to a thirtieth of the depth."""
    patches = dented(slab("plate", SIZE, cut="rolled"), [ROUND, CREASED])
    asset = built(patches)
    face = asset.face_zone == asset.zone_names.index("face")
    middle = asset.vertices[asset.faces[face]].mean(axis=1)
    expected = SIZE[2] + displacement(middle, [ROUND, CREASED])[:, 2]
    assert np.abs(middle[:, 2] - expected).max() < 0.009 / 30


def test_nothing_is_refined_or_moved_far_from_a_dent() -> None:
    far = Dent(place_m=(5.0, 5.0, 0.0), radius_m=0.1, depth_mm=9.0, direction=(0, 0, 1))
    plain = slab("plate", SIZE, cut="rolled")
    for before, after in zip(plain, dented(plain, [far]), strict=True):
        np.testing.assert_array_equal(before.points, after.points)
    assert dented(plain, []) == plain


def test_a_collapsed_row_does_not_tie_patches_together() -> None:
    head = solids.dome("rivet", "rivet", 0.1, 0.1, 0.04)
    small = Dent(place_m=(0.0, 0.0, 0.0), radius_m=0.05, depth_mm=4.0, direction=(1, 0, 0))
    shape = assets.mesh(built(dented(head, [small])))
    assert shape.is_watertight
    assert shape.is_winding_consistent


def test_draws_are_dents_within_their_ranges_and_the_same_again() -> None:
    for seed in range(200):
        drawn = [
            dents_rand(
                np.random.default_rng(seed), 3, low=(0, 1, 2), high=(1, 2, 2), radius_m=(0.05, 0.2),
                depth_mm=(3.0, 30.0), direction=(0, 0, -1),
            )
            for _ in range(2)
        ]  # fmt: skip
        assert drawn[0] == drawn[1]
        for dent in drawn[0]:
            assert 0.05 <= dent.radius_m <= 0.2
            assert 3.0 <= dent.depth_mm <= min(30.0, 200 * dent.radius_m)
            assert (np.array(dent.place_m) >= (0, 1, 2)).all()
            assert (np.array(dent.place_m) <= (1, 2, 2)).all()
            assert np.dot(dent.crease_m, dent.direction) == pytest.approx(0, abs=1e-12)
            assert np.linalg.norm(dent.crease_m) <= 3 * dent.radius_m + 1e-12


def test_a_skin_is_as_thick_as_stated_wherever_it_bends() -> None:
    """Ray by ray: from the front of a wave along minus its normal to the back."""
    x, y = np.meshgrid(np.linspace(0, 0.4, 81), np.linspace(0, 0.3, 31))
    front = np.stack([x, y, 0.02 * np.sin(12 * x) + 0.01 * np.cos(9 * y)], axis=2)
    patches = skins.skin("sheet", front, skins.behind(front, 0.001), thickness_mm=1.0)
    shape = assets.mesh(built(patches))
    assert shape.is_watertight
    inner = np.flatnonzero(shape.face_normals[:, 2] > 0.3)[::13]
    normal, middle = shape.face_normals[inner], shape.triangles_center[inner]
    hit, ray, _ = shape.ray.intersects_location(middle - 1e-6 * normal, -normal, multiple_hits=False)
    depth = np.linalg.norm(hit - middle[ray], axis=1)
    assert len(ray) == len(inner)
    assert np.quantile(np.abs(depth - 0.001), 0.95) < 2e-5
