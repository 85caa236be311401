"""Things around the steel that do not rust: objects, fixtures on walls, plants, a background, and shadows."""
