"""Kinds of assets that other packages add through the entry point ``corrotwin.assets``."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

GROUP = "corrotwin.assets"


@cache
def installed() -> dict[str, EntryPoint]:
    """Return the entry points of kinds by name, in alphabetical order, without importing anything."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}
