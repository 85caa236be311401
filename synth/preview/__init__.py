"""Previews of a dataset: a contact sheet with mask outlines, a card in Markdown, and HTML pages."""
