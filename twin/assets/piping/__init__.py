"""Pipe spools: sizes by the standards, layout, tubes, flanges and supports."""
