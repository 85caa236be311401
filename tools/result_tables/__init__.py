"""Compact tables for docs/results: of studies and transfers, and a study made again from its tables."""
