import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.families import Families
from corrotwin.benchmarks.report.sections import answer, renders
from corrotwin.benchmarks.report.sections.cost import pareto
from corrotwin.benchmarks.report.sections.method import command, unproven
from corrotwin.benchmarks.report.sections.verdicts import contrast_blocks
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.study.grid import cells

Maker = Callable[..., Any]


def material(found: results.Results) -> Material:
    return Material(
        results=found, photos={}, photos_absent="absent", dataset=None, renders=None, renders_absent="absent"
    )


@pytest.fixture
def uneven(tmp_path: Path, fake_study: Maker) -> results.Results:
    fake_study(
        tmp_path / "study", kinds=("real", "mixed", "copy-paste"), real_fractions=(0.5, 1.0),
        backbones=("mobilenet_v2",), runs=3,
        more=cells(("real",), (1.0,), ("resnet152", "vgg16"), 2), spot_size=2, across=("elsewhere",),
        without=("mixed-mobilenet_v2-02",),
    )  # fmt: skip
    return results.load(tmp_path / "study")


def test_each_contrast_is_a_family_at_equal_fractions_of_planned_cells_only(uneven: results.Results) -> None:
    families = material(uneven).f1
    found = {(each.base, each.kind): values for each, values in families.contrasts.items()}
    assert list(found) == [("real", "mixed"), ("copy-paste", "mixed"), ("real", "copy-paste")]
    for values in found.values():
        assert [(each.first, each.second, each.backbone) for each in values] == [
            (values[0].first, values[0].second, "mobilenet_v2"),
            (values[1].first, values[1].second, "mobilenet_v2"),
        ]
        assert [families.real_fraction(each) for each in values] == [0.5, 1.0]
        assert {each.members for each in values} == {2}  # its own family: nothing of the other contrasts counts
    assert [each.runs for each in found["real", "mixed"]] == [(3, 3), (2, 2)]
    assert list(families.backbones) == ["real"]
    assert len(families.backbones["real"]) == 3


def test_sentences_speak_of_training_and_of_the_part_of_the_photos(uneven: results.Results) -> None:
    families = material(uneven).f1
    first = families.sentence(next(iter(families.contrasts.values()))[0])
    assert first.startswith("With mobilenet_v2 at 50 % of the training photos, ")
    assert "training with renders" in first
    assert "training on photos alone" in first
    assert first.count(".") == first.count("0.") + 1
    pair = families.sentence(families.backbones["real"][0])
    assert pair.startswith("Trained on photos alone, ")


def test_the_answer_is_five_sentences_with_numbers(uneven: results.Results) -> None:
    found = answer.sentences(material(uneven))
    assert len(found) == 5
    for text in found.values():
        assert any(letter.isdigit() for letter in text)
        assert text.endswith(".")
        assert text[0].isupper()
    assert "95 % interval" in found["Renders"]
    assert "copy-paste" in found["Against the control"]
    assert "“equal”" in found["How sure"]
    tiles = answer.tiles(material(uneven))
    assert [tile.label for tile in tiles] == [
        "Renders, at 50 % of the training photos",
        "Renders, at all training photos",
        "Highest mean, photos alone",
    ]
    assert answer.warnings(material(uneven))[-1].startswith("1 of 22 runs are missing")


def test_renders_are_held_against_every_control_and_each_is_a_family_of_its_own(
    tmp_path: Path, fake_study: Maker
) -> None:
    more = cells(("strong",), (1.0,), ("vgg16",), 3)
    fake_study(
        tmp_path, kinds=("real", "mixed", "copy-paste", "shuffled"), real_fractions=(0.5, 1.0), backbones=("vgg16",),
        runs=3, more=more,
    )  # fmt: skip
    found = material(results.load(tmp_path))
    families = {(each.base, each.kind): values for each, values in found.f1.contrasts.items()}
    members = {pair: [each.members for each in values] for pair, values in families.items() if pair[1] == "mixed"}
    assert members == {
        ("real", "mixed"): [2, 2],
        ("copy-paste", "mixed"): [2, 2],
        ("strong", "mixed"): [1],  # at all photos alone: no second fraction to pay for
        ("shuffled", "mixed"): [2, 2],
    }
    table = next(block for block in contrast_blocks(found) if block.kind == "table")
    assert {"mixed − strong", "mixed − shuffled"} <= {row["question"] for row in table.rows}
    (controls,) = (figure for figure in renders._forests(found) if figure.name == "controls")
    assert controls.height_in > 0.95 + 0.31 * 10
    said = answer.sentences(found)["Against the control"]
    assert said.startswith("With vgg16 at 50 % of the training photos, ")
    copied, *others = said.removesuffix(".").split("; against ")
    assert "training with copy-paste" in copied
    assert others[0].startswith("training with strong augmentation and all training photos F1 ")
    assert others[1].startswith("training with renders of shuffled masks F1 ")
    strong = families["strong", "mixed"][0]
    assert f"{strong.difference:+.3f} (95 % interval ".replace("-", "−") in others[0]


def test_without_copy_paste_strong_augmentation_is_the_control_and_shuffled_masks_are_none(
    tmp_path: Path, fake_study: Maker
) -> None:
    for kind, start in (("strong", "With vgg16 and all training photos, "), ("shuffled", "Whether renders beat ")):
        fake_study(tmp_path / kind, kinds=("real", "mixed", kind), backbones=("vgg16",), runs=2)
        said = answer.sentences(material(results.load(tmp_path / kind)))["Against the control"]
        assert said.startswith(start)
    assert "is not known: no such pair of runs is complete (trained: shuffled); against training with " in said


@pytest.mark.parametrize(("shift", "word"), [(120, "better"), (-120, "worse")])
def test_the_numbers_of_the_answer_are_those_of_the_pixels(
    tmp_path: Path, fake_study: Maker, shift: int, word: str
) -> None:
    fake_study(tmp_path, kinds=("real", "mixed"), backbones=("vgg16",), runs=3)
    means: dict[str, float] = {}
    for kind in ("real", "mixed"):
        f1 = []
        for run in range(3):
            path = tmp_path / "runs" / f"{kind}-vgg16-0{run}" / "per_image.csv"
            rows = [{**row} for row in csv.DictReader(path.read_text().splitlines())]
            for row in rows:
                tp, fp, fn = (int(row[name]) for name in ("tp", "fp", "fn"))
                moved = min(max(shift, -tp), fn) if kind == "mixed" else 0
                row |= {"tp": str(tp + moved), "fn": str(fn - moved)}
                f1.append(2 * (tp + moved) / (2 * (tp + moved) + fp + fn - moved))
            path.write_text("\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n")
        means[kind] = float(np.mean(f1))
    found = material(results.load(tmp_path))
    said = answer.sentences(found)["Renders"]
    gain = f"{means['mixed'] - means['real']:+.3f}".replace("-", "−")
    assert f"training with renders is {word} than training on photos alone: F1 {gain} (95 % interval " in said
    tiles = answer.tiles(found)
    assert [tile.number for tile in tiles] == [f"{gain} F1", f"{means['real']:.3f} F1"]
    assert tiles[0].verdict == word


def test_other_sets_have_families_of_the_same_cells(uneven: results.Results) -> None:
    families = Families(results=uneven, scores=uneven.across["elsewhere"], groups=None, score="f1")
    found = next(iter(families.contrasts.values()))
    assert [each.units for each in found] == [12, 12]
    assert found[0].unit == "photo"


def test_a_study_without_pairs_says_so(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=("vgg16",))
    found = material(results.load(tmp_path))
    assert not found.f1.contrasts
    assert not found.f1.backbones
    sentences = answer.sentences(found)
    assert "not known" in sentences["Renders"]
    assert "no other backbone has a complete run there" in sentences["Backbones"]


def test_where_renders_are_compared_the_answer_speaks_of_that_backbone(tmp_path: Path, fake_study: Maker) -> None:
    more = cells(("real",), (1.0,), ("mobilenet_v2",), 4)
    fake_study(tmp_path, kinds=("real", "mixed"), backbones=("vgg16",), runs=2, more=more)
    found = material(results.load(tmp_path))
    assert found.lead == "vgg16"
    assert answer.sentences(found)["Renders"].startswith("With vgg16 and all training photos, ")
    assert answer.tiles(found)[0].label == "Renders, at all training photos"


def test_without_photos_alone_no_sentence_speaks_of_them(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("copy-paste", "strong"), backbones=("vgg16", "resnet152"), runs=2)
    found = material(results.load(tmp_path))
    assert not found.on_photos_alone
    sentences = answer.sentences(found)
    assert sentences["Backbones"].startswith("In the arm copy-paste with all training photos ")
    assert "photos alone" not in sentences["Backbones"]
    assert [tile.label for tile in answer.tiles(found)] == ["Highest mean, arm copy-paste"]
    (text,) = (block.text for block in contrast_blocks(found) if block.kind == "text")
    assert text.startswith("Nothing is compared: at no backbone and part of the photos")


def test_an_arm_without_any_complete_run_is_not_said_to_be_absent(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=("vgg16",), without=tuple(f"mixed-vgg16-0{run}" for run in (0, 1)))
    found = material(results.load(tmp_path))
    headings = [block.text for block in contrast_blocks(found) if block.kind == "text"]
    assert headings[0] == "Do renders help? 1 compared: 1 not tested"
    fake_study(
        tmp_path / "none",
        backbones=("vgg16",),
        without=tuple(f"{arm}-vgg16-0{run}" for arm in ("real", "mixed") for run in (0, 1)),
    )
    headings = [
        block.text for block in contrast_blocks(material(results.load(tmp_path / "none"))) if block.kind == "text"
    ]
    assert headings == ["Do renders help? No run is complete yet"]
    assert answer.sentences(found)["All comparisons"] == "Renders are compared with photos alone nowhere here."


def test_cells_with_fewer_than_five_complete_runs_are_small(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=("vgg16",), runs=5, without=("real-vgg16-03",))
    assert any("1 of 1 cells have fewer than five complete" in line for line in unproven(results.load(tmp_path)))


def test_the_command_names_every_cell(uneven: results.Results) -> None:
    lines = command(uneven).splitlines()
    assert len(lines) == 2
    assert "--arms real mixed copy-paste --real-fractions 1 0.5 --backbones mobilenet_v2 --runs 3" in lines[0]
    assert "--arms real --real-fractions 1 --backbones resnet152 vgg16 --runs 2" in lines[1]
    assert all("--split split.json --across elsewhere --arms" in line for line in lines)
    again = replace(uneven, groups=None, config=replace(uneven.config, threads=4), across={"a": (), "b c": ()})
    assert "--split published --across a 'b c' --threads 4 --arms" in command(again)


def test_the_pareto_front_has_what_nothing_beats() -> None:
    assert pareto([(1, 0.5), (2, 0.6), (2, 0.55), (3, 0.6), (None, 0.9), (4, None)]) == {0, 1}
    assert pareto([(1, 0.5), (1, 0.5)]) == {0, 1}
    rng = np.random.default_rng(0)
    points = [(float(cost), float(score)) for cost, score in rng.random((30, 2))]
    best = pareto(points)
    for place, (cost, score) in enumerate(points):
        beaten = any(c < cost and s > score for c, s in points)
        assert (place in best) is not beaten
