"""Render a dataset folder: jobs, batches, Blender processes, provenance and resumption."""
