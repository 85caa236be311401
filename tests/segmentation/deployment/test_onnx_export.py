import json
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from corrotwin.segmentation import runs
from corrotwin.segmentation.arms import DataArm, to_file
from corrotwin.segmentation.commands import export as export_command
from corrotwin.segmentation.config import BACKBONES, DEFAULT_BACKBONE, configure
from corrotwin.segmentation.data import coco, splits
from corrotwin.segmentation.deployment import model_card, onnx_export
from corrotwin.segmentation.evaluation import evaluate
from corrotwin.segmentation.evaluation.assessment import assess
from corrotwin.segmentation.models import network as network_module
from corrotwin.segmentation.models.tensor_files import save_tensors
from corrotwin.segmentation.prediction.exported_predictor import ExportedPredictor, runner
from corrotwin.segmentation.prediction.predictor import Settings
from corrotwin.segmentation.prediction.run_predictor import RunPredictor
from corrotwin.segmentation.prediction.sizes import check_sizes
from corrotwin.twin.core.errors import InputError, WorkError
from corrotwin.twin.core.files import read_json, write_manifest

pytest.importorskip("onnxruntime")


class Rusty(torch.nn.Module):
    """Logits that grow with red over blue; quick to export."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(self.mix(pictures), 32), scale_factor=32)


@pytest.fixture(scope="module")
def run(roboflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run by its contract; its weights are drawn, two test photos show one spot."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    real = coco.read(roboflow)
    plain = splits.split(real, how="own", seed=0)
    groups = {name: name for name in (*plain.train, *plain.valid, *plain.test)}
    groups[plain.test[1]] = plain.test[0]
    split = splits.split(real, how="own", seed=0, groups=groups)
    config = configure("quick", backbone="mobilenet_v2", arm=DataArm(name="real"), seed=1, size=64, threads=1)
    folder.mkdir(parents=True)
    network = network_module.build(config.backbone, encoder_weights=None, seed=1)
    save_tensors(folder / runs.WEIGHTS, network.state_dict(), {})
    splits.save(split, folder / runs.SPLIT)
    runs.write_history(folder, [dict.fromkeys(runs.HISTORY_COLUMNS, 1.0)])
    counts = np.arange(1, len(split.test) + 1, dtype=np.int64)
    table = runs.PerImage(image=split.test, tp=6 * counts, fp=0 * counts + 7, fn=0 * counts + 3, tn=counts)
    runs.write_per_image(folder / "per_image.csv", table)
    write_manifest(folder, runs.KIND, {**runs.identity(config, real, split, None), "scale": 0.8})
    return folder


@pytest.mark.ci
def test_what_is_exported_gives_what_torch_gives_at_any_size() -> None:
    network = onnx_export.photographs_to_probability(Rusty().eval(), "mobilenet_v2")
    content, free = onnx_export.to_onnx(network, 64)
    assert free
    assert onnx_export.disagreement(network, content, onnx_export._trial_images(64, free)) < 1e-6
    images = np.random.default_rng(0).integers(0, 256, (3, 128, 32, 3), dtype=np.uint8)
    found = runner(content)(images)
    assert found.shape == (3, 128, 32)
    assert found.std() > 0
    np.testing.assert_allclose(found, network(torch.from_numpy(images)).detach().numpy(), atol=1e-6)
    other = onnx_export.photographs_to_probability(Rusty().eval(), "mobilenet_v2")
    assert onnx_export.disagreement(other, content, onnx_export._trial_images(64, free)) > 1e-3


def test_what_is_not_a_number_agrees_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Half(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.full(images.shape[:3], 0.5)

    found = iter([np.full((2, 8, 8), value, dtype=np.float32) for value in (0.5, np.nan, 0.5)])
    monkeypatch.setattr(onnx_export, "runner", lambda content: lambda images: next(found))
    trials = [np.zeros((2, 8, 8, 3), dtype=np.uint8)] * 3
    assert not onnx_export.disagreement(Half(), b"", trials) < onnx_export.AGREEMENT


@pytest.mark.ci
def test_a_network_of_one_size_keeps_it() -> None:
    class OneSize(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return pictures[:, :1] * torch.linspace(0, 1, 64)

    network = onnx_export.photographs_to_probability(OneSize().eval(), "mobilenet_v2")
    content, free = onnx_export.to_onnx(network, 64)
    assert not free
    assert onnx_export.disagreement(network, content, onnx_export._trial_images(64, free)) < 1e-6


class Endless(Rusty):
    """One whose export finds no end where the size is free, or at all."""

    def __init__(self, always: bool) -> None:
        super().__init__()
        self.always = always

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        while torch.compiler.is_exporting() and (self.always or not isinstance(pictures.shape[2], int)):
            pass
        return super().forward(pictures)


@pytest.mark.ci
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the first end may come in a callback
def test_an_export_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "PATIENCE_SECONDS", 5.0)
    before = signal.getsignal(signal.SIGPROF)
    network = onnx_export.photographs_to_probability(Endless(always=False).eval(), "mobilenet_v2")
    content, free = onnx_export.to_onnx(network, 64)
    assert not free
    assert onnx_export.disagreement(network, content, onnx_export._trial_images(64, free)) < 1e-6
    monkeypatch.setattr(onnx_export, "PATIENCE_SECONDS", 0.5)
    network = onnx_export.photographs_to_probability(Endless(always=True).eval(), "mobilenet_v2")
    with pytest.raises(InputError, match=r"cannot express this network in ONNX \(no end in 0\.5 s of processor time\)"):
        onnx_export.to_onnx(network, 64)
    assert signal.getsignal(signal.SIGPROF) is before
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_an_end_that_is_lost_in_a_callback_comes_again() -> None:
    """As Python loses errors in finalisers, and torch some in its own callbacks."""

    def work() -> None:
        until = time.process_time() + 20
        while time.process_time() < until:
            pass

    def lose_the_first() -> None:
        with onnx_export._limited(0.2):
            with suppress(BaseException):
                work()
            work()

    with pytest.raises(onnx_export._OutOfTimeError):
        lose_the_first()
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_an_end_that_becomes_another_error_is_still_the_end() -> None:
    """As where it comes while Python parses: "SystemError: AST constructor recursion depth mismatch"."""
    end = pytest.raises(onnx_export._OutOfTimeError, match=r"no end in 0\.1 s of processor time")
    with end, onnx_export._limited(0.1):
        try:
            while True:
                pass
        except BaseException as error:
            raise SystemError("AST constructor recursion depth mismatch") from error
    with pytest.raises(SystemError), onnx_export._limited(100):
        raise SystemError
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


@pytest.mark.ci
def test_padding_as_tensorflow_has_it_is_constant_at_sides_of_32() -> None:
    backbone = "tu-tf_mixnet_s"  # kernels from 3 to 11, each with its own padding
    network = network_module.build(backbone, encoder_weights=None, seed=0).eval()
    constant = onnx_export.constant_padding(network)
    assert "Conv2dSame" in {type(layer).__name__ for layer in network.modules()}
    assert "Conv2dSame" not in {type(layer).__name__ for layer in constant.modules()}
    for sides in ((32, 96), (64, 160), (224, 224)):
        images = torch.rand(1, 3, *sides, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            torch.testing.assert_close(constant(images), network(images), rtol=0, atol=1e-6)


@pytest.mark.ci
def test_other_padding_by_size_has_a_fixed_size() -> None:
    from timm.layers.pool2d_same import MaxPool2dSame

    network = torch.nn.Sequential(Rusty(), MaxPool2dSame(3, stride=1)).eval()
    whole = onnx_export.photographs_to_probability(network, "mobilenet_v2")
    content, free = onnx_export.to_onnx(whole, 64)
    assert not free
    assert onnx_export.disagreement(whole, content, onnx_export._trial_images(64, free)) < 1e-6


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another network in place of the run's own, which takes half a minute to export."""
    monkeypatch.setattr(network_module, "load_weights", lambda path, backbone, architecture: Rusty().eval())


@pytest.mark.ci
def test_the_command_writes_model_and_card(
    run: Path, roboflow: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assess(run, coco.read(roboflow), threshold=0.4, out=tmp_path / "evaluated")
    network = Rusty().eval()  # stands for the run's own, which takes half a minute to export
    monkeypatch.setattr(network_module, "load_weights", lambda path, backbone, architecture: network)
    export_command.export(run, out=tmp_path / "model", evaluations=(tmp_path / "evaluated",))
    said = read_json(tmp_path / "model" / "model.json")
    assert said["sides"] == "multiples of 32"
    assert said["greatest_difference_from_torch"] < onnx_export.AGREEMENT
    assert said["weights"] == runs.weights_digest(run)
    written = (tmp_path / "model" / "card.md").read_text()
    f1, _ = evaluate.scores(*(getattr(runs.load(run).per_image, name) for name in ("tp", "fp", "fn", "tn")))
    assert f"| test part of its own dataset | 5 | {f1.mean():.3f} (too few photos" in written
    assert "(evaluated), threshold 0.4 | 5 |" in written
    assert "groups of photographs (spots)" in written
    assert "which is 0.8 of their own scale" in written
    # The lines of the card do what they say.
    assert "These lines read photographs of 8 bits a channel" in written
    code = re.search(r"```python\n(.*?)```", written, re.DOTALL)
    assert code is not None
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)).save(
        tmp_path / "model" / "photo.jpg"
    )
    done = subprocess.run(
        [sys.executable, "-c", code[1]], cwd=tmp_path / "model", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "model" / "mask.png") as mask:
        assert mask.size == (90, 70)
    assert said["threshold"] == 0.4
    assert "above 0.4 counts as corrosion" in written
    # The export takes long and large photos as the run does.
    one, other = RunPredictor(run, Settings()), ExportedPredictor(tmp_path / "model", Settings())
    long = np.random.default_rng(1).integers(0, 256, (40, 120, 3), dtype=np.uint8)
    assert one.probability(long)[1] == other.probability(long)[1] == 0
    assert one.probability(long)[0] == pytest.approx(other.probability(long)[0], abs=2e-3)
    Image.fromarray(long.repeat(10, axis=0).repeat(10, axis=1)).save(tmp_path / "large.png")
    for predictor in (one, other):
        with pytest.raises(InputError, match="1 of 1 photos are much larger than those of training"):
            check_sizes(predictor, {"large": tmp_path / "large.png"})
    before = (tmp_path / "model" / "card.md").read_bytes()
    export_command.export(run, out=tmp_path / "model", evaluations=(tmp_path / "evaluated",))
    assert (tmp_path / "model" / "card.md").read_bytes() == before


class Shape(torch.nn.Module):
    """Rusty with a fixed mixture, whose logits change within a few pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Conv2d(3, 1, 5, padding=2)
        torch.nn.init.constant_(self.mix.weight, 0.3)
        torch.nn.init.constant_(self.mix.bias, 0.0)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        coarse = torch.nn.functional.avg_pool2d(pictures, 32).mean(dim=1, keepdim=True)
        return self.mix(pictures) + torch.nn.functional.interpolate(coarse, scale_factor=32)


class OneSize(Shape):
    """One that takes 64 pixels a side alone."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.mix(pictures) + torch.zeros(64, 64)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("framing", "network", "size"),
    [
        ("resize", Shape, (70, 91)),
        pytest.param("crop", Shape, (70, 91), marks=pytest.mark.slow),
        ("crop", OneSize, (64, 64)),
    ],
)
def test_the_lines_of_the_card_do_what_predict_does(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    framing: str,
    network: type[Shape],
    size: tuple[int, int],
) -> None:
    folder = stating(run, tmp_path / "run", DataArm(name="real"), {}, framing=framing, precision="exact")
    if framing == "crop":  # crops have the scale of their photographs
        (folder / "run.json").write_text(json.dumps({**read_json(folder / "run.json"), "scale": 1.0}))
    monkeypatch.setattr(network_module, "load_weights", lambda path, backbone, architecture: network().eval())
    out = tmp_path / "model"
    (tmp_path / "test").mkdir()
    runs.write_per_image(tmp_path / "test" / "per_image.csv", runs.load(run).per_image)
    evaluation = {"weights": runs.weights_digest(run), "threshold": 0.625, "photos": "test", "data": "own"}
    write_manifest(tmp_path / "test", "evaluation", evaluation)
    onnx_export.export(folder, out, evaluations=(tmp_path / "test",))
    code = re.search(r"```python\n(.*?)```", (out / "card.md").read_text(), re.DOTALL)
    assert code is not None
    rng = np.random.default_rng(0)
    photo = cv2.resize(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8), (91, 70), interpolation=cv2.INTER_CUBIC)
    Image.fromarray(photo).save(out / "photo.jpg", format="PNG")  # whatever its name: without loss
    done = subprocess.run([sys.executable, "-c", code[1]], cwd=out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = np.asarray(Image.open(out / "mask.png")) > 0
    assert found.shape == size
    predictor = RunPredictor(folder, Settings(threshold=0.625, tiling="never"))
    image = photo[:64, :64] if network is OneSize else photo
    expected = predictor.probability(np.ascontiguousarray(image))[0] > predictor.threshold
    assert 0.1 < expected.mean() < 0.9
    assert (found == expected).all()


def test_the_threshold_is_that_of_the_evaluations_or_the_one_chosen_on_validation(tmp_path: Path, run: Path) -> None:
    for name, threshold, rule in (("a", 0.3, None), ("b", 0.4, None), ("c", 0.07, {"rule": "valid", "photos": 4})):
        write_manifest(tmp_path / name, "evaluation", {"threshold": threshold, "threshold_from": rule})
    record = runs.load(run)
    own = replace(record, manifest={**record.manifest, "threshold": {"value": 0.25}})
    for names, expected in {"": None, "a": 0.3, "aa": 0.3, "ab": None, "ac": 0.07, "abc": 0.07, "c": 0.07}.items():
        folders = [tmp_path / name for name in names]
        assert model_card.threshold(record, folders) == (expected or 0.5)
        assert model_card.threshold(own, folders) == (expected or 0.25)


@pytest.mark.ci
def test_a_model_that_does_not_agree_is_not_written(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)
    monkeypatch.setattr(onnx_export, "disagreement", lambda network, content, trials: 2e-4)
    with pytest.raises(WorkError, match=r"differs from torch by 2\.0e-04"):
        onnx_export.export(run, tmp_path / "model")
    assert not list((tmp_path / "model").glob("m*"))


def test_bad_input(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no complete training run"):
        onnx_export.export(tmp_path, tmp_path / "model")
    with pytest.raises(InputError, match="no evaluation"):
        onnx_export.export(run, tmp_path / "model", evaluations=(tmp_path,))
    write_manifest(tmp_path / "other", "evaluation", {"weights": "0"})
    with pytest.raises(InputError, match="belongs to another run"):
        onnx_export.export(run, tmp_path / "model", evaluations=(tmp_path / "other",))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'corrotwin\[export\]'"):
        onnx_export.export(run, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_intervals_draw_whole_groups() -> None:
    rng = np.random.default_rng(0)
    spots = rng.normal(0.6, 0.1, 30)
    values = np.repeat(spots, 4)
    groups = [str(index // 4) for index in range(120)]
    by_spot = model_card.interval(values, groups)
    by_photo = model_card.interval(values, [str(index) for index in range(120)])
    assert by_spot.mean == by_photo.mean == pytest.approx(values.mean())
    assert by_spot.low is not None
    assert by_spot.high is not None
    assert by_photo.low is not None
    assert by_photo.high is not None
    assert (by_spot.high - by_spot.low) / 2 == pytest.approx(1.96 * spots.std() / np.sqrt(30), rel=0.1)
    assert by_spot.high - by_spot.low > 1.8 * (by_photo.high - by_photo.low)
    assert model_card.interval(values[:8], groups[:8]).low is None


def test_intervals_are_drawn_in_parts_from_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    import scipy.stats

    values = np.random.default_rng(1).random(301)
    groups = [str(index) for index in range(301)]
    drawn, bootstrap = [], scipy.stats.bootstrap

    def watched(*arguments: object, **options: object) -> object:
        drawn.append(options["batch"])
        return bootstrap(*arguments, **options)

    monkeypatch.setattr(scipy.stats, "bootstrap", watched)
    found = []
    for most in (model_card.RESAMPLES * 301, 301 * 7, 100):
        monkeypatch.setattr(model_card, "MOST_DRAWN", most)
        found.append(model_card.interval(values, groups))
    assert drawn == [model_card.RESAMPLES, 7, 1]
    assert found[0] == found[1] == found[2]


def lines_of(folder: Path, evaluations: tuple[Path, ...] = ()) -> list[str]:
    return model_card.text(folder, evaluations).splitlines()


def stating(run: Path, to: Path, arm: DataArm, counts: dict[str, int], **changes: str) -> Path:
    """A copy of a run with another arm and other settings, as its run.json states them."""
    shutil.copytree(run, to)
    manifest = read_json(to / "run.json")
    config = {**manifest["config"], **changes, "arm": to_file(asdict(arm))}
    (to / "run.json").write_text(json.dumps({**manifest, "config": config, "counts": counts}))
    return to


def test_another_dataset_has_not_the_groups_of_the_run_s_own(run: Path, tmp_path: Path) -> None:
    table = runs.load(run).per_image
    for name, photos in (("own", "test"), ("other", "all"), ("corrected", "unseen")):
        (tmp_path / name).mkdir()
        runs.write_per_image(tmp_path / name / "per_image.csv", table)
        said = {"weights": runs.weights_digest(run), "threshold": 0.5, "photos": photos, "data": name}
        write_manifest(tmp_path / name, "evaluation", said)
    rows = [
        row for row in lines_of(run, tuple(tmp_path / name for name in ("own", "other", "corrected"))) if "| 5 |" in row
    ]
    assert [row.split(" | ")[-1] for row in rows] == [
        "groups of photographs (spots) |", "groups of photographs (spots) |", "photographs |", "photographs |",
    ]  # fmt: skip
    # Five names are five units, of which the run's own split makes four groups.
    assert ["too few" in row for row in rows] == [True, True, False, False]
    assert "all unseen photographs of `corrected`" in rows[3]
    assert not any("each counts as independent" in line for line in lines_of(run))
    assert any("each counts as independent" in line for line in lines_of(run, (tmp_path / "other",)))


def test_scores_with_other_statistics_say_so_and_set_no_threshold(run: Path, tmp_path: Path) -> None:
    folders = tuple(tmp_path / name for name in ("as-it-is", "adapted"))
    for folder, threshold in zip(folders, (0.3, 0.7), strict=True):
        folder.mkdir()
        runs.write_per_image(folder / "per_image.csv", runs.load(run).per_image)
        said = {"weights": runs.weights_digest(run), "threshold": threshold, "photos": "all", "data": "other"}
        write_manifest(folder, "evaluation", said | ({"adapted": True} if folder.name == "adapted" else {}))
    rows = [line for line in lines_of(run, folders) if "of `other`" in line]
    assert ["transductive" in row for row in rows] == [False, True]
    assert model_card.threshold(runs.load(run), folders) == 0.3
    assert model_card.threshold(runs.load(run), folders[1:]) == 0.5


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (["0a", "0b"], "- 2 files of photographs or videos without labels."),
        (["0a"], "- 1 file of photographs or videos without labels."),
        ([], None),
    ],
)
def test_pictures_without_labels_are_on_the_card(seen: list[str], line: str | None, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    manifest = read_json(run / "run.json") | {"seen_unlabelled": seen}
    (tmp_path / "run" / "run.json").write_text(json.dumps(manifest))
    assert [found for found in lines_of(tmp_path / "run") if "without labels" in found] == ([line] if line else [])


@pytest.mark.parametrize(
    ("arm", "train_photos"),
    [
        (DataArm(name="synthetic", render_share=1.0, adaptation="colours"), 0),
        (DataArm(name="synthetic", render_share=1.0), 12),  # as earlier versions counted
        (DataArm(name="pretrained", pretrain=1.0), 0),
    ],
)
def test_a_run_on_renders_alone_has_not_learned_from_photographs(
    run: Path, tmp_path: Path, arm: DataArm, train_photos: int
) -> None:
    counts = {"train_photos": train_photos, "train_renders": 9, "valid": 4, "test": 5}
    for framing in ("resize", "crop"):
        folder = stating(run, tmp_path / framing, arm, counts, framing=framing)
        lines = lines_of(folder)
        assert lines[0].startswith(f"# Unet with mobilenet_v2, trained on renders alone, arm {arm.name}")
        assert ("made more like photographs by colours" in lines[0]) == (arm.adaptation is not None)
        assert (
            "- no photographs and 9 renders; 4 photographs chose the epoch, 5 were kept for the scores below." in lines
        )
        text = "\n".join(lines)
        assert ("Renders, and the photographs of the scores, were squeezed to" in text) == (framing == "resize")
        assert ("were cut out at the renders' own scale" in text) == (framing == "crop")
    mixed = stating(run, tmp_path / "mixed", DataArm(name="mixed", render_share=0.5), counts | {"train_photos": 12})
    assert lines_of(mixed)[0] == "# Unet with mobilenet_v2, trained on photographs, arm mixed"
    assert any(line.startswith("- 12 photographs and 9 renders; 4 ") for line in lines_of(mixed))


def test_photos_that_chose_nothing_are_not_said_to_have(run: Path, tmp_path: Path) -> None:
    counts = {"train_photos": 12, "train_renders": 0, "valid": 4, "test": 5}
    folder = stating(run, tmp_path / "averaged", DataArm(name="real"), counts, keep="averaged")
    text = "\n".join(lines_of(folder))
    assert "4 photographs chose the threshold alone" in text
    assert "chose the epoch" not in text


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [*BACKBONES, DEFAULT_BACKBONE, "efficientnet-b0"])
def test_networks_are_exported_whole_at_free_sizes(backbone: str) -> None:
    network = onnx_export.photographs_to_probability(
        network_module.build(backbone, encoder_weights=None, seed=3).eval(), backbone
    )
    content, free = onnx_export.to_onnx(network, 96)
    assert free
    assert onnx_export.disagreement(network, content, onnx_export._trial_images(96, free)) < onnx_export.AGREEMENT
