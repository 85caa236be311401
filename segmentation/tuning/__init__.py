"""Hyperparameter sweeps by Ray Tune."""
