"""Thickness readings: arranged by place and visit, a Gaussian model of them, and paths drawn from it."""
