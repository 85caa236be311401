import csv
import errno
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import drill
import numpy as np
import odd_files
import pytest
import torch
from browser import check_page
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.commands import predict as predict_command
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.models import network as network_module
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.segmentation.prediction import folder as prediction_folder
from corrotwin.segmentation.prediction import parts as prediction_parts
from corrotwin.segmentation.prediction import sizes
from corrotwin.segmentation.prediction.predictor import NetworkPredictor, Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.prediction.search import search
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json, write_manifest
from corrotwin.twin.core.locks import LOCK


@pytest.fixture(scope="module")
def run(roboflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run by its contract, trained at the photos' own scale; its weights are drawn."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    real = coco.read(roboflow)
    split = splits.split(real, how="own", seed=0)
    config = configure("quick", backbone="mobilenet_v2", arm=DataArm(name="real"), seed=1, size=64, threads=1)
    folder.mkdir(parents=True)
    network = network_module.build(config.backbone, encoder_weights=None, seed=1).eval()
    noise = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():  # so that it calls half of the pixels rust
        network.segmentation_head[0].bias -= network(network_module.normalise(noise, config.backbone)).median()
    save_tensors(folder / runs.WEIGHTS, network.state_dict(), {})
    runs.write_history(folder, [dict.fromkeys(runs.HISTORY_COLUMNS, 1.0)])
    zeros = np.zeros(len(split.test), dtype=np.int64)
    table = runs.PerImage(image=split.test, tp=zeros, fp=zeros, fn=zeros, tn=zeros)
    runs.write_per_image(folder / "per_image.csv", table)
    write_manifest(folder, runs.KIND, {**runs.identity(config, real, split, None), "scale": 1.0, "photo_side": 150.0})
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos at the size of training, one in a subfolder, and a large one."""
    folder = tmp_path / "photos"
    (folder / "north").mkdir(parents=True)
    rng = np.random.default_rng(3)
    for name, size in {"a.jpg": (64, 70), "north/b.png": (50, 64), "large.png": (150, 230)}.items():
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("not a photo")
    return folder


def mask_of(out: Path, name: str) -> np.ndarray:
    values = np.asarray(Image.open(out / "masks" / f"{name}.png"))
    assert set(np.unique(values)) <= {0, 255}
    return np.asarray(values > 0)


def rows(out: Path) -> dict[str, dict[str, str]]:
    return {row["photo"]: row for row in csv.DictReader((out / "predictions.csv").read_text().splitlines())}


def by_brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that calls bright pixels rusted."""
    monkeypatch.setattr(
        NetworkPredictor, "_predict", lambda self, images: np.asarray(images.mean(axis=3) / 255, dtype=np.float32)
    )


def test_masks_table_and_annotations_say_the_same(run: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert predict_command.predict((photos,), run=(run,), out=out, tiling="always") == 0
    check_page(out / "index.html")
    table = rows(out)
    assert sorted(table) == ["a.jpg", "large.png", "north/b.png"]
    loaded = COCO(out / "annotations.json")
    for image in loaded.loadImgs(loaded.getImgIds()):
        name = str(Path(image["file_name"]).with_suffix(""))
        mask, row = mask_of(out, name), table[image["file_name"]]
        assert 0.05 < mask.mean() < 0.95
        assert mask.shape == (image["height"], image["width"])
        assert float(row["rusted_percent"]) == pytest.approx(100 * mask.mean(), abs=1e-3)
        found = loaded.loadAnns(loaded.getAnnIds(imgIds=[image["id"]]))
        assert len(found) == int(row["regions"])
        union = np.zeros(mask.shape, dtype=int)
        for annotation in found:
            part = loaded.annToMask(annotation)
            assert part.sum() == annotation["area"]
            union += part
        assert (union == mask).all()  # regions do not overlap
        assert np.asarray(Image.open(out / "overlays" / f"{name}.jpg")).shape == (*mask.shape, 3)
    assert table["a.jpg"]["tiles"] == "2"
    assert int(table["large.png"]["tiles"]) > 4


def test_polygons_are_the_outlines_of_the_same_regions(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_brightness(monkeypatch)
    out = tmp_path / "out"
    predict_command.predict((photos,), run=(run,), out=out)
    exact, before = read_json(out / "annotations.json"), drill.times(out / "parts")
    assert predict_command.predict((photos,), run=(run,), out=out, polygons=True) == 0
    drawn = COCO(out / "annotations.json")
    assert len(drawn.anns) == len(exact["annotations"]) > 3
    for entry in exact["annotations"]:
        image, found = drawn.imgs[entry["image_id"]], drawn.anns[entry["id"]]
        wanted = coco.outlined(np.asarray(coco_mask.decode(entry["segmentation"]), dtype=bool))
        assert {name: found[name] for name in wanted} == wanted
        assert drawn.annToMask(found).sum() == found["area"] >= entry["area"]
        assert found["image_id"] == image["id"]
    assert any(each["polygon_iou"] < 1 for each in drawn.anns.values())
    assert drill.times(out / "parts") == before  # nothing was predicted again
    predict_command.predict((photos,), run=(run,), out=out)
    assert read_json(out / "annotations.json") == exact


def with_manifest(run: Path, folder: Path, **changes: object) -> Path:
    """A copy of a run with other entries in its manifest; None leaves one out."""
    made = Path(shutil.copytree(run, folder))
    manifest = {**json.loads((run / "run.json").read_text()), **changes}
    (made / "run.json").write_text(json.dumps({name: value for name, value in manifest.items() if value is not None}))
    return made


def test_photos_much_larger_than_those_of_training_need_a_choice(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_module: Any
) -> None:
    by_brightness(monkeypatch)
    newer = with_manifest(run, tmp_path / "newer", photo_side=64.0)
    older = with_manifest(run, tmp_path / "older", photo_side=None)  # 64 px at scale 1
    for folder in (newer, older):
        done = run_module("predict", photos, "--run", folder, "--out", tmp_path / "out")
        [line] = done.stderr.splitlines()
        assert done.returncode == 2
        assert "1 of 3 photos are much larger than those of training (186 pixels a side, those of training 64; " in line
        assert line.endswith(
            "large.png): if they show a larger area, give --tiling always; if the same area on more pixels, give "
            "--tiling never"
        )
        assert not (tmp_path / "out").exists()
    for number, (choice, tiled) in enumerate({"always": True, "never": False}.items()):
        predict_command.predict((photos,), run=(newer,), out=tmp_path / str(number), tiling=choice)  # type: ignore[arg-type]
        assert (int(rows(tmp_path / str(number))["large.png"]["tiles"]) > 4) == tiled
    predict_command.predict((photos,), run=(newer,), out=tmp_path / "scaled", scale=1.0)
    assert int(rows(tmp_path / "scaled")["large.png"]["tiles"]) > 4
    predict_command.predict((photos / "a.jpg",), run=(newer,), out=tmp_path / "small")
    assert rows(tmp_path / "small")["a.jpg"]["tiles"] == "0"


def test_a_run_on_crops_needs_a_scale_for_photos_much_larger_than_those_of_training(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    config = json.loads((run / "run.json").read_text())["config"]
    crops = with_manifest(run, tmp_path / "crops", photo_side=64.0, config={**config, "framing": "crop"})
    with pytest.raises(InputError, match=r"larger area, give `scale` 1; if the same .* give `scale` 0\.34"):
        predict_command.predict((photos,), run=(crops,), out=tmp_path / "out")
    assert predict_command.predict((photos,), run=(crops,), out=tmp_path / "out", scale=1.0) == 0


@pytest.mark.parametrize("flips", [False, True])
def test_masks_do_not_depend_on_how_many_photos_are_predicted_at_once(run: Path, tmp_path: Path, flips: bool) -> None:
    rng = np.random.default_rng(7)
    found = {}
    for number in range(12):
        found[f"{number}"] = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (60 + number, 90, 3), dtype=np.uint8)).save(found[f"{number}"])
    (tmp_path / "broken.png").write_bytes(b"no image")
    found["broken"] = tmp_path / "broken.png"
    predictor, threads = RunPredictor(run, Settings(tiling="always", flips=flips)), torch.get_num_threads()
    for workers in (1, 5):
        order: list[InputError | None] = []
        failed = prediction_folder.predict(
            predictor, found, tmp_path / f"out {workers}", workers=workers, on_photo=order.append
        )
        assert failed == ["broken"]
        assert [wrong is None for wrong in order] == [True] * 12 + [False]
    one, five = (drill.hashes(tmp_path / f"out {workers}") for workers in (1, 5))
    assert one == five
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("cores", "free_photos", "scale", "expected"),
    [(8, 100, 1.0, 8), (64, 100, 1.0, 16), (8, 3.5, 1.0, 3), (8, 3.5, 0.5, 3), (8, 9, 2.0, 2), (8, 0.1, 1.0, 1)],
)
def test_as_many_photos_at_once_as_cores_and_memory_allow(
    run: Path,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    free_photos: float,
    scale: float,
    expected: int,
) -> None:
    largest = 150 * 230 * sizes.PIXEL_BYTES
    monkeypatch.setattr(sizes, "available_cores", lambda: cores)
    monkeypatch.setattr(sizes, "available_bytes", lambda: int(free_photos * largest))
    found = {path.stem: path for path in (photos / "a.jpg", photos / "large.png", photos / "notes.txt")}
    predictor = RunPredictor(run, Settings(scale=scale))
    assert sizes.photos_at_once(predictor, found) == expected
    monkeypatch.setattr(sizes, "available_bytes", lambda: None)
    assert sizes.photos_at_once(predictor, found) == min(cores, 16)


def test_what_is_said_of_the_weights_is_true_of_those_that_predict(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    load, loads = network_module.load_weights, []

    def replaced_afterwards(path: Path, backbone: str, architecture: str) -> torch.nn.Module:
        network = load(path, backbone, architecture)
        loads.append(network)
        if len(loads) == 1:
            other = {name: tensor + 1 for name, tensor in network.state_dict().items()}
            save_tensors(path, other, {})
        return network

    monkeypatch.setattr(network_module, "load_weights", replaced_afterwards)
    predictor = RunPredictor(folder, Settings())
    assert len(loads) == 2
    save_tensors(tmp_path / runs.WEIGHTS, predictor.network.state_dict(), {})
    assert predictor.run["weights"] == runs.weights_digest(tmp_path)


def test_an_error_in_one_thread_ends_the_command(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for number in range(40):
        found[f"{number:02d}"] = tmp_path / f"{number:02d}.png"
        Image.fromarray(np.zeros((64, 64, 3), dtype=np.uint8)).save(found[f"{number:02d}"])

    def full(path: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(prediction_parts, "write_image", full)
    with pytest.raises(InputError, match="No space left on device"):
        prediction_folder.predict(RunPredictor(run, Settings()), found, tmp_path / "out", workers=3)
    assert not list((tmp_path / "out").rglob("*.json.tmp"))


def test_small_photos_are_predicted_as_the_run_was_measured(run: Path, photos: Path, tmp_path: Path) -> None:
    """The report's overlays come from `evaluate.predict_masks`."""
    predict_command.predict((photos / "a.jpg",), run=(run,), out=tmp_path / "out", overlays=False)
    photo = coco.Photo(id=1, file_name="a.jpg", path=photos / "a.jpg", width=70, height=64, split=None, annotations=())
    (expected,) = evaluate.predict_masks(run, [photo])
    assert 0.05 < expected.mean() < 0.95
    assert (mask_of(tmp_path / "out", "a") == expected).mean() > 0.99  # enlarged by OpenCV here, by torch there
    assert not (tmp_path / "out" / "overlays").exists()


@pytest.mark.parametrize(("scale", "least"), [(1.0, 1.0), (0.5, 0.9)])
def test_tiles_have_the_scale_of_training_and_leave_no_seam(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: float, least: float
) -> None:
    by_brightness(monkeypatch)
    y, x = np.mgrid[:301, :421]
    disc = (y - 150) ** 2 + (x - 200) ** 2 < 90**2
    image = np.where(disc[..., None], 200, 60).repeat(3, axis=2).astype(np.uint8)
    predictor = RunPredictor(run, Settings(scale=scale))
    probability, tiles = predictor.probability(image)
    size = (round(301 * scale), round(421 * scale))
    steps = [1 + -(-(side - 64) // 32) for side in size]
    assert tiles == steps[0] * steps[1]
    found = probability > 0.5
    assert (found & disc).sum() / (found | disc).sum() >= least


@pytest.mark.parametrize("is_stated", [True, False])
@pytest.mark.parametrize(("scale", "tiles"), [(0.5, 1), (1.0, 1), (2.0, 9)])
def test_a_scale_that_is_given_is_that_of_every_photo(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: float, tiles: int, is_stated: bool
) -> None:
    """Also of a photo that is small enough to be squeezed whole; a run on whole photos gets it in tiles then.

    The manifest of the run need not state the scale of training.
    """
    if not is_stated:
        run = with_manifest(run, tmp_path / "older", scale=None, photo_side=None)
    shapes = []

    def predict(self: NetworkPredictor, images: np.ndarray) -> np.ndarray:
        shapes.append(images.shape[1:3])
        return np.zeros(images.shape[:3], dtype=np.float32)

    monkeypatch.setattr(NetworkPredictor, "_predict", predict)
    image = np.zeros((60, 64, 3), dtype=np.uint8)
    whole = RunPredictor(run, Settings(scale=scale))
    assert whole.probability(image)[1] == tiles
    assert set(shapes) == {(64, 64)}
    shapes.clear()
    whole.framing = "crop"
    assert whole.probability(image)[1] == 0
    assert shapes == [(60 * scale, 64 * scale)]


def test_a_scale_for_photos_that_are_squeezed_is_refused(run: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`tiling` never squeezes every photo to 64 x 64 pixels, whatever `scale`"):
        predict_command.predict((photos,), run=(run,), out=tmp_path / "out", tiling="never", scale=0.5)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("axis", [0, 1])
def test_flips_make_a_mirrored_photo_give_the_mirrored_mask(run: Path, axis: int) -> None:
    image = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for flips in (False, True):
        predictor = RunPredictor(run, Settings(flips=flips))
        mask, mirrored = predictor.probability(image)[0], predictor.probability(np.flip(image, axis))[0]
        assert np.allclose(mask, np.flip(mirrored, axis), atol=1e-4) == flips


def test_flips_change_nothing_where_each_pixel_is_judged_alone(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        evaluate, "logits_of", lambda network, config, images: torch.from_numpy(images[:, None, :, :, 0] / 64 - 2)
    )
    image = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    plain, turned = (RunPredictor(run, Settings(flips=flips)).probability(image)[0] for flips in (False, True))
    assert turned == pytest.approx(plain, abs=1e-6)


def test_threshold_and_overlap_are_those_that_were_given(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_brightness(monkeypatch)
    image = np.full((128, 128, 3), 100, dtype=np.uint8)  # 0.39
    image[:, 64:] = 180  # 0.71
    Image.fromarray(image).save(tmp_path / "a.png")
    bright = image[..., 0] == 180
    for overlap, tiles in ((0.0, "4"), (0.5, "9")):
        for threshold, expected in ((0.3, bright | True), (0.5, bright), (0.8, bright & False)):
            out = tmp_path / f"{overlap} {threshold}"
            options = {"tiling": "always", "threshold": threshold, "overlap": overlap}
            predict_command.predict((tmp_path / "a.png",), run=(run,), out=out, **options)  # type: ignore[arg-type]
            np.testing.assert_array_equal(mask_of(out, "a"), expected)
            assert float(rows(out)["a.png"]["rusted_percent"]) == 100 * expected.mean()
            assert rows(out)["a.png"]["tiles"] == tiles


def test_broken_photos_are_left_out_and_the_rest_is_done(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (photos / "a.jpg").read_bytes()
    (photos / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "empty.png").touch()
    assert predict_command.predict((photos,), run=(run,), out=tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "masks of 3 of 5 photos" in said.out
    assert [line.split(":")[0] for line in said.err.splitlines()] == ["left out"] * 2
    assert "torn.jpg" in said.err
    assert "empty.png" in said.err
    assert sorted(rows(tmp_path / "out")) == ["a.jpg", "large.png", "north/b.png"]


def test_pictures_of_kinds_that_are_not_read_are_counted(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_brightness(monkeypatch)
    for name in ("b.HEIC", "north/c.heic", "north/d.dng", ".hidden.heic"):
        (photos / name).write_bytes(b"not to be read")
    (photos / "large.png").unlink()
    assert predict_command.predict((photos,), run=(run,), out=tmp_path / "out") == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "left out: hidden files: 1 (.hidden.heic)",
        "left out: pictures of kinds that are not read: 3 (b.HEIC, north/c.heic, north/d.dng); convert them to JPEG",
    ]
    assert "masks of 2 of 2 photos" in said.out
    assert predict_command.predict((photos / "a.jpg",), run=(run,), out=tmp_path / "out") == 0


@pytest.mark.parametrize("name", ["x" * 251 + ".jpg", "é" * 122 + ".jpeg", "日" * 83 + ".png"], ids=["a", "é", "日"])
def test_a_name_as_long_as_the_system_takes_has_a_mask_of_a_shorter_one(run: Path, tmp_path: Path, name: str) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    rng = np.random.default_rng(3)
    twins = [name, name[0] * (len(Path(name).stem) - 1) + "z" + Path(name).suffix, "a.jpg"]  # two begin alike
    for each in twins:
        Image.fromarray(rng.integers(0, 256, (64, 70, 3), dtype=np.uint8)).save(folder / each)
    for _ in range(2):
        assert predict_command.predict((folder,), run=(run,), out=out) == 0
        assert sorted(rows(out)) == sorted(twins)
    masks = sorted(path.stem for path in (out / "masks").iterdir())
    assert len(masks) == 3
    assert all(len(os.fsencode(mask)) <= 200 for mask in masks)
    assert not (out / "left_out.csv").exists()


@pytest.mark.parametrize("code", [errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ])
def test_a_name_that_the_system_does_not_take_leaves_only_its_photo_out(
    run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: int,
) -> None:
    write = prediction_parts.write_image

    def refuse(path: Path, pixels: np.ndarray, kind: str) -> None:
        if path.stem == "b":
            raise OSError(code, os.strerror(code), str(path))
        write(path, pixels, kind)

    monkeypatch.setattr(prediction_parts, "write_image", refuse)
    assert predict_command.predict((photos,), run=(run,), out=tmp_path / "out") == 1
    assert sorted(rows(tmp_path / "out")) == ["a.jpg", "large.png"]
    assert f"takes no file of this name ({os.strerror(code)}); rename the photo" in capsys.readouterr().err


def test_what_is_left_out_is_in_a_table_and_gone_from_it_when_it_is_mended(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reported once on the terminal, too; only what may have been meant as a photo makes the status 1."""
    by_brightness(monkeypatch)
    out, first = tmp_path / "out", photos / "first"
    assert predict_command.predict((photos / "a.jpg",), run=(run,), out=first) == 0
    (photos / ".b.jpg").touch()
    assert predict_command.predict((photos,), run=(run,), out=out) == 0
    assert sorted(rows(out)) == ["a.jpg", "large.png", "north/b.png"]
    (photos / "torn.jpg").write_bytes(b"no photo")
    (photos / "linked").symlink_to(tmp_path)
    capsys.readouterr()
    assert predict_command.predict((photos,), run=(run,), out=out) == 1
    said = capsys.readouterr().err
    assert "left out: pictures that corrotwin wrote: 2 (first/masks/a.png, first/overlays/a.jpg)" in said
    assert "left out: folders that are links: 1 (linked); name them in the command, too" in said
    with (out / "left_out.csv").open(newline="") as stream:
        table = {row["path"]: row["reason"] for row in csv.DictReader(stream)}
    assert table == {
        "../photos/torn.jpg": "not a readable image (no known image format); replace the file",
        "../photos/.b.jpg": "hidden files",
        "../photos/first/masks/a.png": "pictures that corrotwin wrote",
        "../photos/first/overlays/a.jpg": "pictures that corrotwin wrote",
        "../photos/linked": "folders that are links",
    }
    for name in ("torn.jpg", ".b.jpg", "linked"):
        (photos / name).unlink()
    shutil.rmtree(first)
    assert predict_command.predict((photos,), run=(run,), out=out) == 0
    assert not (out / "left_out.csv").exists()


def test_a_photo_that_can_no_longer_be_read_loses_its_mask_and_row(run: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert predict_command.predict((photos,), run=(run,), out=out) == 0
    (photos / "a.jpg").write_bytes(b"broken")
    assert predict_command.predict((photos,), run=(run,), out=out) == 1
    assert sorted(rows(out)) == ["large.png", "north/b.png"]
    assert not [path for path in out.rglob("a.*") if path.is_file()]


def test_a_photo_that_the_system_does_not_give_keeps_its_mask(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, opened = tmp_path / "out", os.open
    assert predict_command.predict((photos,), run=(run,), out=out) == 0

    def stale(path: str | Path, *rest: Any, **named: Any) -> int:
        if Path(path).name == "a.jpg":
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return opened(path, *rest, **named)

    monkeypatch.setattr(os, "open", stale)
    assert predict_command.predict((photos,), run=(run,), out=out) == 1
    assert sorted(rows(out)) == ["a.jpg", "large.png", "north/b.png"]
    assert (out / "masks" / "a.png").is_file()


def test_photos_below_the_folder_that_is_written_are_found(photos: Path) -> None:
    """A folder of predictions that is above the photos, or theirs, has written its subfolders alone."""
    for out in (photos.parent, photos):
        write_json(out / "claim.json", {"kind": "predictions", "configuration": {}})
        assert len(search((photos,)).photos) == 3
        assert not search((photos,)).left_out


def test_a_name_that_is_no_text_leaves_only_its_photo_out(
    run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latin = Path(os.fsdecode(os.fsencode(photos) + b"/br\xfccke"))
    latin.mkdir()
    for name in (b"br\xfccke.jpg", b"br\xfccke/c.jpg"):
        shutil.copy(photos / "a.jpg", os.fsencode(photos) + b"/" + name)
    out = tmp_path / "out"
    for _ in range(2):
        assert predict_command.predict((photos,), run=(run,), out=out) == 1
        said = capsys.readouterr()
        assert "masks of 3 of 5 photos" in said.out
        assert [line.split(":")[0] for line in said.err.splitlines()] == ["left out"] * 2
        assert said.err.count("is not UTF-8; rename the file") == 2
        assert sorted(rows(out)) == ["a.jpg", "large.png", "north/b.png"]
    # A folder above the photos may have any name.
    assert predict_command.predict((latin,), run=(run,), out=tmp_path / "other") == 0
    assert predict_command.predict((latin,), run=(run,), out=tmp_path / "other") == 0
    assert sorted(rows(tmp_path / "other")) == ["c.jpg"]


def test_another_photo_of_the_same_name_is_refused_and_a_moved_one_is_not(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    out, other = tmp_path / "out", tmp_path / "second day"
    predict_command.predict((photos,), run=(run,), out=out)
    part = read_json(out / "parts" / "north" / "b.json")
    assert part["source"] == "../photos/north/b.png"
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != LOCK}
    other.mkdir()
    shutil.copy(photos / "large.png", other / "new.png")
    shutil.copy(photos / "north" / "b.png", other / "a.jpg")
    with pytest.raises(InputError, match=r"a\.jpg: has the name of \.\./photos/a\.jpg, whose mask is in"):
        predict_command.predict((other,), run=(run,), out=out)
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != LOCK}
    assert after == before
    (other / "a.jpg").write_bytes(b"broken")  # whichever it was, it is left out, and the mask of the other stays
    assert predict_command.predict((other,), run=(run,), out=out) == 1
    assert sorted(rows(out)) == ["a.jpg", "large.png", "new.png", "north/b.png"]
    shutil.move(photos / "a.jpg", other / "a.jpg")
    assert predict_command.predict((other,), run=(run,), out=out) == 0
    assert read_json(out / "parts" / "a.json")["source"] == "../second day/a.jpg"
    shutil.copy(photos / "large.png", other / "a.jpg")  # moved, then changed: it is the same photo still
    assert predict_command.predict((other,), run=(run,), out=out) == 0
    assert sorted(rows(out)) == ["a.jpg", "large.png", "new.png", "north/b.png"]
    del part["source"]  # as an earlier version wrote it
    write_json(out / "parts" / "north" / "b.json", part)
    (other / "north").mkdir()
    shutil.copy(other / "a.jpg", other / "north" / "b.png")
    assert predict_command.predict((other,), run=(run,), out=out) == 0


def test_a_network_that_predicts_no_number_writes_no_mask(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def predict(self: NetworkPredictor, images: np.ndarray) -> np.ndarray:
        found = np.full(images.shape[:3], 0.7, dtype=np.float32)
        found[:, 3, 4] = np.nan
        return found

    monkeypatch.setattr(NetworkPredictor, "_predict", predict)
    assert predict_command.predict((photos,), run=(run,), out=tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "masks of 0 of 3 photos" in said.out
    for line, name in zip(said.err.splitlines(), ("a.jpg", "large.png", "north/b.png"), strict=True):
        assert f"{name}: " in line
        assert "the network predicts what is not a number; train again" in line
    assert not (tmp_path / "out" / "masks").exists()


def test_the_same_command_goes_on_and_other_photos_are_added(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    calls: list[str] = []
    predicted = NetworkPredictor.probability

    def counted(self: NetworkPredictor, image: np.ndarray) -> tuple[np.ndarray, int]:
        calls.append(f"{image.shape[1]}x{image.shape[0]}")
        return predicted(self, image)

    monkeypatch.setattr(NetworkPredictor, "probability", counted)
    predict_command.predict((photos / "a.jpg", photos / "large.png"), run=(run,), out=out)
    assert sorted(calls) == ["230x150", "70x64"]
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    (out / "masks" / "large.png").unlink()  # as if killed before
    calls.clear()
    predict_command.predict((photos / "a.jpg", photos / "large.png"), run=(run,), out=out)
    assert calls == ["230x150"]
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    calls.clear()
    shutil.copy(photos / "north" / "b.png", photos / "a.jpg")  # another photo under the old name
    predict_command.predict((photos,), run=(run,), out=out)
    assert calls == ["64x50", "64x50"]
    assert sorted(rows(out)) == ["a.jpg", "large.png", "north/b.png"]


def test_a_folder_among_the_photos_is_not_searched_for_them(
    run: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert predict_command.predict((photos,), run=(run,), out=photos / "north" / "masks") == 0
        assert "masks of 3 of 3 photos" in capsys.readouterr().out
    assert sorted(rows(photos / "north" / "masks")) == ["a.jpg", "large.png", "north/b.png"]
    with pytest.raises(InputError, match="masks: no photos in this folder"):
        search((photos / "north" / "masks",))


def test_other_settings_need_another_folder(run: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_command.predict((photos / "a.jpg",), run=(run,), out=out)
    with pytest.raises(InputError, match=r"threshold: 0.5 there, 0.3 asked"):
        predict_command.predict((photos / "a.jpg",), run=(run,), out=out, threshold=0.3)
    with pytest.raises(InputError, match="holds something else"):
        predict_command.predict((photos / "a.jpg",), run=(run,), out=photos)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "gone.jpg",), "gone.jpg: no such file"),
        (lambda folder: (folder / "empty",), "empty: no photos in this folder"),
        (lambda folder: (folder / "a.jpg", folder / "north" / "a.png"), "would get one mask, a.png"),
        (lambda folder: (), "no photos; name image files"),
    ],
)
def test_what_cannot_be_named_is_one_line(
    run: Path, photos: Path, tmp_path: Path, change: Callable[[Path], tuple[Path, ...]], message: str
) -> None:
    (photos / "empty").mkdir()
    shutil.copy(photos / "north" / "b.png", photos / "north" / "a.png")
    with pytest.raises(InputError, match=message):
        predict_command.predict(change(photos), run=(run,), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 1.0}, "threshold"), ({"scale": 0.0}, "scale"), ({"scale": float("nan")}, "scale"),
        ({"overlap": 1.0}, "overlap"),
    ],
)  # fmt: skip
def test_settings_are_checked(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Settings(**changes)  # type: ignore[arg-type]


def test_a_run_without_weights_is_one_line(run: Path, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / runs.WEIGHTS).unlink()
    with pytest.raises(InputError, match=r"weights cannot be read .*; delete the run's folder and train it again"):
        predict_command.predict((photos,), run=(tmp_path / "run",), out=tmp_path / "out")
    manifest = json.loads((run / "run.json").read_text())
    del manifest["scale"]
    shutil.copy(run / runs.WEIGHTS, tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="give `scale`"):
        predict_command.predict((photos,), run=(tmp_path / "run",), out=tmp_path / "out")
    assert search((photos / "a.jpg",)).photos == {"a": photos / "a.jpg"}


def test_a_photo_whose_name_is_a_formula_is_text_in_a_spreadsheet(run: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    names = ["=HYPERLINK(1).png", "+1.png", "-1.png", "@SUM(A1).png", "plain.png"]
    for name in names:
        Image.fromarray(np.full((64, 64, 3), 128, dtype=np.uint8)).save(tmp_path / "photos" / name)
    predict_command.predict((tmp_path / "photos",), run=(run,), out=tmp_path / "out", overlays=False)
    assert set(rows(tmp_path / "out")) == {*(f"'{name}" for name in names[:-1]), "plain.png"}
    document = read_json(tmp_path / "out" / "annotations.json")
    assert {image["file_name"] for image in document["images"]} == set(names)


@pytest.mark.parametrize("how", odd_files.LINKS)
@pytest.mark.parametrize("name", [".lock", "claim.json", "parts/a.json", "masks/a.png", "overlays/a.jpg",
                                  "annotations.json", "predictions.csv"])  # fmt: skip
def test_no_file_elsewhere_is_changed_by_way_of_the_folder_that_is_written(
    name: str, how: str, run: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert predict_command.predict((photos,), run=(run,), out=out) == 0
    path = out / name
    if name != "claim.json":
        path.write_bytes(odd_files.SECRET)
    victim = odd_files.LINKS[how](path, tmp_path / "home")
    before = victim.read_bytes()
    with suppress(InputError):
        predict_command.predict((photos,), run=(run,), out=out)
    assert victim.read_bytes() == before


@pytest.mark.parametrize("kind", odd_files.KINDS)
def test_what_is_no_photo_is_left_out_at_once(kind: str, run: Path, photos: Path, tmp_path: Path) -> None:
    odd_files.put(kind, photos / "odd.jpg")
    with odd_files.within(60):
        status = predict_command.predict((photos,), run=(run,), out=tmp_path / "out")
    assert status in (0, 1)
    assert sorted(rows(tmp_path / "out")) == ["a.jpg", "large.png", "north/b.png"]
