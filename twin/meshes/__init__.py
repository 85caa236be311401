"""Meshes of the user's own: reading, repair, zones, thickness, charts; all in a child process with limits."""
