"""Rendered training data: scenes of corroding assets, photographed in Blender with pixel-true labels."""
