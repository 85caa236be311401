"""Named ranges from which scenes, light, cameras and labels are drawn, and presets of the user's own."""
