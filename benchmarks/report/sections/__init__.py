"""The sections of a report, one a module, in the order of the page."""
