"""Turn the label pass into masks, annotations and label maps, and measure labels."""
