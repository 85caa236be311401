"""What decides a picture beside its settings: the sources that draw it and the libraries that they use."""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from corrotwin.twin.core.files import versions

ROOT = Path(__file__).resolve().parents[2]  # holds the subpackages of corrotwin, in the source as when installed
ENTRIES = (
    "corrotwin.synth.rendering.batch",
    "corrotwin.synth.blender.__main__",
)  # what a worker runs, and what it starts
OURS = "corrotwin"
LIBRARIES = (
    "bpy", "blenderproc", "embreex", "numpy", "scipy", "opencv-python-headless", "pillow", "pycocotools", "trimesh"
)  # fmt: skip
SOURCES = "sources"  # under this name stands a digest of our own modules


def made_by() -> dict[str, str]:
    """Python, this project and libraries with their versions, and SHA-256, 16 hex digits, of what our modules do.

    These are all modules that drawing a picture and its labels may import. Comments and docstrings do not count.
    """
    digests = sorted(f"{name} {digest}" for name, digest in _modules().items())
    return {**versions(OURS, *LIBRARIES), SOURCES: hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]}


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What is not as it was, such as "bpy 4.5.15, now 4.5.16"; "" for nothing. What either does not state is let be."""
    return ", ".join(
        f"{name} {before[name]}, now {now[name]}" for name in now if before.get(name, now[name]) != now[name]
    )


def _modules() -> dict[str, str]:
    """A digest of each of our modules that `ENTRIES` import, directly or not, and of those themselves, by name."""
    found: dict[str, str] = {}
    left = list(ENTRIES)
    while left:
        name = left.pop()
        path = ROOT.joinpath(*name.split(".")[1:])
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name not in found and file.is_file():
            found[name], imported = _module(file, file.stat().st_mtime_ns)
            left += imported
    return found


@cache
def _module(file: Path, mtime_ns: int) -> tuple[str, list[str]]:
    """A digest of a module, and what of ours it may import; read again when its file is another."""
    tree = ast.parse(file.read_bytes())
    imported = sorted({name for name in _imports(tree) if name.startswith(f"{OURS}.")})
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            del body[0]  # a docstring
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported


def _imports(tree: ast.Module) -> Iterator[str]:
    """Names that a module imports, and those of their packages; what is no module among them is none of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
