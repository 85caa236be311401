"""Build the report: a self-contained HTML page, the same in Markdown, tables as CSV, figures as files, photos.

Everything is computed afresh from the folder, so a report can be made at any time, even while the study is still
training.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.formatting.inline_svg import inline, with_titles
from corrotwin.benchmarks.formatting.style import Figure
from corrotwin.benchmarks.report import photo_page
from corrotwin.benchmarks.report.context import Material, gather
from corrotwin.benchmarks.report.document import Page
from corrotwin.benchmarks.report.sections import answer, cost, data, method, pictures, published, renders
from corrotwin.benchmarks.study.grid import is_name
from corrotwin.benchmarks.study.results import load
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, read_json, remove, write_json
from corrotwin.twin.core.locks import hold
from corrotwin.twin.core.text import Markdown, escape_html, escape_markdown, markdown_code
from corrotwin.twin.pages import rendering

FOLDER = "report"
LIST = "files.json"  # names of the files that a report wrote


def write(out: Path) -> Path:
    """Write or rewrite `report/` in the study folder `out` and return the path of its page.

    Raises
    ------
    InputError
        `out` holds no study.
    """
    material = gather(load(out))
    page = page_of(material)
    drawn = {figure.name: style.files(figure) for figure in page.figures}
    html, markdown = render(page, drawn)
    drawn = {name: kinds | {"svg": with_titles(kinds["svg"])} for name, kinds in drawn.items()}
    files = {f"{table.name}.csv": table.csv.encode() for section in page.sections for table in section.tables}
    files |= {f"{name}.{kind}": content for name, kinds in drawn.items() for kind, content in kinds.items()}
    files |= {page.markdown: markdown.encode(), "index.html": html.encode()}
    folder = material.results.folder / FOLDER
    with hold(folder, FOLDER, {}, patience_seconds=30):
        replace(folder, files)
        photo_page.write(material, folder / photo_page.FOLDER)
    return folder / "index.html"


def replace(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a report, remove those of an earlier one, and keep other files in the folder."""
    earlier = listed(folder)
    write_json(folder / LIST, sorted({*earlier, *files}))  # first, so that an interrupted report can be removed, too
    for name, content in files.items():
        with atomic_file(folder / name) as stream:
            stream.write(content)
    for name in earlier - files.keys():
        remove(folder / name, missing_ok=True)
    write_json(folder / LIST, sorted(files))


def listed(folder: Path) -> set[str]:
    """Return the names in `LIST`; none if it is absent or damaged."""
    try:
        names = read_json(folder / LIST, inside=folder)
    except InputError:
        return set()
    return {name for name in names if is_name(name)} if isinstance(names, list) else set()


def page_of(material: Material) -> Page:
    """Return the report of a study, its sections in the order of the page."""
    from corrotwin.segmentation.models.network import complexity

    results = material.results
    tags = ("Smoke, not results.", results.smoke), ("Rendered test images.", not results.photographs)
    return Page(
        title="What renders are worth beside photos",
        label=results.label,
        about=(
            (results.data_label, not results.photographs),
            (f"profile {results.profile_label}", results.smoke),
            (f"initial weights {results.weights_label}", False),
            (f"{len(results.test_images)} test {'photos' if results.photographs else 'images'}", False),
            (f"{len(results.runs)} of {len(results.grid)} runs", False),
        ),
        sections=(
            answer.section(material),
            renders.section(material),
            pictures.section(material),
            published.section(material, complexity),
            cost.section(material, complexity),
            data.section(material),
            method.section(material),
        ),
        footer="Every score is computed from runs/*/per_image.csv of the study.",
        markdown="report.md",
        tag=" ".join(tag for tag, applies in tags if applies),
        missing=results.missing,
    )


def render(found: Page, drawn: Mapping[str, Mapping[str, bytes]]) -> tuple[str, str]:
    """Render a page and its Markdown twin. Every value is escaped: names of files and folders come from outside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    common: dict[str, Any] = {
        "loader": FileSystemLoader([Path(__file__).parent / "templates", Path(rendering.__file__).parent]),
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }

    def chart(figure: Figure) -> Markup:
        svg = drawn[figure.name]["svg"]
        return Markup(inline(svg, figure.name, escape_html(figure.title)))  # noqa: S704 (matplotlib escapes)

    page = Environment(**common, autoescape=True, finalize=_as_html)
    page.filters |= {"chart": chart}
    text = Environment(**common, autoescape=False, finalize=_as_markdown)  # noqa: S701 (finalize escapes)
    text.filters |= {"verbatim": markdown_code}
    markdown = re.sub(r"\n{3,}", "\n\n", text.get_template("report.md.j2").render(page=found)).rstrip()
    return page.get_template("report.html.j2").render(page=found, title=found.title), f"{markdown}\n"


def _as_markdown(value: object) -> str:
    """Return a value escaped so that Markdown shows it literally; a value that is Markdown stays."""
    return escape_markdown(value if isinstance(value, Markdown) else str(value))


def _as_html(value: object) -> Markup:
    """Return a value escaped so that the page shows it literally; a value that is markup stays."""
    return value if isinstance(value, Markup) else Markup(escape_html(str(value)))  # noqa: S704 (escaped)
