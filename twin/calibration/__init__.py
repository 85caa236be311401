"""Simulated assets with a known future, and how often forecasts cover it."""
