"""Filling of page templates; each lies beside the module that fills it and extends `base.html.j2` of this folder."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from corrotwin.twin.core.files import write_text


def write_page(path: Path, template: Path, **values: Any) -> None:
    """Fill in a template and write the page atomically; values are escaped for HTML."""
    write_text(path, filled(template, **values))


def filled(template: Path, **values: Any) -> str:
    """Return a template filled in with values, which are escaped for HTML."""
    loader = FileSystemLoader([template.parent, Path(__file__).parent])
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template.name).render(values)
