"""Parameters held against their limits."""

from typing import Any

import numpy as np
import pytest

from corrotwin.twin.core.arguments import check_choices, check_numbers, checked, renaming
from corrotwin.twin.core.errors import InputError


@pytest.mark.parametrize("value", [0.3, 5, 20.0])
def test_a_number_within_its_limits_passes(value: float) -> None:
    check_numbers("beam", length_m=(value, 0.3, 20), stiffeners=(2.0, range(3)))


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ((float("nan"), 0.3, 20), "beam length_m nan: give 0.3 to 20 m"),
        ((20.1, 0.3, 20), "beam length_m 20.1: give 0.3 to 20 m"),
        (("long", 0.3, 20), "beam length_m long: give 0.3 to 20 m"),
        ((1.0, 1.23456789, 20), "beam length_m 1.0: give 1.23457 to 20 m"),
        ((3.0, 0.1, 2.3456789), "beam length_m 3.0: give 0.1 to 2.3456789 m"),  # 2.34568 would be refused again
        ((0.5, range(2**32)), "beam length_m 0.5: give a whole number from 0 to 4294967295"),
        ((float("inf"), range(3)), "beam length_m inf: give a whole number from 0 to 2"),
        (("two", range(3)), "beam length_m two: give a whole number from 0 to 2"),
    ],
)
def test_a_number_beyond_them_is_refused_with_what_to_give(limit: tuple[float, float, float], said: str) -> None:
    with pytest.raises(InputError) as refused:
        check_numbers("beam", length_m=limit)
    assert str(refused.value) == said


def test_a_word_that_is_no_choice_is_refused() -> None:
    check_choices("beam", stance=("column", ("beam", "column")))
    with pytest.raises(InputError, match=r"^beam stance 'leaning': choose from beam, column$"):
        check_choices("beam", joint=("none", {"none": 1}), stance=("leaning", ("beam", "column")))


def test_an_error_names_the_arguments_of_its_caller() -> None:
    with pytest.raises(InputError, match=r"^`thickness_mm` -1, not `units`$"), renaming({"thickness": "thickness_mm"}):
        raise InputError("`thickness` -1, not `units`")


@checked()
def joined(first: str, *others: str | int) -> str:
    return "".join([first, *map(str, others)])


def test_each_of_any_number_of_arguments_is_checked() -> None:
    assert (joined("a"), joined("a", "b", 3)) == ("a", "ab3")
    with pytest.raises(InputError, match=r"^`others` 2\.5: give a string or a whole number$"):
        joined("a", "b", 2.5)  # type: ignore[arg-type]


@checked()
def taken(flag: bool = False, count: int = 0, length_m: float = 0.0, **other: Any) -> list[Any]:
    return [flag, count, length_m, *other.values()]


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({"flag": np.True_, "count": np.int64(3), "length_m": np.float32(0.5)}, [True, 3, 0.5]),
        ({"flag": np.array(True), "count": np.array(3), "length_m": np.uint8(2)}, [True, 3, 2]),
        ({"ends": np.array([1.0, 5.0]), "range": (np.int64(0), 3)}, [False, 0, 0.0, [1.0, 5.0], (0, 3)]),
        ({"sensor": {"noise": np.array([[0, 1]])}, "all": [np.False_]}, [False, 0, 0.0, {"noise": [[0, 1]]}, [False]]),
    ],
)
def test_numbers_and_arrays_of_numpy_arrive_as_pythons(given: dict[str, Any], plain: list[Any]) -> None:
    found = taken(**given)
    assert found == plain
    assert [type(one) for one in found] == [type(one) for one in plain]


@pytest.mark.parametrize(("name", "value"), [("count", np.float64(3)), ("length_m", np.array([3.0])), ("flag", 1)])
def test_what_only_looks_like_a_number_is_refused(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"^`{name}` "):
        taken(**{name: value})
