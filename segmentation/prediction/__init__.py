"""Masks predicted on unlabelled photos, whole or in tiles."""
