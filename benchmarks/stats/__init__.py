"""Statistical tests: crossed effects, Tukey, equivalence, families of comparisons, power, checks of printed tables."""
