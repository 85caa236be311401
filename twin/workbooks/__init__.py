"""Workbooks and tables of readings from plants and contractors, with their own columns, units and date formats."""
