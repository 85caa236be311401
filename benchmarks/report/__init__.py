"""The report of a study: one self-contained page, the same in Markdown, tables and figures."""
