"""A small plate of five years, and a reading of its thickness."""

from dataclasses import replace

import numpy as np

from corrotwin.twin import twin_state
from corrotwin.twin.inspection.records import Record
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

READING = Record(date="2006-05-31", zone="face", kind="ultrasonic", value=9.8, tool="UT-1", place="P1")
SMALL = {
    "length_m": 0.3, "width_m": 0.25, "thickness_mm": 10.0, "opening_mm": 0.0, "stiffeners": 0, "fasteners": "none",
    "butt_weld": False, "edge": "rolled",
}  # fmt: skip


def plate(**changes: object) -> TwinState:
    drawn = twin_state.sample_twin("plate", np.random.default_rng(1), texel_mm=8.0)
    return replace(
        drawn, parameters={**drawn.parameters, **SMALL}, exposure=at("C4"), coating=Paint(life_years=8.0),
        clock=later(EPOCH, 5), **changes,
    )  # fmt: skip
