"""What the answer says of arms without a test, of the controls, of pairs of backbones and of parts of the photos."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from matplotlib.figure import Figure as Canvas

from corrotwin.benchmarks.formatting.table import write
from corrotwin.benchmarks.report import gain_figures, words
from corrotwin.benchmarks.report.context import Material
from corrotwin.benchmarks.report.sections import answer, data, published
from corrotwin.benchmarks.report.sections.method import unproven
from corrotwin.benchmarks.report.sections.verdicts import backbone_table, contrast_blocks
from corrotwin.benchmarks.stats import comparison, subgroups
from corrotwin.benchmarks.study import results
from corrotwin.benchmarks.study.grid import cells
from corrotwin.segmentation.config import BACKBONES
from corrotwin.segmentation.data import leakage
from corrotwin.segmentation.data.leakage import Leaks, PartLeak

Maker = Callable[..., Any]
Study = Callable[..., Material]

FEW = "a test needs 3 runs that both arms have"
MORE = "Ten runs find much smaller differences."


@pytest.fixture
def study(tmp_path: Path, fake_study: Maker) -> Study:
    """The maker of studies of photographs, of one backbone at all photos unless told otherwise."""

    def make(
        *kinds: str, is_raised: bool = False, real_fractions: Sequence[float] = (1.0,),
        backbones: Sequence[str] = ("vgg16",), runs: int = 3, **more: Any,
    ) -> Material:  # fmt: skip
        fake_study(
            tmp_path / "study", profile="small", data=tmp_path / "photos", kinds=kinds, real_fractions=real_fractions,
            backbones=backbones, runs=runs, **more,
        )  # fmt: skip
        if is_raised:
            for path in (tmp_path / "study" / "runs").glob("mixed-*/per_image.csv"):
                raise_counts(path)
        found = results.load(tmp_path / "study")
        return Material(
            results=found, photos={}, photos_absent="absent", dataset=None, renders=None, renders_absent="absent"
        )

    return make


def raise_counts(path: Path) -> None:
    """Turn missed pixels of a run into found ones, so that its arm is better than all others."""
    rows = [{**row} for row in csv.DictReader(path.read_text().splitlines())]
    for row in rows:
        moved = min(120, int(row["fn"]))
        row |= {"tp": str(int(row["tp"]) + moved), "fn": str(int(row["fn"]) - moved)}
    path.write_text("\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n")


def difference(found: Material, base: str, kind: str, fraction: float) -> str:
    (each,) = (each for each in found.f1.contrast(base, kind) if found.f1.real_fraction(each) == fraction)
    return write(each.difference or 0, "+.3f")


def test_an_arm_without_renders_is_not_said_to_need_more_runs(study: Study) -> None:
    found = study("real", "copy-paste", "strong")
    arms, *_ = answer.sentences(found)
    assert arms.startswith(
        "No arm of this study trains on renders. At all training photos, compared with photos alone, "
    )
    assert "photos alone, copy-paste of the same photos is " in arms
    assert "; at all training photos, compared with photos alone, stronger augmentation of the same photos is " in arms
    assert f"({difference(found, 'real', 'copy-paste', 1)}); " in arms
    assert "runs" not in arms


def test_photos_of_one_spot_are_the_reason_where_they_are(study: Study) -> None:
    found = study("real", "mixed", spot_size=40)
    arms, *_ = answer.sentences(found)
    assert arms == ("Whether renders help is not tested: all test photos show one spot, and a test needs at least two.")


def test_complete_runs_with_too_few_numbers_in_common_are_not_called_too_few(study: Study) -> None:
    found = study("real", "mixed", runs=4, without=("real-vgg16-00", "mixed-vgg16-01"))
    assert [len(found.cell(arm, "vgg16")) for arm in ("real", "mixed")] == [3, 3]
    arms, *_ = answer.sentences(found)
    assert arms == f"Whether renders help is not tested: {FEW}. {MORE}"
    (text,) = (block.text for block in contrast_blocks(found) if block.kind == "text")
    assert text == f"No difference is tested: {FEW}."


def test_renders_without_an_arm_of_photos_alone_are_told_beside_the_controls(study: Study) -> None:
    found = study("mixed", "copy-paste")
    arms, *_ = answer.sentences(found)
    assert arms.startswith(
        "Renders are not compared with photos alone: no backbone has the arms real and mixed at the same part of the "
        "photos. At all training photos, compared with copy-paste of the same photos, renders are "
    )


def test_a_test_of_another_backbone_is_not_denied(study: Study) -> None:
    gone = [f"mixed-vgg16-0{run}" for run in (2, 3, 4)]
    found = study("real", "mixed", runs=5, without=gone, more=cells(("real", "mixed"), (1.0,), ("mobilenet_v2",), 3))
    assert found.lead == "vgg16"
    arms, *_ = answer.sentences(found)
    assert arms == f"Whether renders help is not tested with vgg16: {FEW}. {MORE}"


CONTROLS = ("real", "mixed", "copy-paste", "strong")


def test_each_control_is_told_by_its_first_test_and_at_its_own_part_of_the_photos(study: Study) -> None:
    found = study(
        *CONTROLS, is_raised=True, real_fractions=(0.5, 1.0), without=("copy-paste-50pct-vgg16-02",)
    )  # fmt: skip
    _, step, _ = answer.sentences(found)
    assert step == (
        "At all training photos, compared with copy-paste of the same photos, renders are better "
        f"({difference(found, 'copy-paste', 'mixed', 1)}); at 50 % of the training photos, compared with stronger "
        f"augmentation of the same photos, renders are better ({difference(found, 'strong', 'mixed', 0.5)})."
    )


@pytest.mark.parametrize(
    ("kinds", "more", "text"),
    [
        (CONTROLS, {"without": ("copy-paste-vgg16-02", "strong-vgg16-00", "strong-vgg16-01")},
         f"The controls have too few runs for a test: {FEW}."),
        (("real", "mixed"), {"more": cells(("strong",), (1.0,), ("resnet152",), 2)},
         "No control was trained with vgg16 on the same part of the photos as the renders."),
        (("real", "mixed"), {},
         "No control was trained: add --arms copy-paste strong to see whether renders do more than stronger "
         "augmentation does."),
    ],
    ids=["untested", "of another backbone", "none"],
)  # fmt: skip
def test_controls_that_were_trained_are_not_said_to_be_absent(
    study: Study, kinds: tuple[str, ...], more: dict[str, Any], text: str
) -> None:
    found = study(*kinds, is_raised=True, **more)
    _, step, _ = answer.sentences(found)
    assert step == text


def test_a_part_of_the_photos_alone_is_not_the_papers_arm(study: Study) -> None:
    found = study("real", "mixed", real_fractions=(0.1,), backbones=BACKBONES, runs=2)
    assert found.reference == "real-10pct"
    _, best, basis = answer.sentences(found)
    assert " has the highest mean F1 with 10 % of the photos alone: " in best
    assert " and 10 % of the photos alone, 2 runs reach F1 " in basis
    intro = published.section(found, lambda *_: SimpleNamespace(**dict.fromkeys(SIZES, 1))).blocks[0]
    assert "arm real-10pct, which trains on 10 % of the photos alone, unlike the paper. " in intro.text
    assert "as in the paper" not in intro.text


SIZES = ("encoder_params", "unet_params", "depth", "encoder_gmacs", "unet_gmacs")


def test_all_photos_alone_are_the_papers_arm(study: Study) -> None:
    said = words.line("paper", "intro", citation="", study=study("real", "mixed", real_fractions=(0.1, 1.0)))
    assert "from arm real, which trains on photos alone, as in the paper. " in said


def pairs(*verdicts: str) -> list[Any]:
    return [
        SimpleNamespace(first=f"a{place}", second=f"b{place}", p=None if each == "untested" else 0.5, verdict=each)
        for place, each in enumerate(verdicts)
    ]


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        (["unsettled"], "a0 and b0 are not shown to differ."),
        (["worse"], "b0 is worse than a0."),
        (["unsettled"] * 3, "None of the 3 pairs of backbones is shown to differ."),
        (["better", "equal", "equal"], "1 of the 3 pairs of backbones differs: b0 is better than a0."),
        (["better", "worse", "equal"],
         "2 of the 3 pairs of backbones differ: b0 is better than a0; b1 is worse than a1."),
        (["unsettled", "untested", "untested"],
         "Of 3 pairs of backbones, 1 was tested; it is not shown to differ."),
        (["better", "untested", "untested"],
         "Of 3 pairs of backbones, 1 was tested; it differs: b0 is better than a0."),
        (["unsettled", "equal", "untested"],
         "Of 3 pairs of backbones, 2 were tested; none of them is shown to differ."),
        (["better", "equal", "untested"],
         "Of 3 pairs of backbones, 2 were tested; 1 of them differs: b0 is better than a0."),
        (["untested"], ""),
    ],
)  # fmt: skip
def test_pairs_of_backbones_have_their_number_and_those_without_a_test(verdicts: list[str], text: str) -> None:
    assert words.line("answer", "backbones", study=None, pairs=pairs(*verdicts), ranked=[]) == text


def test_the_answer_counts_the_pairs_without_a_test(study: Study) -> None:
    found = study("real", backbones=("vgg16", "resnet152", "mobilenet_v2"), without=("real-mobilenet_v2-01",))
    _, said, _ = answer.sentences(found)
    assert said.startswith("Of 3 pairs of backbones, 1 was tested; it ")


def more_runs(block: Any) -> list[str]:
    place = [column.heading for column in block.columns].index("More runs for 0.02")
    return [line[place] for line in block.cells]


def test_a_dash_is_no_number_of_runs_that_would_not_do(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "TARGET", 0)  # so that the runs at hand never suffice
    monkeypatch.setattr(comparison, "more_runs", lambda contrast, *_: None)
    found = study(
        "real", "mixed", real_fractions=(0.5, 1.0), backbones=("vgg16", "resnet152"), runs=4,
        without=("mixed-50pct-vgg16-00", "mixed-50pct-vgg16-01", "mixed-vgg16-01"),
    )  # fmt: skip
    (arms,) = contrast_blocks(found)
    assert [(row["fraction"], row["backbone"]) for row in arms.rows[:2]] == [(0.5, "resnet152"), (0.5, "vgg16")]
    assert more_runs(arms) == ["over 100", "–", "over 100", "over 100"]
    assert (
        "over 100: that many would not; a dash: not worked out (no test, or unequal numbers of runs)" in arms.notes[0]
    )
    (of_backbones,) = backbone_table(found)
    at = {row["arm"]: said for row, said in zip(of_backbones.rows, more_runs(of_backbones), strict=True)}
    assert at == {"real": "over 100", "mixed": "–", "real-50pct": "over 100", "mixed-50pct": "–"}
    assert any(note.endswith("a test needs 3 complete runs of each backbone.") for note in of_backbones.notes)


def test_quarters_of_the_photos_end_at_100_percent_and_not_at_a_power_of_ten(study: Study) -> None:
    found = study("real", "mixed")
    (each,) = found.f1.contrast("real", "mixed")
    quarter = subgroups.Gain(floor=0.00001, ceiling=0.998, photos=3, units=3, runs=3, difference=0, low=None, high=None)
    figure = gain_figures.by_property(found, {(each, key): [quarter] for key in subgroups.PROPERTIES})
    drawn = Canvas()
    figure.draw(drawn)
    assert drawn.axes[0].get_xticklabels()[0].get_text() == "0.001 to\n100 %"


def test_leaked_photos_are_counted_without_powers_of_ten(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaks(count: int) -> Leaks:
        part = PartLeak(photos=1200, leaked=(("a", "b"),) * count)
        return Leaks(valid=part, test=part, split_groups=count)

    def report(dataset: Any, split: Any) -> Any:
        both = (leaks(1070), leaks(1071))
        return SimpleNamespace(leaks=both[0], copies=leaks(0), own=None, published=both)

    monkeypatch.setattr(leakage, "report", report)
    monkeypatch.setattr(data.photo_groups, "group_by_name", lambda dataset: None)
    found = SimpleNamespace(dataset="photos", results=SimpleNamespace(groups=None), table=study("real").table)
    *_, table = data._leaks(found, SimpleNamespace(how="grouped"))  # type: ignore[arg-type]
    assert [line[1:] for line in table.cells] == [
        ["1,070", "1,200", "1,070", "1,200", "1,070"], ["0", "1,200", "0", "1,200", "0"],
        ["1,070.5", "1,200", "1,070.5", "1,200", "1,070.5"],
    ]  # fmt: skip


def test_the_papers_photos_are_known_and_their_split_is_not(study: Study) -> None:
    said = next(line for line in unproven(study("real").results) if line.startswith("The paper's numbers"))
    assert said.startswith("The paper's numbers: its split of the photos, batch size,")
