"""A bare process pipe whose wall several tests read."""

from dataclasses import replace

import numpy as np

from corrotwin.twin import twin_state
from corrotwin.twin.mechanisms.process import process
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

PIPE = {
    "nps": "8", "schedule": "40", "run_m": 1.5, "pieces": 1, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.0, "branch_nps": "none", "supports_at_m": [], "upright": False,
}  # fmt: skip


def process_pipe(texel_mm: float) -> TwinState:
    """A bare process pipe of twelve years: 8.18 mm new, an unknown fluid in it."""
    drawn = twin_state.sample_twin("pipe", np.random.default_rng(1), texel_mm=texel_mm)
    return replace(
        drawn, parameters={**drawn.parameters, **PIPE}, exposure=at("C3"), coating=None, mechanisms=(process(),),
        clock=later(EPOCH, 12),
    )  # fmt: skip
