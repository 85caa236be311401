"""Extension of Griffe: read docstrings whose parameters are ``name : what it is``, with types in the signature."""

import re
from typing import Any

from griffe import Extension, Object

_SECTION = re.compile(r"((?:Other )?Parameters\n-{5,}\n)(.*?)(?=\n\n[^\n]+\n-{4,}\n|\Z)", re.DOTALL)


class DescribedParameters(Extension):
    """Move the text after the colon of a parameter to its description, so that its type is the annotation."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Rewrite the docstring of a class, function or attribute before it is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = described(obj.docstring.value)


def described(docstring: str) -> str:
    """Return a docstring with each parameter's description on lines of their own."""

    def rewritten(match: re.Match[str]) -> str:
        return match[1] + re.sub(r"^(\**\w[\w, *]*) : ", r"\1\n    ", match[2], flags=re.MULTILINE)

    return _SECTION.sub(rewritten, docstring)
