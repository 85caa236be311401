"""Check a dataset folder, compare it with a reference set, and report what was found."""
