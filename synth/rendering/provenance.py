"""The provenance of a picture besides its settings: a digest of the sources that draw it, and library versions."""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from corrotwin.twin.core.files import read_bytes, versions

ROOT = Path(__file__).resolve().parents[2]  # holds the subpackages of corrotwin, in the source and when installed
ENTRIES = (
    "corrotwin.synth.rendering.batch",
    "corrotwin.synth.blender.__main__",
)  # the entry points of a worker and of the Blender process
OURS = "corrotwin"
LIBRARIES = (
    "bpy", "blenderproc", "embreex", "numpy", "scipy", "opencv-python-headless", "pillow", "pycocotools", "trimesh"
)  # fmt: skip
SOURCES = "sources"  # key of the digest of this project's modules


class OtherVersionError(RuntimeError):
    """The program on this machine has another version than the one that started the work."""


def made_by() -> dict[str, str]:
    """Return the versions of Python, this project and its libraries, and a digest of the project's sources.

    The digest, 16 hex digits of SHA-256, covers all modules that drawing a picture and its labels may import. Comments
    and docstrings do not count.
    """
    digests = sorted(f"{name} {digest}" for name, digest in _modules().items())
    return {**versions(OURS, *LIBRARIES), SOURCES: hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]}


def _modules() -> dict[str, str]:
    """Return the digest, by name, of each of the project's modules that `ENTRIES` are or import, directly or not."""
    digests: dict[str, str] = {}
    pending = list(ENTRIES)
    while pending:
        name = pending.pop()
        path = ROOT.joinpath(*name.split(".")[1:])
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name not in digests and file.is_file():
            digests[name], imported = _module(file, file.stat().st_mtime_ns)
            pending += imported
    return digests


@cache
def _module(file: Path, mtime_ns: int) -> tuple[str, list[str]]:
    """Return the digest of a module and the modules of this project it may import; `mtime_ns` renews the cache."""
    tree = ast.parse(read_bytes(file))
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
    """Yield the names that a module imports, and the names of their packages; some may not be modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
