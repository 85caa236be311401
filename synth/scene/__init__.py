"""Sample a scene as plain data: assets, ground, surroundings, light and cameras."""
