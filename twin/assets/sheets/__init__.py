"""Sheet and shell forms: cladding, storage tanks, ship plating, car doors."""
