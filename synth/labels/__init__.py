"""From the label pass to masks, annotations, label maps and label statistics."""
