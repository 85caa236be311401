"""Tables keep their numbers in a narrow terminal."""

import pytest
from rich.table import Table

from corrotwin.twin.core.console import rich_console

NUMBERS = ["2034-05-31", "0.123456", "12345.678", "-98.76543", "0.00–0.48", "31.250000"]


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_no_number_of_a_table_is_cut(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    table = Table(*(f"heading {place}" for place in range(len(NUMBERS))), title="a title")
    table.add_row(*NUMBERS)
    table.add_row("body\n[x]", *("1.5\n0.5–2.5" for _ in NUMBERS[1:]))
    rich_console().print(table)
    said = capsys.readouterr().out
    assert all(number in said for number in (*NUMBERS, "0.5–2.5", "[x]"))
    assert max(map(len, said.splitlines())) <= width
    assert ("━" in said) == (width >= 80)
