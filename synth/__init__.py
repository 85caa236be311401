"""Rendered training data: scenes of corroding assets, rendered in Blender with pixel-accurate labels."""
