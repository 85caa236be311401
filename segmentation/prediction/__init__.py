"""Masks of unlabelled photos, whole or by tiles."""
