"""The report of a study: a self-contained HTML page, the same in Markdown, tables as CSV and LaTeX, figures as files.

Everything is worked out again from the folder, so that a report can be made at any time, also of a study that is still
being trained.
"""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from corrotwin.benchmarks.formatting import style
from corrotwin.benchmarks.formatting.latex import latex
from corrotwin.benchmarks.formatting.style import Figure
from corrotwin.benchmarks.report.context import Material, gather
from corrotwin.benchmarks.report.document import Part
from corrotwin.benchmarks.report.sections import answer, appendix, cost, data, method, pictures, published, renders
from corrotwin.benchmarks.study.config import is_name
from corrotwin.benchmarks.study.results import Results, load
from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.files import atomic_file, read_json, write_json
from corrotwin.twin.core.locks import hold

FOLDER = "report"
LIST = "files.json"  # the names of what a report wrote
JPEG_QUALITY = 85  # of photos inside the page, which a phone has to load; the PNG beside it is exact
# What Markdown or the HTML inside it would read as markup.
_MARKUP = re.compile(r"([\\`*\[\]<>|~#$])")


def write(out: Path) -> Path:
    """Make `report/` in the study folder `out` again and return the path of its page.

    Raises
    ------
    InputError
        `out` holds no study.
    """
    material = gather(load(out))
    found = parts(material)
    drawn = {figure.name: style.files(figure) for part in found for figure in part.figures}
    html, markdown = render(material.results, found, drawn)
    files = {f"{table.name}.csv": table.csv.encode() for part in found for table in part.tables}
    files |= {f"{table.name}.tex": latex(table).encode() for part in found for table in part.tables}
    files |= {f"{name}.{kind}": content for name, kinds in drawn.items() for kind, content in kinds.items()}
    files |= {"report.md": markdown.encode(), "index.html": html.encode()}
    folder = material.results.folder / FOLDER
    with hold(folder, FOLDER, {}, patience_seconds=30):
        replace(folder, files)
    return folder / "index.html"


def replace(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a report; those of an earlier one go, and whatever else lies there stays."""
    earlier = listed(folder)
    write_json(folder / LIST, sorted({*earlier, *files}))  # first, so that a report that is cut off can go, too
    for name, content in files.items():
        with atomic_file(folder / name) as stream:
            stream.write(content)
    for name in earlier - files.keys():
        (folder / name).unlink(missing_ok=True)
    write_json(folder / LIST, sorted(files))


def listed(folder: Path) -> set[str]:
    """The names that `LIST` has; none where it is absent or damaged."""
    try:
        names = read_json(folder / LIST)
    except InputError:
        return set()
    return {name for name in names if is_name(name)} if isinstance(names, list) else set()


def parts(material: Material) -> list[Part]:
    """The seven parts of the report and its appendix, in the order of the page."""
    from corrotwin.segmentation.models.network import complexity

    found = [
        answer.part(material),
        published.part(material, complexity),
        renders.part(material),
        cost.part(material, complexity),
        pictures.part(material),
        data.part(material),
    ]
    last = appendix.part(material)
    tables = [table for part in (*found, last) for table in part.tables]
    return [*found, method.part(material, tables), last]


def render(results: Results, found: Sequence[Part], drawn: Mapping[str, Mapping[str, bytes]]) -> tuple[str, str]:
    """The page and its Markdown twin. Every value is escaped: names of files and folders come from outside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    content = {"results": results, "parts": found, "drawn": drawn}
    common: dict[str, Any] = {
        "loader": PackageLoader("corrotwin.benchmarks.report"),
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    page = Environment(**common, autoescape=True)
    page.filters |= {"data_uri": data_uri}
    text = Environment(**common, autoescape=False, finalize=escape_markdown)  # noqa: S701 (finalize escapes)
    text.filters |= {"verbatim": verbatim}
    return page.get_template("report.html.j2").render(content), text.get_template("report.md.j2").render(content)


def escape_markdown(value: object) -> str:
    """A value as Markdown shows it literally, on one line."""
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).split()).replace("&", "&amp;")
    return _MARKUP.sub(r"\\\1", text)


def verbatim(value: str) -> Markup:
    """Lines as they are, for a block of code; they cannot end it."""
    return Markup(value.replace("```", "'''"))  # noqa: S704 (Markdown shows the inside of a block of code literally)


def data_uri(figure: Figure, drawn: Mapping[str, Mapping[str, bytes]]) -> str:
    """A figure inside a URI, so that the page needs no other file: SVG, or JPEG where it shows photos."""
    if not figure.photos:
        return _uri("image/svg+xml", drawn[figure.name]["svg"])
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(io.BytesIO(drawn[figure.name]["png"])) as picture:
        picture.convert("RGB").save(stream, format="JPEG", quality=JPEG_QUALITY)
    return _uri("image/jpeg", stream.getvalue())


def _uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"
