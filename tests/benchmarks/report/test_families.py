import csv
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas

from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.formatting.table import write
from corrotwin.benchmarks.report import gain_figures, words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.families import Families
from corrotwin.benchmarks.report.sections import answer, published, renders
from corrotwin.benchmarks.report.sections.cost import pareto
from corrotwin.benchmarks.report.sections.method import command, facts, unproven
from corrotwin.benchmarks.report.sections.verdicts import contrast_blocks, reasons
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.study.config import choose
from corrotwin.benchmarks.study.grid import cells
from corrotwin.segmentation.config import DEFAULT_BACKBONE, PROFILES

Maker = Callable[..., Any]
TWO = ("resnet152", "vgg16")


def material(found: results.Results) -> Material:
    return Material(
        results=found, photos={}, photos_absent="absent", dataset=None, renders=None, renders_absent="absent"
    )


@pytest.fixture
def uneven(tmp_path: Path, fake_study: Maker) -> results.Results:
    fake_study(
        tmp_path / "study", kinds=("real", "mixed", "copy-paste"), real_fractions=(0.5, 1.0),
        backbones=("mobilenet_v2",), runs=4,
        more=cells(("real",), (1.0,), ("resnet152", "vgg16"), 3), spot_size=2, across=("elsewhere",),
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
    assert [each.runs for each in found["real", "mixed"]] == [(4, 4), (3, 3)]
    assert list(families.backbones) == ["real"]
    assert len(families.backbones["real"]) == 3


def test_the_answer_is_three_sentences_and_one_figure(uneven: results.Results) -> None:
    found = material(replace(uneven, config=replace(uneven.config, profile="small")))
    renders_, step, basis = answer.sentences(found)
    for each, of in zip(found.f1.contrast("real", "mixed"), ("50 % of the training", "all training"), strict=True):
        assert f"at {of} photos (" in renders_
        assert write(each.difference, "+.3f") in renders_
        assert write(each.low, "+.3f") in renders_
    assert step.endswith(("four times in five.", "test on more.")) or "copy-paste" in step
    assert basis.startswith("With mobilenet_v2 and photos alone, 4 runs reach F1 ")
    part = answer.section(found)
    assert [block.kind for block in part.blocks] == ["text"] * 5 + ["figure"]
    assert [block.warning for block in part.blocks if block.kind == "text"] == [True, True, False, False, False]
    assert part.blocks[1].text.startswith("1 of 30 runs are missing")
    assert [figure.name for figure in part.figures] == ["gains"]


VERDICTS = {
    "better": "Renders raise F1 at all training photos (+0.050, 95 % interval +0.040 to +0.060).",
    "worse": "Renders lower F1 at all training photos (−0.050, 95 % interval −0.060 to −0.040).",
    "equal": "Renders change F1 by less than 0.01 at all training photos (+0.001, 95 % interval −0.001 to +0.003).",
    "unsettled": "Whether renders help is not settled at all training photos (F1 +0.020, 95 % interval −0.010 to "
    "+0.050).",
}


@pytest.mark.parametrize(
    ("verdict", "values", "equal_p"),
    [
        ("better", (0.05, 0.04, 0.06, 0.001), 1.0), ("worse", (-0.05, -0.06, -0.04, 0.001), 1.0),
        ("equal", (0.001, -0.001, 0.003, 0.6), 0.01), ("unsettled", (0.02, -0.01, 0.05, 0.2), 0.8),
    ],
)  # fmt: skip
def test_each_verdict_has_its_sentence(
    uneven: results.Results, verdict: str, values: tuple[float, ...], equal_p: float
) -> None:
    found = material(uneven)
    whole = found.f1.contrast("real", "mixed")[1]
    difference, low, high, p = values
    each = replace(whole, difference=difference, low=low, high=high, p=p, equal_p=equal_p)
    assert each.verdict == verdict
    assert words.line("answer", "renders", study=found, tested=[each]) == VERDICTS[verdict]
    step = words.line("answer", "next_step", study=found, tested=[each], controls=[], held=[], reasons=reasons)
    assert step.startswith("No control was trained with ") if verdict == "better" else "control" not in step


def test_better_renders_are_held_against_the_controls(uneven: results.Results) -> None:
    found = material(uneven)
    gain, control = found.f1.contrast("real", "mixed")[1], found.f1.contrast("copy-paste", "mixed")[1]
    better = replace(gain, difference=0.05, p=0.001)
    step = words.line("answer", "next_step", study=found, tested=[better], controls=[control], held=[], reasons=reasons)
    assert step.startswith("At all training photos, compared with copy-paste of the same photos, renders are ")
    assert f"({write(control.difference, '+.3f')})." in step


def test_two_runs_show_means_and_no_test(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(
        tmp_path, profile="small", data=tmp_path / "photos", kinds=("real", "mixed"), real_fractions=(1.0,),
        backbones=TWO, runs=2,
    )  # fmt: skip
    found = material(results.load(tmp_path))
    untested, best, basis = answer.sentences(found)
    assert untested.startswith("Whether renders help is not tested: a test needs 3 runs that both arms have. Ten ")
    assert best.startswith(f"{answer.ranked(found)[0].backbone} has the highest mean F1 with photos alone: ")
    assert basis.startswith("With ")
    (figure,) = answer.section(found).figures
    assert figure.name == "each-run"
    drawn = Canvas()
    figure.draw(drawn)
    assert len(drawn.axes[0].get_yticks()) == 4
    part = renders.section(found)
    assert [table.name for table in part.tables] == ["scores"]
    assert part.figures == ()


def test_a_smoke_run_shows_no_score_but_of_a_pretrained_network(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=TWO)
    found = material(results.load(tmp_path))
    assert answer.sentences(found) == ("For an answer, run the profile small on photos.",)
    assert answer.section(found).figures == ()
    assert "Initial weights: random." in found.results.label
    others = ("vgg16", "resnet18", DEFAULT_BACKBONE)
    fake_study(tmp_path / "pretrained", backbones=others)
    found = material(results.load(tmp_path / "pretrained"))
    assert found.results.smoke_backbones == ("vgg16", "resnet18")
    score, _ = answer.sentences(found)
    assert score.startswith(f"{DEFAULT_BACKBONE} with ImageNet weights reaches F1 0.")
    assert found.lead == DEFAULT_BACKBONE
    assert replace(found, results=replace(found.results, scores=())).lead in others
    assert f"Initial weights: ImageNet for {DEFAULT_BACKBONE}, else random." in found.results.label


def test_the_method_states_first_weights_and_epochs_of_each_backbone(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=("vgg16", DEFAULT_BACKBONE))
    training = facts(results.load(tmp_path))["Training"]
    assert not {"epochs", "encoder weights"} & training.keys()
    usual = PROFILES["quick"]["epochs"]
    pretrained = choose("quick").grid[f"real-{DEFAULT_BACKBONE}-00"]
    assert pretrained.epochs > usual
    assert training["initial weights and epochs"] == (
        f"vgg16: random, {usual} epochs; {DEFAULT_BACKBONE}: ImageNet, {pretrained.epochs} epochs"
    )
    assert training["size"] == str(PROFILES["quick"]["size"])


def test_one_backbone_has_no_tables_of_pairs_and_the_paper_takes_its_four(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real", "mixed"), backbones=("vgg16",), runs=3)
    part = published.section(material(results.load(tmp_path)), lambda *_: pytest.fail("not needed"))
    (block,) = part.blocks
    assert block.text.endswith("so it cannot be compared with the paper, whose tables need all four.")
    assert "no resnet152, inceptionv4 or mobilenet_v2" in block.text


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
    (controls,) = gain_figures.controls(found)
    assert controls.height_in > 0.95 + 0.31 * 10


@pytest.mark.parametrize(("shift", "word"), [(120, "better"), (-120, "worse")])
def test_the_numbers_of_the_answer_are_those_of_the_pixels(
    tmp_path: Path, fake_study: Maker, shift: int, word: str
) -> None:
    fake_study(
        tmp_path, profile="small", data=tmp_path / "photos", kinds=("real", "mixed"), real_fractions=(1.0,),
        backbones=("vgg16",), runs=3,
    )  # fmt: skip  # fmt: skip
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
    gain = f"{means['mixed'] - means['real']:+.3f}".replace("-", "−")
    verb = {"better": "raise", "worse": "lower"}[word]
    assert answer.sentences(found)[0].startswith(f"Renders {verb} F1 at all training photos ({gain}, 95 % interval ")


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
    assert answer.sentences(found) == ("For an answer, run the profile small on photos.",)


def test_where_renders_are_compared_the_answer_speaks_of_that_backbone(tmp_path: Path, fake_study: Maker) -> None:
    more = cells(("real",), (1.0,), ("mobilenet_v2",), 4)
    fake_study(
        tmp_path, profile="small", data=tmp_path / "photos", kinds=("real", "mixed"), real_fractions=(1.0,),
        backbones=("vgg16",), runs=3, more=more,
    )  # fmt: skip
    found = material(results.load(tmp_path))
    assert found.lead == "vgg16"
    assert [each.backbone for each in answer.of_lead(found, "real", "mixed")] == ["vgg16"]


def test_without_photos_alone_no_sentence_speaks_of_them(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(
        tmp_path, profile="small", data=tmp_path / "photos", kinds=("copy-paste", "strong"), real_fractions=(1.0,),
        backbones=TWO, runs=3,
    )  # fmt: skip
    found = material(results.load(tmp_path))
    assert not found.on_photos_alone
    arms, pairs, basis = answer.sentences(found)
    assert arms == "No arm of this study trains on renders."
    assert pairs in ("resnet152 and vgg16 are not shown to differ.", "vgg16 is better than resnet152.")
    assert "and arm copy-paste, 3 runs reach F1 " in basis
    assert "photos alone" not in pairs + basis
    (text,) = (block.text for block in contrast_blocks(found) if block.kind == "text")
    assert text.startswith("Nothing is compared: at no part of the photos does a backbone")


def test_an_arm_without_any_complete_run_is_not_said_to_be_absent(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, backbones=("vgg16",), without=tuple(f"mixed-vgg16-0{run}" for run in (0, 1)))
    (text,) = (block.text for block in contrast_blocks(material(results.load(tmp_path))))
    assert text == "No difference is tested: a test needs 3 runs that both arms have."


def test_cells_with_fewer_than_five_complete_runs_are_small(tmp_path: Path, fake_study: Maker) -> None:
    fake_study(tmp_path, kinds=("real",), backbones=("vgg16",), runs=5, without=("real-vgg16-03",))
    assert any("1 of 1 cells have fewer than five complete" in line for line in unproven(results.load(tmp_path)))


def test_the_command_names_every_cell(uneven: results.Results) -> None:
    lines = command(uneven).splitlines()
    assert len(lines) == 2
    assert "--arms real mixed copy-paste --real-fractions 1 0.5 --backbones mobilenet_v2 --runs 4" in lines[0]
    assert "--arms real --real-fractions 1 --backbones resnet152 vgg16 --runs 3" in lines[1]
    assert all("--split split.json --across elsewhere --arms" in line for line in lines)
    again = replace(uneven, groups=None, config=replace(uneven.config, threads=4), across={"a": (), "b c": ()})
    assert "--split published --across a 'b c' --threads 4 --arms" in command(again)


def test_a_study_of_another_seed_is_made_again_in_python(uneven: results.Results) -> None:
    data = {**uneven.manifest["data"], "folder": "photos", "name": "my photos", "classes": ["rust", "Bob's"]}
    manifest = {**uneven.manifest, "data": data}
    config = replace(uneven.config, seed=5, changes={"size": 64, "encoder_weights": None})
    first, second = command(replace(uneven, config=config, manifest=manifest)).splitlines()
    program, flag, script = shlex.split(first)
    assert (program, flag) == ("python", "-c")
    assert script == (
        'import corrotwin as ct; ct.study(ct.Dataset("my photos", classes=["rust", "Bob\'s"], split="split.json"), '
        'profile="quick", across=["elsewhere"], size=64, encoder_weights=None, arms=["real", "mixed", "copy-paste"], '
        'real_fractions=[1, 0.5], backbones=["mobilenet_v2"], runs=4, out="STUDY", seed=5)'
    )
    compile(script, "script", "exec")
    assert 'arms=["real"], real_fractions=[1], backbones=["resnet152", "vgg16"], runs=3, out="STUDY", seed=5)' in second
    assert 'ct.study(profile="quick", across=' in command(replace(uneven, config=config))  # of a stand-in
    assert "ct." not in command(uneven)
    of_seed_5 = {**uneven.manifest, "split": {**uneven.manifest["split"], "how": "published", "seed": 5}}
    assert "--split split.json" in command(replace(uneven, groups=None, manifest=of_seed_5))


def test_the_pareto_front_has_what_nothing_beats() -> None:
    assert pareto([(1, 0.5), (2, 0.6), (2, 0.55), (3, 0.6), (None, 0.9), (4, None)]) == {0, 1}
    assert pareto([(1, 0.5), (1, 0.5)]) == {0, 1}
    rng = np.random.default_rng(0)
    points = [(float(cost), float(score)) for cost, score in rng.random((30, 2))]
    best = pareto(points)
    for place, (cost, score) in enumerate(points):
        beaten = any(c < cost and s > score for c, s in points)
        assert (place in best) is not beaten


def test_the_method_states_the_draws_of_the_renders_or_that_all_runs_share_one(uneven: results.Results) -> None:
    assert facts(uneven)["Renders for training"]["draws"] == "none: all runs share all renders"
    assert any(line.startswith("Other draws of the renders: all runs share one") for line in unproven(uneven))
    dealt = [{"digest": f"{number}", "images": 120 - number % 2} for number in range(4)]
    renders = {**uneven.manifest["renders"], "plan": None, "draws": dealt}
    drawn = replace(uneven, manifest={**uneven.manifest, "renders": renders})
    assert facts(drawn)["Renders for training"]["draws"] == "4 of 119 to 120 renders, one for each run"
    assert not any(line.startswith("Other draws") for line in unproven(drawn))
    assert "--renders renders --renders-per-run 120 " in command(drawn)
    assert "--renders-per-run" not in command(uneven)


def test_backbones_beyond_the_paper_are_drawn_apart() -> None:
    names = ("vgg16", "resnet34", "tu-tf_efficientnet_lite0", "tu-tf_efficientnet_lite1")
    looks = [style.look(name, names) for name in names]
    assert looks[0] == style.LOOKS["vgg16"]
    assert len({(each.color, each.marker, str(each.dash)) for each in looks}) == len(names)
