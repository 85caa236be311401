"""Fleets: the twins below a folder ranked by what they need next, with a page per twin, and workbooks."""
