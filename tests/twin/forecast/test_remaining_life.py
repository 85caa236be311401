import numpy as np
import pytest

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.forecast.remaining_life import interval_years, remaining_life_years, visual_years, years_until_below


def test_remaining_life() -> None:
    life = remaining_life_years([8.0, 6.0, 5.0, 8.0], 6.0, [0.1, 0.1, 0.1, 0.0])
    np.testing.assert_allclose(life, [20, 0, 0, np.inf])


def test_when_a_thickness_is_down_to_what_is_required() -> None:
    left = [[5.0, 4.0, 3.0], [8.0, 7.0, 5.0], [8.0, 8.0, 6.0], [8.0, 8.0, 7.0], [6.0, 6.0, 6.0]]
    np.testing.assert_allclose(years_until_below(left, 6.0, [0, 2, 6]), [0, 4, 6, np.inf, 0])
    np.testing.assert_allclose(years_until_below([[7.0], [5.0]], 6.0, [0]), [np.inf, 0])


@pytest.mark.parametrize(
    ("life", "rule", "expected"),
    [
        (30, "api510", 10),
        (16, "api510", 8),
        (4, "api510", 2),
        (3, "api510", 1.5),  # the code would allow 2, and 1.5 of 1.5: a permission for a person to use
        (1.5, "api510", 0.75),
        (0, "api510", 0),
        (np.inf, "api510", 10),
        (30, "api570-class1", 5),
        (3, "api570-class1", 1.5),
        (30, "api570-class2", 10),
        (12, "api570-class3", 6),
    ],
)
def test_interval(life: float, rule: str, expected: float) -> None:
    assert interval_years(life, rule) == expected


@pytest.mark.parametrize(
    ("life", "rule", "expected"),
    [(30, "api570-class1", 3), (30, "api570-class2", 3), (30, "api570-class3", 3), (5, "api570-class1", 2.5)],
)
def test_an_injection_point_is_measured_after_three_years(life: float, rule: str, expected: float) -> None:
    assert interval_years(life, rule, injection_point=True) == expected
    with pytest.raises(InputError, match="`injection_point` applies only to piping"):
        interval_years(life, "api510", injection_point=True)


@pytest.mark.parametrize(
    ("rule", "measured", "expected"),
    [
        ("api510", 10, 5),
        ("api510", 1.5, 1.5),
        ("api570-class1", 5, 5),
        ("api570-class2", 10, 5),
        ("api570-class3", 10, 10),
    ],
)
def test_a_look_from_outside_has_its_own_bound(rule: str, measured: float, expected: float) -> None:
    assert visual_years(measured, rule) == expected


def test_impossible_intervals_are_refused() -> None:
    with pytest.raises(InputError, match="api510"):
        interval_years(5, "api999")
    with pytest.raises(InputError, match="-1"):
        interval_years(-1, "api510")
    with pytest.raises(InputError, match="nan"):
        interval_years(float("nan"), "api510")
