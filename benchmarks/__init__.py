"""Studies of what renders are worth: a grid of runs, screens and transfers, statistics and a report."""
