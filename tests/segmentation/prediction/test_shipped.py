"""The model that ships, and what `corrotwin predict` takes in: a photo, an archive, a video, several models."""

import csv
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import unlabelled
from PIL import Image

from corrotwin.segmentation import runs, shipped
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.data.decoded import resize_image
from corrotwin.segmentation.deployment import onnx_export
from corrotwin.segmentation.models.network import load_weights
from corrotwin.segmentation.prediction.exported_predictor import MODEL, ExportedPredictor, runner
from corrotwin.segmentation.prediction.loading import predictor_of
from corrotwin.segmentation.prediction.measured import ShareTable, from_json
from corrotwin.segmentation.prediction.predictor import MeanPredictor, Settings
from corrotwin.segmentation.prediction.regions import regions_of
from corrotwin.segmentation.prediction.search import search
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_manifest

Command = Callable[..., subprocess.CompletedProcess[str]]
HEAVY = ("torch", "segmentation_models_pytorch", "scipy", "trimesh", "pandas", "matplotlib", "ray", "albumentations")


@pytest.fixture
def rusty(tmp_path: Path) -> Path:
    """A photo whose left half is the colour of rust, the rest grey paint."""
    rng = np.random.default_rng(0)
    pixels = np.full((240, 320, 3), (150, 155, 160), np.float64)
    pixels[:, :160] = (120, 62, 30)
    pixels += rng.normal(0, 14, pixels.shape)
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=95)
    return path


def rows(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "predictions.csv").read_text().splitlines()))


def test_the_two_files_of_the_model_agree() -> None:
    manifest = read_json(shipped.FOLDER / "model.json")
    assert runs.digest_of_weights(shipped.WEIGHTS) == manifest["weights"]
    network = onnx_export.photographs_to_probability(
        load_weights(shipped.WEIGHTS, manifest["backbone"], manifest["architecture"]), manifest["backbone"]
    )
    size = manifest["size"]
    pictures = np.stack([resize_image(unlabelled.picture(seed, 120, 160), size) for seed in range(3)])
    with torch.no_grad():
        expected = network(torch.from_numpy(pictures)).numpy()
    found = runner((shipped.FOLDER / MODEL).read_bytes(), threads=1)(pictures)
    assert np.abs(found - expected).max() < 1e-3
    assert 5e6 < shipped.WEIGHTS.stat().st_size < 14e6
    assert (shipped.FOLDER / MODEL).stat().st_size < 14e6


def test_a_photo_gets_a_mask_without_torch(rusty: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["corrotwin", "predict", str(rusty), "--out", str(out)]
    program = (
        f"import sys; sys.argv = {words!r}\n"
        "from corrotwin.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[]"
    assert f"masks of 1 of 1 photos, at threshold {predictor_of((), Settings()).threshold:.3g}; look at" in done.stdout
    mask = np.asarray(Image.open(out / "masks" / "photo.png")) > 0
    assert mask.shape == (240, 320)
    [row] = rows(out)
    assert float(row["rusted_percent_low"]) <= float(row["rusted_percent"]) <= float(row["rusted_percent_high"])
    assert float(row["rusted_percent"]) == pytest.approx(100 * mask.mean(), abs=1e-3)
    page = (out / "index.html").read_text()
    assert 'src="overlays/photo.jpg"' in page
    assert "not an inspection" in page
    rates = read_json(out / "evaluation.json")
    measured = read_json(shipped.FOLDER / "model.json")["measured"]
    assert [rates[name] for name in ("recall", "recall_sd")] == [measured[name] for name in ("recall", "recall_sd")]


def test_the_card_is_printed(run_module: Command) -> None:
    done = run_module("predict", "--card")
    assert done.returncode == 0
    assert done.stdout == shipped.CARD.read_text()
    for promise in ("not an inspection", "left out", "CC BY 4.0", "Apache-2.0", "does not show how deep"):
        assert promise in done.stdout


def test_a_frame_has_its_share_and_degree_of_rusting(
    rusty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_module: Command
) -> None:
    monkeypatch.setattr(
        ExportedPredictor, "network_output", lambda self, images: np.float32(images[..., 2] < 100)
    )  # what is little blue is rust
    done = run_module("predict", rusty, "--out", tmp_path / "out", "--frame", 0.25, 0, 1, 1)
    assert done.returncode == 0, done.stderr
    [row] = rows(tmp_path / "out")
    assert float(row["rusted_percent"]) == pytest.approx(50, abs=1)
    assert float(row["frame_percent"]) == pytest.approx(100 / 3, abs=1)
    assert row["iso_4628_3"] == "Ri 5"
    assert row["iso_4628_3_low"] <= row["iso_4628_3"] <= row["iso_4628_3_high"]
    assert "Ri 5" in (tmp_path / "out" / "index.html").read_text()
    other = run_module("predict", rusty, "--out", tmp_path / "out")
    assert other.returncode == 2
    assert "frame" in other.stderr


@pytest.mark.ci
def test_a_long_photo_is_cut_into_squares(rusty: Path) -> None:
    predictor = predictor_of((), Settings())
    image = np.tile(np.asarray(Image.open(rusty)), (1, 4, 1))
    probability, tiles = predictor.probability(image)
    assert probability.shape == image.shape[:2]
    assert tiles > 4
    assert predictor.probability(image[:, :480])[1] == 0


def test_another_threshold_has_no_interval(rusty: Path, tmp_path: Path, run_module: Command) -> None:
    done = run_module("predict", rusty, "--out", tmp_path / "out", "--threshold", 0.3)
    assert done.returncode == 0, done.stderr
    assert "rusted_percent_low" not in rows(tmp_path / "out")[0]
    assert not (tmp_path / "out" / "evaluation.json").exists()


def test_archives_and_videos_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    photos = unlabelled.photos(tmp_path / "photos", [1, 2])
    with zipfile.ZipFile(tmp_path / "site.zip", "w") as archive:
        for path in photos:
            archive.write(path, f"day/{path.name}")
    film = unlabelled.video(tmp_path / "films" / "walk.mp4", [3, 4, 5])
    found = search([tmp_path / "site.zip", film])
    assert list(found.photos) == [
        "site/day/0001", "site/day/0002", "walk.mp4/0000m00s", "walk.mp4/0000m01s", "walk.mp4/0000m02s"
    ]  # fmt: skip
    frame = np.asarray(Image.open(found.photos["walk.mp4/0000m01s"]))
    assert np.abs(frame.astype(int) - unlabelled.picture(4)).mean() < 12
    before = {path: path.stat().st_mtime_ns for path in found.photos.values()}
    again = search([tmp_path / "films"])
    assert list(again.photos) == ["walk.mp4/0000m00s", "walk.mp4/0000m01s", "walk.mp4/0000m02s"]
    assert all(path.stat().st_mtime_ns == before[path] for path in again.photos.values())


def test_a_video_that_breaks_off_gives_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "walk.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"walk.mp4: videos that cannot be read to their end: 1 .*FFmpeg"):
        search([tmp_path / "walk.mp4"])
    unlabelled.photos(tmp_path / "site", [1])
    shutil.move(tmp_path / "walk.mp4", tmp_path / "site")
    found = search([tmp_path / "site"])
    assert list(found.photos) == ["0001"]
    assert found.has_losses


@pytest.mark.parametrize(
    ("rate", "frames_each", "seconds"), [(0.5, 1, (0, 2, 4)), (29.97, 30, (0, 1, 2)), (1.0, 1, (0, 1, 2))]
)
def test_frames_are_named_after_their_time(
    rate: float, frames_each: int, seconds: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    film = unlabelled.video(tmp_path / "walk.avi", [1, 2, 3], frames_each=frames_each, rate=rate)
    assert list(search([film]).photos) == [f"walk.avi/0000m0{second}s" for second in seconds]


@pytest.mark.parametrize("name", ["photo.heic", "photo.CR2", "report.pdf"])
def test_kinds_that_are_not_read_are_said_and_the_rest_is_done(
    name: str, rusty: Path, tmp_path: Path, run_module: Command
) -> None:
    (tmp_path / name).write_bytes(b"whatever")
    done = run_module("predict", tmp_path / name, "--out", tmp_path / "out")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"pictures in formats that are not read: 1 ({name}); convert them to JPEG" in line
    assert not (tmp_path / "out").exists()
    beside = run_module("predict", tmp_path / name, rusty, "--out", tmp_path / "out")
    assert beside.returncode == 1
    assert f"left out: pictures in formats that are not read: 1 ({name})" in beside.stderr
    assert len(rows(tmp_path / "out")) == 1


def test_photos_of_one_name_in_two_archives_have_masks_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORROTWIN_CACHE", str(tmp_path / "cache"))
    (photo,) = unlabelled.photos(tmp_path / "photos", [1])
    for name in ("monday", "tuesday", "again/monday"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.write(photo, "IMG_0001.png")
            archive.writestr("of", name)
    found = search([tmp_path / "monday.zip", tmp_path / "tuesday.zip"])
    assert list(found.photos) == ["monday/IMG_0001", "tuesday/IMG_0001"]
    with pytest.raises(InputError, match=r"again/monday.zip and .*/monday.zip: two photos named .*; rename one"):
        search([tmp_path / "monday.zip", tmp_path / "again" / "monday.zip"])


@pytest.mark.parametrize("names", [("pictures", "probability"), ("images", "chance")])
def test_a_network_of_other_names_is_one_line(names: tuple[str, str], tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, [1, 192, 192, 3]) for name in names]
    node = onnx.helper.make_node("Identity", [names[0]], [names[1]])
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    (tmp_path / MODEL).write_bytes(model.SerializeToString())
    shutil.copy(shipped.FOLDER / "model.json", tmp_path)
    with pytest.raises(InputError, match="does not take images and give probability"):
        predictor_of([tmp_path], Settings())


@pytest.mark.ci
def test_several_models_are_averaged(rusty: Path, tmp_path: Path, run_module: Command) -> None:
    content = read_json(shipped.FOLDER / "model.json")
    for name, threshold in (("a", 0.4), ("b", 0.6)):
        (tmp_path / name).mkdir()
        shutil.copy(shipped.FOLDER / MODEL, tmp_path / name)
        write_manifest(tmp_path / name, "model", {**content, "threshold": threshold, "measured": None})
    both = predictor_of([tmp_path / "a", tmp_path / "b"], Settings())
    assert isinstance(both, MeanPredictor)
    assert both.threshold == pytest.approx(0.5)
    image = np.asarray(Image.open(rusty))
    assert both.probability(image)[0] == pytest.approx(predictor_of((), Settings()).probability(image)[0], abs=1e-6)
    done = run_module("predict", rusty, "--run", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    twice = run_module("predict", rusty, "--run", tmp_path / "a", tmp_path / "a", "--out", tmp_path / "new")
    assert twice.returncode == 2
    assert "--run: a folder is named twice" in twice.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 2.0}, "threshold 2.0 is not between 0 and 1"), ({"size": "big"}, "damaged"),
        ({"size": 10**9}, "damaged"),
        ({"framing": "crop"}, "takes squares of"), ({"measured": {"recall": 1}}, "damaged measurements"),
    ],
)  # fmt: skip
def test_a_damaged_export_is_one_line(change: dict[str, object], message: str, tmp_path: Path) -> None:
    shutil.copy(shipped.FOLDER / MODEL, tmp_path)
    write_manifest(tmp_path, "model", {**read_json(shipped.FOLDER / "model.json"), **change})
    with pytest.raises(InputError, match=message):
        predictor_of([tmp_path], Settings())


def test_a_damaged_network_is_one_line(tmp_path: Path) -> None:
    shutil.copy(shipped.FOLDER / "model.json", tmp_path)
    with pytest.raises(InputError, match=r"model.onnx: cannot be read"):
        predictor_of([tmp_path], Settings())
    (tmp_path / MODEL).write_bytes(b"no network")
    with pytest.raises(InputError, match=r"model.onnx: damaged .*; install or export the model again"):
        predictor_of([tmp_path], Settings())


def test_statistics_of_an_export_cannot_be_adapted(rusty: Path, tmp_path: Path, run_module: Command) -> None:
    done = run_module("predict", rusty, "--adapt", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "--adapt: an exported network keeps its statistics" in done.stderr


def test_an_interval_lies_between_the_rows_of_its_table_and_holds_the_share() -> None:
    table = ShareTable(chance=0.9, predicted=(0.0, 0.5, 1.0), low=(0.0, 0.3, 0.3), high=(0.1, 0.6, 1.0))
    assert table.interval(0.25) == pytest.approx((0.15, 0.35))
    assert table.interval(0.0) == (0.0, 0.1)
    low, high = replace(table, high=(0.1, 0.2, 1.0)).interval(0.5)
    assert (low, high) == (0.3, 0.5)
    content = json.loads(json.dumps(vars(table)))
    whole = {
        "photos": 3, "share": content, "frame": content, "recall": 0.5, "recall_sd": 0.2, "false_calls": 0.1,
        "held": 0.8,
        "frame_held": 0.7,
    }  # fmt: skip
    found = from_json(whole, "here")
    assert found is not None
    assert (found.share, found.frame, found.held) == (table, table, 0.8)
    for broken in ({"predicted": [0.0, 0.5, 0.5]}, {"low": [0.0]}, {"high": [0.0, 2.0, 1.0]}, {"chance": None}):
        for name in ("share", "frame"):
            with pytest.raises(InputError, match="here: damaged"):
                from_json({**whole, name: {**content, **broken}}, "here")
    for wrong in ({"photos": float("inf")}, {"recall": 2}, {"held": "x"}):
        with pytest.raises(InputError, match="here: damaged"):
            from_json({**whole, **wrong}, "here")


def test_regions_are_placed_as_if_each_were_encoded_in_the_whole_image() -> None:
    rng = np.random.default_rng(2)
    for shape in ((40, 60), (9, 70), (64, 5)):
        mask = rng.random(shape) < 0.4
        found = list(regions_of(mask))
        union = np.zeros(shape, dtype=int)
        for region in found:
            photo = coco.Photo(
                id=1, file_name="a", path=Path(), width=shape[1], height=shape[0], split=None, annotations=(region,)
            )
            part = coco.mask(photo)
            assert region == coco.region(part)  # pycocotools' own encoding
            union += part
        assert (union == mask).all()
