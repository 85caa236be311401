"""The parts of a report, one a module, in the order of the page; each makes a `benchmarks.page.Part`."""
