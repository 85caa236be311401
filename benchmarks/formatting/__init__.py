"""Tables, wording and figure style for statistics, reports and transfer pages."""
