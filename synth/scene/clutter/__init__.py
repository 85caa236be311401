"""Things around the steel that do not rust: objects, what hangs on walls, plants, what stands far off, shadows."""
