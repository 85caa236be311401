"""Numbers, arrays and flags from numpy and pandas are accepted as arguments."""

import numpy as np
import pytest

import corrotwin as ct


def test_dimensions_of_numpy_make_the_same_asset() -> None:
    shape = {"nps": 8, "schedule": 40, "run_m": 6, "support": "saddle", "support_m": 0.3, "texel_mm": 40}
    ours = ct.Asset("pipe", supports_at_m=[1.0, 5.0], **shape)
    theirs = {**shape, "nps": np.int64(8), "schedule": np.int32(40), "run_m": np.int64(6), "texel_mm": np.float32(40)}
    asset = ct.Asset("pipe", supports_at_m=np.array([1.0, 5.0]), random=np.False_, **theirs)
    assert asset.parameters == ours.parameters
    assert repr(asset) == repr(ours)


def test_ranges_of_numpy_make_the_same_preset() -> None:
    ours = ct.Preset.like("painted", rust_tone=(0.25, 0.5), samples=4, sensor={"saturation": (0.5, 0.75)})
    theirs = {
        "rust_tone": np.array([0.25, 0.5]),
        "samples": np.int64(4),
        "sensor": {"saturation": np.array([0.5, 0.75])},
    }
    assert ct.Preset.like("painted", **theirs) == ours


@pytest.mark.parametrize("argument", ["built", "until"])
def test_no_time_of_pandas_is_no_date(argument: str) -> None:
    pandas = pytest.importorskip("pandas")
    twin = ct.Twin("plate", random=True)
    with pytest.raises(ct.InputError, match=f"^`{argument}` NaT: give a date such as 2031-01-31$"):
        ct.Twin("plate", random=True, built=pandas.NaT) if argument == "built" else twin.grow(until=pandas.NaT)
