"""Folders of photographs and meshes that tests use in place, outside the project."""

import os
from pathlib import Path

import pytest


def outside(variable: str, name: str, probe: str, what: str) -> Path:
    """Return a folder that an environment variable names, by default shared/`name` beside the checkout.

    Tests that need it skip where `probe` is not in it, unless CI demands it.
    """
    default = Path(__file__).resolve().parents[2].parent / "shared" / name
    folder = Path(os.environ.get(variable, default))
    if not (folder / probe).exists():
        message = f"no {what} in {folder}; set {variable} to their folder"
        if os.environ.get("CORROSION_DATA_REQUIRED"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
