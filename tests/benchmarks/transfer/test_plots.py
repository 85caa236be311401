"""The figure of the arms of a transfer folder."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.stats.crossed_effects import FloatArray
from corrotwin.benchmarks.transfer.plots import ALONE, ladder
from corrotwin.benchmarks.transfer.protocol import Mix, ProtocolSettings
from corrotwin.benchmarks.transfer.targets import ArmResults


def drawn(arms: dict[str, list[float]], wanted: dict[str, float], **settings: Any) -> str:
    """The figure of arms whose runs have these means, as SVG."""
    results = judged({arm: np.outer(runs, [0.5, 1.5]) for arm, runs in arms.items()}, wanted)
    figure = ladder("name", results, "yard: 4 photos, 2 spots; $renders$.", ProtocolSettings(**settings))
    return style.files(figure)["svg"].decode()


def judged(arms: Mapping[str, FloatArray], wanted: Mapping[str, float] = MappingProxyType({})) -> ArmResults:
    return ArmResults(arms=arms, comparisons=(), goals=(), wanted=wanted, photos=4, units=2, unit="spot")


def words(arms: dict[str, list[float]], **settings: Any) -> list[str]:
    """What stands in it, without the numbers of the axis."""
    found = re.findall(r"<text [^>]*>(.*?)</text>", drawn(arms, {}, **settings))
    return [each for each in found if not re.fullmatch(r"0\.\d\d?", each)]


def test_arms_stand_by_their_photos_each_with_the_mean_of_its_runs() -> None:
    found = words({
        "real": [0.61, 0.63], "real-10pct": [0.4, 0.41], "mixed50": [0.64, 0.644], "renders": [0.5, 0.524],
        "mixed50-10pct": [0.55, 0.562], "copy-paste-10pct": [0.45, 0.458], "shuffled-mixed50-10pct": [0.3, 0.33],
    })  # fmt: skip
    labels = ["renders, no photo", "10 % photos", "10 % + 50 % renders", "10 % + copy-paste", "10 % + shuffled masks"]
    labels += ["all photos", "all + 50 % renders"]
    means = ["0.512", "0.405", "0.556", "0.454", "0.315", "0.620", "0.642"]
    start = found.index(labels[0])
    assert found[start : start + 14] == labels + means
    foot = " ".join(found[start + 14 :])
    assert foot.startswith("yard: 4 photos, 2 spots; $renders$. Each dash is a run (2 an arm)")


def test_another_mix_is_called_by_its_name_and_the_first_so_many_renders_say_how_many() -> None:
    other = Mix(copy_paste=True).name
    found = words({"renders (first 100)": [0.4], "renders": [0.5], f"{other}-10pct": [0.6], f"shuffled-{other}": [0.3]})
    for label in ("renders, no photo (first 100)", f"10 % + {other}", "all + shuffled masks", "renders, no photo"):
        assert label in found


def test_a_fitted_preset_and_another_number_of_steps_are_said_in_words() -> None:
    found = words({"real-10pct": [0.4], "real-10pct-1000-steps": [0.45], "fitted-mixed50-10pct": [0.6], "real": [0.7]})
    labels = ["10 % photos", "10 % photos, 1000 steps", "10 % + renders of a fitted preset", "all photos"]
    start = found.index(labels[0])
    assert found[start : start + 4] == labels


def test_the_arm_in_which_all_photos_of_a_redraw_have_labels_says_how_many_they_are() -> None:
    arms = {"real-10pct": [0.4], "real-50pct": [0.6], "real": [0.7]}
    found = words(arms, unlabelled=0.4)
    start = found.index("10 % photos")
    assert found[start : start + 3] == ["10 % photos", "50 % photos", "all photos"]
    assert ALONE not in drawn(arms, {}, unlabelled=0.4)  # the colour of renders without photos


def test_a_redraw_stands_where_it_would_with_the_spots_that_it_does_not_test() -> None:
    whole = np.array([0.5, 0.55, 0.6])[:, None] + np.array([-0.3, 0.0, 0.1, 0.2])
    left = whole.copy()
    left[0, 0] = left[1, 2] = left[2, 3] = np.nan
    one, other = (
        style.files(ladder("name", judged({"real-10pct": each}), "yard", ProtocolSettings()))["svg"]
        for each in (whole, left)
    )
    assert one == other


def test_what_an_arm_should_reach_is_a_mark_of_its_own() -> None:
    arms = {"real": [0.6, 0.62], "renders": [0.5, 0.52]}
    marks = [drawn(arms, wanted).count("<use ") for wanted in ({}, {"renders": 0.58})]
    assert marks[1] == marks[0] + 1
