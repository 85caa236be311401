"""A small painted plate that the tests inspect."""

from dataclasses import replace

import numpy as np
import pytest

from corrotwin.twin import twin_state
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.model.pits import Pits
from corrotwin.twin.twin_state import EPOCH, TwinState, later

PARAMETERS = {
    "length_m": 0.5, "width_m": 0.4, "thickness_mm": 10.0, "opening_mm": 0.0, "stiffeners": 0, "fasteners": "none",
    "butt_weld": False, "edge": "rolled", "upright": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def twin() -> TwinState:
    drawn = twin_state.sample_twin("plate", np.random.default_rng(1), texel_mm=4.0)
    return replace(
        drawn, parameters={**drawn.parameters, **PARAMETERS}, exposure=at("C4"), coating=Paint(life_years=8.0),
        pits=Pits(), clock=later(EPOCH, 12),
    )  # fmt: skip
