"""Tables, wording, LaTeX and figure style that statistics, reports and transfer pages share."""
