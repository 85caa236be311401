import csv
import json
import pickle
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
)

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import DataArm
from corrotwin.segmentation.commands import evaluate as evaluate_command
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.data import coco, decoded, splits
from corrotwin.segmentation.evaluation import assessment, evaluate
from corrotwin.segmentation.evaluation.assessment import assess, describe
from corrotwin.segmentation.evaluation.loading import load_run
from corrotwin.segmentation.evaluation.threshold import ThresholdChoice
from corrotwin.segmentation.evaluation.verification import verify_run
from corrotwin.segmentation.models import network as network_module
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import read_json, write_json, write_manifest
from corrotwin.twin.core.locks import CLAIM

FILES = {"per_image.csv", "curve.csv", "calibration.csv", "evaluation.json"}


def write_run(folder, real, split, *, seed=1, stated=None, **changes):
    """A complete run by its contract, `stated` in its manifest too; its weights are drawn, not trained."""
    settings = {"size": 64, "batch_size": 3, "threads": 1, "epochs": 1, **changes}
    config = configure("quick", backbone="mobilenet_v2", arm=DataArm(name="real"), seed=seed, **settings)
    folder.mkdir(parents=True)
    network = network_module.build(config.backbone, encoder_weights=None, seed=seed)
    save_tensors(folder / runs.WEIGHTS, network.state_dict(), {})
    splits.save(split, folder / runs.SPLIT)
    runs.write_history(folder, [dict.fromkeys(runs.HISTORY_COLUMNS, 1.0)])
    _, table = evaluate.measure(
        network_module.place(network, config.precision), config, evaluate.decoded_arrays(real, config), split.test
    )
    runs.write_per_image(folder / "per_image.csv", table)
    write_manifest(folder, runs.KIND, {**runs.identity(config, real, split, None), **(stated or {})})
    return folder


@pytest.fixture(scope="module", autouse=True)
def shared_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROTWIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def real(roboflow):
    return coco.read(roboflow)


@pytest.fixture(scope="module")
def split(real):
    return splits.split(real, how="own", seed=0)


@pytest.fixture(scope="module")
def run(real, split, tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "run", real, split)


@pytest.fixture(scope="module")
def telling(real, split, tmp_path_factory):
    """A run that states which photos it has seen."""
    seen = [photo.sha256 for photo in real.photos if photo.file_name not in split.test]
    return write_run(tmp_path_factory.mktemp("runs") / "telling", real, split, stated={"seen": seen})


@pytest.fixture(scope="module")
def crops(real, split, tmp_path_factory):
    """A run whose photos, 72 x 80 pixels, are measured at their own scale."""
    return write_run(tmp_path_factory.mktemp("runs") / "crops", real, split, framing="crop")


def tables(folder):
    return {path.name: list(csv.DictReader(path.read_text().splitlines())) for path in folder.glob("*.csv")}


@pytest.mark.ci
def test_at_one_half_the_counts_are_those_of_the_run(run, real):
    stored = runs.load(run).per_image
    for table in (assess(run, real, threshold=0.5).per_image, evaluate.measure_run(run, real)):
        assert table.image == stored.image
        assert all(np.array_equal(getattr(table, name), getattr(stored, name)) for name in ("tp", "fp", "fn", "tn"))


@pytest.mark.ci
@pytest.mark.parametrize("which", ["run", "crops"])
def test_the_summary_agrees_with_scikit_learn(which, real, request):
    folder = request.getfixturevalue(which)
    run = load_run(folder)
    network, config, names = run.network, run.config, run.record.per_image.image
    arrays = evaluate.decoded_arrays(real, config)
    pairs = [
        (each.numpy(), mask > 0)
        for logits, masks in evaluate.predict(network, config, arrays, names)
        for each, mask in zip(logits[:, 0].sigmoid(), masks, strict=True)
    ]
    assert {mask.shape for _, mask in pairs} == {(64, 64) if which == "run" else (72, 80)}
    probability, truth = (np.concatenate([each.ravel() for each in column]) for column in zip(*pairs, strict=True))
    threshold = float(np.median(probability))
    summary = assess(folder, real, threshold=threshold).summary
    cut = np.float32(threshold)
    f1 = [f1_score(mask.ravel(), each.ravel() > cut, zero_division=1.0) for each, mask in pairs]
    assert summary["f1"]["mean"] == pytest.approx(np.mean(f1))
    assert summary["f1"]["sd"] == pytest.approx(np.std(f1, ddof=1))
    assert summary["f1"]["pooled"] == pytest.approx(f1_score(truth, probability > cut))
    assert summary["iou"]["pooled"] == pytest.approx(jaccard_score(truth, probability > cut))
    assert summary["precision"] == pytest.approx(precision_score(truth, probability > cut))
    assert summary["recall"] == pytest.approx(recall_score(truth, probability > cut))
    assert summary["false_calls"] == pytest.approx((probability[~truth] > cut).mean())
    assert summary["average_precision"] == pytest.approx(average_precision_score(truth, probability), abs=0.01)
    clean = [float((each > cut).mean()) for each, mask in pairs if not mask.any()]
    assert summary["clean"]["images"] == len(clean) == 1
    assert summary["clean"]["mean_false_alarm_share"] == pytest.approx(np.mean(clean))


def test_the_folder(run, real, tmp_path):
    out = tmp_path / "new" / "out"
    measured = assess(run, real, threshold=0.5, out=out)
    assert {path.name for path in out.iterdir() if not path.name.startswith(".")} == {CLAIM, *FILES}
    assert (out / "per_image.csv").read_bytes() == (run / "per_image.csv").read_bytes()
    manifest = json.loads((out / "evaluation.json").read_text())
    assert manifest == {"format_version": 1, "kind": "evaluation", **measured.summary}
    assert manifest["photos"] == "test"
    written = tables(out)
    half = next(row for row in written["curve.csv"] if row["threshold"] == "0.5")
    assert float(half["f1_mean"]) == pytest.approx(manifest["f1"]["mean"])
    assert float(half["f1_pooled"]) == pytest.approx(manifest["f1"]["pooled"])
    assert [row["bin"] for row in written["calibration.csv"]] == [str(number) for number in range(1, 17)]
    assert sum(int(row["pixels"]) for row in written["calibration.csv"]) == 5 * 64 * 64
    before = {name: (out / name).read_bytes() for name in FILES}
    assess(run, real, threshold=0.5, out=out)
    assert {name: (out / name).read_bytes() for name in FILES} == before


@pytest.mark.parametrize("killed_at", ["curve.csv", "evaluation.json"])
def test_killed_while_writing_is_unfinished_and_the_same_command_completes(killed_at, run, real, tmp_path, monkeypatch):
    assess(run, real, threshold=0.5, out=tmp_path / "out")
    replace_file = Path.replace

    def kill(self, target):
        if Path(target).name == killed_at:
            raise KeyboardInterrupt
        return replace_file(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", kill)
        with pytest.raises(KeyboardInterrupt):
            assess(run, real, threshold=0.5, out=tmp_path / "out")
    assert not (tmp_path / "out" / "evaluation.json").exists()
    assess(run, real, threshold=0.5, out=tmp_path / "out")
    assert (tmp_path / "out" / "evaluation.json").exists()


@pytest.mark.ci
def test_a_folder_of_something_else_is_refused_before_any_work(run, real, split, tmp_path, monkeypatch):
    assess(run, real, threshold=0.5, out=tmp_path / "out")
    other = write_run(tmp_path / "other", real, split, seed=2)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear")
    monkeypatch.setattr(evaluate, "predict", None)
    with pytest.raises(InputError, match=r"other settings \(threshold: 0\.5 in the folder, 0\.25 requested\)"):
        assess(run, real, threshold=0.25, out=tmp_path / "out")
    with pytest.raises(InputError, match=r"other settings \(run: "):
        assess(other, real, threshold=0.5, out=tmp_path / "out")
    with pytest.raises(InputError, match="holds something else"):
        assess(run, real, threshold=0.5, out=tmp_path / "letters")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before


def test_valid_is_chosen_on_validation_photos_alone(run, real, split, monkeypatch):
    asked = []
    predict = evaluate.predict

    def watched(network, config, arrays, names):
        asked.append(tuple(names))
        return predict(network, config, arrays, names)

    monkeypatch.setattr(evaluate, "predict", watched)
    summary = assess(run, real, threshold="valid").summary
    assert asked == [split.valid, split.test]
    assert summary["threshold"] == 0.5  # four photos choose none
    assert (summary["threshold_from"]["photos"], summary["threshold_from"]["best"]) == (len(split.valid), None)


@pytest.mark.ci
def test_a_run_is_measured_at_its_own_threshold(run, real, tmp_path):
    folder = shutil.copytree(run, tmp_path / "run")
    manifest = read_json(folder / "run.json")
    choice = ThresholdChoice(value=0.25, photos=40, groups=30, best=0.25, low=0.1, high=0.4, gain=0.02, gain_se=0.01)
    write_json(folder / "run.json", {**manifest, "threshold": asdict(choice)})
    own, given = assess(folder, real, threshold=None), assess(folder, real, threshold=0.25)
    assert np.array_equal(own.per_image.tp, given.per_image.tp)
    assert own.summary["threshold"] == 0.25
    assert "of best smoothed mean F1 on 40 validation photos (95 % 0.10 to 0.40" in describe(own.summary)
    assert "validation" not in describe(given.summary)
    for wrong in ({"value": 2.0}, {"value": "half"}):
        write_json(folder / "run.json", {**manifest, "threshold": wrong})
        with pytest.raises(InputError, match="is not between 0 and 1"):
            assess(folder, real, threshold=None)
    write_json(folder / "run.json", {**manifest, "threshold": {"value": 0.25}})
    with pytest.raises(InputError, match="damaged threshold"):
        describe(assess(folder, real, threshold=None).summary)


@pytest.mark.ci
def test_valid_needs_the_run_s_own_dataset_and_split(run, real, split, rendered, tmp_path):
    with pytest.raises(InputError, match=r"threshold valid: .*renders is not the dataset"):
        assess(run, coco.read(rendered), threshold="valid")
    old = write_run(tmp_path / "old", real, split)
    (old / "split.json").unlink()
    with pytest.raises(InputError, match=r"split\.json: missing"):
        assess(old, real, threshold="valid")
    assert assess(old, real, threshold=0.5).summary["images"] == 5
    splits.save(replace(split, train=split.valid, valid=split.train), old / "split.json")
    with pytest.raises(InputError, match="not the split that the run was trained on"):
        assess(old, real, threshold="valid")


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.5, float("nan"), float("inf")])
def test_thresholds_that_make_no_sense(threshold, run, real):
    with pytest.raises(InputError, match=r"`threshold` .* is not between 0 and 1"):
        assess(run, real, threshold=threshold)


def test_other_sizes_and_other_datasets(run, rendered):
    summary = assess(run, coco.read(rendered), threshold=0.5).summary
    assert (summary["photos"], summary["images"]) == ("all", 7)


def corrected(folder):
    """A label less."""
    path = folder / "train" / coco.ROBOFLOW_JSON
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "annotations": document["annotations"][1:]}))
    return folder


def flattened(folder):
    """The test photos of the export and one of training, all under other names in another folder."""
    other = folder.parent / "flat"
    shutil.copytree(folder / "test", other)
    path = other / coco.ROBOFLOW_JSON
    document = json.loads(path.read_text())
    entry = next(photo for photo in coco.read(folder).photos if photo.split == "train")
    shutil.copy(entry.path, other / "one-more.jpg")
    size = {"width": entry.width, "height": entry.height}
    document["images"].append({"id": 99, "file_name": "one-more.jpg", **size})
    path.write_text(json.dumps(document))
    return other


@pytest.mark.ci
@pytest.mark.parametrize(("change", "left_out"), [(corrected, 16), (flattened, 1)])
def test_photos_that_the_run_has_seen_are_left_out_of_other_datasets(
    change, left_out, telling, run, roboflow, tmp_path
):
    data = coco.read(change(Path(shutil.copytree(roboflow, tmp_path / "export"))))
    assessment_of = assess(telling, data, threshold=0.5)
    summary = assessment_of.summary
    assert (summary["photos"], summary["left_out"], summary["images"]) == ("unseen", left_out, 5)
    assert assessment.describe(summary).startswith(
        f"all photos but {left_out} that trained or validated the run, or were seen without labels; threshold 0.5"
    )
    assert evaluate.measure_run(telling, data).image == assessment_of.per_image.image
    stored = runs.load(telling).per_image
    assert [Path(name).name for name in assessment_of.per_image.image] == [Path(name).name for name in stored.image]
    old = assess(run, data, threshold=0.5).summary  # that does not state what it has seen
    assert (old["photos"], old["left_out"], old["images"]) == ("all", None, len(data.photos))
    assert "whether some of them trained the run is not known" in assessment.describe(old)


@pytest.mark.ci
def test_a_run_counts_as_trained_elsewhere_where_it_has_seen_no_photo(telling, rendered, roboflow):
    for folder, count in ((rendered, 7), (roboflow / "test", 5)):
        summary = assess(telling, coco.read(folder), threshold=0.5).summary
        assert (summary["photos"], summary["left_out"], summary["images"]) == ("all", 0, count)
        assert assessment.describe(summary).startswith("all photos; the run was trained elsewhere; threshold")


@pytest.mark.ci
def test_photos_that_were_saved_again_are_known_by_their_names(telling, roboflow, tmp_path):
    other = Path(shutil.copytree(roboflow / "train", tmp_path / "again"))
    path = other / coco.ROBOFLOW_JSON
    document = json.loads(path.read_text())
    for image in document["images"]:
        old = other / image["file_name"]
        image["file_name"] = f"{old.stem}_png.rf.0123.png"
        with Image.open(old) as picture:
            picture.save(other / image["file_name"], compress_level=0)
    path.write_text(json.dumps(document))
    summary = assess(telling, coco.read(other), threshold=0.5).summary
    assert (summary["photos"], summary["left_out"], summary["images"]) == ("all", 0, 12)
    assert assessment.describe(summary).startswith(
        "all photos; none of their files trained or validated the run, or was seen without labels; 12 photos have "
        "names of photos that trained or validated it; they may be the same, saved again; threshold 0.5"
    )


def test_a_dataset_of_which_the_run_has_seen_all_is_refused(telling, roboflow, tmp_path):
    message = "train: each of the 12 photos trained or validated the run, or was seen without labels; give others"
    with pytest.raises(InputError, match=message):
        assess(telling, coco.read(roboflow / "train"), threshold=0.5, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.ci
@pytest.mark.parametrize("which", ["run", "crops"])
def test_clean_photos(which, rendered, request, tmp_path):
    shutil.copytree(rendered, tmp_path / "clean")
    path = tmp_path / "clean" / "annotations.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "annotations": []}))
    data = coco.read(tmp_path / "clean", allow_unannotated=True)
    measured = assess(request.getfixturevalue(which), data, threshold=0.5, out=tmp_path / "out")
    table, clean = measured.per_image, measured.summary["clean"]
    assert table.tp.sum() == table.fn.sum() == 0
    share = table.fp / (table.fp + table.tn)
    assert clean == {
        "images": 7,
        "with_false_alarms": int((table.fp > 0).sum()),
        "mean_false_alarm_share": pytest.approx(share.mean()),
    }
    assert measured.summary["average_precision"] is None
    assert measured.summary["recall"] is None
    assert measured.summary["false_calls"] == pytest.approx(share.mean())  # all photos are of one size
    assert {row["recall"] for row in tables(tmp_path / "out")["curve.csv"]} == {""}
    assert "no image shows corrosion" in assessment.describe(measured.summary)


def test_no_photos_at_all(run, tmp_path):
    (tmp_path / "annotations.json").write_text(json.dumps(coco.document([], [], description="nothing")))
    with pytest.raises(InputError, match="no photos"):
        assess(run, coco.read(tmp_path, allow_unannotated=True), threshold=0.5)


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "executed")


@pytest.mark.ci
def test_a_pickle_is_refused_and_not_executed(real, split, tmp_path):
    folder = write_run(tmp_path / "run", real, split)
    sprung = tmp_path / "sprung"
    (folder / runs.WEIGHTS).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(InputError, match=r"best\.safetensors: weights cannot be read") as caught:
        assess(folder, real, threshold=0.5, out=tmp_path / "out")
    assert len(str(caught.value).splitlines()) == 1
    assert not sprung.exists()
    assert not (tmp_path / "out").exists()
    pickle.loads((folder / runs.WEIGHTS).read_bytes())
    assert sprung.exists()  # the trap works


@pytest.mark.ci
def test_damaged_runs(real, split, tmp_path):
    with pytest.raises(InputError, match="no complete training run"):
        assess(tmp_path, real, threshold=0.5)
    folder = write_run(tmp_path / "run", real, split)
    manifest = json.loads((folder / "run.json").read_text())
    for seen in ({"a": 1}, [1], [["a"]]):
        (folder / "run.json").write_text(json.dumps({**manifest, "seen": seen}))
        with pytest.raises(InputError, match=r"run\.json: damaged \(seen "):
            assess(folder, real, threshold=0.5)
    (folder / "run.json").write_text(json.dumps({**manifest, "threshold": 0.3}))
    with pytest.raises(InputError, match=r"run\.json: damaged \(threshold is 0\.3\)"):
        assess(folder, real, threshold=None)
    for change in ({"config": None}, {"config": {"backbone": "vgg16"}}):
        (folder / "run.json").write_text(json.dumps({**manifest, **change}))
        with pytest.raises(InputError, match=r"run\.json: damaged configuration"):
            assess(folder, real, threshold=0.5)


def test_the_command_prints_a_summary(run, roboflow, tmp_path, capsys):
    evaluate_command.evaluate(run, data=roboflow, threshold="valid", out=tmp_path / "out")
    printed = capsys.readouterr().out
    assert "5 images, mean F1" in printed.splitlines()[0]
    assert "test photos of the run; threshold 0." in printed
    assert "since 4 validation photos are too few to choose another" in printed
    assert "1 clean images: " in printed
    assert (tmp_path / "out" / "evaluation.json").exists()


def test_native_photos_are_decoded_for_crops(crops, real):
    config = load_run(crops).config
    assert isinstance(evaluate.decoded_arrays(real, config), decoded.Natives)
    assert asdict(config)["framing"] == "crop"
    photos = [photo for photo in real.photos if photo.split == "test"]
    stored = runs.load(crops).per_image
    for photo, mask in zip(photos, evaluate.predict_masks(crops, photos), strict=True):
        index = stored.image.index(photo.file_name)
        assert mask.sum() == stored.tp[index] + stored.fp[index]


@pytest.mark.ci
def test_a_run_is_measured_again_and_every_other_count_told(roboflow, run, real, tmp_path, capsys):
    evaluate_command.evaluate(run, data=roboflow, verify=True)
    assert "all counts of per_image.csv are the same" in capsys.readouterr().out
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    table = runs.load(copy).per_image
    moved = replace(table, fn=table.fn + np.eye(1, len(table.fn), dtype=np.int64)[0])
    runs.write_per_image(copy / "per_image.csv", moved)
    with pytest.raises(
        WorkError, match=rf"1 of {len(table.fn)} photos have other counts than per_image.csv; mean F1 0"
    ):
        evaluate_command.evaluate(copy, data=roboflow, verify=True)
    lines = (run / "per_image.csv").read_text().splitlines(keepends=True)
    (copy / "per_image.csv").write_text("".join(lines[:-1]))
    assert "not just the run's" in verify_run(copy, real)
    (copy / "split.json").unlink()
    with pytest.raises(InputError, match=r"split\.json: missing"):
        verify_run(copy, real)


def test_a_run_of_another_dataset_cannot_be_verified(run, rendered):
    with pytest.raises(InputError, match="was not trained on"):
        evaluate_command.evaluate(run, data=rendered, verify=True)
