import re

from corrotwin.benchmarks.formatting.latex import latex
from corrotwin.benchmarks.formatting.table import ReportTable, number_column, text_column
from corrotwin.twin.core.text import escape_latex


def test_every_special_sign_is_escaped_once() -> None:
    assert escape_latex("50 % of a_b & {c} #1 ~^ $x$ \\y") == (
        r"50 \% of a\_b \& \{c\} \#1 \textasciitilde{}\textasciicircum{} \$x\$ \textbackslash{}y"
    )
    assert escape_latex("−0.1 ± 0.2 < 3 × 4") == r"$-$0.1 $\pm$ 0.2 \textless{} 3 $\times$ 4"
    assert escape_latex("two\nlines") == "two lines"


def test_a_table_has_the_rules_of_booktabs_and_as_many_cells_as_columns() -> None:
    table = ReportTable(
        name="t",
        title="A & B",
        caption="100 %.",
        columns=(text_column("Name_", "name"), number_column("Value", "value", "+.2f")),
        rows=({"name": "a&b", "value": -0.5}, {"name": "c", "value": None}),
        notes=("Note #1.",),
    )
    lines = latex(table).splitlines()
    assert [line for line in lines if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert r"\begin{tabular}{lr}" in lines
    rows = [line for line in lines if line.endswith(r"\\")]
    assert rows == [r"Name\_ & Value \\", r"a\&b & $-$0.50 \\", r"c & -- \\"]
    assert r"\caption{A \& B. 100 \%.}" in lines
    assert r"\par\smallskip{\footnotesize Note \#1.}" in lines
    text = latex(table)
    assert sorted(re.findall(r"\\begin\{(\w+)", text)) == sorted(re.findall(r"\\end\{(\w+)", text))
