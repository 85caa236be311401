"""Side-by-side timings of our loops and of the ones that a user would write after the libraries' own examples."""
