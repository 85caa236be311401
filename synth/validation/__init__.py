"""Check a dataset folder, compare its labels with a reference set, and report the findings."""
