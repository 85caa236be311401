"""Errors, files, locks, the command line and joining a Ray cluster, for every package; standard library only."""
