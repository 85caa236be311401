"""Parameters held against their limits."""

import pytest

from corrotwin.twin.core.arguments import check_choices, check_numbers, checked, renaming
from corrotwin.twin.core.errors import InputError


@pytest.mark.parametrize("value", [0.3, 5, 20.0])
def test_a_number_within_its_limits_passes(value: float) -> None:
    check_numbers("beam", length_m=(value, 0.3, 20), stiffeners=(2.0, range(3)))


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ((float("nan"), 0.3, 20), "beam length_m nan: 0.3 to 20 m"),
        ((20.1, 0.3, 20), "beam length_m 20.1: 0.3 to 20 m"),
        (("long", 0.3, 20), "beam length_m long: 0.3 to 20 m"),
        ((1.0, 1.23456789, 20), "beam length_m 1.0: 1.23457 to 20 m"),
        ((3.0, 0.1, 2.3456789), "beam length_m 3.0: 0.1 to 2.3456789 m"),  # 2.34568 would be refused again
        ((0.5, range(2**32)), "beam length_m 0.5: 0 to 4294967295, a whole number"),
        ((float("inf"), range(3)), "beam length_m inf: 0 to 2, a whole number"),
        (("two", range(3)), "beam length_m two: 0 to 2, a whole number"),
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
