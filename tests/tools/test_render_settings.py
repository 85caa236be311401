"""The study of a render's settings: its arms and its table of pairs."""

from tools import render_settings, renders_alone


def test_all_arms_are_held_against_the_settings_of_before() -> None:
    assert next(iter(render_settings.ARMS.values())) == (8, 2)
    assert len(set(render_settings.ARMS.values())) == len(render_settings.ARMS)


def test_differences_are_those_of_pairs_of_one_seed() -> None:
    scores = {
        "first": {0: {"bridges": 0.5, "painted": 0.3}, 1: {"bridges": 0.6, "painted": 0.5}},
        "second": {1: {"bridges": 0.58, "painted": 0.52}, 0: {"bridges": 0.52, "painted": 0.28}},
        "third": {0: {"bridges": 0.7, "painted": 0.3}},
    }
    rows = renders_alone.table(scores).splitlines()
    assert rows[2] == "| first | 2 | 0.550 |  | 0.400 |  |"
    assert rows[3] == "| second | 2 | 0.550 | +0.000 ± 0.020 | 0.400 | +0.000 ± 0.020 |"
    assert rows[4] == "| third | 1 | 0.700 | +0.200 | 0.300 | +0.000 |"
    assert {row.count("|") for row in rows} == {7}
