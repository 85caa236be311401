"""A spool of ten years that several tests forecast."""

from dataclasses import replace

import numpy as np
import pytest

from corrotwin.twin import assets, twin_state
from corrotwin.twin.bayes.histories.ensemble import bank
from corrotwin.twin.bayes.particles import Particles
from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.bayes.smc import learn
from corrotwin.twin.model.coating import Paint
from corrotwin.twin.model.exposure import at
from corrotwin.twin.twin_state import EPOCH, TwinState, later

PIPE = {
    "nps": "6", "schedule": "40", "run_m": 0.6, "pieces": 1, "flanged": False, "start": "cut", "finish": "cut",
    "leg_m": 0.0, "branch_nps": "none", "supports_at_m": [], "upright": False,
}  # fmt: skip


@pytest.fixture(scope="session")
def spool() -> TwinState:
    drawn = twin_state.sample_twin("pipe", np.random.default_rng(1), texel_mm=8.0)
    return replace(
        drawn, parameters={**drawn.parameters, **PIPE}, exposure=at("CX"), coating=Paint(life_years=6.0),
        clock=later(EPOCH, 10),
    )  # fmt: skip


@pytest.fixture(scope="session")
def particles(spool: TwinState) -> Particles:
    asset = twin_state.asset(spool)
    histories = bank(spool, asset, assets.texels(asset), years=30, prior=Prior(), seed=0, draws=12, seeds=4)
    return learn(histories, [], {}, seed=0, particles=200).now
