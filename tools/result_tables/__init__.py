"""Compact tables of studies and transfers for docs/results; a packed study can be unpacked from its tables."""

from pathlib import Path

PHOTOGRAPHS = Path(__file__).resolve().parents[2] / "docs" / "results" / "photographs"
"""Folder of the tables of both public sets: size, digest, part and spot of each photograph."""
