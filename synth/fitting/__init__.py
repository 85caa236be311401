"""Fit a preset to a few labelled photographs: what they show is measured, and renders are made alike."""
