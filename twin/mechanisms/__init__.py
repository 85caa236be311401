"""Mechanisms of corrosion other than the open air: a loss of metal over the years by a law, with a wide prior."""
