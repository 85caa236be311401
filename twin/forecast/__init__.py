"""Forecasts: wall loss by zone and year, remaining life, remaining strength, and plots of them."""
