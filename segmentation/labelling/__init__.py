"""What to label next: photos a network is least sure of, pre-drawn for a tool, and merged when they come back."""
