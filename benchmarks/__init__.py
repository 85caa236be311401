"""The published study reproduced and extended: a grid of runs, statistics, a report."""
