"""Mutation runs: small changes of the modules that hold physics and statistics, each of which a fast test must notice."""
