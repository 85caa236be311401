"""Compact tables for docs/results: of studies and transfers, and a study made again from its tables."""

from pathlib import Path

PHOTOGRAPHS = Path(__file__).resolve().parents[2] / "docs" / "results" / "photographs"
"""Folder of the tables of both public sets: size, digest, part and spot of each photograph."""
