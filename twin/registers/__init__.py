"""A twin's register of condition monitoring locations (CML): where each is, and what it must have left."""
