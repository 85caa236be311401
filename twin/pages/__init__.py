"""HTML pages: their common frame, pictures and viewer."""
