"""Solids, profiles and fasteners from which assets are built, and the texture atlas over their surfaces."""
