"""The folder of predictions that `corrotwin predict` writes: what it holds, and what a later command does to it."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import drill
import numpy as np
import odd_files
import pytest
import torch
from browser import check_page
from PIL import Image
from predicted import mask_of, rows
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from corrotwin.segmentation import runs
from corrotwin.segmentation.commands import predict as predict_command
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.models import network as network_module
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.segmentation.prediction import folder as prediction_folder
from corrotwin.segmentation.prediction import parts as prediction_parts
from corrotwin.segmentation.prediction import sizes
from corrotwin.segmentation.prediction.predictor import NetworkPredictor, Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.prediction.search import search
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import read_json, write_json
from corrotwin.twin.core.locks import LOCK


@pytest.mark.ci
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


@pytest.mark.ci
@pytest.mark.usefixtures("by_brightness")
def test_polygons_are_the_outlines_of_the_same_regions(run: Path, photos: Path, tmp_path: Path) -> None:
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


@pytest.mark.ci
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
    [(8, 100, 1.0, 8), (64, 100, 1.0, 16), (8, 3.5, 1.0, 3), (8, 3.5, 0.5, 3), (8, 2.5, 2.0, 2), (8, 0.1, 1.0, 1)],
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
    found = {path.stem: path for path in (photos / "a.jpg", photos / "large.png", photos / "notes.txt")}
    predictor = RunPredictor(run, Settings(scale=scale))
    # the blended photo, and a batch of tiles in the network
    largest = 150 * 230 * max(1, scale) ** 2 * sizes.PIXEL_BYTES + 64 * 64 * predictor.batch_size * sizes.NETWORK_BYTES
    monkeypatch.setattr(sizes, "available_cores", lambda: cores)
    monkeypatch.setattr(sizes, "available_bytes", lambda: int(free_photos * largest))
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


@pytest.mark.ci
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
    with pytest.raises(InputError, match=r"a\.jpg: has the same name as \.\./photos/a\.jpg, whose mask is in"):
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


def test_an_overlay_of_an_earlier_photo_does_not_stand_beside_a_new_share(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    out, north = tmp_path / "out", photos / "north"
    shutil.copy(photos / "a.jpg", north)
    assert predict_command.predict((north,), run=(run,), out=out) == 0
    shutil.copy(north / "b.png", north / "a.jpg")  # another photo under the old name
    assert predict_command.predict((north,), run=(run,), out=out, overlays=False) == 0
    assert [path.name for path in (out / "overlays").iterdir()] == ["b.jpg"]
    page = (out / "index.html").read_text()
    assert page.count("<img") == page.count('src="overlays/b.jpg"') == 1
    assert page.count("<figcaption>") == 2


def test_other_settings_need_another_folder(run: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_command.predict((photos / "a.jpg",), run=(run,), out=out)
    with pytest.raises(InputError, match=r"threshold: 0.5 in the folder, 0.3 requested"):
        predict_command.predict((photos / "a.jpg",), run=(run,), out=out, threshold=0.3)
    with pytest.raises(InputError, match="holds something else"):
        predict_command.predict((photos / "a.jpg",), run=(run,), out=photos)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "gone.jpg",), "gone.jpg: no such file"),
        (lambda folder: (folder / "empty",), "empty: no photos in this folder"),
        (
            lambda folder: (folder / "a.jpg", folder / "north" / "a.png"),
            "two photos named a; rename one$",
        ),
        (
            lambda folder: (folder, folder / "north"),
            "/photos/north and .*/photos: two photos named a; give a folder that holds both$",
        ),
        (lambda folder: (), "no photos; name image files"),
        (lambda folder: (shutil.copy(folder / "a.jpg", folder / "..jpg"),), r"/\.\.jpg: no name before its ending"),
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


@pytest.mark.ci
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
