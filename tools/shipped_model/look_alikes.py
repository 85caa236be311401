"""Look-alikes of rust: rust-free cuts of the public photos, picked and checked by eye, and what is called rust in them.

``look_alikes.json`` says where they are; each is seen by the twin that knows no photo of its set.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from corrotwin.segmentation.data.image_io import decoded
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.twin.core import tables

LIST = Path(__file__).with_name("look_alikes.json")
ALARM = 0.01  # share of a cut: more of it called corrosion is a false alarm


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    """A cut and the share of it that is called corrosion."""

    training: str
    kind: str
    photo: str
    share: float


COLUMNS = tuple(field.name for field in fields(LookAlike))


def measure(training: str, run: Path, own: Sequence[str], data: Path) -> list[LookAlike]:
    """Return what a training calls corrosion in the cuts of the sets that it does not know."""
    predictor = RunPredictor(run, Settings(tiling="never"))
    rows = []
    with predictor.working():
        for cut in json.loads(LIST.read_text()):
            if cut["set"] in own:
                continue
            left, top, side = cut["left"], cut["top"], cut["side"]
            called = predictor.probability(decoded(data / cut["set"] / cut["photo"]))[0] > predictor.threshold
            share = round(float(np.mean(called[top : top + side, left : left + side])), 6)
            name = f"{cut['set']}/{cut['photo']}"
            rows.append(LookAlike(training=training, kind=cut["kind"], photo=name, share=share))
    return rows


def write(path: Path, rows: Sequence[LookAlike]) -> None:
    """Write the rows as a table."""
    tables.write_own(path, COLUMNS, (astuple(row) for row in rows))
