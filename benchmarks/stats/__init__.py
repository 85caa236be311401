"""Statistical tests: crossed effects, Tukey, equivalence, families of comparisons, robustness checks."""
