"""Workbooks and tables of readings from plants and contractors, in their own columns, units and dates."""
