"""Errors, files, text, tables, locks, the command line and Ray clusters: what every package may import."""
