"""Sheets and their cells as every reader of a workbook gets them."""

from corrotwin.twin.workbooks import sheets
from corrotwin.twin.workbooks.cells import key_of

def test_letters_of_columns() -> None:
    assert [sheets.column_letters(index) for index in (1, 26, 27, 702, 703)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_whole_numbers_of_json_keep_their_digits() -> None:
    numbers = (12, 2**53, 2**53 + 1, 2**53 + 2)
    assert [key_of(sheets.value_of(number)) for number in numbers] == list(map(str, numbers))
