"""Validation of datasets: checks, comparison of labels with a reference set, and reports of the findings."""
