"""Mutants of a module: constants scaled or shifted, comparisons flipped, signs, bounds and conditions exchanged."""

import ast
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COMPARED = {
    ast.Lt: ("<=", ">="), ast.LtE: ("<", ">"), ast.Gt: (">=", "<="), ast.GtE: (">", "<"),
    ast.Eq: ("!=",), ast.NotEq: ("==",),
}  # fmt: skip
OPERATED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*"}
EXCHANGED = {
    "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "floor": "ceil", "ceil": "floor",
    "any": "all", "all": "any",
}  # fmt: skip
# These decide no result: sizes of batches and tiles decide cost, limits decide what is refused, and the others are the
# strokes of the digits of a date stamp.
NO_RESULT = (
    "BATCH", "TILE", "CHUNK", "BAND", "MOST_", "LARGEST", "EXAMPLES",
    "_A, _B", "_G, _H", "_M, _N", "_DIGITS", "_date", "_lettering",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of one module."""

    module: str
    """Path of the module, from the root of the repository."""

    place: str
    """Name of the constant or function that is changed."""

    change: str
    """The present text and the mutant's text in its place, such as ``0.55 -> 0.825``."""

    source: str
    """Source of the whole module with the change."""

    constant: bool
    """Whether a constant of the module is changed."""

    @property
    def name(self) -> str:
        """Name of the mutant, which stays the same when the lines of its module move."""
        return f"{self.module} {self.place}: {self.change}"


def mutants(module: str, source: str) -> list[Mutant]:
    """Return every mutant of a module's source, in the order of its lines; equal changes in one place are numbered."""
    lines = source.encode().splitlines(keepends=True)
    line_starts = [0]
    for line in lines:
        line_starts.append(line_starts[-1] + len(line))
    content, collected, counts = b"".join(lines), [], Counter[tuple[str, str]]()
    for place, constant, node, text in _changes(ast.parse(source)):
        begin = line_starts[node.lineno - 1] + node.col_offset
        end = line_starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        before = " ".join(content[begin:end].decode().split())
        change = f"{before} -> {text}"
        counts[place, change] += 1
        number = counts[place, change]
        collected.append(
            Mutant(
                module=module,
                place=place,
                change=change if number == 1 else f"{change} ({number})",
                source=(content[:begin] + text.encode() + content[end:]).decode(),
                constant=constant,
            )
        )
    return collected


def chosen(candidates: Sequence[Mutant], constants: int, others: int, seed: int) -> list[Mutant]:
    """Return a sample of a module's mutants: some of its constants, spread over their names, and some others.

    If a module has fewer constants, more of its functions are changed.

    Parameters
    ----------
    candidates : all mutants of one module.
    constants, others : most of each.
    seed : seed of the sample, which also depends on the module's path.
    """
    rng = random.Random(f"{seed} {candidates[0].module}") if candidates else random.Random(seed)
    by_name: dict[str, list[Mutant]] = {}
    for mutant in candidates:
        if mutant.constant:
            by_name.setdefault(mutant.place, []).append(mutant)
    drawn: list[Mutant] = []
    while by_name and len(drawn) < constants:
        for name in rng.sample(sorted(by_name), len(by_name))[: constants - len(drawn)]:
            drawn.append(by_name[name].pop(rng.randrange(len(by_name[name]))))
            if not by_name[name]:
                del by_name[name]
    remaining = [mutant for mutant in candidates if not mutant.constant]
    for count in (others, constants - len(drawn)):
        picked = rng.sample(remaining, min(count, len(remaining)))
        remaining = [mutant for mutant in remaining if mutant not in picked]
        drawn += picked
    names = {mutant.name for mutant in drawn}
    return [mutant for mutant in candidates if mutant.name in names]


def _changes(tree: ast.Module) -> Iterator[tuple[str, bool, ast.expr, str]]:
    """Yield the place, whether it is a constant, the expression and its new text, for each change of a module."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            name = ast.unparse(target)
            if not any(word in name for word in NO_RESULT):
                for node, text in _within(statement.value, constant=True):
                    yield name, True, node, text
        elif isinstance(statement, ast.FunctionDef) and statement.name not in NO_RESULT:
            yield from ((statement.name, False, *change) for change in _body(statement))
        elif isinstance(statement, ast.ClassDef):
            for member in statement.body:
                if isinstance(member, ast.FunctionDef):
                    yield from ((f"{statement.name}.{member.name}", False, *change) for change in _body(member))
                elif isinstance(member, ast.AnnAssign) and member.value is not None:
                    name = f"{statement.name}.{ast.unparse(member.target)}"
                    yield from ((name, True, *change) for change in _within(member.value, constant=True))


def _body(function: ast.FunctionDef) -> Iterator[tuple[ast.expr, str]]:
    for statement in function.body:
        yield from _within(statement, constant=False)


def _within(node: ast.AST, *, constant: bool) -> Iterator[tuple[ast.expr, str]]:
    """Yield each expression at and below a node that can be changed, and its new text."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert | ast.Subscript | ast.Import | ast.ImportFrom):
        # Messages, and indices, where most changes fail at once.
        if isinstance(node, ast.Subscript):
            yield from _within(node.value, constant=constant)
        return
    if isinstance(node, ast.expr):
        yield from ((node, text) for text in _texts(node))
    if isinstance(node, ast.If | ast.IfExp | ast.While) and not isinstance(node.test, ast.Compare):
        yield node.test, f"(not ({ast.unparse(node.test)}))"
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not (
                    isinstance(child, ast.keyword) and child.arg in ("axis", "ddof")
                ):
                    yield from _within(child, constant=constant)


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the new texts of one expression."""
    match node:
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int() as value):
            yield str(value + 1 if abs(value) < 4 else 2 * value)
        case ast.Constant(value=float() as value):
            yield repr(float(f"{1.5 * value:.6g}")) if value else "0.1"
        case ast.Compare(ops=[operator], left=left, comparators=[right]):
            for replacement in COMPARED.get(type(operator), ()):
                yield f"({ast.unparse(left)} {replacement} {ast.unparse(right)})"
        case ast.BinOp(op=operator, left=left, right=right) if type(operator) in OPERATED:
            if not any(isinstance(side, ast.JoinedStr | ast.List | ast.Tuple) for side in (left, right)):
                yield f"(({ast.unparse(left)}) {OPERATED[type(operator)]} ({ast.unparse(right)}))"
        case ast.BoolOp(op=operator, values=values):
            replacement = " or " if isinstance(operator, ast.And) else " and "
            yield f"({replacement.join(f'({ast.unparse(value)})' for value in values)})"
        case ast.Call(func=ast.Name(id=name)) if name in EXCHANGED:
            yield ast.unparse(node).replace(name, EXCHANGED[name], 1)
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=args, keywords=keywords) if name in EXCHANGED:
            other_name = ast.Attribute(value=value, attr=EXCHANGED[name], ctx=ast.Load())
            yield ast.unparse(ast.Call(func=other_name, args=args, keywords=keywords))
