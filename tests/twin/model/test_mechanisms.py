"""Loss by mechanisms beside that to the air, on a pipe."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from corrotwin.twin import assets, creation, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms.catalogue import build
from corrotwin.twin.model import zones
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import TwinState

DIMENSIONS = {"nps": "4", "schedule": "40", "run_m": 0.5}


@pytest.fixture(scope="module")
def pipe() -> TwinState:
    drawn = creation.shaped("pipe", DIMENSIONS, seed=5, texel_mm=8.0, random=True)
    return replace(drawn, exposure=at("C4"), coating=None, clock=twin_state.later(drawn.built, 10.0))


def in_zone(twin: TwinState, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return loss, thickness and height of the texels of a zone."""
    asset = twin_state.asset(twin)
    texels = assets.texels(asset)
    here = (texels.zone == asset.zone_names.index(name)) & (texels.area_mm2 > 0)
    loss = twin_state.fields(twin, asset, texels).wall_loss_mm
    return loss[here], texels.thickness_mm[here], texels.position_m[..., 2][here]


def test_a_bore_does_not_breathe_outdoor_air(pipe: TwinState) -> None:
    """It rusts where it can be seen, and loses nothing to the weather."""
    loss, _, _ = in_zone(pipe, "bore")
    assert not loss.any()
    assert in_zone(pipe, "body")[0].any()
    asset = twin_state.asset(pipe)
    texels = assets.texels(asset)
    fields = twin_state.fields(pipe, asset, texels)
    bore = (texels.zone == asset.zone_names.index("bore")) & (texels.area_mm2 > 0)
    assert (fields.rust_cover[bore] > 0.9).all()
    assert np.isfinite(fields.start_years[bore]).all()


def test_a_mechanism_adds_its_median_on_its_zone_alone(pipe: TwinState) -> None:
    """0.1 mm/year for 10 years is 1 mm of bore; what the weather does outside stays to the bit."""
    inside = replace(pipe, mechanisms=(build("process", rate_mm_year=0.1),))
    np.testing.assert_allclose(in_zone(inside, "bore")[0], 1.0, rtol=1e-6)
    np.testing.assert_array_equal(in_zone(inside, "body")[0], in_zone(pipe, "body")[0])
    outside = replace(pipe, mechanisms=(build("own", ("body",), rate_mm_year=0.1, exponent=0.5, after_years=6.0),))
    more = in_zone(outside, "body")[0] - in_zone(pipe, "body")[0]
    np.testing.assert_allclose(more, 0.2, atol=1e-6)
    both = replace(pipe, mechanisms=(*inside.mechanisms, build("process", rate_mm_year=0.05)))
    np.testing.assert_allclose(in_zone(both, "bore")[0], 1.5, rtol=1e-6)


def test_a_mechanism_acts_between_its_heights(pipe: TwinState) -> None:
    middle = float(np.median(in_zone(pipe, "body")[2]))
    wet = replace(pipe, mechanisms=(build("immersion", ("body",), heights_m=(0.0, middle)),))
    before, _, height = in_zone(pipe, "body")
    more = in_zone(wet, "body")[0] - before
    assert not more[height >= middle].any()
    np.testing.assert_allclose(more[height < middle], 0.0565 * 10**0.881, rtol=1e-4)


def test_loss_never_passes_the_thickness(pipe: TwinState) -> None:
    gone = replace(pipe, mechanisms=(build("process", rate_mm_year=5.0),))
    loss, thickness, _ = in_zone(gone, "bore")
    np.testing.assert_array_equal(loss, thickness)


def test_loss_by_mechanisms_never_falls(pipe: TwinState) -> None:
    twin = replace(pipe, mechanisms=(build("co2", temperature_c=40.0, co2_bar=0.3, ph=6.0), build("splash")))
    twin = replace(twin, mechanisms=(twin.mechanisms[0], replace(twin.mechanisms[1], zones=("body",))))
    ages = [replace(twin, clock=twin_state.later(twin.built, years)) for years in (0.0, 1.0, 4.0, 20.0)]
    for zone in ("bore", "body"):
        losses = [in_zone(each, zone)[0] for each in ages]
        assert not losses[0].any()
        assert all((later >= before).all() for before, later in pairwise(losses))


def test_a_mechanism_on_a_zone_that_is_not_there_is_refused(pipe: TwinState) -> None:
    with pytest.raises(InputError, match="no zone roof; the asset has"):
        twin_state.asset(replace(pipe, mechanisms=(build("process", ("roof",)),)))


def test_the_splash_counts_once(pipe: TwinState) -> None:
    with pytest.raises(InputError, match="describe the same loss; give only one"):
        replace(pipe, exposure=at("C4", splash_m=(0.0, 0.1)), mechanisms=(build("splash", ("body",)),))


def test_the_bore_alone_has_no_loss_to_the_air() -> None:
    assert [name for name, zone in zones.ZONES.items() if zone.loss == 0] == ["covered", "bore"]
