"""Numbers in the words of reports."""

import pytest

from corrotwin.benchmarks.formatting.wording import mean_count, plain_number


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 2, "0"), (0.000012345, 2, "0.000012"), (0.456, 2, "0.46"), (9.94, 2, "9.9"), (9.96, 2, "10"),
        (99.6, 2, "100"), (1.0e2, 2, "100"), (12.34, 3, "12.3"), (99.97, 3, "100"), (1234.5, 3, "1,234"),
        (-0.05, 2, "−0.05"),
    ],
)  # fmt: skip
def test_no_number_is_a_power_of_ten(value: float, digits: int, text: str) -> None:
    assert plain_number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (7.0, "7"), (1070.0, "1,070"), (1069.55, "1,069.5"), (0.3, "0.3")]
)
def test_means_of_counts_have_one_decimal(value: float, text: str) -> None:
    assert mean_count(value) == text
