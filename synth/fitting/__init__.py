"""Fit a preset to a few labelled photographs, so that renders resemble them."""
