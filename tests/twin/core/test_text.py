"""A stranger's text is shown literally in every format: each nasty text in each sink."""

import csv
import io
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.table import Table

from corrotwin.twin.core import text
from corrotwin.twin.core.console import rich_console
from corrotwin.twin.core.plotting import import_matplotlib, without_glyph_warnings

NASTY = [
    "[/x]", "[bold]x[/bold]", "[link=http://x]y[/link]", ":smile:", "$x^{\\frac{a}$", "$$", "a$b\\$c", "\\", "\\[",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b2J", "\x00", "a\nb\r\nc", "\x85next", "\u2028line", "\u202egnp.exe",
    "\u200bhidden\ufeff", "\udcff", "a|b", "\\|", "<script>alert(1)</script>", "&amp;", '" onerror="x', "`code`",
    "```", "**bold** *it*", "![x](http://y)", "[x](http://y)", "~~x~~", "\\input{/etc/passwd}", "%$#_{}~^\\&",
    '=HYPERLINK("http://x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "名前 – ± µm",
]  # fmt: skip
every_nasty = pytest.mark.parametrize("nasty", NASTY)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff\ud800-\udfff]")


@every_nasty
@pytest.mark.parametrize("say", [text.say, text.say_error])
def test_a_terminal_gets_no_control_characters(
    nasty: str, say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    say(f"before {nasty} after")
    shown = "".join(capsys.readouterr())
    assert not CONTROLS.search(shown)
    assert shown.startswith("before ")
    assert shown.endswith(" after\n")


@pytest.mark.ci
@given(st.text())
def test_printable_text_is_one_line_and_stays_as_it_is(anything: str) -> None:
    line = text.printable(anything)
    assert line.isprintable()
    assert text.printable(line) == line.strip() or "  " in line
    lines = text.printable_lines(anything)
    assert lines.replace("\n", "").replace("\t", "").isprintable()
    assert lines.count("\n") == anything.count("\n")


@every_nasty
def test_rich_reads_no_markup_and_no_emoji(nasty: str) -> None:
    console, shown = rich_console(), io.StringIO()
    console.file, console.width = shown, 200
    table = Table(title=nasty, title_justify="left")
    table.add_column(nasty, no_wrap=True)
    table.add_row(nasty)
    console.print(table)
    console.print(nasty)
    literal = text.printable_lines(nasty).replace("\t", " ").splitlines() or [""]
    assert not CONTROLS.search(shown.getvalue())
    assert shown.getvalue().count(literal[0].strip()) >= 4


@every_nasty
def test_matplotlib_reads_no_mathematics(nasty: str) -> None:
    import_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none"}), warnings.catch_warnings(), without_glyph_warnings():
        figure = Figure()
        figure.text(0.1, 0.5, text.escape_mathtext(f"before {nasty} after"))
        figure.savefig(drawn, format="svg")
    words = " ".join("".join(ElementTree.fromstring(drawn.getvalue()).itertext()).split())
    assert text.printable(f"before {text.printable_lines(nasty)} after") in words


@every_nasty
def test_markdown_shows_a_cell_literally(nasty: str) -> None:
    page = text.markdown_table(("head", nasty), [(nasty, "last"), ("x", "y")])
    assert page.count("\n") == 4
    rendered = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(page)
    tree = ElementTree.fromstring(f"<x>{rendered}</x>")
    assert {node.tag for node in tree.iter()} <= {"x", "table", "thead", "tbody", "tr", "th", "td"}
    cells = ["".join(node.itertext()) for node in tree.iter() if node.tag in ("th", "td")]
    assert cells == ["head", text.printable(nasty), text.printable(nasty), "last", "x", "y"]


@every_nasty
def test_markdown_code_ends_where_it_should(nasty: str) -> None:
    page = f"```\n{text.markdown_code(nasty)}\n```\n\n{text.markdown_span(nasty)} after\n"
    rendered = MarkdownIt("commonmark").render(page)
    assert rendered.count("<pre>") == rendered.count("</pre>") == 1
    assert rendered.endswith(" after</p>\n")
    assert not CONTROLS.search(rendered)


def test_markdown_that_is_meant_stays_and_cannot_end_its_cell() -> None:
    assert text.escape_markdown(text.Markdown("`a` *b*")) == "`a` *b*"
    assert text.markdown_table(("",), [(text.Markdown("`a|b`"),)]).splitlines()[-1] == r"| `a\|b` |"


@every_nasty
def test_html_is_literal_in_elements_and_attributes(nasty: str) -> None:
    found: list[tuple[str, object]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.append((tag, attrs))

        def handle_data(self, data: str) -> None:
            found.append(("", data))

    literal = text.printable_lines(nasty)
    reader = Reader()
    reader.feed(f'<p title="{text.escape_html(nasty)}">{text.escape_html(nasty)}</p>')
    reader.close()
    assert found == [("p", [("title", literal)]), ("", literal)]


@every_nasty
def test_a_spreadsheet_runs_no_formula(nasty: str) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerow([text.escape_csv(nasty), "last"])
    (cell, last), *rest = csv.reader(io.StringIO(stream.getvalue()))
    assert (last, rest) == ("last", [])
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert not CONTROLS.search(cell)


@pytest.mark.parametrize("number", [-1, -0.5, None, True, "-0.5", "+3", "-1e-05", "7", "a.jpg"])
def test_numbers_and_plain_names_stay_as_they_are(number: object) -> None:
    assert text.escape_csv(number) is number or text.escape_csv(number) == number


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "- x +/- -> u \\xe9 \\u540d +-|"),
        ("latin-1", "- × ± -> µ é \\u540d +-|"),
        ("utf-8", "− × ± → µ é 名 ┌─│"),
    ],
)
def test_signs_that_an_encoding_lacks_are_replaced(encoding: str, shown: str) -> None:
    program = "from corrotwin.twin.core import text; text.guard_streams(); text.say('− × ± → µ é 名 ┌─│')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=True,
    )
    assert done.stdout.decode(encoding) == f"{shown}\n"


def test_a_closed_stream_is_not_the_next_file_that_is_opened(tmp_path) -> None:
    program = (
        "import os, subprocess, sys; from corrotwin.twin.core import text; text.guard_streams()\n"
        f"with open({str(tmp_path / 'data')!r}, 'w') as data:\n"
        "    data.write('data'); text.say('said'); text.say_error('said')\n"
        "    subprocess.run([sys.executable, '-c', 'print(1)'], check=True)\n"
    )
    done = subprocess.run(["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, program])
    assert done.returncode == 0
    assert (tmp_path / "data").read_text() == "data"


PROGRAM = """
import logging, sys
{before}
import corrotwin
from corrotwin.twin.core import text
logger = logging.getLogger("corrotwin.benchmarks.study.runner")
logger.info("a note")
logger.warning("a warning %s", "\\x1b[31m")
logger.debug("a detail")
"""


def test_who_imports_the_library_reads_nothing_until_they_configure_logging() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(before="")], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    configured = PROGRAM.format(before="logging.basicConfig(level=logging.INFO)")
    done = subprocess.run([sys.executable, "-c", configured], capture_output=True, text=True, check=True)
    assert "a note" in done.stderr
    assert "a detail" not in done.stderr


def test_a_command_shows_notes_on_stdout_and_warnings_on_stderr() -> None:
    before = "from corrotwin.twin.core import text; text.show_log(); text.show_log()"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "a note\n"
    assert done.stderr == "a warning \\x1b[31m\n"


def test_only_one_handler_is_ever_installed() -> None:
    assert text.show_log() is text.show_log()
    assert sum(isinstance(each, type(text.show_log())) for each in logging.getLogger("corrotwin").handlers) == 1


def test_matplotlib_says_nothing_of_a_home_that_it_may_not_write_to(tmp_path: Path) -> None:
    program = "from corrotwin.twin.core.plotting import import_matplotlib as get; get()"
    (tmp_path / "home").write_text("no folder")
    kept = {name: value for name, value in os.environ.items() if name not in ("MPLCONFIGDIR", "XDG_CONFIG_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", program], env={**kept, "HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
