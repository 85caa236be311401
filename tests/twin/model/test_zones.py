from collections.abc import Callable

import numpy as np
import pytest

from corrotwin.twin import assets
from corrotwin.twin.assets import AssetGeometry, Texels
from corrotwin.twin.model import zones

Plate = Callable[..., tuple[AssetGeometry, Texels]]
SPLASH = (0.1, 0.3)


def factor(zone: str, normal: tuple[float, float, float]) -> float:
    return float(zones.loss_factors((zone,), np.zeros(1, dtype=int), np.array([normal], dtype=np.float32))[0])


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3, 4))])
def test_every_zone_of_every_kind_has_a_factor(seed: int) -> None:
    for kind in assets.KINDS:
        patches, _ = assets.KINDS[kind].build(**assets.sample(kind, np.random.default_rng(seed)))
        assert {patch.zone for patch in patches} <= set(zones.ZONES), kind


def test_upward_faces_and_lower_rims_lose_more() -> None:
    wall = factor("body", (0, -1, 0))
    assert factor("body", (0, 0, 1)) == pytest.approx(wall * (1 + zones.UPWARD))
    assert factor("body", (0, 0, -1)) == pytest.approx(wall * (1 + zones.DRIP))
    assert factor("body", (0, -0.8, -0.6)) < 1.02 * wall  # drops hang from the lowest line only
    assert factor("face", (0, 0, -1)) == factor("face", (0, -1, 0))  # nothing drips off a flat soffit


def test_facing_and_edges_matter_less_than_the_category() -> None:
    """A fifth to a half more for dirt and drops, less than half a category of ISO 9223; crevices and edges between."""
    wall = factor("body", (0, -1, 0))
    for up in (1.0, -1.0):
        assert 1.2 < factor("body", (0, 0, up)) / wall < 1.5
    assert 1 < factor("edge", (0, -1, 0)) < factor("contact", (0, -1, 0)) <= factor("crevice", (0, -1, 0)) < 2


def test_crevices_lose_more_and_covered_faces_nothing() -> None:
    assert factor("crevice", (0, -1, 0)) > factor("face", (0, -1, 0))
    assert factor("covered", (0, 0, 1)) == 0


def test_regions_of_one_sort_part_the_surface(plate: Plate) -> None:
    asset, texels = plate()
    found = zones.regions(asset, texels, SPLASH)
    whole = next(mask for by, _, mask in found if by == "all")
    for sort in ("part", "facing"):
        masks = [mask for by, _, mask in found if by == sort]
        np.testing.assert_array_equal(np.sum(masks, axis=0), whole)
    heights = texels.position_m[next(mask for by, _, mask in found if by == "height"), 2]
    assert heights.min() >= 0.1
    assert heights.max() < 0.3
    names = {name for _, name, _ in found}
    assert {"weld", "top", "bottom", "splash", "all"} <= names
    assert "splash" not in {name for _, name, _ in zones.regions(asset, texels, None)}


def test_defects_follow_zone_and_splash() -> None:
    names = ("face", "weld")
    zone, place = np.array([0, 1, 0]), np.array([[0, 0, 1.0], [0, 0, 1.0], [0, 0, 0.2]])
    dry, wet = (zones.defect_factors(names, zone, place, splash) for splash in (None, SPLASH))
    np.testing.assert_allclose(dry, [1, 6, 1])
    np.testing.assert_allclose(wet, [1, 6, zones.SPLASH_DEFECTS])
