"""Mutants that may survive: why no test of results notices each."""

EXPLAINED: dict[str, str] = {}
