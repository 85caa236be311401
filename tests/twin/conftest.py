"""Surfaces that several tests corrode, and the command line without a new process."""

import subprocess
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from corrotwin.twin import assets
from corrotwin.twin.assets import AssetGeometry, Texels

PLATE = {
    "length_m": 0.6,
    "width_m": 0.5,
    "thickness_mm": 10.0,
    "edge": "rolled",
    "opening_mm": 0.0,
    "stiffeners": 1,
    "stiffener": "flat",
    "stiffener_height_mm": 80.0,
    "fasteners": "rivets",
    "butt_weld": True,
    "upright": True,
    "dents": 0,
}


@pytest.fixture(scope="session")
def plate() -> Callable[..., tuple[AssetGeometry, Texels]]:
    """A function of the texel size in mm (5): a standing plate with a rib, rivets and a weld, and its texels."""

    @cache
    def made(texel_mm: float = 5.0) -> tuple[AssetGeometry, Texels]:
        parameters = {**assets.sample("plate", np.random.default_rng(0)), **PLATE}
        asset = assets.build("plate", parameters, texel_mm=texel_mm)
        return asset, assets.texels(asset)

    return made


@pytest.fixture(scope="session")
def command(run_module: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Any]:
    """A function that runs ``corrotwin twin`` in this process."""
    return partial(run_module, "twin")


@pytest.fixture(scope="module", autouse=True)
def histories(few_histories: None) -> None:
    """Commands and sessions learn from few of them; tests of how well a twin is known make their own banks."""
