import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from corrotwin.twin import assets, twin_state
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.twin_state import EPOCH, later


def test_sampled_twins_are_json_and_reproducible() -> None:
    for kind in assets.KINDS:
        first, second = (twin_state.sample_twin(kind, np.random.default_rng(9), texel_mm=10.0) for _ in range(2))
        assert first == second
        assert json.loads(json.dumps(first.parameters)) == first.parameters


@pytest.mark.ci
@pytest.mark.parametrize("kind", assets.KINDS)
def test_clean_twins_have_no_rust_at_all(kind: str) -> None:
    twin = twin_state.sample_twin(kind, np.random.default_rng(2), texel_mm=40.0, clean=True)
    assert twin.coating is not None
    assert not twin_state.fields(twin).rust_cover.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed -1: must be at least 0"),
        ({"clock": EPOCH - timedelta(days=1)}, "its clock, 1999-12-31, is before the day it was built"),
        ({"clock": datetime(2001, 1, 1)}, "times must be UTC"),
        ({"built": datetime(1999, 1, 1, tzinfo=timezone(timedelta(hours=2)))}, "times must be UTC"),
        ({"clock": datetime(9999, 1, 1, tzinfo=UTC)}, r"is 7998\.84 years old, more than 1000"),
    ],
)
def test_impossible_twins_are_refused(change: dict[str, object], message: str) -> None:
    twin = twin_state.sample_twin("chain", np.random.default_rng(1), texel_mm=8.0)
    with pytest.raises(InputError, match=message):
        replace(twin, **change)


def test_a_year_is_365_and_a_quarter_days() -> None:
    assert later(EPOCH, 4) == datetime(2004, 1, 1, tzinfo=UTC)
    assert later(later(EPOCH, 3.3), -3.3) == EPOCH
