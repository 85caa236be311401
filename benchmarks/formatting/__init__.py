"""Tables, wording, LaTeX and figure style for statistics, reports and transfer pages."""
