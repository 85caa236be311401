"""The study of a render's settings and the screen of renders: arms, table of pairs, what is refused."""

from pathlib import Path

import pytest

from corrotwin.twin.core.errors import InputError
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 15}, "a multiple of 10"),
        ({"seeds": 0}, "at least 1"),
        ({"renders": ()}, "at least one folder"),
        ({"data": (Path("a/set"), Path("b/set"))}, "the same name"),
    ],
)
def test_a_screen_that_would_say_nothing_is_refused(given: dict[str, object], said: str, tmp_path: Path) -> None:
    usual = {"renders": (tmp_path / "one",), "data": (tmp_path / "set",), "out": tmp_path / "out"}
    with pytest.raises(InputError, match=said):
        renders_alone.screen(**{**usual, **given})
    assert not (tmp_path / "out").exists()
