"""Pages that people look at: the common frame of them all."""
