from pathlib import Path

import pytest
from scipy.stats import tukey_hsd

from corrotwin.benchmarks import paper
from corrotwin.benchmarks.commands.printed_tables import from_summary
from corrotwin.benchmarks.stats import printed_table
from corrotwin.twin.core.errors import InputError


@pytest.mark.ci
def test_the_committed_check_of_the_paper_is_the_commands_output(capsys: pytest.CaptureFixture[str]) -> None:
    from_summary(paper=True)
    out = capsys.readouterr().out
    assert "| mobilenet_v2 − inceptionv4 | −0.0030 | −0.0105 to +0.0045 | 0.7093 | 0.4252 to 0.9096 | 0.7687 |" in out
    assert "| vgg16 − inceptionv4 | 0.0001 | 0.000014 to 0.000016: does not fit |" in out
    assert "All 6 can be of one test with run means as its samples, and cannot with pooled images." in out
    assert "The 6 cannot be of one test, neither with run means nor with pooled images" in out
    assert "5 of the 6 p-values of Table IV (IoU) equal those of Table III (F1)" in out
    committed = Path(__file__).parents[3] / "docs" / "results" / "paper-check.md"
    assert committed.read_text(encoding="utf-8").partition("```\n\n")[2] == out


def test_the_range_holds_the_p_of_numbers_that_round_to_the_printed_ones() -> None:
    values = {"a": [0.8512, 0.8628, 0.8604], "b": [0.8731, 0.8802, 0.8843], "c": [0.8655, 0.8699, 0.8611]}
    exact = tukey_hsd(*values.values())

    def printed(value: float) -> printed_table.Printed:
        return printed_table.Printed(value=round(value, 3), half_step=0.0005)

    def sd(numbers: list[float]) -> float:
        mean = sum(numbers) / len(numbers)
        return float((sum((each - mean) ** 2 for each in numbers) / (len(numbers) - 1)) ** 0.5)

    groups = [
        printed_table.Group(name=name, mean=printed(sum(each) / 3), sd=printed(sd(each)), n=3)
        for name, each in values.items()
    ]
    for each in printed_table.compare(groups):
        i, j = "abc".index(each.pair.first), "abc".index(each.pair.second)
        assert each.lowest is not None
        assert each.highest is not None
        assert each.lowest < exact.pvalue[i, j] < each.highest
        assert each.lowest < (each.pair.p or 0) < each.highest


def test_a_file_reads_as_what_is_printed_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "score,group,mean,sd,n\n"
        + "".join(
            f"F1,{name},{row.f1.mean:.3f},{row.f1.sd:.3f},10\nIoU,{name},{row.iou.mean:.3f},{row.iou.sd:.3f},10\n"
            for name, row in paper.TABLE_II.items()
        ),
        encoding="utf-8",
    )
    assert printed_table.read(path) == printed_table.published()
    from_summary(path)
    out = capsys.readouterr().out
    assert out.startswith("F1\n| second − first |")
    assert "printed p" not in out


def test_one_value_and_zero_spread_give_no_p_value_and_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("group,mean,sd,n\na,0.8,0.01,3\nb,0.9,,1\nc,0.85,0.02,3\n", encoding="utf-8")
    from_summary(path)
    assert "| b − a | +0.1000 | – | – | b has one run: no p-value without at least two |" in capsys.readouterr().out
    path.write_text("group,mean,sd,n\na,0.8,0,3\nb,0.9,0,3\n", encoding="utf-8")
    assert "zero" in printed_table.compare(printed_table.read(path)[""])[0].pair.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'group'"),
        ("group,mean,sd\na,1,1\n", "no column 'n'"),
        ("group,mean,sd,n\n", "no rows"),
        ("group,mean,sd,n\na,1,1,3\n", "at least two"),
        ("group,mean,sd,n\na,1,1,3\na,2,1,3\n", "line 3, column 'group': 'a' occurs twice"),
        ("group,mean,sd,n\n,1,1,3\nb,2,1,3\n", "line 2, column 'group': empty"),
        ("group,mean,sd,n\na,high,1,3\nb,2,1,3\n", "line 2, column 'mean': 'high' is not a number"),
        ("group,mean,sd,n\na,1,nan,3\nb,2,1,3\n", "line 2, column 'sd': 'nan' is not a number"),
        ("group,mean,sd,n\na,1,-1,3\nb,2,1,3\n", "column 'sd': '-1' is negative"),
        ("group,mean,sd,n\na,1,,3\nb,2,1,3\n", "line 2, column 'sd': empty"),
        ("group,mean,sd,n\na,1\nb,2,1,3\n", "line 2, column 'n': empty"),
        ("group,mean,sd,n\na,1,1,0\nb,2,1,3\n", "line 2, column 'n': '0' is not a whole number"),
        ("group,mean,sd,n\na,1,1,2.5\nb,2,1,3\n", "line 2, column 'n': '2.5' is not a whole number from 1 to"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"table\.csv") as error:
        printed_table.read(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_command_wants_either_a_file_or_the_paper(tmp_path: Path) -> None:
    for arguments in ({}, {"paper": True}):
        with pytest.raises(InputError, match="--paper"):
            from_summary(*([tmp_path / "x.csv"] if arguments else []), **arguments)
    with pytest.raises(InputError, match="cannot be read"):
        from_summary(tmp_path / "absent.csv")
