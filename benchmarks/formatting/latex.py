"""LaTeX tables for booktabs, every value escaped: names of files and sets come from outside."""

from corrotwin.benchmarks.formatting.table import ReportTable
from corrotwin.twin.core.text import escape_latex


def latex(table: ReportTable) -> str:
    """Return a floating table with the rules of booktabs, its notes below in small type."""
    kinds = "".join("l" if column.text else "r" for column in table.columns)
    headings = [escape_latex(column.heading) for column in table.columns]
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(table.title)}. {escape_latex(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _row(headings),
        r"\midrule",
        *(_row([escape_latex(cell) for cell in cells]) for cells in table.cells),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {escape_latex(note)}}}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
