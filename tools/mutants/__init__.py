"""Mutation runs: small changes of modules that hold physics or statistics, each of which a fast test must notice."""
