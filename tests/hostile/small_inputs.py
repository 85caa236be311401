"""Small whole inputs of every kind, which hostile cases change."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from corrotwin.benchmarks.study import manifest
from corrotwin.benchmarks.study.config import choose
from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import configure, to_json
from corrotwin.segmentation.data import coco, roboflow, splits
from corrotwin.segmentation.models import weights
from corrotwin.segmentation.models.encoders import weights_source
from corrotwin.segmentation.prediction.regions import regions_of
from corrotwin.segmentation.tuning import trials
from corrotwin.twin import store, twin_state
from corrotwin.twin.core.files import write_json, write_manifest
from corrotwin.twin.inspection import log
from corrotwin.twin.inspection.records import Record

HEIGHT, WIDTH = 6, 8
SMALL_PLATE = {
    "length_m": 0.1, "width_m": 0.08, "thickness_mm": 8.0, "edge": "rolled", "opening_mm": 0.0, "stiffeners": 0,
    "stiffener": "flat", "stiffener_height_mm": 40.0, "fasteners": "none", "butt_weld": False, "upright": True,
}  # fmt: skip


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
        "preset": stated(preset("quick")), "shows": "a new twin in each scene", "images": 3, "annotations": 3,
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


def make_part(folder: Path) -> None:
    """A part of a rendered dataset."""
    image = {"id": 1, "file_name": "000000.jpg", "width": 8, "height": 6, "scene": 0, "asset_kind": "pipe"}
    write_json(
        folder / "parts" / "000000.json", {"images": [image], "annotations": [], "assets": [], "made_by": {"bpy": "1"}}
    )


def make_claim(folder: Path) -> None:
    """The claim of a folder."""
    write_json(folder / "claim.json", {"kind": "run", "configuration": {"a": 1}})
