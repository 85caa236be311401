"""Side-by-side timings of our loops and of loops written after the libraries' own examples."""
