"""Histories that an asset may have had: the twin's model run many times at sample places of each zone."""
