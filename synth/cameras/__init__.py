"""Cameras for rendering and for photographs: their model, their files, and the texels that they see."""
