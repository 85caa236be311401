"""Measurements for the documentation: speed, simulations, figures. Run from the source; not installed."""
