"""What plants and contractors hand over: workbooks and tables of readings in their own columns, units and dates."""
