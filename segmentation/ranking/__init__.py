"""Which photos to label next: those that a trained network is least sure of, each unlike the others."""
