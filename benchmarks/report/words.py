"""The sentences of a report: macros of ``templates/<part>.j2``, filled in as plain text that pages then escape."""

from functools import cache
from typing import TYPE_CHECKING, Any

from corrotwin.benchmarks.formatting import wording
from corrotwin.benchmarks.formatting.table import write
from corrotwin.benchmarks.stats import equivalence, power
from corrotwin.benchmarks.stats.verdict import VERDICTS
from corrotwin.twin.core.text import counted

if TYPE_CHECKING:
    from jinja2 import Environment


def paragraphs(part: str, macro: str, **values: Any) -> tuple[str, ...]:
    """Return the paragraphs that a macro writes, separated there by blank lines.

    Parameters
    ----------
    part : name of the template, without ending.
    macro : name of the macro in it.
    values : arguments of the macro.
    """
    text = str(getattr(_environment().get_template(f"{part}.j2").module, macro)(**values))
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip())


def line(part: str, macro: str, **values: Any) -> str:
    """Return the text of a macro as one paragraph; see `paragraphs`."""
    return " ".join(paragraphs(part, macro, **values))


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("corrotwin.benchmarks.report")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 (text)
    environment.filters |= {
        "signed": lambda number: write(number, "+.3f"), "percent": wording.percent, "of_photos": wording.of_photos,
        "joined": wording.listed, "counted": counted, "span": wording.span, "sentence": _sentence,
        "between": lambda each: wording.interval(each.low, each.high), "share": wording.render_share,
    }  # fmt: skip
    environment.globals |= {
        "verdicts": VERDICTS, "margin": equivalence.MARGIN, "target": power.TARGET, "fewest": power.FEWEST_RUNS,
        "most": power.MOST_RUNS,
    }  # fmt: skip
    return environment


def _sentence(text: str) -> str:
    """Return words as a sentence: on one line, with a capital and a full stop."""
    line = " ".join(text.split())
    return f"{line[0].upper()}{line[1:].rstrip('.')}." if line else ""
