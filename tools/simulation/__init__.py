"""Simulated studies with known truth, from which the error rates of each statistical test are counted."""
