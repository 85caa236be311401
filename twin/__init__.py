"""A digital twin of a corroding asset: geometry, exposure, growth over years."""
