"""How the model that ships is made: what trains never tests, intervals hold, the card says what the rows say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import outside
import pytest
from photographs import write_folder

from corrotwin.segmentation.config import DEFAULT_BACKBONE
from corrotwin.segmentation.data import coco
from corrotwin.segmentation.deployment import onnx_export
from corrotwin.segmentation.models.network import build
from corrotwin.segmentation.prediction.exported_predictor import runner
from tools.shipped_model import card, look_alikes, packing, recipe, scores
from tools.shipped_model.scores import MeasuredPhoto

PARTS = {"train": 12, "valid": 4, "test": 4}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets as the public ones are: three folders each, two photos a spot."""
    folder = tmp_path_factory.mktemp("sets")
    for place, name in enumerate(recipe.SETS):
        lines = ["file_name,split,spot"]
        for part, count in PARTS.items():
            write_folder(
                folder / name / part, count=count, seed=17 * place + count, size=(40, 40),
                json_name=coco.ROBOFLOW_JSON, images=".",
            )  # fmt: skip
            names = sorted(path.name for path in (folder / name / part).glob("*.[jp][pn]g"))
            lines += [f"{each},{part},{part}{number // 2}" for number, each in enumerate(names)]
        (folder / name / "spots.csv").write_text("\n".join(lines) + "\n")
    return folder


def rows_of(training: str, names: list[str], *, off: float = 0.0, seed: int = 0) -> list[MeasuredPhoto]:
    """Rows in which the predicted share is the true one, a little off."""
    rng = np.random.default_rng(seed)
    made = []
    for name in names:
        true = int(1000 * rng.uniform(0, 0.6))
        fp, fn = (int(true * rng.uniform(0, 0.3)) for _ in range(2))
        fp += int(1000 * off)
        made.append(
            MeasuredPhoto(
                training=training, photo=name, spot=name, tp=true - fn, fp=fp, fn=fn, tn=1000 - true - fp, patches=2,
                missed=int(fn > true / 5),
            )
        )  # fmt: skip
    return made


def test_no_photo_trains_and_tests(data: Path) -> None:
    whole = recipe.read_sets(data)
    spot = recipe.spots(data, whole)
    assert len(whole.photos) == 2 * sum(PARTS.values())
    tested: dict[str, list[str]] = {}
    for training in recipe.trainings():
        photos, split = recipe.data_of(training, whole, spot)
        learned = {*split.train, *split.valid}
        measured = recipe.measured_on(training, whole, split)
        assert not learned & set(measured)
        assert not {spot[name] for name in learned} & {spot[name] for name in measured}
        assert {name.split("/")[0] for name in learned} == set(training.sets)
        assert all(recipe.part_of(name) != "test" for name in learned)
        assert {photo.file_name for photo in photos.photos} == set(split.group)
        tested.setdefault(training.name.split(", ")[0], []).extend(measured)
    folds = sorted(name for fold in range(recipe.FOLDS) for name in set(tested[f"fold {fold + 1}"]))
    assert folds == sorted(name for name in spot if recipe.part_of(name) != "test")
    assert set(tested["model"]) == {name for name in spot if recipe.part_of(name) == "test"}
    assert set(tested[f"twin of {recipe.SETS[0]}"]) == {name for name in spot if name.startswith(recipe.SETS[1])}


def test_all_trainings_take_the_same_steps_but_for_rounding() -> None:
    for training in recipe.trainings():
        for photos in (100, 400):
            config = recipe.config_of(training, photos)
            steps = config.epochs * -(-photos // config.batch_size)
            assert steps == pytest.approx(recipe.STEPS, rel=0.05)
            assert config.arm.takes_renders == training.renders
            assert config.arm.augmentation == "strong"


def test_the_interval_holds_what_it_promises_on_other_photos() -> None:
    names = [f"{number}" for number in range(2000)]
    learned, tried = (rows_of("twin of a", names, seed=seed) for seed in (1, 2))
    table = scores.share_table(learned)
    assert scores.coverage(learned, table) >= scores.CHANCE - 0.02
    assert scores.coverage(tried, table) == pytest.approx(scores.CHANCE, abs=0.03)
    assert scores.coverage(rows_of("twin of a", names, off=0.3), table) < 0.5
    far = [replace(row, fp=int(0.45 * row.tp), tn=1000 - row.tp - row.fn - int(0.45 * row.tp)) for row in learned]
    falling = [*(row for row in learned if row.true < 0.3), *(row for row in far if row.true >= 0.3)]
    for limit in (0.0, 0.35):  # above, far too much is called: lower ends fall there
        large = [row for row in falling if row.predicted > limit]
        assert scores.coverage(large, scores.share_table(falling)) > scores.CHANCE - 0.03
    assert list(table.low) == sorted(table.low)
    assert list(table.high) == sorted(table.high)
    few = scores.share_table(learned[:30])  # too few for ends of 5 % and 95 %
    assert few.low[1] == 0
    assert few.high[-2] == 1


def test_patches_are_missed_where_next_to_nothing_of_them_is_called() -> None:
    truth = np.zeros((100, 100), dtype=bool)
    truth[:20, :20] = truth[40:60, 40:60] = truth[80:, 80:] = truth[0, 99] = True  # three above 1 %, and a dot
    called = np.zeros_like(truth)
    called[:20, :20] = True
    called[40, 40:44] = True  # 1 % of the second
    assert scores.patches_of(called, truth) == (3, 2)
    assert scores.patches_of(truth, truth) == (3, 0)
    assert scores.patches_of(truth, np.zeros_like(truth)) == (0, 0)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = rows_of("model", ["a", "b"])
    scores.write(tmp_path / "rows.csv", rows)
    assert scores.read(tmp_path / "rows.csv") == rows
    alikes = [look_alikes.LookAlike(training="twin of a", kind="soil", photo="p", share=0.25)]
    look_alikes.write(tmp_path / "alikes.csv", alikes)
    assert (tmp_path / "alikes.csv").read_text() == "training,kind,photo,share\ntwin of a,soil,p,0.25\n"


def test_the_card_says_what_the_rows_say(tmp_path: Path) -> None:
    bridges, painted = recipe.SETS
    names = {name: [f"{name}/train/{number}.jpg" for number in range(40)] for name in recipe.SETS}
    rows = [
        *rows_of(f"twin of {bridges}", names[painted], seed=1), *rows_of(f"twin of {painted}", names[bridges], seed=2),
        *rows_of(f"photos of {bridges}", names[painted], off=0.1, seed=1),
        *rows_of(f"photos of {painted}", names[bridges], off=0.1, seed=2),
        *rows_of("model", [*names[bridges][:5], *names[painted][:5]], seed=3),
    ]  # fmt: skip
    alikes = [
        look_alikes.LookAlike(training=f"twin of {bridges}", kind=kind, photo="p", share=share)
        for kind, share in (("soil", 0.2), ("soil", 0.0), ("brick", 0.0))
    ]
    versions = {"torch": "2"}
    frames = [
        scores.FramedShare(training=row.training, photo=row.photo, predicted=row.predicted, true=row.true)
        for row in rows
    ]
    measured = scores.measurements([row for row in rows if row.training.startswith("twin of")], frames)
    manifest = {
        "backbone": DEFAULT_BACKBONE, "size": 192, "threshold": 0.4, "greatest_difference_from_torch": 2e-6,
        "measured": {
            "recall": measured.recall, "recall_sd": measured.recall_sd, "false_calls": measured.false_calls,
            "share": {"chance": 0.9},
        },
        "versions": versions,
    }  # fmt: skip
    card.write(tmp_path / "card.md", rows, frames, alikes, manifest)
    text = (tmp_path / "card.md").read_text()
    own = [row for row in rows if row.training == f"twin of {painted}"]
    assert f"| {bridges} | 40 | {np.mean([row.f1 for row in own]):.3f} (" in text
    assert "of 3 places on these photographs that show none, picked by eye for being brown, 1 have more" in text
    assert "soil 1 of 2, brick 0 of 1" in text
    assert f"{measured.recall:.2f} are found (from photo to photo ± {measured.recall_sd:.2f})" in text
    assert "cross-validated" not in text  # no folds were trained
    assert "{{" not in text
    assert "a second time" not in text
    assert max(map(len, text.splitlines())) < 320
    card.write(
        tmp_path / "card.md", rows, frames, alikes, manifest, again=rows_of(f"twin of {bridges}", names[painted])
    )
    (line,) = (line for line in (tmp_path / "card.md").read_text().splitlines() if "a second time" in line)
    assert "on painted-steel." in line
    assert "steel-bridges" not in line


@pytest.mark.ci
def test_constants_in_half_precision_are_those_of_half_precision_weights() -> None:
    network = build(DEFAULT_BACKBONE, encoder_weights=None, seed=3).half().float().eval()
    whole = onnx_export.photographs_to_probability(network, DEFAULT_BACKBONE)
    content, _ = onnx_export.to_onnx(whole, 64, fold=False)
    small = packing.halved(content)
    assert len(small) < 0.6 * len(content)
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    assert np.abs(runner(small)(images) - runner(content)(images)).max() < 1e-5


@pytest.mark.ci
def test_look_alikes_lie_on_their_photos_and_show_nothing_that_is_labelled() -> None:
    folder = outside.outside("CORROSION_DATA", "data", "steel-bridges", "real photographs")
    listed = json.loads(look_alikes.LIST.read_text())
    assert len(listed) >= 40
    assert len({(cut["set"], cut["photo"]) for cut in listed}) == len(listed)
    for name in recipe.SETS:
        photos = {photo.file_name: photo for photo in coco.read(folder / name).photos}
        for cut in (each for each in listed if each["set"] == name):
            assert not cut["photo"].startswith("test")
            mask = coco.mask(photos[cut["photo"]])
            part = mask[cut["top"] : cut["top"] + cut["side"], cut["left"] : cut["left"] + cut["side"]]
            assert part.shape == (cut["side"], cut["side"])
            assert not part.any()
