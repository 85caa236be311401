"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of real photographs; tests that need it skip where it is absent, unless CI demands it."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("CORROSION_DATA", default))
    if not (folder / "steel-bridges").is_dir():
        message = f"no real photographs in {folder}; set CORROSION_DATA to their folder"
        if os.environ.get("CORROSION_DATA_REQUIRED"):
            pytest.fail(message)
        pytest.skip(message)
    return folder
