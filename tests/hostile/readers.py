"""The functions that read the files of strangers, each with a small whole input."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import small_inputs as small

from corrotwin.benchmarks.data import external_sets
from corrotwin.benchmarks.report.sections import cost
from corrotwin.benchmarks.stats import printed_table
from corrotwin.benchmarks.study import results
from corrotwin.segmentation import runs
from corrotwin.segmentation.data import coco, groups, roboflow, splits
from corrotwin.segmentation.deployment import model_card
from corrotwin.segmentation.evaluation import loading
from corrotwin.segmentation.models import weights
from corrotwin.segmentation.prediction import folder as prediction_folder
from corrotwin.segmentation.prediction import predictor
from corrotwin.segmentation.tuning import trials
from corrotwin.synth.cameras.camera_file import read_camera
from corrotwin.synth.presets import custom
from corrotwin.synth.preview import card
from corrotwin.synth.rendering import batch
from corrotwin.synth.scene import subject
from corrotwin.synth.validation import checks, report
from corrotwin.twin import store, twin_state
from corrotwin.twin.core.files import changes, write_json
from corrotwin.twin.core.locks import check_claim
from corrotwin.twin.incoming.known_twins import KnownTwins
from corrotwin.twin.incoming.storing import Intent, TwinReader
from corrotwin.twin.inspection import log, readers
from corrotwin.twin.inspection.entry import measured_rates


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A reader, the file of it that a stranger may have written, and how to make and read a whole one."""

    file: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]


def read_coco(folder: Path) -> None:
    """Read a dataset as training does: all pixels, all masks."""
    for photo in coco.read(folder).photos:
        coco.image(photo)
        coco.mask(photo)


def read_message(folder: Path) -> object:
    reader = TwinReader(Intent(twins=KnownTwins(folder=folder, single=True)))
    return reader.of_file(folder / "message.json")


def read_withdrawal(folder: Path) -> None:
    """Read a twin's records with a line of ours behind the first."""
    records = folder / log.RECORDS
    line = (folder / "withdrawal.json").read_bytes().replace(b"\n", b" ")
    records.write_bytes(records.read_bytes().splitlines(keepends=True)[0] + line + b"\n")
    log.read(folder)


def read_run(folder: Path) -> None:
    """Read a run as evaluation, prediction and export do, but for its weights."""
    loading.config_of(folder, runs.load(folder))
    predictor.scale_of(folder / "run.json", runs.load(folder).manifest)
    model_card.text(folder)


# As much of a predictor as the tables of its masks state.
DRAWN: Any = SimpleNamespace(settings=predictor.Settings(), measured=None, threshold=0.5, ships=False)


def read_predictions(folder: Path) -> None:
    for polygons in (False, True):
        prediction_folder._tables(folder, DRAWN, polygons=polygons, frame=None)


JSON_READERS = {
    "COCO": Reader(file="annotations.json", make=small.make_coco, read=read_coco),
    "COCO, validated": Reader(
        file="annotations.json",
        make=small.make_coco,
        read=lambda folder: report.write_report(
            folder.parent / "report.md", checks.check(folder), [checks.check(folder)]
        ),
    ),
    "COCO, previewed": Reader(file="annotations.json", make=small.make_coco, read=card.write),
    "card of a dataset": Reader(file="dataset.json", make=small.make_rendered, read=card.write),
    "card of a dataset, validated": Reader(file="dataset.json", make=small.make_seen, read=checks.check),
    "assets of a dataset": Reader(file="instances.json", make=small.make_seen, read=checks.check),
    "twin": Reader(
        file="twin.json", make=small.make_twin, read=lambda folder: twin_state.fields(store.load(folder)[0])
    ),
    "records": Reader(file="inspections.jsonl", make=small.make_twin, read=log.read),
    "thickness records": Reader(file="inspections.jsonl", make=small.make_thickness, read=log.read),
    "message": Reader(file="message.json", make=small.make_message, read=read_message),
    "rates of a model": Reader(
        file="evaluation.json",
        make=small.make_rates,
        read=lambda folder: measured_rates(folder / "evaluation.json"),
    ),
    "withdrawal": Reader(file="withdrawal.json", make=small.make_withdrawal, read=read_withdrawal),
    "camera, points": Reader(
        file="camera.json", make=small.make_camera, read=lambda folder: read_camera(folder / "camera.json")
    ),
    "camera, markers": Reader(
        file="camera.json",
        make=small.make_marker_camera,
        read=lambda folder: read_camera(folder / "camera.json"),
    ),
    "camera, stated": Reader(
        file="camera.json",
        make=small.make_stated_camera,
        read=lambda folder: read_camera(folder / "camera.json"),
    ),
    "preset of one's own": Reader(
        file="mine.json", make=small.make_preset, read=lambda folder: custom.read(folder / "mine.json")
    ),
    "cameras": Reader(
        file="cameras.json",
        make=small.make_cameras,
        read=lambda folder: subject.read_cameras(folder / "cameras.json", size=(64, 48)),
    ),
    "split": Reader(file="split.json", make=small.make_split, read=lambda folder: splits.load(folder / "split.json")),
    "run": Reader(file="run.json", make=small.make_run, read=read_run),
    "evaluation": Reader(
        file="evaluation/evaluation.json",
        make=small.make_evaluation,
        read=lambda folder: model_card.text(folder / "run", (folder / "evaluation",)),
    ),
    "study": Reader(file="study.json", make=small.make_study, read=results.load),
    "weights": Reader(
        file="weights.json", make=small.make_weights, read=lambda folder: weights.load(folder, "mobilenet_v2")
    ),
    "fetched": Reader(
        file="roboflow.json", make=small.make_fetched, read=lambda folder: roboflow.fetch("a/b/1", out=folder)
    ),
    "trial begun": Reader(file="trials/one/trial.json", make=small.make_trials, read=trials.started),
    "trial over": Reader(
        file="trials/one/result.json",
        make=small.make_trials,
        read=lambda folder: trials.write_table(folder / "trials.csv", trials.finished(folder)),
    ),
    "prediction": Reader(file="parts/a.json", make=small.make_predictions, read=read_predictions),
    "part of a dataset": Reader(
        file="parts/000000.json",
        make=small.make_part,
        read=lambda folder: (
            batch.missing(folder, 0, range(2), ()),
            changes(batch.read_part(folder, 0)["made_by"], {"bpy": "2"}),
        ),
    ),
    "claim": Reader(file="claim.json", make=small.make_claim, read=lambda folder: check_claim(folder, "run", {"a": 1})),
}


def write(folder: Path, name: str, text: str) -> None:
    """Write a text file."""
    (folder / name).write_text(text)


def _spots(folder: Path) -> None:
    small.make_coco(folder)
    write(folder, "spots.csv", "file_name,split,spot\n0.png,,north\n1.png,,south\n2.png,,north\n")


def _measured(folder: Path) -> None:
    small.make_run(folder)
    (folder / "across").mkdir()
    table, key = folder / "across" / "other.csv", folder / "across" / "other.json"
    ones = np.ones(1, dtype=np.int64)
    runs.write_per_image(table, runs.PerImage(image=("d.png",), tp=ones, fp=ones, fn=ones, tn=ones))
    write_json(key, external_sets._key(folder, "00"))


TABLE_READERS = {
    "readings": Reader(
        file="readings.csv",
        make=lambda folder: write(
            folder, "readings.csv",
            "date,zone,kind,value,tool,u,v,scatter_sd,detection\n2016-05-31,face,ultrasonic,7.9,UT-3,0.5,0.5,0.1,\n"
            "2016-05-31,face,photo,0.2,phone,,,,0.9\n",
        ),
        read=lambda folder: readers.from_csv(folder / "readings.csv"),
    ),
    "spots": Reader(
        file="spots.csv",
        make=_spots,
        read=lambda folder: groups.by_column(folder / "spots.csv", coco.read(folder), "spot"),
    ),
    "printed means": Reader(
        file="means.csv",
        make=lambda folder: write(folder, "means.csv", "group,mean,sd,n\na,0.85,0.01,10\nb,0.83,0.02,10\n"),
        read=lambda folder: [
            printed_table.markdown(printed_table.compare(each), {}) for each in printed_table.read(folder /
            "means.csv").values()
        ],
    ),
    "history of a run": Reader(file="history.csv", make=small.make_run, read=runs.load),
    "counts of a run": Reader(file="per_image.csv", make=small.make_run, read=read_run),
    "counts across": Reader(
        file="across/other.csv", make=_measured, read=lambda folder: external_sets.read(folder, "other", "00")
    ),
    "latencies": Reader(
        file="latency.csv",
        make=lambda folder: write(
            folder, "latency.csv", "backbone,p50_ms,size,threads,precision,repeats\nvgg16,12.5,64,1,fast,50\n"
        ),
        read=lambda folder: cost._read(folder / "latency.csv"),
    ),
}  # fmt: skip


def text_of(reader: Reader, folder: Path) -> str:
    """The whole file of a reader."""
    return (folder / reader.file).read_text()


def put(reader: Reader, folder: Path, content: str | bytes) -> None:
    """Put something else in its place; names that are not Unicode as JSON escapes them."""
    (folder / reader.file).write_bytes(content if isinstance(content, bytes) else content.encode(errors="replace"))


def document_of(reader: Reader, folder: Path) -> Any:
    """The JSON of a reader."""
    return json.loads(text_of(reader, folder))
