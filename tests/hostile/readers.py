"""Small whole inputs of every kind, and the functions that read them: what hostile cases start from."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from corrotwin.benchmarks.data import external_sets
from corrotwin.benchmarks.report.sections import cost
from corrotwin.benchmarks.stats import printed_table
from corrotwin.benchmarks.study import manifest, results
from corrotwin.benchmarks.study.config import choose
from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import configure, to_json
from corrotwin.segmentation.data import coco, groups, roboflow, splits
from corrotwin.segmentation.deployment import model_card
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.models import weights
from corrotwin.segmentation.models.encoders import weights_source
from corrotwin.segmentation.prediction import folder as prediction_folder
from corrotwin.segmentation.prediction import predictor
from corrotwin.segmentation.prediction.regions import regions_of
from corrotwin.segmentation.tuning import trials
from corrotwin.synth.cameras.camera_file import read_camera
from corrotwin.synth.presets import custom
from corrotwin.synth.preview import card
from corrotwin.synth.rendering import batch, provenance
from corrotwin.synth.scene import subject
from corrotwin.synth.validation import checks, report
from corrotwin.twin import store, twin_state
from corrotwin.twin.core.files import write_json, write_manifest
from corrotwin.twin.core.locks import check_claim
from corrotwin.twin.incoming.known_twins import KnownTwins
from corrotwin.twin.incoming.storing import Intent, TwinReader
from corrotwin.twin.inspection import log, readers
from corrotwin.twin.inspection.entry import measured_rates
from corrotwin.twin.inspection.records import Record

HEIGHT, WIDTH = 6, 8
SMALL_PLATE = {
    "length_m": 0.1, "width_m": 0.08, "thickness_mm": 8.0, "edge": "rolled", "opening_mm": 0.0, "stiffeners": 0,
    "stiffener": "flat", "stiffener_height_mm": 40.0, "fasteners": "none", "butt_weld": False, "upright": True,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A reader, the file of it that a stranger may have written, and how to make and read a whole one."""

    file: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]


def make_coco(folder: Path) -> None:
    """Three photos and one annotation of each form that COCO has: polygons, run lengths, a compressed string."""
    folder.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[1:4, 2:6] = True
    forms: list[Any] = [
        [[1, 1, 5, 1, 5.5, 4, 1, 4]],
        {"size": [HEIGHT, WIDTH], "counts": [10, 20, 18]},
        coco.region(mask)["segmentation"],
    ]
    images = []
    for number in range(len(forms)):
        pixels = np.full((HEIGHT, WIDTH, 3), 60 * number + 60, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": WIDTH, "height": HEIGHT})
    annotations = [
        {
            "id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "area": 12, "bbox": [2, 1, 4, 3],
            "segmentation": form,
        }
        for number, form in enumerate(forms)
    ]  # fmt: skip
    write_json(folder / "annotations.json", coco.document(images, annotations, description="small"))


def read_coco(folder: Path) -> None:
    """Read a dataset as training does: all pixels, all masks."""
    for photo in coco.read(folder).photos:
        coco.image(photo)
        coco.mask(photo)


def make_twin(folder: Path) -> None:
    """A twin of a small plate with one reading."""
    twin = twin_state.sample_twin("plate", np.random.default_rng(0), texel_mm=10.0)
    twin = twin_state.TwinState(**{**vars(twin), "parameters": SMALL_PLATE})
    store.save(twin, folder)
    log.append(
        folder,
        [Record(date=f"{twin.clock:%Y-%m-%d}", kind="grade", zone="face", value=1, tool="eye", uv=None)],
    )


def make_message(folder: Path) -> None:
    """The same twin, and a message with a reading of it."""
    make_twin(folder)
    reading = {"date": "1999-12-31", "zone": "face", "place": "A", "value": 7.9, "unit": "mm", "tool": "UT-1"}
    about = {"technician": "J. Doe", "echo": "single", "coated": True, "point": 12, "remark": None}
    write_json(folder / "message.json", reading | about)


def read_message(folder: Path) -> object:
    reader = TwinReader(Intent(twins=KnownTwins(folder=folder, single=True)))
    return reader.of_file(folder / "message.json")


def make_thickness(folder: Path) -> None:
    """The same twin with a thickness reading."""
    make_twin(folder)
    (folder / log.RECORDS).unlink()
    thickness = store.read(folder).parameters["thickness_mm"]
    log.append(
        folder,
        [
            Record(
                date="2000-05-31",
                kind="ultrasonic",
                zone="face",
                value=thickness,
                tool="UT-1",
                place="P1",
                echo="single",
            )
        ],
    )


def make_rates(folder: Path) -> None:
    """A folder with the rates of a model."""
    write_manifest(folder, "evaluation", {"recall": 0.8, "false_calls": 0.02, "images": 9, "threshold": 0.5})


def make_withdrawal(folder: Path) -> None:
    """The same twin, and a line that withdraws its reading."""
    make_twin(folder)
    log.rule(folder, [1], "withdraws", why="of another plate")
    line = (folder / log.RECORDS).read_bytes().splitlines()[1]
    (folder / "withdrawal.json").write_bytes(line)


def read_withdrawal(folder: Path) -> None:
    """Read a twin's records with a line of ours behind the first."""
    records = folder / log.RECORDS
    line = (folder / "withdrawal.json").read_bytes().replace(b"\n", b" ")
    records.write_bytes(records.read_bytes().splitlines(keepends=True)[0] + line + b"\n")
    log.read(folder)


def make_camera(folder: Path) -> None:
    """A camera whose pose follows from picked points."""
    places = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0.5, 0.5, 0.4], [0.2, 0.7, 0.3]]
    picked = [
        {"pixel": [round(100 + 200 * x / (4 + z), 3), round(100 + 200 * y / (4 + z), 3)], "place_m": [x, y, z]}
        for x, y, z in places
    ]
    lens = {"width": 200, "height": 200, "fx": 200, "fy": 200, "cx": 100, "cy": 100}
    write_json(folder / "camera.json", {**lens, "points": picked})


def make_marker_camera(folder: Path) -> None:
    """A camera 4 m before a marker in its photograph; picked points tell it from its mirror image."""
    import cv2

    shown = np.full((200, 200), 255, dtype=np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    shown[80:120, 80:120] = cv2.aruco.generateImageMarker(dictionary, 1, 40)
    Image.fromarray(shown).save(folder / "photo.png")
    marker = {
        "dictionary": "DICT_4X4_50", "id": 1, "size_m": 0.8, "centre_m": [0, 0, 0], "right": [1, 0, 0],
        "up": [0, -1, 0],
    }  # fmt: skip
    places = [[0.2, 0.7, 0.3], [-0.9, -0.4, 1.0], [0.8, -0.8, 0.5]]
    picked = [
        {"pixel": [round(99.5 + 200 * x / (4 + z), 3), round(99.5 + 200 * y / (4 + z), 3)], "place_m": [x, y, z]}
        for x, y, z in places
    ]
    lens = {"width": 200, "height": 200, "fx": 200, "fy": 200, "cx": 99.5, "cy": 99.5, "distortion": [0, 0, 0, 0]}
    write_json(folder / "camera.json", {**lens, "photo": "photo.png", "markers": [marker], "points": picked})


def make_stated_camera(folder: Path) -> None:
    """A camera whose pose is stated."""
    lens = {"width": 20, "height": 20, "fx": 20.0, "fy": 20, "cx": 10, "cy": 10, "distortion": [0.1, 0, 0, 0]}
    pose = {"rotation": [[1, 0, 0], [0, 0, -1], [0, 1, 0]], "translation_m": [0, 0, 3]}
    write_json(folder / "camera.json", {**lens, **pose})


def make_preset(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    own_preset = {"like": "painted", "rust_tone": [0.3, 1.2], "kinds": ["plate"], "sensor": {"saturation": [0.7, 1.1]}}
    write_json(folder / "mine.json", own_preset)


def make_cameras(folder: Path) -> None:
    """Cameras by eye and target, by a matrix with a distortion, and along a trajectory."""
    upright = {"eye_m": [0.5, -1.4, 0.9], "look_at_m": [0.0, 0.0, 0.3]}
    path = {"frames": 5, "eye_m": [[1, -1, 1], [0, -2, 1], [-1, -1, 1]], "look_at_m": [0, 0, 0], "roll_deg": [0, 5, 0]}
    lens = {"width": 64, "height": 48, "K": [[60, 0, 31.5], [0, 60, 23.5], [0, 0, 1]]}
    entries = [
        {**upright, "field_of_view_deg": 50, "name": "front", "roll_deg": 3},
        {**upright, **lens, "distortion": [-0.1, 0.01, 0, 0]},
        {**lens, "name": "flight", "trajectory": path},
    ]
    (folder / "cameras.json").write_text(json.dumps(entries))


def a_split() -> splits.Split:
    """A split of four photos."""
    return splits.Split(how="published", seed=0, train=("a.png", "b.png"), valid=("c.png",), test=("d.png",))


def make_split(folder: Path) -> None:
    """A split on disk."""
    splits.save(a_split(), folder / "split.json")


def make_run(folder: Path) -> None:
    """A complete run without weights."""
    folder.mkdir(parents=True, exist_ok=True)
    config = configure("quick", backbone="mobilenet_v2", arm=REAL, seed=1, size=64, threads=1)
    make_split(folder)
    runs.write_history(folder, [dict.fromkeys(runs.HISTORY_COLUMNS, 1.0)])
    ones = np.ones(1, dtype=np.int64)
    runs.write_per_image(folder / "per_image.csv", runs.PerImage(image=("d.png",), tp=ones, fp=ones, fn=ones, tn=ones))
    content = {
        "config": to_json(config), "data": {"real": "00", "renders": None, "split": a_split().digest}, "scale": 1.0,
        "classes": ["rust"], "counts": {"train_photos": 2, "valid": 1, "test": 1}, "train_seconds": 1.0,
        "device": "a processor", "versions": {"torch": "2"},
    }  # fmt: skip
    write_manifest(folder, runs.KIND, content)
    (folder / runs.WEIGHTS).write_bytes(b"")


def read_run(folder: Path) -> None:
    """Read a run as evaluation, prediction and export do, but for its weights."""
    evaluate.config_of(folder, runs.load(folder))
    predictor.scale_of(folder / "run.json", runs.load(folder).manifest)
    model_card.text(folder)


def make_evaluation(folder: Path) -> None:
    """A run and its evaluation on other photos."""
    make_run(folder / "run")
    ones = np.ones(1, dtype=np.int64)
    (folder / "evaluation").mkdir()
    runs.write_per_image(
        folder / "evaluation" / "per_image.csv", runs.PerImage(image=("e.png",), tp=ones, fp=ones, fn=ones, tn=ones)
    )
    content = {"weights": runs.weights_digest(folder / "run"), "photos": "all", "data": "00", "threshold": 0.5}
    write_manifest(folder / "evaluation", "evaluation", content)


def make_study(folder: Path) -> None:
    """A study of which no run is complete; its photos and renders are gone."""
    make_split(folder)
    gone = {"folder": "gone", "name": "gone", "photographs": True, "digest": "00"}
    counted = {**gone, "counts": {"images": 4, "annotations": 4}}
    content = manifest.content(
        choose("quick"), data=counted, split=a_split(), renders={**counted, "plan": None},
        across={"other": counted}, failed={"real-vgg16-00": "out of memory"},
    )  # fmt: skip
    write_manifest(folder, manifest.KIND, content)


def make_weights(folder: Path) -> None:
    """A prepared folder of ImageNet weights, with one tensor that no encoder has."""
    import hashlib

    import torch
    from safetensors.torch import save

    content = save({"x": torch.zeros(2)})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mobilenet_v2.safetensors").write_bytes(content)
    place = weights_source("mobilenet_v2")
    entry = {
        "repository": place.repository, "revision": place.revision, "licence": None,
        "sha256": hashlib.sha256(content).hexdigest(), "tensors": 1, "versions": {},
    }  # fmt: skip
    write_manifest(folder, weights.KIND, {"encoders": {"mobilenet_v2": entry}})


def make_rendered(folder: Path) -> None:
    """A dataset with the card of a rendered one."""
    from corrotwin.synth.config import RenderConfig
    from corrotwin.synth.presets.builtin import preset
    from corrotwin.synth.presets.schema import stated

    make_coco(folder)
    about = {
        "configuration": RenderConfig(preset="quick", size=8, seed=0).plain(), "seed": 0,
        "preset": stated(preset("quick")), "shows": "a twin of its own in each scene", "images": 3, "annotations": 3,
        "twin": {"id": "plate-1", "kind": "plate", "content": "00", "fields": "fields-0.npz", "cameras": []},
        "versions": {"bpy": "4.5"}, "device": "CPU", "licence": "yours",
    }  # fmt: skip
    write_manifest(folder, "dataset", about)


def make_seen(folder: Path) -> None:
    """A rendered dataset, with what is seen of assets."""
    make_rendered(folder)
    (folder / "instances.json").write_bytes((folder / "annotations.json").read_bytes())


def make_fetched(folder: Path) -> None:
    """A dataset that was fetched from Roboflow before."""
    about = {
        "source": asdict(roboflow.parse_version("a/b/1")), "format": roboflow.FORMAT,
        "fetched": "2026-01-01T00:00:00+00:00", "bytes": 1, "sha256": "00", "licence": "CC0", "images": 1,
    }  # fmt: skip
    write_manifest(folder, roboflow.CARD, about)


def make_trials(folder: Path) -> None:
    """A sweep with one trial that is over."""
    values = {"learning_rate": 1e-3, "batch_size": 8, "augmentation": "standard", "synth_share": 0.0}
    values["synth_count"] = None
    here = folder / trials.TRIALS / "one"
    write_json(here / trials.STARTED, {"values": values, "begun": 1.0})
    write_json(
        here / trials.RESULT,
        {"folder": "one", "values": values, "ended": "complete", "epochs": 2, "valid_f1": 0.5, "error": ""},
    )


def make_predictions(folder: Path) -> None:
    """Predictions of one photo, as an earlier command left them."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[1:3, 1:3] = True
    part = {
        "photo": "a.png", "sha256": "00", "width": WIDTH, "height": HEIGHT, "rusted_percent": 1.0,
        "regions": list(regions_of(mask)), "tiles": 0, "scale": None,
    }  # fmt: skip
    write_json(folder / "parts" / "a.json", part)


# As much of a predictor as the tables of its masks state.
DRAWN: Any = SimpleNamespace(settings=predictor.Settings(), measured=None, threshold=0.5, ships=False)


def read_predictions(folder: Path) -> None:
    for polygons in (False, True):
        prediction_folder._tables(folder, DRAWN, polygons=polygons, frame=None)


def make_part(folder: Path) -> None:
    """A part of a rendered dataset."""
    image = {"id": 1, "file_name": "000000.jpg", "width": 8, "height": 6, "scene": 0, "asset_kind": "pipe"}
    write_json(
        folder / "parts" / "000000.json", {"images": [image], "annotations": [], "assets": [], "made_by": {"bpy": "1"}}
    )


def make_claim(folder: Path) -> None:
    """The claim of a folder."""
    write_json(folder / "claim.json", {"kind": "run", "configuration": {"a": 1}})


JSON_READERS = {
    "COCO": Reader(file="annotations.json", make=make_coco, read=read_coco),
    "COCO, validated": Reader(
        file="annotations.json",
        make=make_coco,
        read=lambda folder: report.write_report(
            folder.parent / "report.md", checks.check(folder), [checks.check(folder)]
        ),
    ),
    "COCO, previewed": Reader(file="annotations.json", make=make_coco, read=card.write),
    "card of a dataset": Reader(file="dataset.json", make=make_rendered, read=card.write),
    "card of a dataset, validated": Reader(file="dataset.json", make=make_seen, read=checks.check),
    "assets of a dataset": Reader(file="instances.json", make=make_seen, read=checks.check),
    "twin": Reader(file="twin.json", make=make_twin, read=lambda folder: twin_state.fields(store.load(folder)[0])),
    "records": Reader(file="inspections.jsonl", make=make_twin, read=log.read),
    "thickness records": Reader(file="inspections.jsonl", make=make_thickness, read=log.read),
    "message": Reader(file="message.json", make=make_message, read=read_message),
    "rates of a model": Reader(
        file="evaluation.json",
        make=make_rates,
        read=lambda folder: measured_rates(folder / "evaluation.json"),
    ),
    "withdrawal": Reader(file="withdrawal.json", make=make_withdrawal, read=read_withdrawal),
    "camera, points": Reader(
        file="camera.json", make=make_camera, read=lambda folder: read_camera(folder / "camera.json")
    ),
    "camera, markers": Reader(
        file="camera.json",
        make=make_marker_camera,
        read=lambda folder: read_camera(folder / "camera.json"),
    ),
    "camera, stated": Reader(
        file="camera.json",
        make=make_stated_camera,
        read=lambda folder: read_camera(folder / "camera.json"),
    ),
    "preset of one's own": Reader(
        file="mine.json", make=make_preset, read=lambda folder: custom.read(folder / "mine.json")
    ),
    "cameras": Reader(
        file="cameras.json",
        make=make_cameras,
        read=lambda folder: subject.read_cameras(folder / "cameras.json", size=(64, 48)),
    ),
    "split": Reader(file="split.json", make=make_split, read=lambda folder: splits.load(folder / "split.json")),
    "run": Reader(file="run.json", make=make_run, read=read_run),
    "evaluation": Reader(
        file="evaluation/evaluation.json",
        make=make_evaluation,
        read=lambda folder: model_card.text(folder / "run", (folder / "evaluation",)),
    ),
    "study": Reader(file="study.json", make=make_study, read=results.load),
    "weights": Reader(file="weights.json", make=make_weights, read=lambda folder: weights.load(folder, "mobilenet_v2")),
    "fetched": Reader(file="roboflow.json", make=make_fetched, read=lambda folder: roboflow.fetch("a/b/1", out=folder)),
    "trial begun": Reader(file="trials/one/trial.json", make=make_trials, read=trials.started),
    "trial over": Reader(
        file="trials/one/result.json",
        make=make_trials,
        read=lambda folder: trials.write_table(folder / "trials.csv", trials.finished(folder)),
    ),
    "prediction": Reader(file="parts/a.json", make=make_predictions, read=read_predictions),
    "part of a dataset": Reader(
        file="parts/000000.json",
        make=make_part,
        read=lambda folder: (
            batch.missing(folder, 0, range(2), ()),
            provenance.changes(batch.read_part(folder, 0)["made_by"], {"bpy": "2"}),
        ),
    ),
    "claim": Reader(file="claim.json", make=make_claim, read=lambda folder: check_claim(folder, "run", {"a": 1})),
}


def write(folder: Path, name: str, text: str) -> None:
    """Write a text file."""
    (folder / name).write_text(text)


def _spots(folder: Path) -> None:
    make_coco(folder)
    write(folder, "spots.csv", "file_name,split,spot\n0.png,,north\n1.png,,south\n2.png,,north\n")


def _measured(folder: Path) -> None:
    make_run(folder)
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
    "history of a run": Reader(file="history.csv", make=make_run, read=runs.load),
    "counts of a run": Reader(file="per_image.csv", make=make_run, read=read_run),
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
