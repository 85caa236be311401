"""Props of the user's own in a scene: models from GLB files in the place of pieces of clutter."""
