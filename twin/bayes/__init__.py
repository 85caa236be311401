"""Bayesian updating: an ensemble of possible histories, weighted by how well each agrees with inspections."""
