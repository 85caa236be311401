"""Unlabelled pictures: photos, archives of photos and frames of videos, which are found, decoded once and filtered."""
