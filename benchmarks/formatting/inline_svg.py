"""Charts inside a page: matplotlib's SVG, with colours that follow the page's and marks that show their values."""

import re

# The page's CSS variable for each colour of a chart, so that the dark page has lighter ones.
COLOURS = {
    "#ffffff": "ground", "#1c2733": "text", "#3c4854": "text", "#5a6875": "muted", "#8a949e": "muted",
    "#9aa5b1": "muted", "#e3e6ea": "line", "#8a3b00": "mark", "#e8f3ee": "same", "#333333": "text", "#000000": "text",
    "#0072b2": "blue", "#d55e00": "orange", "#009e73": "green", "#cc79a7": "pink",
}  # fmt: skip
TIP = "tip:"

_DROPPED = re.compile(r"^.*?(?=<svg )|<metadata>.*?</metadata>|<style .*?</style>", re.DOTALL)
_SIZE = re.compile(r' width="[^"]*" height="[^"]*"')
_REFERENCE = re.compile(r'(\bid="|href="#|url\(#)')
_COLOUR = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)
_STYLE = re.compile(r'(?<=style=")[^"]*')
_FONT = "'DejaVu Sans'"


def tip(text: str) -> str:
    """Return the `gid` of a matplotlib mark that shows `text` under the pointer."""
    return f"{TIP}{text}"


def with_fonts(svg: bytes) -> bytes:
    """Return a chart with fallback fonts, of the same widths, for readers without matplotlib's font."""
    return svg.replace(_FONT.encode(), f"{_FONT}, Verdana, sans-serif".encode())


def with_titles(svg: bytes) -> bytes:
    """Return a chart for a file of its own, with the `tip` of each mark as its title."""
    return re.sub(rf'<g id="{TIP}([^"]*)">'.encode(), rb"<g><title>\1</title>", svg)


def inline(svg: bytes, name: str, title: str) -> str:
    """Return a chart as an element of a page.

    Parameters
    ----------
    svg : chart as matplotlib writes it, its text escaped, with marks that `tip` named.
    name : name of the chart, unique in the page; its ids begin with it.
    title : text that screen readers read out; escaped for HTML.
    """
    text = _DROPPED.sub("", svg.decode())
    text = re.sub(rf'id="{TIP}([^"]*)"', r'class="tip" data-tip="\1"', text)
    text = _REFERENCE.sub(rf"\g<1>{name}-", text)
    text = _STYLE.sub(lambda found: _COLOUR.sub(_variable, found[0]), text)
    return _SIZE.sub(f' class="chart" role="img" aria-label="{title}"', text, count=1)


def _variable(found: re.Match[str]) -> str:
    colour = found[0].lower()
    return f"var(--{COLOURS[colour]})" if colour in COLOURS else colour
