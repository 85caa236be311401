"""The user's own props in a scene: models from GLB files, in place of pieces of clutter."""
