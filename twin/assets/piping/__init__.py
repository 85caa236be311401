"""Pipe spools: standard sizes, layout, tubes, flanges and supports."""
