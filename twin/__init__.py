"""A digital twin of a corroding asset: geometry, corrosion over years, inspections and a forecast."""
