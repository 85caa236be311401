"""A small twin that is inspected."""

from pathlib import Path

import pytest
from small_plate import plate

from corrotwin.twin import store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plate of 10 mm, built in 2000, now of five years."""
    store.save(plate(), tmp_path / "t")
    return tmp_path / "t"
