"""Pressure vessels: shell, dished heads, nozzles, saddles, skirt and legs."""
