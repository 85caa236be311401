"""Show what a dataset holds: a contact sheet with mask outlines, and a card in Markdown."""
