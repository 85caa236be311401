"""Write docs/map.md: each room with its sentence and each module with its summary line, from their docstrings.

.venv/bin/python -m tools.source_map
"""

import ast
from pathlib import Path

from corrotwin.twin.core import cli
from corrotwin.twin.core.files import write_text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "map.md"
FOLDERS = ("twin", "synth", "segmentation", "benchmarks", "tools")
HEAD = """# Where things are

Every room (folder) with its sentence, and every module with its summary line, by `python -m tools.source_map`. What
each room may import is in [decisions](decisions.md), 43.
"""


def summary(path: Path) -> str:
    """Return the first paragraph of a module's docstring on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n", 1)[0].split())


def page(root: Path = ROOT) -> str:
    """Return the page for the source below `root`."""
    text = [HEAD]
    for folder in FOLDERS:
        for package in sorted((root / folder).rglob("__init__.py")):
            room = package.parent
            text.append(f"\n## `{room.relative_to(root)}/`\n\n{summary(package)}\n\n| module | |\n|---|---|\n")
            modules = (path for path in sorted(room.glob("*.py")) if path != package)
            text += [f"| `{path.name}` | {summary(path).replace('|', chr(92) + '|')} |\n" for path in modules]
    return "".join(text)


def write() -> None:
    """Write docs/map.md from the docstrings of the source."""
    write_text(PAGE, page())


if __name__ == "__main__":
    cli.run_one("python -m tools.source_map", write)
