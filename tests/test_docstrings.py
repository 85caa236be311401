"""Docstrings of the packages: a summary is a sentence or a name, and what callers have to expect is stated."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATHS = [
    path for room in ("twin", "synth", "segmentation", "benchmarks", "tools") for path in (ROOT / room).rglob("*.py")
]
QUESTIONS = ("How", "What", "Where", "Whether", "Which")  # a clause that answers nothing is not a summary
Described = ast.Module | ast.ClassDef | ast.FunctionDef


def clauses(tree: ast.Module) -> list[str]:
    """Summaries that begin as a question does."""
    found = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, Described)]
    return [text.splitlines()[0] for text in found if text.startswith(tuple(f"{word} " for word in QUESTIONS))]


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node.body)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def silent(tree: ast.Module) -> list[str]:
    """Public functions whose body raises InputError, whose docstring neither says so nor refers to another's."""
    found = []
    for function in public(tree.body):
        text = ast.get_docstring(function) or ""
        said = any(word in text for word in ("Raise", "raise ", "Refuse", "InputError", "; see `"))
        raised = any(isinstance(node, ast.Raise) and "InputError(" in ast.unparse(node) for node in ast.walk(function))
        if raised and not said:
            found.append(function.name)
    return found


@pytest.mark.ci
def test_summaries_are_no_questions() -> None:
    found = {str(path.relative_to(ROOT)): clauses(ast.parse(path.read_text())) for path in PATHS}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.ci
def test_public_functions_say_that_they_refuse() -> None:
    """Commands do not: the shell says so."""
    apart = ("commands", "demo.py", "tools")
    paths = [path for path in PATHS if not any(part in path.relative_to(ROOT).as_posix() for part in apart)]
    found = {str(path.relative_to(ROOT)): silent(ast.parse(path.read_text())) for path in paths}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "questions", "refusing"),
    [
        ('"""What a run is."""', 1, 0),
        ('"""Runs.\n\nWhat they are."""\nclass A:\n    """How it looks."""', 1, 0),
        ('def f() -> None:\n    """Return it."""\n    raise InputError("no")', 0, 1),
        ('def f() -> None:\n    """Raise InputError."""\n    raise InputError("no")', 0, 0),
        ('def f() -> None:\n    """Do it; see `g`."""\n    raise InputError("no")', 0, 0),
        ('def _f() -> None:\n    raise InputError("no")', 0, 0),
    ],
)  # fmt: skip
def test_planted_docstrings_are_found(source: str, questions: int, refusing: int) -> None:
    tree = ast.parse(source)
    assert (len(clauses(tree)), len(silent(tree))) == (questions, refusing)
