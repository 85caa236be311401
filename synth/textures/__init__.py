"""Pictures of the user's own in scenes: texture sets on surfaces, and photographs as backdrops."""
