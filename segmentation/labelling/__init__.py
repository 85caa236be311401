"""Choose what to label next: rank photos by a network's doubt, export them with outlines, merge returned labels."""
