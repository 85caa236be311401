"""Hook of MkDocs: add pages from outside docs to the site, and the reference of the Python API.

README is the site's first page. Links between pages are written for the source folder; here they lead into the site.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

import corrotwin

ROOT = Path(__file__).resolve().parents[2]
# Files outside docs: their paths in the source folder, and in the site.
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "LICENSE": "LICENSE.txt",
    "examples/README.md": "examples/README.md",
    "segmentation/shipped/card.md": "model-card.md",
}
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages outside docs, the scripts of examples and the API reference to the site's files."""
    for source, name in (*OUTSIDE.items(), *((name, name) for name in _examples())):
        files.append(File.generated(config, name, content=(ROOT / source).read_bytes()))
    files.append(File.generated(config, "python.md", content=reference()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Point the links of a page to where the site has their targets."""
    sources = {name: source for source, name in OUTSIDE.items()}
    name = page.file.src_uri
    folder = posixpath.dirname(sources.get(name, name if name.startswith("examples/") else f"docs/{name}"))

    def redirected(match: re.Match[str]) -> str:
        link = match[1]
        if ":" in link:
            return link
        target = posixpath.normpath(posixpath.join(folder, link))
        if target == "docs" or (ROOT / target).is_dir():
            target = posixpath.join(target, "README.md")
        inside = OUTSIDE.get(target, target.removeprefix("docs/"))
        return posixpath.relpath(inside, posixpath.dirname(name) or ".")

    return _LINK.sub(redirected, markdown)


def on_post_build(config: Any) -> None:
    """Remove the page for missing pages: its links need a server, and this site is opened as files."""
    (Path(config.site_dir) / "404.html").unlink()


def reference() -> str:
    """Return the page of the Python API: what `corrotwin` exports, from its docstrings."""
    names = [name for name in corrotwin.__all__ if not name.startswith("__")]
    return "# The Python API in full\n\n" + "\n\n".join(f"::: corrotwin.{name}" for name in names) + "\n"


def _examples() -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").rglob("*.py"))
