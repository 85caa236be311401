"""Pixel counts on photos, scores, threshold curves and calibration of a trained run."""
