"""Degrees of rusting by ISO 4628-3."""

RUST_GRADES = ((0.0, "Ri 0"), (0.05, "Ri 1"), (0.5, "Ri 2"), (1.0, "Ri 3"), (8.0, "Ri 4"))  # up to so many percent


def rust_grade(rusted_percent: float) -> str:
    """Return the degree of rusting by ISO 4628-3, "Ri 0" to "Ri 5".

    The standard has reference pictures of 0, 0.05, 0.5, 1, 8 and 40 to 50 % for Ri 0 to Ri 5; a share gets the first
    degree whose picture shows at least as much.
    """
    return next((grade for most, grade in RUST_GRADES if rusted_percent <= most), "Ri 5")
