"""Measurement of what photographs teach a twin: hidden twins photographed, their forecasts before and after."""
