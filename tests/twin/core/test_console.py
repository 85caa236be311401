"""The line of long work: whole and alone on terminals of any width, plain and rare elsewhere, never on stdout."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table
from terminal import run_in_terminal

from corrotwin.twin.core import console
from corrotwin.twin.core.console import rich_console

PROGRAM = """
import json, sys, time
from pathlib import Path
from corrotwin.twin.core import cli, text
from corrotwin.twin.core.console import progress, tracked

def work(out: Path = Path("some/where/far/away/masks"), seconds: float = 0.05) -> None:
    with progress("predicting", 12, unit="photos", to=out, done=2) as line:
        for number in range(10):
            time.sleep(seconds)
            line.advance()
            line.update(note=f"the last 0.{number}", seconds_left=None)
            if number == 4:
                text.say_error("left out: a\\x1b[31m.jpg")
                for _ in tracked(range(3), "within", 3):  # of work that is a part of this
                    time.sleep(seconds)
    text.say(json.dumps({"out": str(out)}))

cli.run_one("work", work)
"""
WHERE = "some/where/far/away/masks"


@pytest.fixture
def program(tmp_path: Path) -> list[object]:
    (tmp_path / "work.py").write_text(PROGRAM)
    return [sys.executable, tmp_path / "work.py"]


@pytest.mark.parametrize(
    ("width", "seen", "variables"),
    [
        (40, r"predict\w*…? \d+/12 \d+\.\d/s 0:00 → …[\w/]*/masks", {"NO_COLOR": "1"}),
        (120, rf"predicting ━+─* \d+/12 photos \d+\.\d/s 0:00 left · the last 0.\d → {WHERE}", {}),
    ],
)
def test_a_terminal_shows_one_line_at_a_time_and_at_the_end_where_the_result_is(
    program: list[object], width: int, seen: str, variables: dict[str, str]
) -> None:
    shown = run_in_terminal(program, width=width, **variables)
    assert shown.status == 0
    assert shown.lines == ["left out: a\\x1b[31m.jpg", *wrapped(json.dumps({"out": WHERE}), width)]
    assert shown.has_cursor
    drawn = [[line for line in lines if "predicting" in line or "→" in line] for lines in shown.moments]
    assert max(map(len, drawn)) == 1
    assert any(re.fullmatch(seen, line) for lines in drawn for line in lines), drawn
    assert not any("within" in line for lines in shown.moments for line in lines)


def wrapped(text: str, width: int) -> list[str]:
    return [text[first : first + width].rstrip() for first in range(0, len(text), width)]


def test_standard_output_that_leads_elsewhere_stays_whole(program: list[object]) -> None:
    shown = run_in_terminal(program, width=60, aside=True)
    assert json.loads(shown.output) == {"out": WHERE}
    assert shown.lines == ["left out: a\\x1b[31m.jpg"]


def test_ctrl_c_closes_the_line(program: list[object]) -> None:
    shown = run_in_terminal([*program, "--seconds", 1], width=80, interrupt_at="3/12")
    assert (shown.status, shown.has_cursor) == (130, True)
    assert shown.lines == ["work: interrupted; the same command resumes where it can"]


@pytest.mark.ci
def test_nothing_but_a_terminal_gets_control_characters(program: list[object]) -> None:
    said = ["left out: a\\x1b[31m.jpg", json.dumps({"out": WHERE})]
    assert run_in_terminal(program, width=80, TERM="dumb").lines == said
    done = subprocess.run(
        [*map(str, program)], capture_output=True, text=True, env={**os.environ, "FORCE_COLOR": "1"}, check=True
    )
    assert [done.stderr.rstrip(), done.stdout.rstrip()] == said


def test_elsewhere_a_plain_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with console.progress("training", 3, unit="epochs", to=Path("out/run")) as line:
        line.advance()
        monkeypatch.setattr(console, "PLAIN_SECONDS", 0.0)
        line.update(2, seconds_left=3725, note="loss 0.1")
        line.update(2)  # no news
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(
        r"training 2/3 epochs \d+\.\d/s 1:02:05 left · loss 0\.1 → out/run\ntraining 2/3 epochs in 0:00\n", said.err
    ), said.err


def test_short_work_says_nothing_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(console.tracked(range(3), "pictures", 3)) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [8, 20, 40, 79])
def test_the_line_is_never_wider_than_the_terminal(width: int, ascii_only: bool) -> None:
    line = console.ProgressLine("training a network", 1000, "epochs", Path("far/" * 30), 0, "live")
    for done in (0, 1, 999):
        line.update(done, note="loss 0.1")
        text = line._fitted(width, ascii_only=ascii_only)
        assert len(text) <= width
        assert text.isascii() is ascii_only or width == 8
        if width == 40:
            assert f"{done}/1000" in text


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
