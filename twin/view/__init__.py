"""A twin to look at: one HTML page with its shape in 3D over the years, and a GLB with a look for each year."""
