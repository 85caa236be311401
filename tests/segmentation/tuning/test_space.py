from dataclasses import replace

from corrotwin.segmentation.arms import REAL
from corrotwin.segmentation.config import configure
from corrotwin.segmentation.tuning.space import SearchSpace, trial_config

SPACE = SearchSpace(learning_rate=(1e-4, 1e-2), batch_size=(4, 8), augmentation=("standard", "strong"))
BASE = configure("quick", backbone="mobilenet_v2", arm=REAL, seed=3, size=32, epochs=3, threads=1)


def test_a_trial_is_drawn_from_its_number_alone() -> None:
    draws = [SPACE.draw(5, number) for number in range(60)]
    assert draws[:7] == [SPACE.draw(5, number) for number in range(7)]
    assert draws[0] != SPACE.draw(6, 0)
    rates = sorted(each["learning_rate"] for each in draws)
    assert 1e-4 <= rates[0] < 3e-4
    assert 3e-3 < rates[-1] <= 1e-2
    assert 0.3e-3 < rates[30] < 3e-3  # the middle of the logarithms is 1e-3
    assert {each["batch_size"] for each in draws} == {4, 8}
    assert {each["augmentation"] for each in draws} == {"standard", "strong"}
    assert all(each["render_share"] == 0 and each["render_count"] is None for each in draws)


def test_values_become_a_run() -> None:
    space = SearchSpace(
        learning_rate=(1e-3, 1e-3), batch_size=(8,), augmentation=("strong",), render_share=(0.2, 0.4),
        render_count=(30, 60),
    )  # fmt: skip
    assert space.varies() == ("render_share", "render_count")
    config = trial_config(BASE, space.draw(0, 1))
    assert config.arm.name == "mixed"
    assert config.arm.render_count in (30, 60)
    assert 0.2 <= config.arm.render_share <= 0.4
    plain = trial_config(BASE, {**space.draw(0, 1), "render_share": 0.0})
    assert (plain.arm.name, plain.arm.render_count, plain.arm.augmentation) == ("real", None, "strong")


def test_rounding_leaves_no_range() -> None:
    space = replace(SPACE, learning_rate=(1.2345e-4, 1.2349e-4), render_share=(0.33333, 0.33333))
    assert space.rounded({"learning_rate": 1.2346e-4, "render_share": 0.33333}) == {
        "learning_rate": 1.2345e-4, "render_share": 0.33333,
    }  # fmt: skip
    assert space.rounded({"learning_rate": 1.2346e-4, "render_share": 0.5})["render_share"] == 0.33333
    assert all(1.2345e-4 <= space.draw(0, number)["learning_rate"] <= 1.2349e-4 for number in range(20))
    assert SPACE.rounded({"learning_rate": 1.23456e-3, "render_share": 0.0})["learning_rate"] == 1.23e-3
