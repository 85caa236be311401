"""Changing what a twin, asset, run or dataset returns does not change the object itself."""

import pytest

import corrotwin as ct

SUPPORTS = {"nps": 8, "schedule": 40, "run_m": 6, "support": "saddle", "support_m": 0.3, "texel_mm": 40}


def test_lists_of_an_asset_are_nobody_elses() -> None:
    ends = [1.0, 5.0]
    asset = ct.Asset("pipe", supports_at_m=ends, **SUPPORTS)
    ends.append(3.0)
    asset.parameters["supports_at_m"].append(2.5)
    twin = ct.Twin(asset, years=1, category="C3", bare=True)
    twin.parameters["supports_at_m"].append(3.5)
    for parameters in (asset.parameters, asset.given, twin.parameters):
        assert parameters["supports_at_m"] == [1.0, 5.0]


def test_the_fields_of_a_twin_cannot_be_written_to() -> None:
    twin = ct.Twin("plate", random=True, seed=3)
    for name in ("start_years", "age_years", "wall_loss_mm", "rust_cover"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(twin.fields, name)[:] = 5
