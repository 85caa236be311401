"""LaTeX tables for booktabs, every value escaped: names of files and sets come from outside."""

from corrotwin.benchmarks.formatting.table import Table

_ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # Signs of ours that pdfLaTeX lacks in a text font.
    "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "²": r"$^2$", "≤": r"$\leq$", "≥": r"$\geq$", "–": "--",
    "→": r"$\rightarrow$",
}  # fmt: skip


def escape(text: str) -> str:
    """Escape text for LaTeX and put it on one line."""
    return "".join(_ESCAPED.get(letter, letter) for letter in " ".join(text.split()))


def latex(table: Table) -> str:
    """Return a floating table with the rules of booktabs, its notes below in small type."""
    kinds = "".join("l" if column.text else "r" for column in table.columns)
    headings = [escape(column.heading) for column in table.columns]
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(table.title)}. {escape(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _row(headings),
        r"\midrule",
        *(_row([escape(cell) for cell in cells]) for cells in table.cells),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {escape(note)}}}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
