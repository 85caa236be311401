"""``corrotwin benchmarks from-summary``: Tukey's HSD from printed means and standard deviations."""

from pathlib import Path

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.core.text import say


def from_summary(file: Path | None = None, /, *, paper: bool = False) -> None:
    """Compute Tukey's HSD from printed means, standard deviations and numbers of runs.

    Parameters
    ----------
    file
        CSV file with the columns group, mean, sd, n and optionally score (the rows of each score form a table).
        Write numbers exactly as printed: their last digit shows how they were rounded.
    paper
        use Table II of the paper, and print its own p-values for comparison.
    """
    from corrotwin.benchmarks.stats import joint_check, printed_table

    if (file is None) != paper:
        raise InputError("give a csv file with the columns group, mean, sd, n, or --paper for the paper's own table")
    tables = printed_table.published() if file is None else printed_table.read(file)
    for score, groups in tables.items():
        printed = printed_table.PUBLISHED[score] if paper else {}
        heading = f"## {score}\n\n" if paper else f"{score}\n"
        say(f"{heading}{printed_table.markdown(printed_table.compare(groups), printed)}".lstrip())
        if paper:
            say(joint_check.markdown(groups, printed))
    if paper:
        say(printed_table.repeated())
