"""Rendered datasets that no Blender drew."""

from pathlib import Path

import numpy as np
import pytest
from photographs import write_parts

from corrotwin.synth.config import RenderConfig
from corrotwin.synth.labels import maps
from corrotwin.synth.rendering import batch, fanout, provenance
from corrotwin.synth.rendering.dataset import render
from corrotwin.synth.rendering.job import Task
from corrotwin.synth.spec import Map
from corrotwin.twin.core.files import write_json


def assembled(out: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[Map, ...] = (), size: int = 16) -> RenderConfig:
    """A finished folder of two images that no Blender drew, with the maps `names`."""
    config = RenderConfig(preset="quick", size=size, seed=3, maps=names)
    mask = np.zeros((size, size), dtype=bool)
    mask[2:9, 2:9] = True
    write_parts(
        out,
        Task(config=config, shown=None, count=2),
        lambda index: (np.full((size, size, 3), 90, np.uint8), [mask]),
    )
    write_json(batch.part_file(out, 0), {**batch.read_part(out, 0), "made_by": provenance.made_by()})
    for path in (maps.path(out, name, index) for name in names for index in range(2)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(maps.png(np.zeros((size, size), np.uint16)))
    monkeypatch.setattr(fanout, "fan_out", lambda *rest, **more: [])
    assert render(out, config, count=2) == 2
    return config
