"""Clean text of control characters, escape it for its format, and print it.

Names in files and folders come from strangers. Each format has one function here that shows such a text literally, and
all output of the commands passes `say` and `say_error`. Tables and progress pass `corrotwin.twin.core.console`.
"""

import codecs
import errno
import html
import io
import logging
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

READER_LEFT = 128 + signal.SIGPIPE  # the exit status of any program in `| head`

_UNENCODABLE = "corrotwin.replace"  # our handler of characters that a stream's encoding lacks
_ASCII = {
    "−": "-", "–": "-", "—": "-", "→": "->", "×": "x", "±": "+/-", "…": "...", "µ": "u", "≤": "<=", "≥": ">=",
    "²": "2", "³": "3", "·": ".", "•": "*", "‘": "'", "’": "'", "“": '"', "”": '"',
    "─": "-", "━": "-", "═": "-", "╸": "-", "╺": "-", "│": "|", "┃": "|", "║": "|",
}  # fmt: skip
_BOX_DRAWING = ("\u2500", "\u257f")

_MARKDOWN = re.compile(r"([\\`*\[\]<>|~#$])")  # Markdown, or the HTML inside it, would read these as markup
_POINT_ZERO = re.compile(r"(?<![^/])(0|[1-9][0-9]*)[.,]0(?![^/])")  # of a whole number between slashes
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # a spreadsheet takes a cell that begins so for a formula


class Markdown(str):
    """Text that is Markdown already, whose markup counts: `escape_markdown` returns it as it is."""

    __slots__ = ()


def printable(text: str) -> str:
    """Return the text on one line, with control, format and bidirectional characters shown escaped."""
    return _escaped(" ".join(text.split()))


def place_name(text: str) -> str:
    """Return the name of a place as it is compared: spaces joined, and a number 12.0 as 12, also that of a point."""
    return _POINT_ZERO.sub(r"\1", " ".join(text.split()))


def printable_lines(text: str) -> str:
    """Return the text with its line breaks and tabs, all other control and format characters shown escaped."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter in "\n\t" else " " if letter.isspace() and ord(letter) > 127 else _escaped(letter)
        for letter in text
    )


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


def counted(count: float, noun: str) -> str:
    """Return a count with its noun, whose plural ends in s: "1 record", "2 records"."""
    number = f"{count:.0f}" if float(count).is_integer() else f"{count:.6g}"
    return f"{number} {noun}" if count == 1 else f"{number} {noun}s"


def first_of(names: Sequence[str], count: int = 3) -> str:
    """Return the first names of a list, separated by commas, and dots where more follow."""
    return ", ".join([*names[:count], *(["..."] if len(names) > count else [])])


def escape_markdown(text: str) -> str:
    """Return the text as Markdown shows it literally, on one line; a `Markdown` text keeps its markup."""
    if isinstance(text, Markdown):
        return str(text)
    return _MARKDOWN.sub(r"\\\1", printable(text).replace("&", "&amp;"))


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as GitHub reads it, a line for each row; what stands in a cell is shown literally."""
    lines = [[_cell(cell) for cell in line] for line in (headings, *rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (lines[0], ["---"] * len(headings), *lines[1:]))


def _cell(text: str) -> str:
    """Return a cell of a Markdown table; a bar ends a cell even where the rest is markup."""
    if isinstance(text, Markdown):
        return re.sub(r"(?<!\\)\|", r"\\|", printable(text))
    return escape_markdown(text)


def markdown_code(text: str) -> Markdown:
    """Return lines for a block of code, as they are but for what would end the block."""
    return Markdown(printable_lines(text).replace("```", "'''"))


def markdown_span(text: str) -> Markdown:
    """Return text as code within a line, as it is but for what would end the code or a table's cell."""
    return Markdown(f"`{printable(text).replace('`', chr(39)).replace('|', chr(166))}`")


def escape_html(text: str) -> str:
    """Return the text as HTML shows it literally, in an element or in a quoted attribute."""
    return html.escape(printable_lines(text))


def escape_mathtext(text: str) -> str:
    """Return the text as matplotlib draws it literally: a pair of dollar signs would be read as mathematics."""
    return printable_lines(text).replace("$", r"\$")


def escape_csv(value: object) -> object:
    """Return a value for a cell of CSV: text that a spreadsheet would run as a formula begins with an apostrophe.

    Numbers stay as they are, also those written as text.
    """
    if not isinstance(value, str):
        return value
    cell = printable_lines(value)
    return f"'{cell}" if value.startswith(_FORMULA) and not _is_number(value) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return not text[:1].isspace()


def say(text: str = "", *, end: str = "\n") -> None:
    """Print text on standard output."""
    print(printable_lines(text), end=end, flush=True)


def say_error(text: str) -> None:
    """Print text on standard error."""
    print(printable_lines(text), file=sys.stderr, flush=True)


def quoted(word: object) -> str:
    """Return a word of a command, such as a path, quoted for a shell."""
    return shlex.quote(str(word))


def say_next(*words: object) -> None:
    """Print the command to type after this one, its words quoted for a shell; capitals stand for a name to fill in."""
    say(f"next: corrotwin {shlex.join(map(str, words))}")


class _LogHandler(logging.Handler):
    """Show records as plain lines: notes on standard output, warnings on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno >= logging.WARNING:
            say_error(text)
        else:
            say(text)


def show_log() -> logging.Handler:
    """Show what the library logs, from INFO upwards, as plain lines; return the handler that does it.

    Commands call it. A program that imports the library sees nothing until it configures logging itself.
    """
    logger = logging.getLogger("corrotwin")
    shown = next((handler for handler in logger.handlers if isinstance(handler, _LogHandler)), None)
    if shown is None:
        shown = _LogHandler()
        logger.addHandler(shown)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return shown


class _StandardStream(io.FileIO):
    """A standard stream that may be unwritable: what cannot be written is dropped, and the first error is kept.

    The work of a command goes on when the reader of its output has left, as in ``| head``.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.error: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.error = self.error or error
            return memoryview(data).nbytes


def guard_streams() -> None:
    """Make standard output and error safe to write to, whatever they lead to and whatever their encoding.

    Closed ones lead to nowhere, broken ones drop what is written, and characters that the encoding lacks are replaced.
    Streams that somebody else has put in their place, such as a notebook, stay.
    """
    codecs.register_error(_UNENCODABLE, _replaced)
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file to be opened would take its number, and get what is printed
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _guarded(descriptor, "utf-8"))
        elif stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _guarded(descriptor, stream.encoding, line_buffering=stream.line_buffering))


def _guarded(descriptor: int, encoding: str, *, line_buffering: bool = False) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(_StandardStream(descriptor))
    return io.TextIOWrapper(buffer, encoding=encoding, errors=_UNENCODABLE, line_buffering=line_buffering)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Return the nearest ASCII for signs of ours that an encoding lacks, and escapes for all else."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(map(_nearest, letters)), error.end


def _nearest(letter: str) -> str:
    if _BOX_DRAWING[0] <= letter <= _BOX_DRAWING[1]:
        return _ASCII.get(letter, "+")
    return _ASCII.get(letter) or letter.encode("ascii", "backslashreplace").decode("ascii")


def output_error() -> OSError | None:
    """Write what is still buffered, and return the first error of standard output, or None."""
    for stream in (sys.stderr, sys.stdout):
        if stream is not None:
            try:
                stream.flush()
            except OSError as error:  # of a stream that is not ours
                return error
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.error if isinstance(raw, _StandardStream) else None


def exit_status(status: int) -> tuple[int, str]:
    """Return the exit status of a command that ended with `status`, and what to say of its output, if anything.

    A status other than 0 stays. Else it is `READER_LEFT` where output was lost because its reader had left, and 2 where
    it could not be written for another reason.
    """
    error = output_error()
    if status or error is None:
        return status, ""
    if error.errno == errno.EPIPE:
        return READER_LEFT, ""
    return 2, f"standard output: {error.strerror}; the work is done, but part of its output was lost"
