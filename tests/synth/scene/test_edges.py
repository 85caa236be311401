import numpy as np
import pytest

from corrotwin.synth.scene import edges
from corrotwin.synth.spec import EDGE_REACH_M
from corrotwin.twin import assets
from corrotwin.twin.assets import texels
from corrotwin.twin.geometry.atlas import AssetGeometry, Patch, assemble
from corrotwin.twin.geometry.slabs import slab

SIZE = np.array([0.30, 0.20, 0.02])  # metres; stands on z = 0, its middle over the origin


def plate(cut: str, texel_mm: float = 2.0) -> AssetGeometry:
    return assemble("plate", {}, slab("plate", SIZE, cut=cut), thickness_mm=20, texel_mm=texel_mm)


@pytest.mark.parametrize("cut", ["rolled", "sheared", "flame"])
def test_nearness_is_the_distance_from_the_edges_of_a_plate(cut: str) -> None:
    asset = plate(cut)
    surface = texels(asset)
    near = edges.nearness(asset, surface)
    assert near.dtype == np.uint8
    top = (surface.area_mm2 > 0) & (surface.normal[..., 2] > 0.999)
    inside = (SIZE[:2] / 2 - np.abs(surface.position_m[top][:, :2])).min(axis=1)  # distance from the nearest rim
    expected = 255 * np.clip(1 - inside / EDGE_REACH_M, 0, 1)
    assert (expected > 0).any()
    assert (expected == 0).any()
    # Arrises are at most 2 mm wide, points on edges 3 mm apart.
    assert np.abs(near[top] - expected).max() < 255 * 0.003 / EDGE_REACH_M
    assert (near[surface.zone < 0] == 0).all()


def test_inner_corners_and_round_surfaces_are_no_edges() -> None:
    """A wall of two quads that meet at the bottom of a groove, and a tube of 24 sides without ends."""
    groove = np.array([[[-1, y, 1], [0, y, 0], [1, y, 1]] for y in (0.0, 1.0)])
    around = np.linspace(0, 2 * np.pi, 25)
    tube = np.array([[[0.1 * np.cos(a), 0.1 * np.sin(a), z] for a in around] for z in (3.0, 4.0)])
    for points, wrap in ((groove, False), (tube, True)):
        patch = Patch(solid="one", zone="body", points=points, wrap_u=wrap)
        asset = assemble("one", {}, [patch], thickness_mm=5, texel_mm=20)
        assert (edges.nearness(asset, texels(asset)) == 0).all()
    ridge = assemble(
        "one", {}, [Patch(solid="one", zone="body", points=groove * [1, 1, -1])], thickness_mm=5, texel_mm=20
    )
    assert edges.nearness(ridge, texels(ridge)).max() > 100


def test_treads_are_the_tears_of_chequer_plate_and_no_other_plate_has_any() -> None:
    sampled = assets.sample("plate", np.random.default_rng(2))
    size = {"length_m": 0.4, "width_m": 0.3, "opening_mm": 0, "stiffeners": 0, "butt_weld": False, "dents": 0}
    for fasteners in ("chequer", "bolts"):
        asset = assets.build("plate", {**sampled, **size, "fasteners": fasteners}, texel_mm=1.5)
        surface = texels(asset)
        maps = edges.worn(asset, surface)
        near, treads = maps["edges"], maps["treads"]
        assert (near == edges.nearness(asset, surface)).all()
        raised = np.isin(surface.zone, np.flatnonzero([kind == "tear" for kind in asset.zone_kinds]))
        assert raised.any() == (fasteners == "chequer")
        if fasteners == "bolts":
            assert not treads.any()
            continue
        assert (treads[raised] == 255).all()
        assert (treads[~raised] == near[~raised] // 2).all()
        assert treads[~raised].max() > 100  # at the feet of treads
