"""Mechanisms of corrosion beside the open air: a loss of metal over the years by a stated law, with a wide prior."""
