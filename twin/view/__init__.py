"""Views of a twin: an HTML page with its shape in 3D over the years, and a GLB with an appearance for each year."""
